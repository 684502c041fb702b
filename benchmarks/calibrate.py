"""Prices of the logic of our own modules in each fabric, from Yosys: ``make calibrate``.

    python -m benchmarks.calibrate [--measure]

Columns of many shapes, and small designs module by module but for their memories, are synthesised
(``--measure``). What each module took is kept in ``benchmarks/calibration/measured.json`` beside the amounts that
`ternc.schedule.terms` says it should grow with. The prices that fit best (least squares of the relative errors, no
price below zero) go to ``compiler/ternc/target/fabrics/``, with the largest and the mean error of what was not in the
fit: other columns, and other designs as a whole.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.synthesis import Area, area, base, drafted, synthesise, write
from numpy.typing import NDArray

from ternc import target
from ternc.schedule.build import design_of
from ternc.schedule.design import CELLS
from ternc.schedule.draft import Draft
from ternc.schedule.instances import registers
from ternc.schedule.terms import (
    Number,
    argmax_terms,
    column_terms,
    logic_terms,
    score_terms,
    table_terms,
    tree_bits,
    unpack_terms,
)

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "tests" / "models"
MEASURED = ROOT / "benchmarks" / "calibration" / "measured.json"
FABRICS = Path(target.__file__).parent / "fabrics"
DEVICES = ("arria10", "zynq-7020", "ecp5-85k", "gw2a-18", "gatemate-a1")
HIDDEN = ("ternc_rom", "ternc_ram")
"""Memories are counted by their shapes, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A design: a model and its engines, ``(layers, array)`` each.

    Attributes:
        fitted: Or kept back to test the fit.
    """

    model: str
    engines: tuple[tuple[int, str], ...]
    fitted: bool = True


POINTS = (
    Point(model="digits_cnn/digits_cnn.qdq_int8", engines=((3, "4x4x9"),)),
    Point(model="TFC_2W2A/TFC_2W2A", engines=((4, "1x8x28"),)),
    Point(model="ecg_ae_conv1d/ecg_ae_conv1d.qonnx", engines=((6, "8x3x8"),)),
    Point(model="mnist_cnn_a4/mnist_cnn_a4.qonnx", engines=((1, "7x8x1"), (4, "3x6x16"))),
    Point(model="kws_resnet/kws_resnet.qonnx", engines=((9, "4x6x12"),), fitted=False),
    Point(model="ecg_ae_dense/ecg_ae_dense.qonnx", engines=((6, "1x8x32"),), fitted=False),
)
COLUMNS = (
    # rows, lanes, activation bits, accumulator bits, doubling, in the fit
    (1, 8, 8, 18, False, True),
    (2, 32, 8, 20, False, True),
    (1, 64, 2, 12, False, True),
    (4, 9, 4, 14, False, True),
    (3, 16, 4, 16, True, True),
    (4, 3, 8, 20, True, True),
    (2, 48, 1, 9, False, True),
    (8, 4, 2, 10, False, True),
    (8, 32, 2, 12, False, True),
    (6, 20, 4, 14, True, True),
    (2, 24, 6, 17, True, False),
    (3, 36, 4, 15, False, False),
    (1, 98, 2, 11, False, False),
    (5, 7, 8, 19, False, False),
    (6, 64, 2, 13, False, False),
)


UNITS: tuple[tuple[str, dict[str, int], dict[str, Number]], ...] = (
    ("ternc_argmax", {"Cols": 4, "ValueBits": 16, "IndexBits": 4}, argmax_terms(4, 16, 4)),
    ("ternc_argmax", {"Cols": 10, "ValueBits": 12, "IndexBits": 8}, argmax_terms(10, 12, 8)),
    ("ternc_score", {"Cols": 4, "DiffBits": 9, "ScoreBits": 24, "Squares": 1}, score_terms(4, 9, 24, True)),
    ("ternc_table", {"CodeBits": 4, "ValueBits": 12}, table_terms(1, 12)),
    ("ternc_unpack", {"Lanes": 40}, unpack_terms(1, 40)),
    ("ternc_unpack", {"Lanes": 13}, unpack_terms(1, 13)),
    ("ternc_score", {"Cols": 6, "DiffBits": 8, "ScoreBits": 16, "Squares": 0}, score_terms(6, 8, 16, False)),
)


def main() -> None:
    """Measure if asked, then fit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--measure", action="store_true", help="run Yosys on what measured.json does not have"
    )
    if parser.parse_args().measure:
        measure()
    for unit, text in tables(json.loads(MEASURED.read_text(encoding="utf-8"))).items():
        (FABRICS / f"{unit.lower()}.toml").write_text(text, encoding="utf-8")
        print(text.split("[", 1)[0])


def measure() -> None:
    """Run Yosys on every column and every design that is not in the file yet."""
    rows = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else []
    known = [(row["what"], row["unit"], row["form"]) for row in rows]
    every = [target.load(name) for name in target.names()]
    kinds = sorted({(device.fabric, device.cell.form) for device in every})
    jobs: list[tuple[tuple[str, str, str], Callable[[], dict[str, Any]]]] = [
        ((str(column), *kind), partial(measured_column, column, *kind))
        for column in COLUMNS
        for kind in kinds
    ]
    for module, parameters, terms in UNITS:
        for unit in sorted({unit for unit, _ in kinds}):
            key = (f"{module} {parameters}", unit, "portable")
            jobs.append((key, partial(measured_unit, module, parameters, terms, unit)))
    for point in POINTS:
        for device in map(target.load, DEVICES):
            key = (str(point), device.fabric, device.cell.form)
            jobs.append((key, partial(measured, point, device.name)))
    for key, job in jobs:
        if key not in known:
            rows.append(dict(zip(("what", "unit", "form"), key, strict=True)) | job())
            lines = ",\n".join(map(json.dumps, rows))
            MEASURED.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
            print(*key, rows[-1]["logic"], flush=True)


def measured_column(column: tuple[int, int, int, int, bool, bool], unit: str, form: str) -> dict[str, Any]:
    """A column alone: rows, lanes, bits of activations and accumulators, doubling, whether in the fit."""
    rows, lanes, act_bits, acc_bits, digits, fitted = column
    parameters = {
        "Rows": rows, "Lanes": lanes, "ActBits": act_bits, "AccBits": acc_bits, "ParamBits": 1, "WeightAddrBits": 1,
        "Digits": int(digits), "Cell": CELLS.index(form),
    }  # fmt: skip
    used = alone("ternc_column", parameters, unit)
    tree = tree_bits(lanes, act_bits)
    terms = column_terms(form, rows, 1, lanes, 1, tree, act_bits, acc_bits, digits)
    return {
        "fitted": fitted,
        "logic": {"ternc_column": used.logic},
        "registers": used.registers,
        "terms": {"ternc_column": {name: float(amount) for name, amount in terms.items()}},
    }


def measured_unit(
    module: str, parameters: dict[str, int], terms: dict[str, Number], unit: str
) -> dict[str, Any]:
    """A module alone that few designs have."""
    used = alone(module, parameters, unit)
    return {
        "fitted": True,
        "logic": {module: used.logic},
        "registers": used.registers,
        "terms": {module: {name: float(amount) for name, amount in terms.items()}},
    }


def alone(module: str, parameters: dict[str, int], unit: str) -> Area:
    """What a module of ``hw/rtl`` takes on its own."""
    with tempfile.TemporaryDirectory() as folder:
        sources = sorted((ROOT / "hw" / "rtl").glob("*.sv"))
        (Path(folder) / "files.f").write_text("\n".join(map(str, sources)))
        modules = synthesise(Path(folder), module, unit, parameters=parameters)
    return area(next(iter(modules.values())), unit)


def draft_of(point: Point, device: str) -> Draft:
    """The point's schedule."""
    found = target.load(device)
    return drafted(MODELS / f"{point.model}.onnx", found, point.engines)


def measured(point: Point, device: str) -> dict[str, Any]:
    """What Yosys makes of a point for a device, and the amounts of its terms, by module."""
    found, made = target.load(device), draft_of(point, device)
    design, unit = design_of(made, found, 100.0), found.fabric
    terms = logic_terms(made, found.cell.form)
    with tempfile.TemporaryDirectory() as folder:
        write(design, Path(folder))
        kept = [*terms, f"{design.name}_engine"]
        modules = synthesise(Path(folder), design.name, unit, kept=kept, hidden=HIDDEN)
    logic: dict[str, float] = {}
    flops, dsps = 0, 0.0
    for name, often in instances(design.name, modules).items():
        used = area(Counter({c: n for c, n in modules[name].items() if c not in modules}), unit)
        label = base(name) if base(name) in terms else "wiring"
        logic[label] = logic.get(label, 0.0) + used.logic * often
        flops, dsps = flops + used.registers * often, dsps + used.dsps * often
    return {
        "fitted": point.fitted,
        "logic": dict(sorted(logic.items())),
        "registers": flops,
        "registers_counted": sum(registers(made, found.cell.form).values()),
        "dsps": round(dsps, 2),
        "terms": {module: {k: round(v, 2) for k, v in of.items()} for module, of in sorted(terms.items())},
    }


def instances(top: str, modules: dict[str, Counter[str]]) -> Counter[str]:
    """How often each module is there."""
    found, waiting = Counter[str](), [(top, 1)]
    while waiting:
        name, often = waiting.pop()
        found[name] += often
        waiting += [(cell, often * n) for cell, n in modules[name].items() if cell in modules]
    return found


def tables(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The TOML table of each fabric."""
    found = {}
    for unit in sorted({row["unit"] for row in rows}):
        mine = [row for row in rows if row["unit"] == unit]
        prices = fit([row for row in mine if row["fitted"]])
        errors = [
            priced(row["terms"], prices) / sum(row["logic"].values()) - 1 for row in mine if not row["fitted"]
        ]
        counts = [
            row["registers_counted"] / row["registers"] - 1 for row in mine if "registers_counted" in row
        ]
        found[unit] = _toml(unit, prices, np.array(errors), np.array(counts))
    return found


def fit(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Prices by module and term."""
    prices: dict[str, dict[str, float]] = {}
    for module in sorted({module for row in rows for module in row["terms"]}):
        mine = [row for row in rows if row["terms"].get(module)]
        names = sorted({name for row in mine for name in row["terms"][module]})
        amounts = np.array([[row["terms"][module].get(name, 0.0) for name in names] for row in mine])
        used = np.array([row["logic"].get(module, 0.0) for row in mine])
        weight = 1 / np.maximum(used, 20.0)
        found = positive(amounts * weight[:, None], used * weight)
        prices[module] = {name: round(float(price), 4) for name, price in zip(names, found, strict=True)}
    return prices


def positive(amounts: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """The x >= 0 with the least ``|amounts @ x - wanted|`` (Lawson and Hanson 1974, chapter 23)."""
    scale = np.maximum(np.linalg.norm(amounts, axis=0), 1e-12)
    unit, x = amounts / scale, np.zeros(amounts.shape[1])
    free = np.zeros(len(x), bool)
    for _ in range(3 * len(x)):
        slope = np.where(free, -np.inf, unit.T @ (wanted - unit @ x))
        if slope.max() < 1e-10:
            break
        free[int(slope.argmax())] = True
        while True:
            found = np.zeros(len(x))
            found[free] = np.linalg.lstsq(unit[:, free], wanted, rcond=1e-10)[0]
            low = free & (found <= 0)
            if not low.any():
                break
            step = (x[low] / (x[low] - found[low] + 1e-300)).min()
            x = x + step * (found - x)
            free &= x > 1e-12
        x = found
    return np.asarray(x / scale)


def priced(terms: dict[str, dict[str, float]], prices: dict[str, dict[str, float]]) -> float:
    """Logic of amounts."""
    return sum(
        amount * prices.get(module, {}).get(name, 0.0)
        for module, of in terms.items()
        for name, amount in of.items()
    )


def _toml(
    unit: str, prices: dict[str, dict[str, float]], errors: NDArray[np.float64], counts: NDArray[np.float64]
) -> str:
    lines = [
        "# Written by benchmarks/calibrate.py: do not edit.",
        f'unit = "{unit}"',
        f"error = {np.abs(errors).max():.3f}",
        f"mean_error = {np.abs(errors).mean():.3f}",
        f"register_error = {np.abs(counts).max():.3f}",
        f'source = "Yosys; {len(errors)} columns and designs outside the fit; benchmarks/calibration/measured.json"',
    ]
    for module, of in prices.items():
        lines += ["", f"[prices.{module}]", *(f'"{name}" = {price}' for name, price in of.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
