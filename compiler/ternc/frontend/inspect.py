"""What `ternc check` says: every node, every layer, every obstacle. Nothing here stops at the first one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ternc.errors import InternalError, ModelError
from ternc.frontend.blind import check_blind
from ternc.frontend.ends import finish
from ternc.frontend.input_quant import InputQuant
from ternc.frontend.load import read_graph
from ternc.frontend.read import network, start
from ternc.frontend.values import Unknown
from ternc.frontend.walk import LayerFacts
from ternc.network.layers import IntRange, Linear, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """One node of the graph and what it becomes."""

    name: str
    op: str
    becomes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer with weights.

    Attributes:
        ternary: Whether every weight is one of -a, 0, +a of its output channel.
        weights, nonzeros: Numbers of weights of the ONNX node.
        density: ``nonzeros / weights``.
        weight_bits: 2 for ternary weights, else those of the integer weights; None where they are no integers times
            a scale.
        input_bits, output_bits: Of the integers read and written; None where not known, and for raw sums.
    """

    name: str
    op: str
    ternary: bool
    weights: int
    nonzeros: int
    density: float
    weight_bits: int | None
    input_bits: int | None
    output_bits: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One reason why the model is refused."""

    sentence: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckReport:
    """What is known of a model without building it.

    Attributes:
        file: Its name.
        supported: Whether it becomes a Network.
        nodes: In execution order; nodes that the output does not need are left out.
        layers: Those with weights, in execution order.
        obstacles: Empty where supported.
        network: The Network where supported, else None.
    """

    file: str
    supported: bool
    nodes: tuple[NodeRow, ...]
    layers: tuple[LayerRow, ...]
    obstacles: tuple[Obstacle, ...]
    network: Network | None


def inspect(path: Path, *, input_quant: InputQuant | None = None) -> CheckReport:
    """Look through a whole model.

    Raises:
        ModelError: Only where the file is no readable ONNX graph.
    """
    graph = read_graph(path)
    try:
        walk = start(graph, input_quant)
    except ModelError as error:
        return CheckReport(
            file=graph.file, supported=False, nodes=(), layers=(), obstacles=(_obstacle(error),), network=None
        )
    walk.problems = []
    walk.on_blind = check_blind
    made: Network | None = None
    values = walk.run()
    if not any(isinstance(value, Unknown) for value in values):
        try:
            ends = finish(walk)
            if not walk.problems:
                made = network(path, walk, ends)
        except ModelError as error:
            walk.complain(error)
    if made is None and not walk.problems:
        raise InternalError("frontend", f"{graph.file} is refused without a reason")
    return CheckReport(
        file=graph.file,
        supported=made is not None,
        nodes=tuple(NodeRow(name=n.name, op=n.op, becomes=walk.becomes.get(n.name, "")) for n in graph.nodes),
        layers=tuple(_row(facts, made) for facts in walk.layers),
        obstacles=tuple(_obstacle(error) for error in walk.problems),
        network=made,
    )


def _obstacle(error: ModelError) -> Obstacle:
    return Obstacle(sentence=error.sentence, help=error.help)


def _row(facts: LayerFacts, made: Network | None) -> LayerRow:
    layer = None if made is None else next((x for x in made.layers if x.name == facts.node), None)
    read = [] if made is None or layer is None else [bits(made.tensor(n).range) for n in layer.sources]
    return LayerRow(
        name=facts.node,
        op=facts.op,
        ternary=facts.ternary,
        weights=facts.weights,
        nonzeros=facts.nonzeros,
        density=facts.nonzeros / facts.weights,
        weight_bits=facts.bits,
        input_bits=max(read, default=None),
        output_bits=None if made is None or layer is None else _written(made, layer),
    )


def _written(made: Network, layer: Linear) -> int | None:
    return None if layer.activation is None else bits(made.tensor(layer.target).range)


def bits(codes: IntRange) -> int:
    """Bits of an integer range, with a sign where it holds negative numbers."""
    if codes.low >= 0:
        return max(1, codes.high.bit_length())
    return max((-codes.low - 1).bit_length(), codes.high.bit_length()) + 1
