"""Where onnxruntime's float32 lands on the other side of a rounding border than exact arithmetic.

The model that `execute` runs is evaluated once more, in float64, from the same integers at its inputs. Both are
compared at every *site*: an operator that makes a real number discrete (a rounding, a sign, a comparison, a choice of
the largest). In front of the first site that differs everything discrete is equal, so the difference arose in
float32 alone; it is called that only where the two numbers lie as close to each other as float32 can hold them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from ternc.errors import ToolError
from ternc.frontend.doubles import Nodes
from ternc.frontend.lower import LOWERED, LOWEST, load_with_exact
from ternc.frontend.ops_linear import exact_weights
from ternc.frontend.runtime import Session, Values, completed, first_line

_ROUNDINGS = {"Round", "Floor", "Ceil", "Sign"}
_COMPARISONS = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
_CHOICES = {"ArgMax", "TopK"}
_SUMS = {
    *("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "AveragePool", "GlobalAveragePool", "Sum", "Mean"),
    *("ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2", "LpPool", "GlobalLpPool"),
}
"""Operators that add values up: a site behind one of them does not quantise a graph input."""

_BENDS = {
    *(
        "Neg",
        "Abs",
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Clip",
        "Max",
        "Min",
        "Elu",
        "Selu",
        "Celu",
        "Sigmoid",
        "Tanh",
    ),
    *("HardSigmoid", "HardSwish", "Softplus", "Softsign", "Swish", "Gelu", "Mish", "ThresholdedRelu", "Erf"),
}
"""Elementwise operators of one real that make its errors hardly larger."""

_SNAP = 2.0**-42
"""Share of a value's size by which float64 may be off: that near to a border it counts as lying on it."""

_LIMITS = {"Erf": (-1.0, 1.0), "Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0)}
"""What functions come close to and never are, though float64 says so."""

_INSIDE = 2.0**-28
"""How far inside their limits they are kept: more than what counts as lying on a border, less than float32 tells."""

_LOOSE = 1e-6
"""The same, where weights or scales were moved onto a grid (docs/decisions/0010): what lies as near as that to a border
may have been put on it."""

_FLOAT32_ERROR = 1e-4
"""Share of a value's size by which a chain in float32 may be off."""


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
        errors: Of each output, in the same shape, how far float64's own rounding may put it off.
        crossing: The first element in which onnxruntime differs and float32 explains it, or None.
        rounded: Whether every discrete value is onnxruntime's too, and its outputs lie within float32's error: small
            beside the numbers that were added up, though not beside what is left where these cancel out.
    """

    outputs: Values
    errors: Values
    crossing: Crossing | None
    rounded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A node that makes reals discrete.

    Attributes:
        op, inputs, output: Of the node; of a comparison both operands.
        result: The integers that its quantiser makes of it: behind a clip that follows, else the output.
        value: See `Crossing`.
        axis: Of a choice.
        first: Whether it quantises a graph input as it is.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    result: str
    value: str
    axis: int
    first: bool


class ExactModel:
    """A model that is evaluated frame by frame in float64.

    Args:
        path: The model.
    Raises:
        ToolError: onnxruntime is missing, or does not take the model.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.name
        self._model, self._wide = load_with_exact(path, dynamic=False)
        self._sites = _sites(self._model.graph)
        self._session = Session(_showing(self._model, self._sites), path.name)
        self._nodes = Nodes(list(self._model.opset_import))

    def evaluate(
        self, single: Mapping[str, NDArray[Any]], exact: Mapping[str, NDArray[Any]], loose: Sequence[str] = ()
    ) -> Exact:
        """One frame in float64, and where onnxruntime first differs from it.

        Args:
            single: The inputs as onnxruntime gets them, ``[1, ...]`` by name.
            exact: Their exact values, in float64. What a quantiser of the graph makes of an input is taken from
                onnxruntime, because the host's side of a build makes it in float32 too.
            loose: Values of the graph whose quantisers put onto a border what lies very close to it.
        Raises:
            ToolError: One of the evaluations does not know an operator.
        """
        single, exact = completed(self._model, single), completed(self._model, exact)
        plain = {name: np.asarray(x) for name, x in single.items()}
        found = {**_constants(self._model), **plain, **self._session.run(single)}
        given = {site.output: found[site.output] for site in self._sites if site.first}
        double = _Double(self._nodes, self._exact_constants() | dict(exact) | given, self._in_front(loose))
        try:
            with np.errstate(all="ignore"):
                double.run(node for node in self._model.graph.node if node.output[0] not in given)
        except Exception as error:  # whatever a reference implementation raises: it cannot do this
            raise ToolError(f"{self._file}: cannot be evaluated in float64 ({first_line(error)})") from error
        names = [output.name for output in self._model.graph.output]
        return Exact(
            outputs={name: double.values[name] for name in names},
            errors={name: _SNAP * double.sizes[name] for name in names},
            crossing=_first_crossing(self._sites, found, double),
            rounded=not any(site for site in self._sites if np.any(_differs(site, found, double)))
            and all(_within(found[name], double.values[name], double.sizes[name]) for name in names),
        )

    def _in_front(self, names: Sequence[str]) -> set[str]:
        """Outputs of the sites in front of values, with nothing else that is discrete in between."""
        makers = {name: node for node in self._model.graph.node for name in node.output}
        sites = {site.output for site in self._sites}
        reached, pending = set(names), list(names)
        while pending:
            name = pending.pop()
            if name in makers and name not in sites:
                pending += set(makers[name].input) - reached
                reached.update(makers[name].input)
        return reached & sites

    def _exact_constants(self) -> Values:
        """The constants; what a quantiser means, above all weights, is not rounded to float32."""
        single = _constants(self._model)
        found = single | self._wide
        for node in self._model.graph.node:
            if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul") and node.input[1] in single:
                given = {a.name: a.i for a in node.attribute if a.name in ("group", "transB")}
                turned = bool(given.get("transB", 0))
                meant = found[
                    node.input[1]
                ]  # by DequantizeLinear in float64, as the integer network reads it
                found[node.input[1]] = exact_weights(
                    node.op_type, meant, given.get("group", 1), turned=turned
                )
        return found


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
        result=_clipped(graph, output),
        value=_named(graph, output),
        axis=axis,
        first=first,
    )


def _clipped(graph: onnx.GraphProto, name: str) -> str:
    """The value behind the clip that a rounded value runs into, perhaps behind a zero point; else the value itself."""
    constants = {tensor.name for tensor in graph.initializer}
    found = name
    while True:
        readers = [node for node in graph.node if name in node.input]
        if len(readers) != 1 or readers[0].op_type not in ("Add", "Sub", "Clip", "Min", "Max", "Relu"):
            return found
        (node,) = readers
        if any(other and other != name and other not in constants for other in node.input):
            return found
        name = node.output[0]
        found = name if node.op_type not in ("Add", "Sub") else found


def _named(graph: onnx.GraphProto, name: str) -> str:
    """The value of the user's graph that a value made by lowering leads to."""
    while name.startswith(LOWERED):
        reader = next((node for node in graph.node if name in node.input), None)
        if reader is None:
            break
        name = reader.output[0]
    return name


# ---- the two evaluations --------------------------------------------------------------------------------


def _showing(model: onnx.ModelProto, sites: Sequence[_Site]) -> onnx.ModelProto:
    """The model with everything around its sites as outputs."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    seen = dict.fromkeys(name for site in sites for name in (*site.inputs, site.output, site.result))
    produced = {name for node in model.graph.node for name in node.output}
    listed = {output.name for output in model.graph.output}
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in seen if name in produced - listed)
    return shown


def _constants(model: onnx.ModelProto) -> Values:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


class _Double:
    """A graph evaluated in float64, node by node.

    Attributes:
        values: By name.
        sizes: By name, what a value would be if nothing cancelled out: the same operators on absolute values. Rounding
            errors are proportional to it.
    """

    def __init__(self, nodes: Nodes, known: Values, loose: set[str]) -> None:
        self._loose = loose
        self.values: Values = {}
        self.sizes: Values = {}
        self._nodes = nodes
        for name, array in known.items():
            self.keep(name, array)

    def run(self, nodes: Iterable[onnx.NodeProto]) -> None:
        """Evaluate nodes in order."""
        for node in nodes:
            if node.op_type in _ROUNDINGS | _COMPARISONS | _CHOICES:
                self.decide(node)
            else:
                self.step(node)

    def keep(self, name: str, array: NDArray[Any]) -> None:
        """A value that is known; its size is its own."""
        self.values[name] = array.astype(np.float64) if array.dtype.kind == "f" else array
        self.sizes[name] = np.abs(self.values[name]) if array.dtype.kind == "f" else array

    def step(self, node: onnx.NodeProto) -> None:
        """Evaluate a node that adds, multiplies, moves or bends values."""
        results = self._nodes.run(_in_double(node), self.values)
        if node.op_type in _LIMITS:
            low, high = _LIMITS[node.op_type]
            results = {name: np.clip(array, low + _INSIDE, high - _INSIDE) for name, array in results.items()}
        around = dict(self.sizes)
        if node.op_type == "BatchNormalization":
            around[node.input[3]] = -around[node.input[3]]  # the mean is subtracted
        if node.op_type == "Pad" and len(node.input) > 2 and self.values[node.input[2]] <= LOWEST:
            around[node.input[2]] = np.zeros(())  # never the largest
        sizes = self._nodes.run(_of_sizes(node), around)
        if node.op_type in ("Max", "Min"):
            given = (around[name] for name in node.input if np.all(np.isfinite(around[name])))
            sizes = {node.output[0]: reduce(np.maximum, given)}
        self.values |= results
        self.sizes |= {
            name: np.maximum(sizes[name], np.abs(array)) if array.dtype.kind == "f" else array
            for name, array in results.items()
        }

    def decide(self, node: onnx.NodeProto) -> None:
        """Evaluate a node that makes reals discrete; its input is moved onto a border that it means."""
        x, size = self.values[node.input[0]], self.sizes[node.input[0]]
        near = dict(self.values)
        if node.op_type in _ROUNDINGS | _COMPARISONS:
            border = _border(node.op_type, x, self.values[node.input[-1]])
            snap = _LOOSE if self._loose.intersection(node.output) else _SNAP
            near[node.input[0]] = np.where(np.abs(x - border) <= snap * size, border, x)
        for name, array in self._nodes.run(_in_double(node), near).items():
            self.keep(name, array)
            if node.op_type in _CHOICES and array.dtype.kind == "f":
                self.sizes[name] = np.full_like(self.values[name], size.max(initial=0.0))


def _border(op: str, x: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """The border nearest to each value; ``other`` is a comparison's second operand."""
    match op:
        case "Round":
            return np.asarray(np.floor(x) + 0.5)
        case "Floor" | "Ceil":
            return np.asarray(np.rint(x))
        case "Sign":
            return np.zeros_like(x)
        case _:
            return other


def _in_double(node: onnx.NodeProto) -> onnx.NodeProto:
    """The node, with float32 results of a cast in float64."""
    found = onnx.NodeProto()
    found.CopyFrom(node)
    for attribute in found.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.DOUBLE
    return found


def _of_sizes(node: onnx.NodeProto) -> onnx.NodeProto:
    """The node for absolute values: nothing cancels out, and what bends a value keeps its size."""
    found = _in_double(node)
    if node.op_type == "Sub":
        found.op_type = "Add"
    elif node.op_type in _BENDS:
        found.op_type = "Identity"
        del found.input[1:], found.attribute[:]
    return found


# ---- comparing ------------------------------------------------------------------------------------------


def _first_crossing(sites: Sequence[_Site], single: Values, double: _Double) -> Crossing | None:
    """The first site that differs, as a crossing; None where float32 does not explain it or nothing differs."""
    for site in sites:
        differs = _differs(site, single, double)
        if differs.any():
            place = tuple(int(i) for i in np.argwhere(differs)[0])
            exact, value, border = _at(site, place, single, double.values)
            bound = _FLOAT32_ERROR * _size(site, place, double)
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


def _differs(site: _Site, single: Values, double: _Double) -> NDArray[np.bool_]:
    """Where a site's integers are not the same; those of an input's own quantiser are given."""
    if site.first:
        return np.zeros(1, np.bool_)
    return np.asarray(single[site.result].astype(np.float64) != double.values[site.result].astype(np.float64))


def _within(single: NDArray[Any], exact: NDArray[Any], size: NDArray[Any]) -> bool:
    """Whether float32's errors explain all differences of an output."""
    if exact.dtype.kind != "f":
        return bool(np.array_equal(single, exact))
    return bool(np.all((np.abs(single - exact) <= _FLOAT32_ERROR * size) | (single == exact)))


def _size(site: _Site, place: tuple[int, ...], double: _Double) -> float:
    """How large the value in front of a site is, or would be if nothing cancelled out; of a choice, the largest."""
    sizes = double.sizes[site.inputs[0]]
    if site.op in _CHOICES:
        return float(sizes[place[0]].max())
    return float(np.broadcast_to(sizes, double.values[site.output].shape)[place])


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
