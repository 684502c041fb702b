"""Writes docs/conformance.md from the stored results: ``python tests/conformance/document.py``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS)]

from conformance import table  # noqa: E402
from conformance.cases import Case, cases  # noqa: E402
from conformance.features import features  # noqa: E402
from conformance.networks import forms  # noqa: E402
from conformance.operators import FAMILIES, WEIGHTED  # noqa: E402
from conformance.own import own_cases  # noqa: E402
from onnx_writer import DIALECTS  # noqa: E402

PATH = TESTS.parent / "docs" / "conformance.md"

INTRODUCTION = """\
# Conformance

What ternc makes of each ONNX operator, attribute by attribute and dialect by dialect. The tables are made from test results
(`tests/conformance/`), not by hand; a test fails when they are not what the tests find. To renew them: `{update}`.

**How it is tested.** Each node test that comes with the `onnx` package (version {onnx}) for an operator below is turned into a
small quantised network around that operator: its computed operands come from graph inputs through quantisers (operators that
act on single numbers read the sums of a dense layer), weights become ternary or integers of 8 bits, and behind the operator
follow a quantiser, an output, and one more dense layer. For attributes that onnx's tests leave out there are cases of our own
(their names start with `own_`). A network passes if

* the golden model's outputs are those of onnxruntime on four frames (the case's own numbers, their negation, two random frames);
  where float32 lands on the other side of a rounding border, the exact value has to prove it (docs/decisions/0005);
* onnxruntime, with ternc's lowering of quantisers, gives what it gives for the file as it is, and for the operator alone the
  result that onnx's test demands; operators that only move numbers give that result bit for bit.

Anything but a pass or a refusal, in one sentence that names the node and the way out, fails the test. `make test` runs every case in
one dialect, in turn; `make conformance` in all four: QONNX (`Quant`), QCDQ (QuantizeLinear, Clip, DequantizeLinear), QDQ (without
Clip), and plain float operators (Div, Round, Clip, Mul).

"""

LEGEND = """\
`yes`: passes. `no` with a number: refused, for the reason of that number in the list below. `part`: some of the row's cases are
refused. `-`: not applicable, by a rule above. Layers are tried with ternary weights and with weights of 8 bits; where other
formats are tried, the row names them. A row holds all cases with the same attributes, and **cases** is their number;
**RTL** is how many networks of them were also compiled for a small random array and simulated (`make conformance RTL=1`, in Icarus),
equal to golden and in exactly the predicted cycles; `make test` simulates a few of each family again, in Verilator.
"""


@dataclass(slots=True)
class _Row:
    """Cases with the same features: their results by dialect, and how many were run as RTL."""

    results: dict[str, list[str]] = field(default_factory=lambda: {d: [] for d in DIALECTS})
    cases: set[str] = field(default_factory=set)
    rtl: int = 0


@dataclass(slots=True)
class _Reasons:
    """The refusals' sentences, numbered as they occur; those that differ in names and numbers alone are one."""

    numbers: dict[str, int] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    def number(self, result: str) -> int:
        """Of a stored refusal."""
        found = re.fullmatch(r"refused: (.*) \(help: (.*)\)", result, re.DOTALL)
        assert found is not None, result
        kind = re.sub(r"^node '[^']*'|'[^']*'|\[[^]]*\]|\d+(\.\d+)?|float[48]_?\w*", "#", found[1])
        kind = re.sub(r"\((Cast|CastLike|QuantizeLinear|DequantizeLinear|Add|Sub|Mul|Div)\)", "#", kind)
        if kind not in self.numbers:
            self.numbers[kind] = len(self.numbers) + 1
            self.shown.append(f"{found[1]}.\n   *Way out:* {found[2]}.")
        return self.numbers[kind]


def document() -> str:
    """The whole text."""
    reasons = _Reasons()
    tables = [f"## {family}\n\n{_family(ops, reasons)}" for family, ops in FAMILIES.items()]
    versions = {table.load(op).onnx for ops in FAMILIES.values() for op in ops}
    parts = [
        INTRODUCTION.format(onnx=", ".join(sorted(versions)), update=table.UPDATE)
        + "## Counts\n\n"
        + _counts(),
        "## How to read the tables\n\n" + LEGEND,
        *tables,
        "## Why refused\n\nEach sentence once, with the names and numbers of one case; `op` is the operator's node.\n\n"
        + "\n".join(f"{n}. {text}" for n, text in enumerate(reasons.shown, start=1))
        + "\n",
    ]
    return "\n".join(parts)


def _family(ops: tuple[str, ...], reasons: _Reasons) -> str:
    lines = [
        "| operator | form | qonnx | qcdq | qdq | float | cases | RTL |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for op in ops:
        for n, (features_, row) in enumerate(_rows(op).items()):
            marks = " | ".join(_mark(row.results[d], reasons) for d in DIALECTS)
            words = ", ".join(features_) or "as it is"
            lines.append(
                f"| {op if not n else ''} | {words} | {marks} | {len(row.cases)} | {row.rtl or ''} |"
            )
    return "\n".join(lines) + "\n"


def _rows(op: str) -> dict[tuple[str, ...], _Row]:
    stored = table.load(op)
    rows: dict[tuple[str, ...], _Row] = {}
    for case, base in _all(op):
        for form in forms(case):
            name = table.key(case.name, form)
            if name not in stored.results:
                continue
            usual = op in WEIGHTED and case.forms is None  # ternary and of 8 bits: one row for both
            row = rows.setdefault(features(case, base, "" if usual else form), _Row())
            row.cases.add(case.name)
            row.rtl += name in stored.rtl
            for dialect, result in stored.results[name].items():
                row.results[dialect].append(result)
    return rows


def _all(op: str) -> Iterator[tuple[Case, Case]]:
    """Each case, and the one whose operator it spells out."""
    found = {case.name: case for case in (*cases(op), *own_cases(op))}
    for case in found.values():
        base = found[re.sub(r"_expanded(_ver\d+)?$", "", case.name)] if case.expanded else case
        yield case, base


def _mark(results: list[str], reasons: _Reasons) -> str:
    numbers = sorted({reasons.number(r) for r in results if r.startswith("refused")})
    listed = " ".join(f"[{n}]" for n in numbers)
    passed = any(r == "passed" for r in results)
    if not numbers:
        return "yes" if passed else "-"
    return f"{'part' if passed else 'no'} {listed}"


def _counts() -> str:
    lines = [
        "One line an operator family: how many of onnx's node tests pass, are refused or have no meaning in a quantised network. A test is",
        "counted as passed or refused if it is so in all its forms (with each format of weights, with computed operands and constant ones)",
        "and in all dialects. Networks are tests times forms times dialects.",
        "",
        "| family | onnx's tests | passed | passed in part | refused | not applicable | networks passed | refused |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rules: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for family, ops in FAMILIES.items():
        row: Counter[str] = Counter()
        for op in ops:
            stored = table.load(op)
            for case, _ in _all(op):
                found = [
                    result
                    for form in forms(case)
                    for result in stored.results.get(table.key(case.name, form), {}).values()
                ]
                kinds = {result.split(":")[0] for result in found}
                row.update(result.split(":")[0] + "s" for result in found)
                if case.name.startswith("own_") or not found:
                    continue
                kinds -= {"not applicable"} if len(kinds) > 1 else set()
                row["tests"] += 1
                row["part" if len(kinds) > 1 else kinds.pop()] += 1
                if all(result.startswith("not applicable") for result in found):
                    rules[re.sub(r" \(.*?\)", "", found[0].split(": ")[1])] += 1
        totals.update(row)
        lines.append(_count_line(family, row))
    lines.append(_count_line("**all**", totals))
    shown = [f"* {count}: {rule}." for rule, count in rules.most_common()]
    return "\n".join((*lines, "", "Not applicable are, by rule:", "", *shown, ""))


def _count_line(name: str, row: Counter[str]) -> str:
    kinds = ("tests", "passed", "part", "refused", "not applicable", "passeds", "refuseds")
    return f"| {name} | {' | '.join(f'{row[k]:,}' for k in kinds)} |"


if __name__ == "__main__":
    PATH.write_text(document())
