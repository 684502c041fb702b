"""``--anomaly``: a layer of differences between an autoencoder's output and input, whose size the chip sums up."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.access import split
from ternc.frontend.build import Operand, term_ranges
from ternc.frontend.ends import Ends
from ternc.frontend.grid import Rationals
from ternc.frontend.reads import one_hot
from ternc.frontend.settle import scaled
from ternc.frontend.values import Accumulator, Addend, View, plain_index
from ternc.frontend.walk import Walk
from ternc.network.host import FLAG, SCORE
from ternc.network.layers import Anomaly, IntRange, Measure, Output, Prologue
from ternc.network.stairs.distance import MULTIPLIER_BITS, Distance, Operands, distance

ACCURACY = 0.001
"""A score at the threshold is right to this share of itself, whatever the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyWish:
    """An outlier detector for an autoencoder.

    Attributes:
        threshold: A frame whose error is above this real number is an outlier.
        measure: The error: sum of squares, or of absolute differences, over the elements of the frame.
    """

    threshold: float
    measure: Measure = "squares"


def add_anomaly(walk: Walk, ends: Ends, wish: AnomalyWish) -> Anomaly:
    """Append the layer of differences between the network's output and its quantised input.

    Raises:
        ModelError: The network's output is not of its input's shape, or there are several, or the scales of the two
            have no integer form that is close enough at the threshold.
    """
    output, prologue = _pair(walk, ends)
    build = walk.build
    tensor = build.tensor(output.tensor)
    size = (tensor.channels, tensor.height, tensor.width)
    layer = next(x for x in build.layers if x.target == output.tensor)
    if layer.activation is None and layer.pool is None:
        terms = layer.terms  # the same sums again, beside the input
    else:
        operand = Operand(
            tensor=tensor,
            scale=np.array([Fraction(1)], object),
            offset=np.array([Fraction(0)], object),
            factors=(),
            index=plain_index(size),
        )
        accesses = split(operand.index, size)
        assert accesses is not None
        terms = one_hot(operand, accesses, size)
    made = Addend(terms=terms, scale=_fractions(output.scale), ranges=term_ranges(terms, build.tensor))
    given = _input_addend(walk, output, prologue, size)
    found = _distance(walk, (made, given), _fractions(output.offset - prologue.offset), size, wish)
    sums = scaled((made, given), found.multipliers * np.array([[1], [-1]]))
    ranges = term_ranges(sums, build.tensor)
    codes = IntRange(low=min(0, *(r.low for r in ranges)), high=max(0, *(r.high for r in ranges)))
    acc = Accumulator(name="anomaly", kind="difference", addends=(made, given), size=size)
    view = View(name="anomaly", source=acc, index=plain_index((1, *size)), size=size, dtype="float32")
    target = build.add_layer(acc, sums, None, None, view, codes)
    unit = found.unit**2 if wish.measure == "squares" else found.unit
    return Anomaly(
        tensor=target.name,
        factor=found.factor,
        offset=found.offset,
        measure=wish.measure,
        unit=float(unit),
        error=found.error,
        limit=floor(Fraction(wish.threshold) / unit),
    )


def _distance(
    walk: Walk,
    sides: tuple[Addend, Addend],
    offsets: Rationals,
    size: tuple[int, int, int],
    wish: AnomalyWish,
) -> Distance:
    """The integer form of the differences that is right to `ACCURACY` at the threshold."""
    channels, height, width = size
    made, given = sides
    operands = Operands(
        scales=(list(np.broadcast_to(made.scale, channels)), list(np.broadcast_to(-given.scale, channels))),
        ranges=(made.ranges, given.ranges),
        offsets=list(offsets),
        pixels=height * width,
    )
    squares = wish.measure == "squares"
    share = sqrt(1 + ACCURACY) - 1 if squares else ACCURACY
    found = distance(operands, wish.measure, share * (sqrt(wish.threshold) if squares else wish.threshold))
    least = (found.error / share) ** 2 if squares else found.error / share
    if wish.threshold < least:
        raise ModelError(
            f"{walk.graph.file}: --anomaly {wish.threshold:g} needs a score that is right to {ACCURACY:.1%} there, but "
            f"the scales of output and input have such an integer form of {MULTIPLIER_BITS} bits only for thresholds "
            f"of {least:.3g} and more",
            help="raise the threshold, or quantise the output with the input's scale",
        )
    return found


def _pair(walk: Walk, ends: Ends) -> tuple[Output, Prologue]:
    file = walk.graph.file
    prologues = list(walk.build.prologues.values())
    if len(ends.outputs) != 1 or len(prologues) != 1 or ends.host or ends.outputs[0].reduce:
        raise ModelError(
            f"{file}: --anomaly needs one input and one output made by the chip, but the network has "
            f"{len(prologues)} inputs, {len(ends.outputs)} outputs and {len(ends.host)} operators on the host",
            help="end the model in its reconstruction",
        )
    output, prologue = ends.outputs[0], prologues[0]
    if output.name in (FLAG, SCORE):
        raise ModelError(
            f"{file}: --anomaly adds the outputs '{SCORE}' and '{FLAG}', but the network's own output is called "
            f"'{output.name}' already",
            help="rename the output",
        )
    if output.shape != prologue.shape:
        raise ModelError(
            f"{file}: --anomaly needs an output of the input's shape {list(prologue.shape)}, but output "
            f"'{output.name}' has {list(output.shape)}",
            help="use it on an autoencoder, which reconstructs its input",
        )
    return output, prologue


def _input_addend(walk: Walk, output: Output, prologue: Prologue, size: tuple[int, int, int]) -> Addend:
    """The input's codes, arranged as the output's tensor, with a minus."""
    tensor = walk.build.tensor(prologue.tensor)
    if (
        prologue.scale <= 0
        or np.unique(output.gather).size != output.gather.size
        or len(output.gather) != np.prod(size)
    ):
        raise ModelError(
            f"{walk.graph.file}: --anomaly needs an input with one positive scale, and an output whose pixels all "
            "leave the last layer once"
        )
    place = np.empty(len(prologue.gather), np.int64)
    place[prologue.gather] = np.arange(len(prologue.gather))
    index = np.empty(len(output.gather), np.int64)
    index[output.gather] = place
    operand = Operand(
        tensor=tensor,
        scale=np.array([Fraction(prologue.scale)], object),
        offset=np.array([Fraction(0)], object),
        factors=(),
        index=index.reshape(size),
    )
    accesses = split(operand.index, operand.size)
    if accesses is None:
        raise ModelError(
            f"{walk.graph.file}: --anomaly cannot lay the input beside the output: their pixels are in different orders"
        )
    terms = one_hot(operand, accesses, size)
    return Addend(terms=terms, scale=-operand.scale, ranges=term_ranges(terms, walk.build.tensor))


def _fractions(values: NDArray[np.float64]) -> Rationals:
    return np.array([Fraction(float(v)) for v in values], object)
