"""``--anomaly``: a layer of differences between an autoencoder's output and input, whose size the chip sums up."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.access import split
from ternc.frontend.build import Operand, term_ranges
from ternc.frontend.ends import Ends
from ternc.frontend.grid import Rationals
from ternc.frontend.reads import one_hot
from ternc.frontend.settle import scaled, unit_of
from ternc.frontend.values import Accumulator, Addend, View, plain_index
from ternc.frontend.walk import Walk
from ternc.network.layers import Anomaly, IntRange, Measure, Output, Prologue

FINEST, WIDEST = 64, 4095
"""Integer scales: the smallest is at least the one (half a percent of itself), the largest at most the other."""


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
    """Append the layer of differences; its sums are ``(output - input) / unit``, but for an offset.

    Raises:
        ModelError: The network's output is not of its input's shape, or there are several.
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
    multipliers, unit, slack = _integer_scales(made, given, size[0])
    sums = scaled((made, given), multipliers)
    ranges = term_ranges(sums, build.tensor)
    codes = IntRange(low=min(0, *(r.low for r in ranges)), high=max(0, *(r.high for r in ranges)))
    acc = Accumulator(name="anomaly", kind="difference", addends=(made, given), size=size)
    view = View(name="anomaly", source=acc, index=plain_index((1, *size)), size=size, dtype="float32")
    target = build.add_layer(acc, sums, None, None, view, codes)
    offset = np.rint((output.offset - prologue.offset) / float(unit)).astype(np.int64)
    worth = float(unit) ** 2 if wish.measure == "squares" else float(unit)
    return Anomaly(
        tensor=target.name,
        offset=offset,
        measure=wish.measure,
        unit=worth,
        slack=slack,
        limit=max(0, floor(wish.threshold / worth)),
    )


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


def _integer_scales(made: Addend, given: Addend, channels: int) -> tuple[NDArray[np.int64], Fraction, float]:
    """Multipliers ``[2, O]`` of output and input, their common unit, and their largest relative error."""
    scales = [list(np.broadcast_to(a.scale, channels)) for a in (made, given)]
    values = [abs(s) for row in scales for s in row if s]
    unit = unit_of(values)
    if max(values) / unit > WIDEST:
        unit = max(min(values) / FINEST, max(values) / WIDEST)
    multipliers = np.array([[round(s / unit) for s in row] for row in scales], np.int64)
    errors = [
        abs(m * unit / s - 1)
        for row, found in zip(scales, multipliers, strict=True)
        for m, s in zip(found.tolist(), row, strict=True)
        if s
    ]
    return multipliers, unit, float(max(errors))


def _fractions(values: NDArray[np.float64]) -> Rationals:
    return np.array([Fraction(float(v)) for v in values], object)
