"""Where a network is exactly the ONNX model's real numbers, and why: ``report/exactness.json`` and ``.txt``.

Every activation carries the proof that was made when it was derived (`ternc.network.stairs.prove`), and its
multiply-shift form was proved equal to its thresholds on every sum in reach (`ternc.network.check`). This only says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ternc.network.layers import Anomaly, Linear, Network, Output, Prologue, Staircase
from ternc.network.stairs.borders import listed
from ternc.report.table import Table, columns, count

NEAREST = 32
"""Borders of an activation that are listed one by one, the nearest; all of them are counted."""

PROOFS = {
    "every": "the exact code of every sum in reach was computed",
    "ends": "the exact codes at both ends of every run of equal codes were computed; it is monotone in between",
    "order": "its integer multipliers order all tuples of sums as their real values, at every threshold",
    "none": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatBorder:
    """A sum that float32 may put on the other side of a rounding border.

    Attributes:
        channel, step: Which threshold.
        accumulator: The sum, an integer, with the sign that the ONNX model gives it.
        border: Where the real border lies, in units of the sum, as a decimal.
        distance: Of the two.
    """

    channel: int
    step: int
    accumulator: int
    border: str
    distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationExactness:
    """One activation.

    Attributes:
        layer, kind: As in `Linear`.
        exact: Whether every code is that of the graph's real numbers, for every sum in reach.
        form: What the hardware computes.
        table: Whether the level is then looked up in a table of codes.
        channels, steps: Thresholds are channels times steps.
        sums: Sums in reach, of all channels together (tuples of sums, where terms have real scales of their own).
        examined: Those whose exact code was computed.
        proof: Key of `PROOFS`.
        differing: Sums whose code may differ, where it is not exact.
        codes: By how much at most.
        borders: Thresholds that a float32 evaluation of the model may see at a neighbouring sum. The integers are
            exact there; onnxruntime need not be.
        nearest: Those nearest to a sum.
    """

    layer: str
    kind: str
    exact: bool
    form: Literal["multiply-shift", "thresholds"]
    table: bool
    channels: int
    steps: int
    sums: int
    examined: int
    proof: Literal["every", "ends", "order", "none"]
    differing: int
    codes: int
    borders: int
    nearest: tuple[FloatBorder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputExactness:
    """One input.

    Attributes:
        declared: Whether its integers are known from a type only. Otherwise the host makes them with the graph's own
            quantiser, in float32 as onnxruntime does: the one place where the model's meaning is float32's.
    """

    name: str
    declared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputExactness:
    """One output.

    Attributes:
        of: What leaves the chip: ``"codes"`` or ``"sums"`` that the host scales, or the index of the ``"largest"``.
        deviation: How far the real value may be from the graph's, before the host rounds it to its type; 0: exact.
    """

    name: str
    of: Literal["codes", "sums", "largest"]
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyExactness:
    """The outlier detector; ``error`` as in `Anomaly`: how far its score may be from the real one, 0 if it is exact."""

    measure: str
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exactness:
    """The whole report; its field names are the keys of ``exactness.json``.

    Attributes:
        exact: Whether all activations, outputs and the detector are.
        host: ONNX operators that the host runs behind the chip, in float32.
    """

    exact: bool
    activations: tuple[ActivationExactness, ...]
    inputs: tuple[InputExactness, ...]
    outputs: tuple[OutputExactness, ...]
    anomaly: AnomalyExactness | None
    host: tuple[str, ...]


def exactness(network: Network, *, host: Sequence[str] = ()) -> Exactness:
    """What is proved of a network.

    Args:
        network: Behind all passes.
        host: ONNX operators of its epilogue.
    """
    activations = tuple(
        _activation(layer, layer.activation) for layer in network.layers if layer.activation is not None
    )
    outputs = tuple(_output(output, network) for output in network.outputs)
    anomaly = None if network.anomaly is None else _anomaly(network.anomaly)
    return Exactness(
        exact=all(a.exact for a in activations)
        and all(o.deviation == 0 for o in outputs)
        and (anomaly is None or anomaly.error == 0),
        activations=activations,
        inputs=tuple(map(_input, network.inputs)),
        outputs=outputs,
        anomaly=anomaly,
        host=tuple(host),
    )


def _activation(layer: Linear, staircase: Staircase) -> ActivationExactness:
    proof, found = staircase.proof, sorted(listed(staircase), key=lambda b: (b.distance, b.channel, b.step))
    return ActivationExactness(
        layer=layer.name,
        kind=layer.kind,
        exact=proof is not None and proof.unsettled == 0,
        form="thresholds" if staircase.form is None else "multiply-shift",
        table=staircase.table is not None,
        channels=staircase.thresholds.shape[0],
        steps=staircase.thresholds.shape[1],
        sums=0 if proof is None else proof.values,
        examined=0 if proof is None else proof.examined,
        proof="none" if proof is None else proof.method,
        differing=0 if proof is None else proof.unsettled,
        codes=0 if proof is None else proof.codes,
        borders=len(found),
        nearest=tuple(
            FloatBorder(
                channel=b.channel,
                step=b.step,
                accumulator=b.accumulator,
                border=b.border,
                distance=b.distance,
            )
            for b in found[:NEAREST]
        ),
    )


def _input(prologue: Prologue) -> InputExactness:
    return InputExactness(name=prologue.name, declared=prologue.declared)


def _output(output: Output, network: Network) -> OutputExactness:
    layer = next(layer for layer in network.layers if layer.target == output.tensor)
    of: Literal["codes", "sums", "largest"] = "sums" if layer.activation is None else "codes"
    return OutputExactness(
        name=output.name, of="largest" if output.reduce else of, deviation=output.deviation
    )


def _anomaly(anomaly: Anomaly) -> AnomalyExactness:
    return AnomalyExactness(measure=anomaly.measure, error=anomaly.error)


def to_dict(report: Exactness) -> dict[str, Any]:
    """Plain dictionaries, lists and numbers, keys in the order of the fields."""
    return asdict(report)


def to_json(report: Exactness) -> str:
    """The text of ``exactness.json``: two blanks of indentation, newline at the end."""
    return json.dumps(to_dict(report), indent=2) + "\n"


def to_sentence(report: Exactness) -> str:
    """``exact: all 5 activations ...``, or what differs."""
    loose = [a for a in report.activations if not a.exact]
    off = [o for o in report.outputs if o.deviation]
    sums = sum(a.sums for a in report.activations)
    number = len(report.activations)
    parts = []
    if not loose:
        proved = f"{number} of {number} activations, proved for all {count(sums)} sums in reach"
        parts.append(f"exact: {proved}" if report.activations else "exact: it has no activations")
    else:
        parts.append(f"exact: {number - len(loose)} of {number} activations; {_differs(loose[0])}")
        parts += [_differs(a) for a in loose[1:]]
    parts += [f"output '{o.name}' may differ by {o.deviation:.3g}" for o in off]
    if report.anomaly is not None and report.anomaly.error:
        parts.append(f"the anomaly's {_error(report.anomaly)} may be off by {report.anomaly.error:.3g}")
    return "; ".join(parts)


def _error(anomaly: AnomalyExactness) -> str:
    return "root of the score" if anomaly.measure == "squares" else "score"


def _differs(row: ActivationExactness) -> str:
    if row.proof == "none":
        return f"nothing is proved of '{row.layer}'"
    return f"'{row.layer}' may differ by {row.codes} at {count(row.differing)} of {count(row.sums)} sums"


def to_table(report: Exactness) -> tuple[Table, ...]:
    """The activations, the ends and the borders, to be shown one below the other."""
    tables = [_activations(report), _ends(report)]
    return (*tables, _borders(report)) if any(a.nearest for a in report.activations) else tuple(tables)


def to_text(report: Exactness) -> str:
    """The text of ``exactness.txt``."""
    tables = "\n".join(table.to_text() for table in to_table(report))
    return f"{to_sentence(report)}\n\n{tables}"


def _activations(report: Exactness) -> Table:
    rows = tuple(
        (
            row.layer,
            "exact" if row.exact else "differs",
            row.form + (" + table" if row.table else ""),
            f"{count(row.channels)} x {row.steps}",
            count(row.sums),
            count(row.examined),
            row.proof,
            count(row.borders),
        )
        for row in report.activations
    )
    headings = columns(
        "activation of", "", "form", ">thresholds", ">sums in reach", ">computed", "proof", ">borders"
    )
    used = dict.fromkeys(row.proof for row in report.activations)
    notes = tuple(f"{key}: {PROOFS[key]}." for key in PROOFS if key in used and key != "none")
    notes += (
        "borders: thresholds that a float32 evaluation may see one sum further; the integers are exact.",
    )
    return Table(title="Activations", columns=headings, rows=rows, notes=notes)


def _ends(report: Exactness) -> Table:
    rows = [
        (
            one.name,
            "input",
            "integers of a declared type"
            if one.declared
            else "the graph's quantiser, in float32 as onnxruntime computes it",
        )
        for one in report.inputs
    ]
    said = {"codes": "exact codes", "sums": "exact sums", "largest": "index of the largest, exact"}
    rows += [
        (
            one.name,
            "output",
            said[one.of] + ("" if one.of == "largest" else " times a scale, rounded once")
            if one.deviation == 0
            else f"{one.of} times a scale, off by up to {one.deviation:.3g}",
        )
        for one in report.outputs
    ]
    if report.anomaly is not None:
        error = report.anomaly.error
        said_of = "exact" if error == 0 else f"{_error(report.anomaly)} off by up to {error:.3g}"
        rows.append(("anomaly", "score", said_of))
    notes = (
        (f"Behind the chip the host computes in float32: {', '.join(report.host)}.",) if report.host else ()
    )
    return Table(title="Ends", columns=columns("value", "", "what it is"), rows=tuple(rows), notes=notes)


def _borders(report: Exactness) -> Table:
    rows = tuple(
        (row.layer, str(b.channel), str(b.step), str(b.accumulator), b.border, f"{b.distance:.3g}")
        for row in report.activations
        for b in row.nearest
    )
    headings = columns("activation of", ">channel", ">step", ">sum", "border", ">distance")
    total = sum(a.borders for a in report.activations)
    notes = (
        f"The {len(rows)} nearest of {count(total)}: onnxruntime's float32 may take the sum for one on the other side.",
    )
    return Table(title="Borders within float32's rounding", columns=headings, rows=rows, notes=notes)
