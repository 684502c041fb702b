"""The walk over the graph's nodes: each becomes a constant, a view of integers, or a refusal that names it.

Handlers register themselves by operator name; supporting another operator touches one ``ops_*`` file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from ternc.errors import ModelError
from ternc.frontend import fold, refused, straight
from ternc.frontend.build import Builder
from ternc.frontend.filled import filled, has_filling
from ternc.frontend.graph import DOMAINS, OnnxGraph
from ternc.frontend.straight import Functions
from ternc.frontend.straight_steps import as_steps
from ternc.frontend.values import (
    NOTHING,
    Array,
    Choice,
    Comparison,
    Computed,
    Const,
    GraphInput,
    Host,
    Index,
    Joined,
    Node,
    Partial,
    TooLargeError,
    Unknown,
    Value,
    View,
    pixels,
    reals,
)
from ternc.network.stairs.exact import rational
from ternc.network.steps import PerChannel, Step, each_step

Handler: TypeAlias = "Callable[[Walk, Node], Value | list[Value]]"
Folder: TypeAlias = "Callable[[Walk, Node], Array]"

_HANDLERS: dict[str, _Entry] = {}
_FOLDERS: dict[str, Folder] = {}

READS_COMPARISONS = {"Where", "Not", "Cast"}
"""Operators for which a comparison has a form on the chip."""

SHAPE_READERS = {("CastLike", 1), ("Shape", 0), ("Size", 0)}
"""(operator, input position) that reads a value's shape or type only."""

LONGEST_QUOTE = 200
"""Characters of another library's message that a sentence repeats."""

SMALLER = "cut the network into smaller ones, or reduce the sizes of its maps"

_CUSTOM = {"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold"}

ALONE = {
    "Add",
    "Sub",
    "Sum",
    "Mul",
    "Div",
    "Max",
    "Min",
    "Where",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
}
"""Further operators that act on each number alone where only one of their operands is computed."""

HOST = {
    "Abs", "Acos", "Add", "And", "ArgMax", "ArgMin", "Asin", "Atan", "AveragePool", "BatchNormalization", "Cast",
    "CastLike", "Ceil", "Celu", "Clip", "Compress", "Concat", "ConstantOfShape", "Cos", "CumSum", "DepthToSpace",
    "Div", "Dropout", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather",
    "GatherElements", "GatherND", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual",
    "GridSample", "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization",
    "IsInf", "IsNaN", "LRN", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax",
    "LpNormalization", "Max", "MaxPool", "Mean", "MeanVarianceNormalization", "Min", "Mish", "Mod", "Mul", "Neg",
    "NonMaxSuppression", "NonZero", "Not", "Or", "PRelu", "Pad", "Pow", "RMSNormalization", "Range", "Reciprocal",
    "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare",
    "Relu", "Reshape", "Resize", "RoiAlign", "Round", "ScatterElements", "ScatterND", "Selu", "Shape", "Sigmoid",
    "Sign", "Sin", "Slice", "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub",
    "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where",
    "Xor",
}  # fmt: skip
"""Operators that may run on the host in float behind the last layer."""

_KEEPS_NAME = {
    "Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "DequantizeLinear", "Clip", "Cast", "CastLike",
    "Identity", "Mul", "Div", "Round", "Min", "Max", "Dropout",
}  # fmt: skip


class HostOnlyError(ModelError):
    """The refusal of a node that has no integer form here, but may run on the host behind the last layer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Entry:
    handler: Handler
    becomes: str
    elementwise: bool
    fills: bool


def handles(
    *ops: str, becomes: str, elementwise: bool = False, fills: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for operators with at least one computed input.

    An elementwise handler sees one view at a time: of several side by side, it is called for each. One that
    ``fills`` knows itself what to do with the number of a padding.
    """

    def register(handler: Handler) -> Handler:
        for op in ops:
            _HANDLERS[op] = _Entry(handler=handler, becomes=becomes, elementwise=elementwise, fills=fills)
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
        bits: Of the integer weights (2 if ternary), or None where they are no integers times a scale.
    """

    node: str
    op: str
    weights: int
    nonzeros: int
    ternary: bool
    bits: int | None


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
        makers: The node that made each value.
        shapes: Values behind a refused one that are made of shapes alone.
    """

    graph: OnnxGraph
    build: Builder
    values: dict[str, Value] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    problems: list[ModelError] | None = None
    becomes: dict[str, str] = field(default_factory=dict)
    layers: list[LayerFacts] = field(default_factory=list)
    on_blind: Callable[[Walk, Node], None] | None = None
    makers: dict[str, Node] = field(default_factory=dict)
    shapes: set[str] = field(default_factory=set)
    _tail: set[str] | None = None

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
            case Joined() as joined:
                raise self.refuse(
                    node, f": a concatenation ('{joined.name}') as its input is not supported here"
                )
            case Choice():
                raise self.refuse(
                    node, " reads the result of ArgMax or TopK, which must be the network's end"
                )
            case Partial() as partial:
                raise partial.reason
            case _:
                raise self.refuse(node, f": its input {position} must be computed from the network's input")

    def computed(self, node: Node, position: int = 0) -> Computed:
        """The computed input at a position, possibly a concatenation."""
        value = self.value(node, position)
        return value if isinstance(value, Joined) else self.view(node, position)

    def arranged(self, value: Computed, name: str, move: Callable[[Index], Index]) -> Computed:
        """The value with its elements moved: ``move`` acts on an index."""

        def one(view: View) -> View:
            return replace(view, name=name, index=np.ascontiguousarray(move(view.index), np.int64))

        if isinstance(value, Joined):
            return tidy(name, [one(part) for part in value.parts])
        return one(value)

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
        there = view.index != NOTHING
        channel, given = view.index[there] // pixels(view.size), full[there]
        out = np.full(view.size[0], given[0] if given.size else 0.0)
        out[channel] = given
        if not np.array_equal(out[channel], given):
            raise self.refuse(
                node,
                f", {what} '{const.name}': must be one number per channel, but differs inside a channel",
                help="make each number a channel: a dense layer over the flattened value, or one number per channel",
            )
        return out[:1] if np.all(out == out[0]) else out

    def finite(self, node: Node, const: Const, what: str, *, infinite: bool = False) -> None:
        """Refuse a constant that holds NaN or, unless allowed, infinity."""
        if const.array.dtype.kind not in "fV" and const.array.dtype.name != "bfloat16":
            return
        values = const.array if const.array.dtype.kind == "f" else reals(const.array)
        bad = np.isnan(values) if infinite else ~np.isfinite(values)
        if np.any(bad):
            at = np.argwhere(bad)[0].tolist()
            found = "NaN" if np.isnan(values[tuple(at)]) else "infinity"
            raise self.refuse(
                node,
                f", {what} '{const.name}': must be finite, but holds {found} (first: {element(const, at)})",
            )

    def run(self) -> list[Value]:
        """Walk all nodes and return the graph outputs' values."""
        for name, array in self.graph.initialisers.items():
            self.values[name] = Const(array=array, name=name)
        for node in self.graph.nodes:
            for position, name in enumerate(node.inputs):
                if (node.op, position) not in SHAPE_READERS:
                    self.uses[name] = self.uses.get(name, 0) + 1
        for output in self.graph.outputs:
            self.uses[output] = self.uses.get(output, 0) + 1
        for node in self.graph.nodes:
            for name, value in zip(node.outputs, self._visit(node), strict=False):
                if name:
                    self.makers[name] = node
                    self.values[name] = self._annotated(name, value)
        return [self.values[output] for output in self.graph.outputs]

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
        behind = next((v for v in map(self._host_value(node), node.inputs) if v is not None), None)
        if node.op in HOST and not node.domain and (behind is not None or node.op not in _HANDLERS):
            reason = behind.reason if behind else self._host_reason(node)
            self.becomes[node.name] = "on the host"
            first = behind.node if behind else node
            return [Host(name=name, node=first, reason=reason) for name in node.outputs]
        if behind is not None:
            self.becomes[behind.node.name] = "refused"
            self.complain(behind.reason)
            return self._blind(node)
        found = self._entry(node)
        self.becomes[node.name] = found.becomes
        try:
            return self._call(found, node)
        except TooLargeError as error:
            raise self.refuse(node, f": its output has {error}", help=SMALLER) from error
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise self.refuse(
                node,
                f": it is malformed, or of a form that is not known ({type(error).__name__}: {said(error)})",
            ) from error
        except HostOnlyError as error:
            if node.domain or not self.ends(node):
                raise
            self.becomes[node.name] = "on the host"
            return [Host(name=name, node=node, reason=error) for name in node.outputs]

    def _host_value(self, node: Node) -> Callable[[str], Host | None]:
        """What of a node's inputs only the host can compute; of a comparison, whatever is no choice."""

        def found(name: str) -> Host | None:
            match self.values.get(name):
                case Host() as host:
                    return host
                case Comparison() if node.op not in READS_COMPARISONS or (
                    node.op != "Where" and self.ends(node)
                ):
                    maker = self.makers[name]
                    return Host(name=name, node=maker, reason=self._host_reason(maker))
                case _:
                    return None

        return found

    def _entry(self, node: Node) -> _Entry:
        """The handler of a node's operator; a refusal where there is none."""
        found = _HANDLERS.get(node.op)
        if found is not None and (not node.domain or (node.op in _CUSTOM and node.domain in DOMAINS)):
            return found
        raise self._unsupported(node)

    def _unsupported(self, node: Node) -> ModelError:
        if node.op in refused.OPERATORS:
            reason = refused.OPERATORS[node.op]
            return self.refuse(node, reason.text, help=reason.help)
        if node.domain and node.domain not in DOMAINS:
            return self.refuse(
                node,
                f": operators of the domain '{node.domain}' are not supported",
                help=refused.domain_help(node.domain),
            )
        return self.refuse(
            node,
            ": this operator is not supported",
            help="`ternc check` lists what every node becomes; express it with supported operators",
        )

    def _call(self, entry: _Entry, node: Node) -> list[Value]:
        """Run a handler; an elementwise one for each part of a concatenation."""
        self._fill(entry, node)
        read = [name for i, name in enumerate(node.inputs) if (node.op, i) not in SHAPE_READERS]
        partial = [v for v in map(self.values.get, read) if isinstance(v, Partial)]
        if entry.elementwise and len(partial) == 1:
            return [self._on_partial(entry, node, partial[0])]
        joined = [v for v in map(self.values.get, read) if isinstance(v, Joined)]
        if not entry.elementwise or len(joined) != 1:
            value = entry.handler(self, node)
            if isinstance(value, list):
                return value
            slot = node.outputs.index(value.name) if value.name in node.outputs else 0
            value = self._padded(entry, node, value)
            return [value if i == slot else Unknown(name=name) for i, name in enumerate(node.outputs)]
        parts = []
        slot = node.inputs.index(joined[0].name)
        for part in joined[0].parts:
            self.values[node.inputs[slot]] = part
            made = entry.handler(self, node)
            assert isinstance(made, View)
            parts.append(made)
        self.values[node.inputs[slot]] = joined[0]
        return [self._padded(entry, node, Joined(name=node.outputs[0], parts=tuple(parts)))]

    def _fill(self, entry: _Entry, node: Node) -> None:
        """Have paddings other than 0 written by a layer, where the node is no function of each number alone."""
        computed = {name for name in node.inputs if isinstance(self.values.get(name), View | Joined)}
        alone = entry.elementwise or node.op in ALONE
        if entry.fills or (alone and len(computed) == 1):
            return
        for name in computed:
            value = self.values[name]
            if has_filling(value):
                assert isinstance(value, View | Joined)
                self.values[name] = filled(self.build, value, self.where(node))

    def _on_partial(self, entry: _Entry, node: Node, partial: Partial) -> Value:
        """An elementwise handler on one half of a choice: on the value that it is a function of, and what that adds."""
        slot = node.inputs.index(partial.name)
        self.values[node.inputs[slot]] = partial.view
        try:
            made = entry.handler(self, node)
        finally:
            self.values[node.inputs[slot]] = partial
        assert isinstance(made, View)
        functions = straight.applied(made.steps[len(partial.view.steps) :], partial.functions)
        if functions is None:
            raise partial.reason
        return together(node.outputs[0], replace(made, steps=partial.view.steps), functions, partial.reason)

    def _padded(self, entry: _Entry, node: Node, value: Value) -> Value:
        """The value of an elementwise operator, and what it makes of a padding's number.

        Where that is another number in each channel, or none that can be written down, a layer writes what is padded.
        """
        if not isinstance(value, View | Joined) or not np.any(value.index == NOTHING):
            return value
        for name in node.inputs:
            given = self.values.get(name)
            old = given.view if isinstance(given, Comparison) else given
            if isinstance(old, View | Joined) and np.any(old.index == NOTHING):
                break
        else:
            return value
        befores = old.parts if isinstance(old, Joined) else (old,)
        afters = value.parts if isinstance(value, Joined) else (value,)
        if len(befores) != len(afters):  # side by side with something: nothing is made of their padding
            return value
        pairs = [(b, a) for b, a in zip(befores, afters, strict=True) if b.source is a.source]
        fills = {fill for b, a in pairs for fill in _fills(a.steps[len(b.steps) :], b.fill)}
        if not fills:
            return value
        if len(fills) == 1 and None not in fills:
            (fill,) = (f for f in fills if f is not None)
            made = tuple(replace(part, fill=fill) for part in afters)
            return replace(value, parts=made) if isinstance(value, Joined) else made[0]
        if old is not given:
            raise self.refuse(
                node,
                f" reads '{old.name}', which is padded with {float(old.fill):g}, and makes another number of that "
                "in each channel",
                help="pad behind it, or in the convolution itself",
            )
        self.values[name] = filled(self.build, old, self.where(node))
        return self._call(entry, node)[0]

    def ends(self, node: Node) -> bool:
        """Whether nothing but operators for the host lies between a node and the graph's outputs."""
        if self._tail is None:
            self._tail = set()
            barred: set[str] = set()  # values that something else than the host reads, now or later
            for other in reversed(self.graph.nodes):
                if barred.isdisjoint(other.outputs):
                    self._tail.add(other.name)
                if other.op not in HOST or other.domain or not barred.isdisjoint(other.outputs):
                    barred.update(other.inputs)
        return node.name in self._tail

    def _host_reason(self, node: Node) -> ModelError:
        known = refused.OPERATORS.get(node.op)
        text = known.text if known else ": it has no integer form"
        return self.refuse(
            node,
            f"{text}, so it can only run on the host, behind the network's last layer",
            help=known.help if known else "move it behind the last layer, or replace it",
        )

    def _blind(self, node: Node) -> list[Value]:
        """A node behind a refused one: only what its constants tell is checked."""
        if self.problems is None:
            name = next(n for n in node.inputs if n and isinstance(self.values[n], Unknown))
            raise self.refuse(node, f" reads '{name}', a secondary output that is not supported")
        if node.op in ("Shape", "Size") or all(
            isinstance(self.values[n], Const) or n in self.shapes for n in node.inputs if n
        ):  # a constant, were its value known
            self.shapes.update(node.outputs)
            self.becomes[node.name] = "not reached"
            return [Unknown(name=name) for name in node.outputs]
        known = len(self.problems)
        try:
            if node.domain or node.op not in HOST:
                self._entry(node)
            elif node.op not in _HANDLERS and not self.ends(node):
                raise self._host_reason(node)
            if self.on_blind is not None:
                self.on_blind(self, node)
        except ModelError as error:
            self.complain(error)
        self.becomes[node.name] = "refused" if len(self.problems) > known else "not reached"
        return [Unknown(name=name) for name in node.outputs]

    def fold(self, node: Node) -> list[Const]:
        """Evaluate a node whose inputs are all constant."""
        folder = _FOLDERS.get(node.op)
        first = next((v for v in (self.values.get(n) for n in node.inputs) if isinstance(v, Const)), None)
        if folder is None and (node.domain or node.op in refused.OPERATORS):
            raise self._unsupported(node)
        if "sparse_value" in node.attributes:
            raise self.refuse(node, ": its value must be dense, but is sparse", help="store it densely")
        values = [self.values[name] if name else None for name in node.inputs]
        try:
            if folder is not None:
                arrays = [folder(self, node)]
            else:
                given = [v.array if isinstance(v, Const) else None for v in values]
                arrays = fold.evaluate(node, given, self.graph.opset)
        except ModelError:
            raise
        except TooLargeError as error:
            raise self.refuse(node, f": its output has {error}", help=SMALLER) from error
        except Exception as error:
            raise self.refuse(
                node, f": this operator cannot be evaluated on its constants ({said(error)})"
            ) from error
        keeps = first is not None and node.op in _KEEPS_NAME and arrays[0].shape == first.array.shape
        names = [first.name if keeps and first is not None else output for output in node.outputs]
        return [Const(array=a, name=n) for a, n in zip(arrays, names, strict=False)]


def together(name: str, view: View, functions: Functions, reason: ModelError) -> View | Partial:
    """Functions of a view as the ONNX value ``name``: steps where there are some, else part of an activation."""
    steps = as_steps(functions)
    if steps is None:
        return Partial(name=name, view=view, functions=functions, reason=reason)
    return replace(view, name=name, steps=(*view.steps, *steps))


def _fills(added: tuple[Step, ...], fill: Fraction) -> set[Fraction | None]:
    """What steps make of a padding's number in all channels, None for what is not rational; empty without steps."""
    if not added:
        return set()
    return {rational(added, channel, fill) for channel in different_channels(added)}


def different_channels(steps: tuple[Step, ...]) -> list[int]:
    """Channels that stand for all: every other one has the same constants as one of them."""
    constants = [getattr(step, f.name) for step in each_step(steps) for f in fields(step)]
    columns = [c.reshape(len(c), -1) for c in constants if isinstance(c, np.ndarray) and len(c) > 1]
    if not columns:
        return [0]
    return [int(i) for i in np.unique(np.hstack(columns), axis=0, return_index=True)[1]]


def tidy(name: str, parts: list[View]) -> Computed:
    """Views side by side as one value; those that have nothing left are dropped."""
    useful = [part for part in parts if np.any(part.index != NOTHING)] or parts[:1]
    return useful[0] if len(useful) == 1 else Joined(name=name, parts=tuple(useful))


def said(error: Exception) -> str:
    """What another library says, on one line and cut where it goes on and on."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]} ..."


def element(const: Const, at: list[int]) -> str:
    """``w3[2,0,1,1]``, or the bare name of a scalar."""
    return f"{const.name}[{','.join(map(str, at))}]" if at else const.name
