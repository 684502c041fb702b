"""The state of a graph that is being drawn: what it is written with, and which values can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from onnx_writer import DIALECTS, Dialect, Writer

T = TypeVar("T")
Array = NDArray[Any]

OPSETS = (17, 9, 11, 13, 18, 20, 21, 24, 25)
"""The first is where failures shrink to."""

LARGEST = 200
"""Most elements of a value; operators that enlarge stay below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What holds for the whole graph.

    Attributes:
        acts, weights: The dialect of most quantisers of activations, and of weights.
        arbitrary: Whether scales and other constants are any float32, or else short binary fractions.
        dynamic: Whether the batch is a name, or else 1.
        stored: Where constants are: initialisers, Constant nodes, or initialisers repeated as graph inputs.
        kept: Whether batch normalisation is kept as a node, or else folded into the weights in front of it.
        counted: Whether quantisers count thresholds, as FINN's transformations leave them.
    """

    opset: int
    acts: Dialect
    weights: Dialect
    arbitrary: bool
    dynamic: bool
    stored: str
    kept: bool
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Val:
    """An ONNX value of the graph.

    Attributes:
        shape: For a batch of 1.
        size: Roughly the size of its typical numbers.
        codes: Whether it is quantised, so that a layer may read it.
        axis: The axis of its channels, where one axis is just that.
        scale: The quantiser's, where it is one number.
        finite: Whether it takes few numbers only, as codes and functions of codes do.
        plain: Whether it is a layer's sums, each in its place and functions of one alone: what a max pool can join.
        entry: Whether it is a graph input behind its quantiser, of which there is just one.
        padded: Whether a padding stands beside it that no layer has written yet.
        each: Whether each channel is quantised with a scale of its own, so that a layer must read it whole.
    """

    name: str
    shape: tuple[int, ...]
    size: float
    codes: bool = False
    axis: int | None = 1
    scale: float | None = None
    finite: bool = False
    plain: bool = False
    entry: bool = False
    padded: bool = False
    each: bool = False

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def count(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def spatial(self) -> tuple[int, ...]:
        """The axes behind the channels."""
        return self.shape[2:]

    @property
    def channels(self) -> int:
        """Length of the channel axis."""
        return self.shape[1 if self.axis is None else self.axis]


@dataclass(slots=True, kw_only=True, eq=False)
class Net:
    """A graph in the making.

    Attributes:
        draw: hypothesis's.
        live: Quantised values that nothing has to read, but anything may; the latest one last.
        read: Names of live values that something reads; at the end the others become outputs.
        last: Whether the last layer is being drawn.
        features: What was drawn, how often.
    """

    draw: st.DrawFn
    plan: Plan
    w: Writer = field(default_factory=Writer)
    live: list[Val] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    last: bool = False
    features: Counter[str] = field(default_factory=Counter)

    def any(self) -> Val:
        """A live value to read: the latest one, one that nothing reads yet, or any."""
        fresh = [v for v in self.live[::-1] if v.name not in self.read]
        which = self.pick("latest", "fresh", "any") if len(self.live) > 1 else "latest"
        options = {"latest": self.live[-1:], "fresh": fresh or self.live[-1:], "any": self.live[::-1]}[which]
        return self.reads(self.pick(*options))

    def reads(self, x: Val) -> Val:
        """The live value, which something reads from now on."""
        self.read.add(x.name)
        return x

    # ---- drawing: everything shrinks to its first choice, its least number, or to no ------------------------

    def pick(self, *options: T) -> T:
        """One of the options."""
        return self.draw(st.sampled_from(options))

    def whole(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return self.draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        """Yes, in so many of a hundred cases."""
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def given(self, **attributes: Any) -> dict[str, Any]:
        """No attributes, or these."""
        return self.pick({}, attributes)

    def random(self) -> np.random.Generator:
        """A generator of numbers from a drawn seed."""
        return np.random.default_rng(self.draw(st.integers(0, 2**16 - 1)))

    def note(self, *features: str) -> None:
        """Count what was drawn."""
        self.features.update(features)

    # ---- numbers -------------------------------------------------------------------------------------------

    def near(self, size: float) -> float:
        """A positive float32 of about that size: a power of two, or in a graph with arbitrary numbers any."""
        power = 2.0 ** np.round(np.log2(max(size, 1e-6)))
        factor = self.pick(1.0, 0.5, 2.0)
        if self.plan.arbitrary and self.chance(75):
            factor *= self.whole(700, 1400) / 1000
        return float(np.float32(power * factor))

    def constants(self, count: int, size: float, rng: np.random.Generator) -> Array:
        """float32 ``[count]`` of both signs: arbitrary ones, or multiples of a power of two."""
        if self.plan.arbitrary:
            return np.asarray(rng.normal(0, size, count), np.float32)
        unit = 2.0 ** np.round(np.log2(max(size, 1e-6)) - 2)
        return np.asarray(rng.integers(-8, 9, count) * unit, np.float32)

    def scales(self, count: int, size: float, rng: np.random.Generator, *, distinct: int = 8) -> Array:
        """float32 ``[count]``, positive, at most so many different ones."""
        if self.plan.arbitrary:
            few: Array = size * rng.uniform(0.6, 1.7, distinct)
        else:
            few = 2.0 ** (np.round(np.log2(max(size, 1e-6))) + rng.integers(-1, 2, distinct))
        return np.asarray(few[rng.integers(0, distinct, count)], np.float32)

    # ---- writing -------------------------------------------------------------------------------------------

    @property
    def opset(self) -> int:
        """The operator set."""
        return self.plan.opset

    def node(self, x: Val, op: str, *more: str, **attributes: Any) -> Val:
        """A node that keeps the shape, on a value and further operands."""
        return replace(x, name=self.w.node(op, x.name, *more, **attributes), codes=False, scale=None)

    def moved(self, x: Val, name: str, shape: Sequence[int], *, axis: int | None = None) -> Val:
        """The same numbers in another arrangement."""
        return replace(x, name=name, shape=tuple(int(n) for n in shape), axis=axis, plain=False)

    def axes(self, op: str, x: str, axes: Sequence[int], *, first: int, **attributes: Any) -> str:
        """A node whose axes are an attribute before operator set ``first``, then an operand."""
        if self.opset < first:
            return self.w.node(op, x, axes=list(axes), **attributes)
        return self.w.node(op, x, self.w.whole(*axes), **attributes)

    def reshape(self, x: Val, *shape: int) -> str:
        """The value in another shape, whose batch may be written as 1, -1 or 0."""
        lead = self.pick(-1, 0) if self.plan.dynamic else self.pick(1, -1, 0)
        return self.w.reshape(x.name, lead, *shape[1:])

    def spread(self, x: Val, values: Array) -> str:
        """A constant with one number for each channel, in a shape that broadcasts into the value."""
        axis = 1 if x.axis is None else x.axis
        behind = [1] * (x.rank - 1 - axis)
        shape = [-1, *behind] if self.pick(False, True) else [*[1] * axis, -1, *behind]
        return self.w.const(values.reshape(shape))

    def per_channel(self, x: Val) -> bool:
        """Whether a constant differs from channel to channel."""
        return x.axis is not None and x.channels > 1 and self.chance(50)


def dialects_of(opset: int) -> tuple[Dialect, ...]:
    """The dialects of an operator set: older ones have neither Round nor QuantizeLinear."""
    return DIALECTS if opset >= 11 else ("qonnx",)


def start(draw: st.DrawFn) -> Net:
    """A net without a value yet."""

    def pick(*options: T) -> T:
        return draw(st.sampled_from(options))

    opset = pick(*OPSETS)
    dialects = dialects_of(opset)
    acts = pick(*dialects)
    weights = acts if draw(st.integers(0, 9)) < 6 else pick(*dialects)
    plan = Plan(
        opset=opset,
        acts=acts,
        weights=weights,
        arbitrary=draw(st.booleans()),
        dynamic=draw(st.integers(0, 9)) >= 7,
        stored=pick("initialisers", "initialisers", "initialisers", "nodes", "inputs"),
        kept=pick(True, False),
        counted=acts == "qonnx" and draw(st.integers(0, 9)) >= 8,
    )
    net = Net(draw=draw, plan=plan)
    net.note(
        f"opset {opset}",
        f"activations {acts}",
        f"weights {weights}",
        "dialects mixed" if acts != weights else "one dialect",
        "arbitrary numbers" if plan.arbitrary else "binary fractions",
        "batch dynamic" if plan.dynamic else "batch 1",
        f"constants as {plan.stored}",
        *(["thresholds everywhere"] if plan.counted else []),
    )
    return net
