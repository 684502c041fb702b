"""The prices of logic: those that fit the stored measurements, and good enough beyond them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from benchmarks.calibrate import FABRICS, MEASURED, fit, positive, priced, tables

from ternc import target

ROWS = json.loads(MEASURED.read_text(encoding="utf-8"))
UNITS = sorted({row["unit"] for row in ROWS})


def test_every_fabric_has_a_table() -> None:
    assert {target.load(name).fabric for name in target.names()} == set(UNITS)
    assert sorted(path.stem for path in FABRICS.glob("*.toml")) == [unit.lower() for unit in UNITS]


def test_the_tables_are_the_fit_of_the_measurements() -> None:
    for unit, text in tables(ROWS).items():
        assert (FABRICS / f"{unit.lower()}.toml").read_text(encoding="utf-8") == text, "run: make calibrate"


@pytest.mark.parametrize("unit", UNITS)
def test_logic_that_was_not_in_the_fit_is_priced_within_a_tenth(unit: str) -> None:
    fabric = target.load_fabric(unit)
    kept_back = [row for row in ROWS if row["unit"] == unit and not row["fitted"]]
    assert len(kept_back) >= 6
    for row in kept_back:
        assert fabric.logic(row["terms"]) == pytest.approx(sum(row["logic"].values()), rel=0.10), row["what"]
    assert fabric.error <= 0.10


@pytest.mark.parametrize("unit", UNITS)
def test_synthesis_has_about_as_many_registers_as_are_counted(unit: str) -> None:
    """Of an AMD device up to a third fewer, for its delay lines become shift registers in LUTs.

    Of GateMate a few more, for it has no RAM in logic: small queues are registers.
    """
    counts = [
        (row["registers"], row["registers_counted"]) for row in ROWS if row["unit"] == unit and "dsps" in row
    ]
    assert len(counts) >= 6
    for found, counted in counts:
        assert (
            (0.6 if unit == "LUT6" else 0.95) * counted
            <= found
            <= (1.06 if unit == "CPE_LT" else 1.01) * counted
        )


def test_prices_of_exact_sums_are_found_again() -> None:
    rows = [
        {"terms": {"adder": {"bits": float(b), "units": 1.0}}, "logic": {"adder": 0.5 * b + 30.0}}
        for b in (10, 40, 90)
    ]
    assert fit(rows) == {"adder": {"bits": 0.5, "units": 30.0}}
    assert priced({"adder": {"bits": 100.0, "units": 1.0}}, fit(rows)) == 80.0


def test_no_price_is_negative() -> None:
    amounts = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    assert positive(amounts, np.array([1.0, 3.0, 5.0])) == pytest.approx([22 / 14, 0.0])
