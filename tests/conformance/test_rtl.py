"""Networks of the conformance tests through RTL: golden = RTL = onnxruntime, in the predicted cycles.

By default a few of all families in Verilator; ``make conformance RTL=1`` simulates all cases that pass, each in one dialect,
in Icarus, which is ready ten times sooner with networks of this size. Cases that are the same network again (an operator
spelled out, or the same numbers in another type) are left out.
"""

from __future__ import annotations

import os
import random
import warnings
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import ternc
from conformance import table
from conformance.cases import Case, cases
from conformance.networks import forms
from conformance.operators import OPERATORS
from conformance.own import own_cases
from conformance.verdict import verdict
from onnx_writer import DIALECTS, Dialect
from zoo import shape

Simulator = Literal["verilator", "icarus"]

ALL = "TERNC_CONFORMANCE_RTL" in os.environ
UPDATE = "TERNC_UPDATE" in os.environ

SAMPLE = (
    ("Conv", "own_conv_groups", "8-bit weights", "qdq"),
    ("Conv", "own_conv_weights", "two magnitudes per channel", "float"),
    ("ConvTranspose", "own_convtranspose_strides_pads", "ternary weights", "qonnx"),
    ("MaxPool", "own_maxpool_overlapping", "", "qdq"),
    ("AveragePool", "own_averagepool_ceil_pads_not_counted", "", "float"),
    ("HardSwish", "hardswish", "", "qonnx"),
    ("Resize", "own_resize_nearest_floor", "", "qcdq"),
    ("MultiThreshold", "own_multithreshold_channels", "", "qonnx"),
    ("ArgMax", "argmax_keepdims_random", "", "qdq"),
)
"""(operator, case, form, dialect): at least one of each family of operators."""


def rtl(case: Case, form: str, dialect: Dialect, folder: Path, simulator: Simulator) -> None:
    """Compile a case's network for a small random array, and verify it.

    Raises:
        AssertionError: The case does not pass, or the RTL differs.
    """
    found = verdict(case, form, dialect, folder)
    assert found.kind == "passed", found.text
    assert found.model is not None
    dice = random.Random(zlib.crc32(table.key(case.name, form).encode()))
    array = shape("x".join(str(dice.randint(1, top)) for top in (4, 6, 6)))
    build = ternc.compile(found.model, out=folder / "build", array=array)
    report = build.verify(frames=8, stalls=dice.choice((None, 1)), simulator=simulator)
    assert report.ok, report.failures()


@pytest.mark.skipif(ALL, reason="all cases are run")
@pytest.mark.parametrize(("op", "name", "form", "dialect"), SAMPLE)
def test_a_case_in_rtl(op: str, name: str, form: str, dialect: Dialect, tmp_path: Path) -> None:
    (case,) = (c for c in (*cases(op), *own_cases(op)) if c.name == name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rtl(case, form, dialect, tmp_path, "verilator")


@pytest.mark.skipif(not ALL, reason="make conformance RTL=1")
@pytest.mark.parametrize("op", OPERATORS)
def test_all_cases_in_rtl(op: str, tmp_path: Path) -> None:
    stored = table.load(op)
    done = dict(stored.rtl)
    wrong: list[str] = []
    for case in (*cases(op), *own_cases(op)):
        for form in forms(case):
            name = table.key(case.name, form)
            passed = [d for d in DIALECTS if stored.results.get(name, {}).get(d) == "passed"]
            if not passed or name in done or case.expanded or _again(case):
                continue
            dialect = passed[zlib.crc32(name.encode()) % len(passed)]
            folder = tmp_path / str(len(done) + len(wrong))
            folder.mkdir()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    rtl(case, form, dialect, folder, "icarus")
                done[name] = dialect
            except Exception as error:  # noqa: BLE001 - all of them are wanted
                wrong.append(f"{name}, {dialect}: {error}")
            if UPDATE:
                table.store(op, stored.results, done)
    assert not wrong, "\n".join(wrong)


def _again(case: Case) -> bool:
    """Whether a case differs from another one in the type of its numbers alone."""
    first = next((a for a in case.inputs.values() if a is not None), np.zeros(1, np.float32))
    return case.op not in ("Cast", "QuantizeLinear") and first.dtype != np.float32 and "int" not in case.name
