"""Every case of every operator, in each of its forms: passed, refused or not applicable, as it is stored.

By default each runs in one dialect, in turn; ``make conformance`` runs all four. A change that is meant is stored with
``make conformance UPDATE=1``, which needs a look at the difference.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import onnx
import pytest

from conformance import document, table
from conformance.cases import Case, cases
from conformance.networks import forms
from conformance.operators import OPERATORS, QONNX_ONLY
from conformance.own import own_cases
from conformance.verdict import verdict
from onnx_writer import DIALECTS, Dialect
from ternc.frontend import walk
from ternc.frontend.read import HANDLERS

ALL = os.environ.get("TERNC_CONFORMANCE") == "all"
UPDATE = "TERNC_UPDATE" in os.environ


def runs(op: str) -> Iterator[tuple[Case, str, tuple[Dialect, ...]]]:
    """An operator's cases and forms, and the dialects to run each in."""
    number = count()
    for case in (*cases(op), *own_cases(op)):
        for form in forms(case):
            turn = "qonnx" if op in QONNX_ONLY else DIALECTS[next(number) % len(DIALECTS)]
            yield case, form, DIALECTS if ALL or UPDATE else (turn,)


@pytest.mark.parametrize("op", OPERATORS)
def test_the_cases_of_an_operator_are_as_stored(op: str, tmp_path: Path) -> None:
    stored = table.load(op)
    found: dict[str, dict[str, str]] = {}
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case, form, dialects in runs(op):
            name = table.key(case.name, form)
            for dialect in dialects:
                result = verdict(case, form, dialect, tmp_path)
                found.setdefault(name, {})[dialect] = table.text(result)
                if result.kind == "wrong":
                    wrong.append(f"{name}, {dialect}: {result.text}")
    assert not wrong, "\n".join(wrong)
    if UPDATE:
        table.store(op, found, stored.rtl)
        return
    message = "\n".join(changes(stored, found))
    assert not message, f"{message}\nif this is meant: {table.UPDATE}"


def changes(stored: table.Stored, found: table.Results) -> Iterator[str]:
    """What is not as it is stored; cases of another version of onnx than the stored one may come and go."""
    same = stored.onnx == onnx.__version__
    for name, results in found.items():
        if name not in stored.results and not same and not name.startswith("own_"):
            continue
        for dialect, result in results.items():
            known = stored.results.get(name, {}).get(dialect)
            if known != result:
                yield f"{name}, {dialect}:\n  stored {known}\n  found  {result}"
    for name in sorted(set(stored.results) - set(found)) if same else ():
        yield f"{name}: stored, but there is no such case"


def test_every_operator_that_is_read_has_cases() -> None:
    assert len(HANDLERS) > 0  # importing them has registered the operators
    assert set(walk._HANDLERS) <= set(OPERATORS)
    assert all(cases(op) or own_cases(op) for op in OPERATORS)


def test_the_document_is_what_the_stored_results_say() -> None:
    if UPDATE:
        pytest.skip("the results are being stored; the document comes next")
    if onnx.__version__ != table.load(OPERATORS[0]).onnx:
        pytest.skip("the document counts the cases of another version of onnx")
    assert document.document() == document.PATH.read_text(), (
        f"docs/conformance.md is out of date: {table.UPDATE}"
    )
