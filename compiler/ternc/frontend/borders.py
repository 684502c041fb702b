"""Where onnxruntime's float32 lands on the other side of a rounding border than exact arithmetic.

The model that `execute` runs is evaluated once more, in float64, from the same integers at its inputs. Both are
compared at every *site*: an operator that makes a real number discrete (a rounding, a sign, a comparison, a choice of
the largest). In front of the first site that differs everything discrete is equal, so the difference arose in
float32 alone; it is called that only where the two numbers lie as close to each other as float32 can hold them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from ternc.errors import ToolError
from ternc.frontend.lower import LOWERED, load_for_execution
from ternc.frontend.runtime import Session, Values, first_line

_ROUNDINGS = {"Round", "Floor", "Ceil", "Sign"}
_COMPARISONS = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
_CHOICES = {"ArgMax", "TopK"}
_SUMS = {
    *("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "AveragePool", "GlobalAveragePool", "Sum", "Mean"),
    *("ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2", "LpPool", "GlobalLpPool"),
}
"""Operators that add values up: a site behind one of them does not quantise a graph input."""

_SNAP = 2.0**-42
"""Share of a tensor's largest value within which a float64 counts as lying on a border."""

_FLOAT32_ERROR = 1e-4
"""Share of a tensor's largest value by which a chain in float32 may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One element whose exact value and float32 value lie on different sides of a border.

    Attributes:
        value: The ONNX value that the discrete result becomes (a quantiser's output).
        op: What made it discrete, an ONNX operator.
        index: Place in the operator's output, without the batch axis.
        exact: The value in front of the operator, in float64; of a choice, the winner's.
        single: The same element in onnxruntime's float32.
        border: Where the result changes; of a choice, the value in float64 that onnxruntime took for the largest.
        shape: Shape of the operator's output, without the batch axis.
        count: Elements of the operator that differ.
    """

    value: str
    op: str
    index: tuple[int, ...]
    exact: float
    single: float
    border: float
    shape: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exact:
    """What a model gives without float32's rounding errors.

    Attributes:
        outputs: The graph's outputs by name, in their order, ``[1, ...]``; floats are float64.
        crossing: The first element in which onnxruntime differs and float32 explains it, or None.
    """

    outputs: Values
    crossing: Crossing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A node that makes reals discrete; ``first``: it quantises a graph input as it is."""

    op: str
    inputs: tuple[str, ...]
    output: str
    value: str
    axis: int
    first: bool


def evaluate_exactly(
    path: Path, single: Mapping[str, NDArray[Any]], exact: Mapping[str, NDArray[Any]]
) -> Exact:
    """One frame in float64, and where onnxruntime first differs from it.

    Args:
        path: The model.
        single: The inputs as onnxruntime gets them, ``[1, ...]`` by name.
        exact: Their exact values, in float64. What a quantiser of the graph makes of an input is taken from
            onnxruntime, because the host's side of a build makes it in float32 too.
    Raises:
        ToolError: onnxruntime is missing, or one of the evaluations does not know an operator.
    """
    model = load_for_execution(path, dynamic=False)
    sites = _sites(model.graph)
    seen = [name for site in sites for name in (*site.inputs, site.output)]
    found = _run_single(model, seen, single, path)
    given = {site.output: found[site.output] for site in sites if site.first}
    precise = _run_double(model, given, exact, path)
    return Exact(
        outputs=tuple(precise[output.name] for output in model.graph.output),
        crossing=_first_crossing(sites, found, precise),
    )


# ---- sites ----------------------------------------------------------------------------------------------


def _sites(graph: onnx.GraphProto) -> tuple[_Site, ...]:
    """The sites of a lowered graph, in its order."""
    constants = {tensor.name for tensor in graph.initializer}
    behind = {value.name for value in graph.input}  # a graph input, one element at a time
    found = []
    for node in graph.node:
        reads = [name for name in node.input if name and name not in constants]
        if not reads:
            constants.update(node.output)
            continue
        plain = node.op_type not in _SUMS and all(name in behind for name in reads)
        if node.op_type in _ROUNDINGS | _COMPARISONS | _CHOICES:
            found.append(_site(graph, node, first=plain and node.op_type not in _CHOICES))
        elif plain:
            behind.update(node.output)
    return tuple(found)


def _site(graph: onnx.GraphProto, node: onnx.NodeProto, *, first: bool) -> _Site:
    axis = next((int(a.i) for a in node.attribute if a.name == "axis"), -1 if node.op_type == "TopK" else 0)
    output = node.output[-1]  # TopK: the indices
    return _Site(
        op=node.op_type,
        inputs=tuple(node.input[: 2 if node.op_type in _COMPARISONS else 1]),
        output=output,
        value=_named(graph, output),
        axis=axis,
        first=first,
    )


def _named(graph: onnx.GraphProto, name: str) -> str:
    """The value of the user's graph that a value made by lowering leads to."""
    while name.startswith(LOWERED):
        reader = next((node for node in graph.node if name in node.input), None)
        if reader is None:
            break
        name = reader.output[0]
    return name


# ---- the two evaluations --------------------------------------------------------------------------------


def _run_single(
    model: onnx.ModelProto, seen: Sequence[str], inputs: Mapping[str, NDArray[Any]], path: Path
) -> Values:
    """Every value of ``seen`` in onnxruntime's float32."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    produced = {name for node in model.graph.node for name in node.output}
    listed = {output.name for output in model.graph.output}
    wanted = [name for name in dict.fromkeys(seen) if name in produced - listed]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    found = Session(shown, path.name).run(inputs)
    return {**_constants(model), **{name: np.asarray(x) for name, x in inputs.items()}, **found}


def _constants(model: onnx.ModelProto) -> Values:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _run_double(
    model: onnx.ModelProto, given: Values, inputs: Mapping[str, NDArray[Any]], path: Path
) -> Values:
    """Every value of the graph in float64; those that are ``given`` are not computed."""
    double = onnx.ModelProto()
    double.CopyFrom(model)
    graph = double.graph
    kept = [node for node in graph.node if node.output[0] not in given]
    del graph.node[:]
    graph.node.extend(kept)
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    wide = {
        name: x.astype(np.float64) if x.dtype.kind == "f" else x for name, x in {**inputs, **given}.items()
    }
    try:
        with np.errstate(all="ignore"):
            evaluator = ReferenceEvaluator(double, new_ops=list(_SNAPPING))
            found = evaluator.run(None, wide, intermediate=True)
    except Exception as error:
        raise ToolError(f"{path.name}: cannot be evaluated in float64 ({first_line(error)})") from error
    return {name: np.asarray(value) for name, value in found.items() if value is not None}


def _snap(x: NDArray[Any], border: NDArray[Any], peak: NDArray[Any] | None = None) -> NDArray[Any]:
    """``x``, moved onto the nearest border where it differs from it by no more than float64's rounding errors."""
    size = np.abs(x if peak is None else peak)
    largest = float(size[np.isfinite(size)].max(initial=0.0)) if size.size else 0.0
    return np.where(np.abs(x - border) <= _SNAP * largest, border, x)


class Round(OpRun):  # the names of these classes are those of the operators that they stand for
    """Round to even, on snapped values."""

    op_domain = ""

    def _run(self, x: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (np.rint(_snap(x, np.floor(x) + 0.5)),)


class Floor(OpRun):
    """Round down, on snapped values."""

    op_domain = ""

    def _run(self, x: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (np.floor(_snap(x, np.rint(x))),)


class Ceil(OpRun):
    """Round up, on snapped values."""

    op_domain = ""

    def _run(self, x: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (np.ceil(_snap(x, np.rint(x))),)


class Sign(OpRun):
    """The sign of snapped values."""

    op_domain = ""

    def _run(self, x: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (np.sign(_snap(x, np.zeros_like(x))),)


class Less(OpRun):
    """``a < b``, on snapped values."""

    op_domain = ""

    def _run(self, a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (_snap(a, b) < b,)


class LessOrEqual(OpRun):
    """``a <= b``, on snapped values."""

    op_domain = ""

    def _run(self, a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (_snap(a, b) <= b,)


class Greater(OpRun):
    """``a > b``, on snapped values."""

    op_domain = ""

    def _run(self, a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (_snap(a, b) > b,)


class GreaterOrEqual(OpRun):
    """``a >= b``, on snapped values."""

    op_domain = ""

    def _run(self, a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any]]:
        return (_snap(a, b) >= b,)


_SNAPPING = (Round, Floor, Ceil, Sign, Less, LessOrEqual, Greater, GreaterOrEqual)


# ---- comparing ------------------------------------------------------------------------------------------


def _first_crossing(sites: Sequence[_Site], single: Values, double: Values) -> Crossing | None:
    """The first site that differs, as a crossing; None where float32 does not explain it or nothing differs."""
    for site in sites:
        if site.first:
            continue
        differs = single[site.output].astype(np.float64) != double[site.output].astype(np.float64)
        if differs.any():
            place = tuple(int(i) for i in np.argwhere(differs)[0])
            exact, value, border = _at(site, place, single, double)
            peak = np.abs(double[site.inputs[0]])
            bound = _FLOAT32_ERROR * float(peak.max(initial=0.0))
            if not (abs(exact - value) <= bound and abs(exact - border) <= bound):
                return None
            return Crossing(
                value=site.value,
                op=site.op,
                index=place[1:],
                exact=exact,
                single=value,
                border=border,
                shape=differs.shape[1:],
                count=int(differs.sum()),
            )
    return None


def _at(site: _Site, place: tuple[int, ...], single: Values, double: Values) -> tuple[float, float, float]:
    """(exact value, float32 value, border) of one element in front of a site."""
    if site.op in _CHOICES:
        return _choice(site, place, single, double)
    exact, value = (
        float(np.broadcast_to(found[site.inputs[0]], found[site.output].shape)[place])
        for found in (double, single)
    )
    match site.op:
        case "Round":
            border = (
                np.floor((exact + value) / 2 + 0.5) - 0.5 if exact == value else _between(exact, value, 0.5)
            )
        case "Floor" | "Ceil":
            border = _between(exact, value, 0.0)
        case "Sign":
            border = 0.0
        case _:
            border = float(np.broadcast_to(double[site.inputs[1]], double[site.output].shape)[place])
    return exact, value, border


def _between(a: float, b: float, offset: float) -> float:
    """The integer plus ``offset`` nearest to the middle of two numbers."""
    return float(np.rint((a + b) / 2 - offset) + offset)


def _choice(
    site: _Site, place: tuple[int, ...], single: Values, double: Values
) -> tuple[float, float, float]:
    """The winner in float64, its float32 value, and the float64 value of what won in float32."""
    values = double[site.inputs[0]]
    axis = site.axis % values.ndim
    rest = place if len(place) == values.ndim else (*place[:axis], 0, *place[axis:])

    def value(found: Values, winner: Values) -> float:
        chosen = int(winner[site.output][place])
        return float(found[site.inputs[0]][(*rest[:axis], chosen, *rest[axis + 1 :])])

    return value(double, double), value(single, double), value(double, single)
