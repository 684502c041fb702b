"""What a float graph needs: which nodes have weights, and which values need quantisers that share a scale.

A quantiser goes where the front end asks for integers: in front of every layer, every average, every sum of two
computed values and every concatenation that a layer reads. It is put directly behind the value's activation, in front
of pools and rearrangements, which commute with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ternc.errors import ModelError
from ternc.frontend.fold import type_range
from ternc.frontend.graph import OnnxGraph
from ternc.frontend.ops_elementwise import ACTIVATIONS
from ternc.frontend.values import Array, Node

LAYERS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
AVERAGES = {"AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"}
SUMS = {"Add", "Sub", "Sum", "Mean"}
MOVES = {
    "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "GlobalMaxPool", "Identity",
    "MaxPool", "Pad", "ReduceMax", "Reshape", "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile",
    "Transpose", "Unsqueeze", "Upsample",
}  # fmt: skip
"""Operators whose outputs are values of their first input: a quantiser in front does what one behind would do."""
ON_CHIP = LAYERS | AVERAGES | SUMS | MOVES | set(ACTIVATIONS) | {
    "BatchNormalization", "Cast", "CastLike", "Clip", "Concat", "Div", "Gelu", "Max", "Min", "Mul", "Neg", "PRelu",
    "Relu", "Sign",
}  # fmt: skip
"""Behind any other operator the host computes, in float."""
QUANTISED = {
    "BipolarQuant", "Ceil", "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "Floor", "IntQuant",
    "MatMulInteger", "MultiThreshold", "QLinearConv", "QLinearMatMul", "Quant", "QuantizeLinear", "Round", "Trunc",
}  # fmt: skip
"""Operators of models that are quantised already."""
WIDE = 256
"""Values of a type that is too wide for a tensor."""
NEVER_NEGATIVE = {"Abs", "Exp", "HardSigmoid", "Relu", "Sigmoid", "Softplus"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A node with weights.

    Attributes:
        node: Conv, ConvTranspose, Gemm or MatMul.
        weights: Its second operand, real and finite.
    """

    node: Node
    weights: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value that gets a quantiser.

    Attributes:
        value: The ONNX value.
        group: Points of one group share a scale.
        raw: Whether no layer lies in front of it: it is made of the network's input alone.
        unsigned: Whether its operator cannot give a negative number (of raw values the data decide).
    """

    value: str
    group: int
    raw: bool
    unsigned: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Layers and quantisers in execution order."""

    layers: tuple[Layer, ...]
    points: tuple[Point, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class _Facts:
    """What is known of the graph's computed values.

    Attributes:
        real: Values that the chip can compute.
        integer: Of those, the ones of an integer type.
        narrow: Of those, the ones of at most 8 bits.
        raw: Of those, the ones with no layer in front.
        unsigned: Of those, the ones that are never negative.
        makers: The node of each computed value.
        readers: How many nodes and graph outputs read each value.
        wanted: Real values on the way to a layer or an average.
    """

    graph: OnnxGraph
    constants: Mapping[str, Array]
    real: set[str] = field(default_factory=set)
    integer: set[str] = field(default_factory=set)
    narrow: set[str] = field(default_factory=set)
    raw: set[str] = field(default_factory=set)
    unsigned: set[str] = field(default_factory=set)
    makers: dict[str, Node] = field(default_factory=dict)
    readers: dict[str, int] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)

    def operands(self, node: Node) -> list[str]:
        """The real values that a node computes with."""
        if node.op in MOVES | LAYERS | AVERAGES | {"Cast", "CastLike"}:
            return [name for name in node.inputs[:1] if name in self.real]
        return [name for name in node.inputs if name in self.real]

    def is_layer(self, node: Node) -> bool:
        """Whether the node multiplies a real value with constant weights."""
        weights = self.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
        return node.op in LAYERS and weights is not None and node.inputs[0] in self.real

    def sums(self, node: Node) -> bool:
        """Whether the node adds several real values."""
        return node.op in SUMS and len(self.operands(node)) > 1

    def joins(self, node: Node) -> bool:
        """Whether the node lays real values side by side."""
        return node.op == "Concat" and bool(self.operands(node))

    def moves(self, node: Node) -> bool:
        """Whether the node's outputs are values of its first input."""
        return node.op in MOVES or (node.op in ("Cast", "CastLike") and node.inputs[0] not in self.integer)

    def origins(self, value: str, *, through_sums: bool = False) -> list[str]:
        """The values behind pools, rearrangements and concatenations of which ``value`` consists."""
        node = self.makers.get(value)
        if node is None:
            return [value]
        inner = through_sums and self.sums(node) and node.op != "Mean" and self.readers[value] == 1
        if not (inner or self.joins(node) or self.moves(node)):
            return [value]
        operands = self.operands(node) if inner or self.joins(node) else list(node.inputs[:1])
        found = [name for operand in operands for name in self.origins(operand, through_sums=through_sums)]
        return list(dict.fromkeys(found))


def plan(graph: OnnxGraph, nodes: tuple[Node, ...], constants: Mapping[str, Array]) -> Plan:
    """What to make ternary and where to quantise.

    Args:
        graph: The model.
        nodes: Those that depend on its inputs, in execution order.
        constants: Every value that does not.
    Raises:
        ModelError: It is quantised already, has no weights, or weights that are not finite.
    """
    facts = _facts(graph, nodes, constants)
    layers = tuple(_layer(graph, facts, node) for node in nodes if facts.is_layer(node))
    if not layers:
        raise ModelError(
            f"{graph.file}: --ternarise needs a layer with weights (Conv, ConvTranspose, Gemm or MatMul with a "
            "constant operand), but there is none"
        )
    groups: dict[str, str] = {}

    def group(value: str) -> str:
        while groups.setdefault(value, value) != value:
            value = groups[value]
        return value

    for node in nodes:
        for origins in _demands(facts, node):
            for value in origins:
                groups[group(value)] = group(origins[0])
    roots = {value: group(value) for value in list(groups)}
    needless = {value for value, root in roots.items() if _is_code(facts, value) and _alone(roots, root)}
    numbers: dict[str, int] = {}
    points = []
    for value in (*(i.name for i in graph.inputs), *(name for node in nodes for name in node.outputs)):
        if value in roots and value not in needless:
            number = numbers.setdefault(roots[value], len(numbers))
            points.append(
                Point(value=value, group=number, raw=value in facts.raw, unsigned=value in facts.unsigned)
            )
    return Plan(layers=layers, points=tuple(points))


def _alone(roots: Mapping[str, str], root: str) -> bool:
    return list(roots.values()).count(root) == 1


def _is_code(facts: _Facts, value: str) -> bool:
    """Whether a value is an 8-bit input as floats."""
    node = facts.makers.get(value)
    cast = node is not None and node.op in ("Cast", "CastLike") and node.inputs[0] in facts.narrow
    return cast or value in facts.narrow


def _layer(graph: OnnxGraph, facts: _Facts, node: Node) -> Layer:
    weights = np.asarray(facts.constants[node.inputs[1]])
    place = f"{graph.file}: node '{node.name}' ({node.op}), weight '{node.inputs[1]}'"
    if not weights.size:
        raise ModelError(f"{place}: must hold values, but is empty")
    if not np.all(np.isfinite(weights.astype(np.float64))):
        raise ModelError(f"{place}: must be finite, but holds NaN or infinity")
    return Layer(node=node, weights=weights)


def _demands(facts: _Facts, node: Node) -> list[list[str]]:
    """For each set of values that a node needs as integers of one scale: where they come from."""
    if facts.is_layer(node) or (node.op in AVERAGES and facts.operands(node)):
        return [facts.origins(node.inputs[0])]
    if not facts.wanted.intersection(node.outputs):
        return []
    if facts.sums(node):
        operands = facts.operands(node)
        return [[name for value in operands for name in facts.origins(value, through_sums=True)]]
    if facts.joins(node):
        return [facts.origins(node.outputs[0])]
    return []


def _facts(graph: OnnxGraph, nodes: tuple[Node, ...], constants: Mapping[str, Array]) -> _Facts:
    facts = _Facts(graph=graph, constants=constants)
    for source in graph.inputs:
        facts.real.add(source.name)
        facts.raw.add(source.name)
        if source.dtype != "float32":
            facts.integer.add(source.name)
        low, high = type_range(source.dtype) or (0, WIDE)
        if high - low < WIDE:
            facts.narrow.add(source.name)
    for node in nodes:
        _learn(facts, node)
        for name in {*node.inputs}:
            facts.readers[name] = facts.readers.get(name, 0) + 1
    for name in graph.outputs:
        facts.readers[name] = facts.readers.get(name, 0) + 1
    for node in reversed(nodes):
        ends = facts.is_layer(node) or node.op in AVERAGES
        if ends or facts.wanted.intersection(node.outputs):
            facts.wanted.update(facts.operands(node))
    return facts


def _learn(facts: _Facts, node: Node) -> None:
    """Note what a node's outputs are; those of a node that the chip cannot compute stay unknown."""
    facts.makers.update({name: node for name in node.outputs if name})
    computed = [name for name in node.inputs if name and name not in facts.constants]
    operands = facts.operands(node)
    sizes = node.op in ("Shape", "Size") or not operands
    if node.op in QUANTISED and not sizes:
        raise ModelError(
            f"{facts.graph.file}: node '{node.name}' ({node.op}): --ternarise takes a float model, but this one is "
            "quantised already",
            help="compile it without --ternarise",
        )
    known = set(operands) == set(computed) or node.op in MOVES
    if sizes or node.op not in ON_CHIP or node.domain or not known:
        return
    outputs = {name for name in node.outputs if name}
    facts.real |= outputs
    if node.op not in LAYERS and all(name in facts.raw for name in operands):
        facts.raw |= outputs
    if node.op in MOVES and facts.integer.intersection(operands):
        facts.integer |= outputs
        facts.narrow |= outputs if facts.narrow.intersection(operands) else set()
    if _unsigned(facts, node, operands):
        facts.unsigned |= outputs


def _unsigned(facts: _Facts, node: Node, operands: list[str]) -> bool:
    """Whether a node's results cannot be negative."""
    kept = all(name in facts.unsigned for name in operands)
    constants = [facts.constants[name] for name in node.inputs if name in facts.constants]
    upward = all(np.all(array >= 0) for array in constants)
    match node.op:
        case op if op in NEVER_NEGATIVE:
            return True
        case "Clip":
            low = facts.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
            return bool(low is not None and np.all(low >= 0)) or kept
        case "Max":
            return any(np.all(array >= 0) for array in constants) or any(
                name in facts.unsigned for name in operands
            )
        case "Add" | "Sum" | "Mean" | "Mul" | "Div" | "Min":
            return kept and upward
        case op if op in MOVES | AVERAGES | {"Concat"}:
            return kept
        case _:
            return False
