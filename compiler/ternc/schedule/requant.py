"""Requantiser parameters: a layer's staircase or raw output in terms of the hardware's accumulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ScheduleError
from ternc.network.layers import Linear, Network, Output
from ternc.numeric import signed_bits, unsigned_bits
from ternc.schedule.stage import writer

THRESHOLDS_UP_TO = 7
"""Engines whose widest staircase has at most this many steps (3 bits) use thresholds: no multiplier."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerRequant:
    """Per output channel of one layer, in terms of the layer's own sums; arrays are int64.

    Attributes:
        form: ``"multiply"``, ``"thresholds"`` or ``"raw"``.
        multiplier, addend: int64 ``[O]``, then a right shift by ``shift``.
        thresholds: int64 ``[O, steps]``, or None.
        limit: Highest level (number of steps); 0 for raw.
        minimum: Per channel, the pool keeps the smallest value.
        table: Number of its code table, or None where the level is the code.
    """

    form: str
    multiplier: NDArray[np.int64]
    addend: NDArray[np.int64]
    shift: int
    thresholds: NDArray[np.int64] | None
    limit: int
    minimum: tuple[bool, ...]
    table: int | None


def uses_thresholds(layers: Sequence[Linear]) -> bool:
    """True where every staircase is short enough to do without a multiplier."""
    steps = [layer.activation.thresholds.shape[1] for layer in layers if layer.activation]
    return all(count <= THRESHOLDS_UP_TO for count in steps)


def output_of(network: Network, tensor: str) -> Output | None:
    """The output that is made of a tensor, if any."""
    return next((output for output in network.outputs if output.tensor == tensor), None)


def argmax_keys(network: Network, output: Output) -> NDArray[np.int64] | None:
    """What an argmax on chip must compare instead of the values themselves, int64 ``[2, channels]``, or None.

    None where there is no argmax, or where the values order the channels as they are: one factor for all, and
    an addend that only makes the lower index win a tie, which ternc_argmax does by itself.

    Raises:
        ScheduleError: The values are quantised codes and the channels have different scales.
    """
    keys = output.keys
    if keys is None:
        return None
    factor, addend = keys
    one_scale = bool((factor == factor[0]).all())
    if one_scale and bool((np.diff(addend) <= 0).all()) and int(addend[0] - addend[-1]) < int(factor[0]):
        return None
    layer = writer(network, output.tensor)
    if layer.activation is not None:
        raise ScheduleError(
            f"node '{layer.name}': an ArgMax over quantised values needs one scale for all channels",
            help="take the ArgMax of the values before their quantiser, or leave it to the host",
        )
    return keys


def raw_wires(network: Network, layer: Linear) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(factor, addend), int64 ``[O]`` each: a raw sum x is ``x * factor + addend`` on the wires.

    It is itself, a key in front of an argmax, or a difference of the anomaly.
    """
    one, zero = np.ones(layer.channels, np.int64), np.zeros(layer.channels, np.int64)
    if network.anomaly is not None and network.anomaly.tensor == layer.target:
        return one, network.anomaly.offset
    output = output_of(network, layer.target)
    keys = argmax_keys(network, output) if output else None
    return (one, zero) if keys is None else (keys[0], keys[1])


def code_tables(network: Network, layers: Sequence[Linear]) -> tuple[tuple[int, ...], ...]:
    """The distinct code tables of some layers, in the order in which they first need them."""
    found = (layer_table(network, layer) for layer in layers)
    return tuple(dict.fromkeys(table for table in found if table is not None))


def layer_table(network: Network, layer: Linear) -> tuple[int, ...] | None:
    """The code of each level of a layer, or None where the level is the code.

    A staircase that starts above its range's low end (which reaches down to 0) takes a table as well.
    """
    if layer.activation is None:
        return None
    steps, low = layer.activation.thresholds.shape[1], network.tensor(layer.target).range.low
    table = layer.activation.table
    codes = np.arange(steps + 1) + layer.activation.low if table is None else table
    found = tuple((codes - low).tolist())
    return None if found == tuple(range(steps + 1)) else found


def layer_requant(
    network: Network, layer: Linear, tables: Sequence[tuple[int, ...]], *, prefer_thresholds: bool
) -> LayerRequant:
    """The layer's parameters in the form that an engine with these code tables uses for it."""
    channels = layer.channels
    minimum = layer.pool.minimum if layer.pool else (False,) * channels
    zero = np.zeros(channels, dtype=np.int64)
    if layer.activation is None:
        factor, addend = raw_wires(network, layer)
        return LayerRequant(
            form="raw",
            multiplier=factor,
            addend=addend,
            shift=0,
            thresholds=None,
            limit=0,
            minimum=minimum,
            table=None,
        )
    thresholds, codes = layer.activation.thresholds, layer_table(network, layer)
    form = None if prefer_thresholds else layer.activation.form
    return LayerRequant(
        form="thresholds" if form is None else "multiply",
        multiplier=zero if form is None else form.multiplier,
        addend=zero if form is None else form.addend,
        shift=0 if form is None else form.shift,
        thresholds=thresholds if form is None else None,
        limit=thresholds.shape[1],
        minimum=minimum,
        table=None if codes is None else tables.index(codes),
    )


def param_order(layers: Sequence[LayerRequant]) -> list[int]:
    """Numbers of the layers in the order of their parameters: those with thresholds first.

    So the threshold memories, which have many words for a parameter, end with the last one that needs them.
    """
    return sorted(range(len(layers)), key=lambda n: layers[n].form != "thresholds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequantWidths:
    """Widths and the common shift of an engine's requantisers, whatever the array's shape."""

    mul_bits: int
    shift: int
    code_bits: int
    threshold_levels: int


def widths(layers: Sequence[LayerRequant], tables: Sequence[Sequence[int]]) -> RequantWidths:
    """The narrowest widths that hold every layer's parameters, brought to the largest shift of all."""
    shift = max(layer.shift for layer in layers)
    factors = [0]
    for layer in layers:
        up = shift - layer.shift
        factors += [int(layer.multiplier.min()) << up, int(layer.multiplier.max()) << up]
    levels = max((unsigned_bits(layer.limit) for layer in layers if layer.form == "thresholds"), default=0)
    highest = max(max(layer.limit for layer in layers), *(max(table) for table in tables), 0)
    return RequantWidths(
        mul_bits=signed_bits(min(factors), max(factors)),
        shift=shift,
        code_bits=max(levels, unsigned_bits(highest)),
        threshold_levels=levels,
    )
