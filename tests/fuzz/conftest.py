"""The summary behind the tests: which networks were drawn, and what they were."""

from __future__ import annotations

import pytest

from fuzz.run import FIRST, NETWORKS, RESULTS, Statistics


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        for path in RESULTS.glob("block-*.json"):
            path.unlink()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = Statistics.total(RESULTS)
    if not found.networks:
        return
    last = FIRST + NETWORKS - 1
    told = (
        f"{found.networks} drawn networks (seeds {FIRST} to {last}): {found.simulated} simulated, {found.refused} refused, "
        f"{found.borders} with values on float32's borders, {found.constant} with a constant output"
    )
    lines = [told, *(f"  {count} refused: {text}" for text, count in found.refusals.most_common())]
    terminalreporter.section("fuzz")
    terminalreporter.write_line("\n".join(lines))
    table = RESULTS / "statistics.txt"
    features = (f"{count:6} {name}" for name, count in sorted(found.features.items()))
    table.write_text("\n".join([*lines, "", "networks with", *features]) + "\n")
    terminalreporter.write_line(f"what was drawn, how often: {table}")
