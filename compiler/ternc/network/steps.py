"""Elementwise real functions between an accumulator and the next quantiser, one step at a time.

A step's constants are exactly the float32 (or integer) constants of the ONNX graph, held as float64, which
represents each of them exactly. Three evaluations of the same step exist: exact reals (thresholds),
float64 vectors (to find thresholds fast) and float32 as onnxruntime computes it (the host's prologue).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

PerChannel: TypeAlias = NDArray[np.float64]
"""Shape ``[1]`` (the same constant for all) or ``[channels]``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Add:
    """``v + addend``; a subtraction is an addition of the negated constant."""

    addend: PerChannel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiply:
    """``v * factor``."""

    factor: PerChannel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Divide:
    """``v / divisor`` with ``divisor`` not 0."""

    divisor: PerChannel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalise:
    """Batch normalisation: ``(v - mean) / sqrt(variance + epsilon) * gain + bias``."""

    mean: PerChannel
    variance: PerChannel
    epsilon: float
    gain: PerChannel
    bias: PerChannel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clamp:
    """``min(max(v, low), high)``; either side may be infinite. ReLU is ``low = 0``, ``high = inf``."""

    low: PerChannel
    high: PerChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """To an integer; ``even`` is ONNX Round and QuantizeLinear (ties to even).

    ``half_up`` and ``half_down`` are QONNX's: half away from zero, half towards zero.
    """

    mode: Literal["even", "floor", "ceil", "toward_zero", "half_up", "half_down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """-1, 0 or +1 (``zero`` = 0: ONNX Sign); with ``zero`` = 1 a value of 0 gives +1 (BipolarQuant)."""

    zero: Literal[0, 1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thresholds:
    """How many of a list of numbers are at most ``v``: 0 to n (QONNX MultiThreshold).

    Attributes:
        values: float64 ``[1, n]`` or ``[channels, n]``, finite, not falling along n.
    """

    values: NDArray[np.float64]


def _absent() -> PerChannel:
    return np.zeros(1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Function:
    """An activation function of one number, with up to three constants.

    Attributes:
        kind: A name of `ternc.network.stairs.functions.FUNCTIONS`, where each has its formula.
        alpha, beta, gamma: Its constants as ONNX calls them; 0 where the kind has no such constant.
    """

    kind: str
    alpha: PerChannel = field(default_factory=_absent)
    beta: PerChannel = field(default_factory=_absent)
    gamma: PerChannel = field(default_factory=_absent)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branch:
    """``below(v)`` where ``test(v)`` is smaller than a number, ``above(v)`` where it is larger.

    Attributes:
        test: What is done to v before it is compared.
        at: The number.
        equal_is_below: Which side v belongs to where ``test(v)`` is that number.
        below, above: Both sides.
    """

    at: PerChannel
    below: tuple[Step, ...]
    above: tuple[Step, ...]
    test: tuple[Step, ...] = ()
    equal_is_below: bool = False


Step: TypeAlias = Add | Multiply | Divide | Normalise | Clamp | Round | Sign | Thresholds | Function | Branch


def each_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps, and those of their branches."""
    for step in steps:
        yield step
        if isinstance(step, Branch):
            yield from each_step((*step.test, *step.below, *step.above))


def step_key(step: Step) -> tuple[object, ...]:
    """A step as a comparable tuple."""
    match step:
        case Add():
            return ("add", step.addend.tobytes())
        case Multiply():
            return ("multiply", step.factor.tobytes())
        case Divide():
            return ("divide", step.divisor.tobytes())
        case Clamp():
            return ("clamp", step.low.tobytes(), step.high.tobytes())
        case Normalise():
            parts = (step.mean, step.variance, step.gain, step.bias)
            return ("normalise", step.epsilon, *(p.tobytes() for p in parts))
        case Thresholds():
            return ("thresholds", step.values.shape, step.values.tobytes())
        case Function():
            return ("function", step.kind, *(p.tobytes() for p in (step.alpha, step.beta, step.gamma)))
        case Branch():
            keys = (tuple(map(step_key, steps)) for steps in (step.test, step.below, step.above))
            return ("branch", step.at.tobytes(), step.equal_is_below, *keys)
        case _:
            return (step,)
