"""Why a schedule is as it is, in plain words: ``ternc schedule --explain``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ternc.report.table import count, percent
from ternc.schedule.explain import EngineLimit, Explanation, Other, Scarce

_LIMITS = {
    "multiply-accumulates": "its array has no more multiply-accumulates",
    "drain": "sums leave its columns more slowly than they are made",
    "rows": "rows start no faster than that",
}


def to_dict(found: Explanation) -> dict[str, Any]:
    """As plain data."""
    return asdict(found)


def to_lines(found: Explanation) -> list[str]:
    """One sentence a line."""
    lines = ["", f"Why: {found.pace} sets the pace with {count(found.pace_cycles)} cycles a frame."]
    lines += [_engine(one) for one in found.engines]
    limited = [one for one in found.scarce if one.allowed is not None]
    if limited:
        lines.append(f"Scarcest: {_scarce(limited[0])}.")
    return lines + [_other(one) for one in found.others]


def _engine(one: EngineLimit) -> str:
    waits = f" ({count(one.drain_cycles)} of them)" if one.limit == "drain" else ""
    return (
        f"Engine {one.engine}: layer '{one.layer}' takes {count(one.cycles)} of its {count(one.busy)} cycles; "
        f"{_LIMITS[one.limit]}{waits}."
    )


def _scarce(one: Scarce) -> str:
    if one.allowed is None:
        return f"{count(one.used)} {one.unit}"
    return f"{count(one.used)} {one.unit} of {count(one.allowed)} allowed ({percent(one.share)})"


def _other(one: Other) -> str:
    what = one.what[0].upper() + one.what[1:]
    if one.cycles is None:
        return f"{what}: there is none."
    arrays = f"about {count(one.cycles)} cycles a frame with {' + '.join(map(str, one.arrays))}"
    if one.short:
        return f"{what}: {arrays} would take {', '.join(map(_scarce, one.short))}."
    return f"{what}: {arrays}."
