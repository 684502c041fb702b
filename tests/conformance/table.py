"""The stored results: a file for each operator, of all its cases in all dialects.

A result is ``"passed"``, ``"refused: SENTENCE (help: WAY OUT)"`` or ``"not applicable: RULE"``; one for all dialects, or one
for each where they differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from conformance.verdict import Verdict
from onnx_writer import DIALECTS

FOLDER = Path(__file__).parent / "results"
UPDATE = "make conformance UPDATE=1"
"""The command that stores the results, and writes the document."""

Results = Mapping[str, Mapping[str, str]]
"""By ``case`` or ``case / form``, then by dialect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An operator's results.

    Attributes:
        onnx: Version of the package whose cases they are.
        results: By case and form, then by dialect.
        rtl: By case and form, the dialect in which its RTL was simulated and equal to golden in the predicted cycles.
    """

    onnx: str
    results: Results
    rtl: Mapping[str, str]


def key(case: str, form: str) -> str:
    """What a case in one of its forms is called."""
    return f"{case} / {form}" if form else case


def text(found: Verdict) -> str:
    """A verdict as it is stored."""
    match found.kind:
        case "passed":
            return "passed"
        case "refused":
            return f"refused: {found.text} (help: {found.help})"
        case kind:
            return f"{kind}: {found.text}"


def load(op: str) -> Stored:
    """An operator's results as they are stored."""
    path = FOLDER / f"{op}.json"
    if not path.exists():
        return Stored(onnx=onnx.__version__, results={}, rtl={})
    found = json.loads(path.read_text())
    results = {
        name: result if isinstance(result, dict) else dict.fromkeys(DIALECTS, result)
        for name, result in found["results"].items()
    }
    return Stored(onnx=found["onnx"], results=results, rtl=found["rtl"])


def store(op: str, results: Results, rtl: Mapping[str, str]) -> None:
    """Store an operator's results in all dialects, and in which dialect each case's RTL was run."""
    short = {
        name: next(iter(found.values())) if len(set(found.values())) == 1 else dict(found)
        for name, found in sorted(results.items())
    }
    passed = {
        name: dialect
        for name, dialect in sorted(rtl.items())
        if results.get(name, {}).get(dialect) == "passed"
    }
    FOLDER.mkdir(exist_ok=True)
    body = {"onnx": onnx.__version__, "results": short, "rtl": passed}
    (FOLDER / f"{op}.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")
