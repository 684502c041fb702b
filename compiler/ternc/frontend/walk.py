"""The walk over the graph's nodes: each becomes a constant, a view of integers, or a refusal that names it.

Handlers register themselves by operator name; supporting another operator touches one ``ops_*`` file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from ternc.errors import ModelError
from ternc.frontend import fold
from ternc.frontend.build import Builder
from ternc.frontend.load import DOMAINS, OnnxGraph
from ternc.frontend.values import (
    Array,
    Choice,
    Const,
    GraphInput,
    Node,
    Unknown,
    Value,
    View,
    pixels,
    reals,
)
from ternc.network.steps import PerChannel, Step

Handler: TypeAlias = "Callable[[Walk, Node], Value]"
Folder: TypeAlias = "Callable[[Walk, Node], Array]"

_HANDLERS: dict[str, tuple[Handler, str]] = {}
_FOLDERS: dict[str, Folder] = {}

SHAPE_READERS = {("CastLike", 1), ("Shape", 0), ("Size", 0)}
"""(operator, input position) that reads a value's shape or type only."""

_CUSTOM = {"Quant", "IntQuant", "BipolarQuant"}

_KEEPS_NAME = {
    "Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "DequantizeLinear", "Clip", "Cast", "CastLike",
    "Identity", "Mul", "Div", "Round", "Min", "Max", "Dropout",
}  # fmt: skip


def handles(*ops: str, becomes: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators with at least one computed input."""

    def register(handler: Handler) -> Handler:
        for op in ops:
            _HANDLERS[op] = (handler, becomes)
        return handler

    return register


def folds(*ops: str) -> Callable[[Folder], Folder]:
    """Register an evaluator for operators on constants that onnx's reference does not know."""

    def register(folder: Folder) -> Folder:
        for op in ops:
            _FOLDERS[op] = folder
        return folder

    return register


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerFacts:
    """What `ternc check` says of one linear layer's weights.

    Attributes:
        node, op: Its name and operator.
        weights, nonzeros: Numbers of weights.
        ternary: Whether all of them are ternary.
        distinct: Most distinct values in one output channel, capped at 257.
    """

    node: str
    op: str
    weights: int
    nonzeros: int
    ternary: bool
    distinct: int


@dataclass(slots=True, kw_only=True, eq=False)
class Walk:
    """The state of one walk.

    Attributes:
        graph: What is read.
        build: Collects the finished tensors and layers.
        values: What each ONNX value is known to be.
        problems: Obstacles met so far, or None where the first one is to be raised.
        becomes: Per node name, what it turned into.
        layers: Facts of each linear layer met.
        on_blind: Called for nodes behind a refused one.
    """

    graph: OnnxGraph
    build: Builder
    values: dict[str, Value] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    problems: list[ModelError] | None = None
    becomes: dict[str, str] = field(default_factory=dict)
    layers: list[LayerFacts] = field(default_factory=list)
    on_blind: Callable[[Walk, Node], None] | None = None

    def where(self, node: Node) -> str:
        """How a sentence about a node starts."""
        return f"{self.graph.file}: node '{node.name}' ({node.op})"

    def refuse(self, node: Node, text: str, *, help: str = "") -> ModelError:
        """A refusal of one node; ``text`` continues the sentence (with its own comma where it needs one)."""
        return ModelError(f"{self.where(node)}{text}", help=help)

    def complain(self, error: ModelError) -> None:
        """Raise the refusal, or note it and go on where all obstacles are wanted."""
        if self.problems is None:
            raise error
        if str(error) not in {str(p) for p in self.problems}:
            self.problems.append(error)

    def value(self, node: Node, position: int) -> Value | None:
        """The input at a position; None where it is absent."""
        if position >= len(node.inputs) or not node.inputs[position]:
            return None
        return self.values[node.inputs[position]]

    def const(self, node: Node, position: int, what: str) -> Const | None:
        """The constant input at a position; None where it is absent."""
        match self.value(node, position):
            case None:
                return None
            case Const() as const:
                return const
            case _:
                raise self.refuse(
                    node, f": its {what} must be constant, but '{node.inputs[position]}' is computed"
                )

    def view(self, node: Node, position: int = 0) -> View:
        """The computed input at a position."""
        match self.value(node, position):
            case View() as view:
                return view
            case Choice():
                raise self.refuse(
                    node, " reads the result of ArgMax or TopK, which must be the network's end"
                )
            case _:
                raise self.refuse(node, f": its input {position} must be computed from the network's input")

    def step(self, view: View, name: str, *steps: Step, dtype: str | None = None) -> View:
        """The view with further steps, as the ONNX value ``name``."""
        return replace(view, name=name, steps=(*view.steps, *steps), dtype=dtype or view.dtype)

    def spread(
        self, node: Node, view: View, const: Const, what: str, *, infinite: bool = False
    ) -> PerChannel:
        """A constant operand as one number per channel of the view's map.

        Raises:
            ModelError: It is not finite, changes the value's shape, or differs inside a channel.
        """
        array = reals(const.array)
        self.finite(node, const, what, infinite=infinite)
        if array.size == 1 and array.ndim <= view.index.ndim:
            return array.reshape(1)
        shape = view.index.shape
        try:
            full = np.broadcast_to(array, shape)
        except ValueError:
            raise self.refuse(
                node,
                f", {what} '{const.name}': its shape {list(array.shape)} must broadcast into {list(shape)}",
            ) from None
        channel = view.index.ravel() // pixels(view.size)
        out = np.zeros(view.size[0])
        out[channel] = full.ravel()
        if not np.array_equal(out[channel], full.ravel()):
            raise self.refuse(
                node,
                f", {what} '{const.name}': must be one number per channel, but differs inside a channel",
            )
        return out[:1] if np.all(out == out[0]) else out

    def finite(self, node: Node, const: Const, what: str, *, infinite: bool = False) -> None:
        """Refuse a constant that holds NaN or, unless allowed, infinity."""
        if const.array.dtype.kind not in "fV" and const.array.dtype.name != "bfloat16":
            return
        values = reals(const.array)
        bad = np.isnan(values) if infinite else ~np.isfinite(values)
        if np.any(bad):
            at = np.argwhere(bad)[0].tolist()
            found = "NaN" if np.isnan(values[tuple(at)]) else "infinity"
            raise self.refuse(
                node,
                f", {what} '{const.name}': must be finite, but holds {found} (first: {element(const, at)})",
            )

    def run(self) -> Value:
        """Walk all nodes and return the graph output's value."""
        for name, array in self.graph.initialisers.items():
            self.values[name] = Const(array=array, name=name)
        for node in self.graph.nodes:
            for position, name in enumerate(node.inputs):
                if (node.op, position) not in SHAPE_READERS:
                    self.uses[name] = self.uses.get(name, 0) + 1
        self.uses[self.graph.output] = self.uses.get(self.graph.output, 0) + 1
        for node in self.graph.nodes:
            for name, value in zip(node.outputs, self._visit(node), strict=False):
                if name:
                    self.values[name] = self._annotated(name, value)
        return self.values[self.graph.output]

    def _annotated(self, name: str, value: Value) -> Value:
        if not isinstance(value, View):
            return value
        if self.uses.get(name, 0) > 1:
            value = replace(value, shared=True)
        if isinstance(value.source, GraphInput) and name in self.graph.types:
            return self.build.declared(value, self.graph.types[name])
        return value

    def _visit(self, node: Node) -> list[Value]:
        inputs = [self.values[name] if name else None for name in node.inputs]
        try:
            if any(isinstance(value, Unknown) for value in inputs):
                return self._blind(node)
            if all(value is None or isinstance(value, Const) for value in inputs):
                self.becomes[node.name] = "constant, folded"
                return list(self.fold(node))
            return self._handle(node)
        except ModelError as error:
            self.complain(error)
            self.becomes[node.name] = "refused"
            return [Unknown(name=name) for name in node.outputs]

    def _handle(self, node: Node) -> list[Value]:
        found = _HANDLERS.get(node.op)
        if found is None or (node.domain and (node.op not in _CUSTOM or node.domain not in DOMAINS)):
            domain = f" of domain '{node.domain}'" if node.domain else ""
            raise self.refuse(
                node,
                f": this operator{domain} is not supported",
                help="`ternc check` lists what every node becomes; express it with supported operators",
            )
        handler, becomes = found
        self.becomes[node.name] = becomes
        try:
            value = handler(self, node)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise self.refuse(
                node, f": it is malformed, or of a form that is not known ({type(error).__name__}: {error})"
            ) from error
        slot = node.outputs.index(value.name) if value.name in node.outputs else 0
        return [value if i == slot else Unknown(name=name) for i, name in enumerate(node.outputs)]

    def _blind(self, node: Node) -> list[Value]:
        """A node behind a refused one: only what its constants tell is checked."""
        if self.problems is None:
            name = next(n for n in node.inputs if n and isinstance(self.values[n], Unknown))
            raise self.refuse(node, f" reads '{name}', a secondary output that is not supported")
        self.becomes[node.name] = "not reached"
        try:
            if _HANDLERS.get(node.op, (None, "refused"))[1] == "refused":
                self._handle(node)
            elif self.on_blind is not None:
                self.on_blind(self, node)
        except ModelError as error:
            self.complain(error)
            self.becomes[node.name] = "refused"
        return [Unknown(name=name) for name in node.outputs]

    def fold(self, node: Node) -> list[Const]:
        """Evaluate a node whose inputs are all constant."""
        folder = _FOLDERS.get(node.op)
        first = next((v for v in (self.values.get(n) for n in node.inputs) if isinstance(v, Const)), None)
        if folder is not None:
            arrays = [folder(self, node)]
        elif node.domain:
            raise self.refuse(node, f": this operator of domain '{node.domain}' is not supported")
        else:
            values = [self.values[name] if name else None for name in node.inputs]
            try:
                given = [v.array if isinstance(v, Const) else None for v in values]
                arrays = fold.evaluate(node, given, self.graph.opset)
            except Exception as error:
                raise self.refuse(
                    node, f": this operator cannot be evaluated on its constants ({error})"
                ) from error
        keeps = first is not None and node.op in _KEEPS_NAME and arrays[0].shape == first.array.shape
        names = [first.name if keeps and first is not None else output for output in node.outputs]
        return [Const(array=a, name=n) for a, n in zip(arrays, names, strict=False)]


def element(const: Const, at: list[int]) -> str:
    """``w3[2,0,1,1]``, or the bare name of a scalar."""
    return f"{const.name}[{','.join(map(str, at))}]" if at else const.name
