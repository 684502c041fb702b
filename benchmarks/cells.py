"""Logic and registers of a multiply-accumulate in columns of 8-bit activations, by form of the cell, from Yosys.

    python -m benchmarks.cells

A column with its accumulators, its drain, and the registers of activations and weights.
"""

from __future__ import annotations

from benchmarks.calibrate import alone

from ternc.schedule.design import CELLS

SHAPES = ((2, 32), (4, 32), (8, 32), (8, 64))
"""(rows, lanes)"""
FORMS = (("ALM", "alm"), ("LUT6", "lut6"), ("LUT4", "ccu2c"))
ACT_BITS, ACC_BITS, PARAM_BITS, ADDRESS_BITS = 8, 20, 6, 10


def main() -> None:
    """A line for each shape and fabric."""
    print("rows lanes fabric  portable  own form  registers a unit of the own form's logic")
    for rows, lanes in SHAPES:
        for unit, own in FORMS:
            portable, form = (measured(rows, lanes, unit, cell) for cell in ("portable", own))
            print(
                f"{rows:4} {lanes:5} {unit:6} {portable[0]:9.2f} {form[0]:9.2f} {form[1]:10.2f}", flush=True
            )


def measured(rows: int, lanes: int, unit: str, cell: str) -> tuple[float, float]:
    """(logic of a multiply-accumulate, registers of a unit of logic)."""
    parameters = {
        "Rows": rows, "Lanes": lanes, "ActBits": ACT_BITS, "AccBits": ACC_BITS, "ParamBits": PARAM_BITS,
        "WeightAddrBits": ADDRESS_BITS, "Cell": CELLS.index(cell),
    }  # fmt: skip
    area = alone("ternc_column", parameters, unit)
    return area.logic / (rows * lanes), area.registers / area.logic


if __name__ == "__main__":
    main()
