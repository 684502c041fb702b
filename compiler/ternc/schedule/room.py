"""The room that a reloadable design keeps: it is scheduled for the densest network of its shape.

A *shape* is what is left of a network without its trained numbers: maps and their ranges, layers and what each reads,
kernels, pools, how many bits weights have, which layers have a table. The densest network has a digit in every plane of
every weight. So no network of the shape needs more weight words, taps or cycles: each runs at least as fast on the same
arrays with the same buffers, for starts are maxima of sums (`ternc.schedule.cycles`). What the densest network
cannot say by itself, because it is one network and not all of them, `roomy` adds to its geometry.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import (
    Anomaly,
    IntRange,
    Linear,
    MultiplyShift,
    Network,
    Output,
    Staircase,
    Tensor,
    Term,
    Weights,
)
from ternc.numeric import range_bits, signed_bits, unsigned_bits
from ternc.schedule.design import Geometry
from ternc.schedule.digits import magnitude
from ternc.schedule.plan import StagePlanner
from ternc.schedule.program import Program

SHIFT_ROOM = 2
"""Bits by which the multiply forms of a reloadable design may shift further than its own network's."""
SLOPE_ROOM = 1
"""Bits by which their slopes may be steeper."""


def densest(network: Network) -> Network:
    """The densest network of the shape of ``network``, which has been through all passes.

    It only serves to be scheduled: its staircases mean nothing.
    """
    raw = {layer.target for layer in network.layers if layer.activation is None}
    inputs = {tensor.name for tensor in network.input_tensors}
    layers = tuple(_layer(network, layer) for layer in network.layers)
    ranges = dict[str, IntRange]()
    for tensor in network.tensors:
        if tensor.name in inputs:
            ranges[tensor.name] = tensor.range
        elif tensor.name not in raw:
            ranges[tensor.name] = full_range(tensor.range)
    for layer in layers:
        if layer.target in raw:
            most = sum(
                fan_in(term) * _peak(term.weights) * max(-ranges[term.source].low, ranges[term.source].high)
                for term in layer.terms
            )
            ranges[layer.target] = IntRange(low=-most, high=most)
    return replace(
        network,
        tensors=within(network.tensors, ranges),
        layers=layers,
        outputs=tuple(_output(output) if output.tensor in raw else output for output in network.outputs),
        anomaly=None if network.anomaly is None else _anomaly(network.anomaly),
    )


def within(tensors: tuple[Tensor, ...], ranges: dict[str, IntRange]) -> tuple[Tensor, ...]:
    """The tensors with other ranges."""
    return tuple(replace(tensor, range=ranges[tensor.name]) for tensor in tensors)


def full_range(found: IntRange) -> IntRange:
    """All values that the bits of a range's codes can hold from its low end on."""
    return IntRange(low=found.low, high=found.low + (1 << range_bits(found.low, found.high)) - 1)


def fan_in(term: Term) -> int:
    """Weights of one output channel; of a path between maps (`is_path`) it is one."""
    return 1 if is_path(term) else int(np.prod(term.weights.shape[1:]))


def is_path(term: Term) -> bool:
    """Whether a term only leads channels on: 1x1, and each channel goes to one other at most.

    A sum of maps, a concatenation, a slice are such terms. Their places belong to the shape.
    """
    if term.weights.shape[2:] != (1, 1) or term.groups != 1:
        return False
    used = term.weights[:, :, 0, 0] != 0
    return bool((used.sum(axis=0) <= 1).all() and (used.sum(axis=1) <= 1).all() and used.shape != (1, 1))


def _full(magnitude_: int) -> int:
    """The largest number of as many bits."""
    return (1 << int(magnitude_).bit_length()) - 1


def _peak(weights: Weights) -> int:
    return _full(magnitude(weights))


def _layer(network: Network, layer: Linear) -> Linear:
    terms = tuple(replace(term, weights=_weights(term)) for term in layer.terms)
    stairs = layer.activation
    return replace(
        layer,
        terms=terms,
        activation=None if stairs is None else _staircase(network.tensor(layer.target).range, stairs),
    )


def _weights(term: Term) -> Weights:
    """The largest numbers of as many bits: negative ones, and positive ones in every other channel."""
    sign = _signs(len(term.weights))[:, None, None, None]
    found = np.broadcast_to(_peak(term.weights) * sign, term.weights.shape)
    return np.where(term.weights != 0, found, 0).astype(np.int32) if is_path(term) else found.astype(np.int32)


def _staircase(codes: IntRange, stairs: Staircase) -> Staircase:
    """As many steps as the codes' bits allow, and a multiply form with `SHIFT_ROOM` and `SLOPE_ROOM`."""
    channels, own = stairs.thresholds.shape
    full = full_range(codes)
    steps = max(own if stairs.table is None else _full(own), full.high - full.low)
    form = stairs.form
    if form is not None:
        peak = (int(form.multiplier.max()) + 1 << (SHIFT_ROOM + SLOPE_ROOM)) - 1
        form = MultiplyShift(
            multiplier=np.full(channels, peak),
            addend=np.zeros(channels, np.int64),
            shift=form.shift + SHIFT_ROOM,
        )
    return Staircase(
        thresholds=np.zeros((channels, steps), np.int64),
        low=full.low,
        table=None if not has_table(codes, stairs) else np.full(steps + 1, full.high),
        form=form,
    )


def has_table(codes: IntRange, stairs: Staircase) -> bool:
    """Whether a layer's levels are not its codes: it has a table, or starts above its tensor's low end."""
    return stairs.table is not None or stairs.low != codes.low


def _output(output: Output) -> Output:
    """Of raw sums; keys, if it has any, that do not order the channels as the sums do."""
    if output.keys is None:
        return output
    factor, addend = output.keys
    return replace(output, keys=np.stack([_widest(factor), _widest(addend) * _signs(len(addend))]))


def _anomaly(anomaly: Anomaly) -> Anomaly:
    offset = _widest(anomaly.offset) * _signs(len(anomaly.offset))
    return replace(anomaly, factor=_widest(anomaly.factor), offset=offset)


def _widest(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Per channel the largest number of a bit more than the given ones have."""
    return np.full(len(numbers), 2 * _full(int(np.abs(numbers).max(initial=1))) + 1, np.int64)


def _signs(channels: int) -> NDArray[np.int64]:
    return np.where(np.arange(channels) % 2, 1, -1)


def roomy(geometry: Geometry, planner: StagePlanner, program: Program) -> Geometry:
    """The geometry of the densest network with room for what only other networks of its shape need.

    Tap lists that differ from tile to tile, sums and addends of any digits, a table for each layer that has one.
    """
    ones = (1 << geometry.act_bits) - 1
    peaks = [
        sum(fan_in(term) * ones * _digit_sum(_peak(term.weights)) for term in layer.terms)
        for layer in planner.stage.layers
    ]
    acc_bits = max(geometry.acc_bits, unsigned_bits(max(peaks)))
    # of a form: k 2^S - M (T + fix), |T| and |fix| / 2 below 2^acc_bits; of a raw sum: a key's addend less M fix
    steps, products = 1 << geometry.code_bits + geometry.shift, 1 << geometry.mul_bits + 1 + acc_bits
    most = steps + products + (1 << geometry.add_bits)
    tables = sum(one.table is not None for one in planner.numbers.requant)
    return replace(
        geometry,
        acc_bits=acc_bits,
        add_bits=signed_bits(-most, most),
        tables=max(geometry.tables, tables),
        depths=replace(geometry.depths, taps=sum(one.tap_count for one in program.passes)),
    )


def _digit_sum(peak: int) -> int:
    """Most that a weight's digits weigh together, positive and negative ones: of b bits 2^b + 2^(b - 1)."""
    return 1 if peak == 1 else 3 << (peak.bit_length() - 1)
