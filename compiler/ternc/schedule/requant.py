"""Requantiser parameters: a layer's staircase or raw output in terms of the hardware's accumulator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ScheduleError
from ternc.network.layers import Linear, Network
from ternc.numeric import signed_bits, unsigned_bits

THRESHOLDS_UP_TO = 7
"""Networks whose widest staircase has at most this many steps (3 bits) use thresholds: no multiplier."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerRequant:
    """Per output channel of one layer; arrays are int64.

    Attributes:
        form: ``"multiply"``, ``"thresholds"`` or ``"raw"``.
        multiplier, addend: int64 ``[O]``, to be applied to the hardware accumulator, then shifted by ``shift``.
        thresholds: int64 ``[O, steps]`` for the hardware accumulator, or None.
        limit: Highest code (number of steps); 0 for raw.
        minimum: Per channel, the pool keeps the smallest value.
    """

    form: str
    multiplier: NDArray[np.int64]
    addend: NDArray[np.int64]
    shift: int
    thresholds: NDArray[np.int64] | None
    limit: int
    minimum: tuple[bool, ...]


def correction(layer: Linear, source_low: int, act_bits: int) -> NDArray[np.int64]:
    """``acc_hw - acc`` per output channel, int64 ``[O]`` (docs/hardware.md, 'Numbers on the wires')."""
    trits = layer.trits.reshape(len(layer.trits), -1).astype(np.int64)
    negatives: NDArray[np.int64] = (trits < 0).sum(axis=1)
    total: NDArray[np.int64] = trits.sum(axis=1)
    return ((1 << act_bits) - 1) * negatives - source_low * total


def hardware_peak(layer: Linear, source_span: int, act_bits: int) -> int:
    """Largest value that the hardware accumulator of any channel can hold; ``source_span`` = high - low."""
    trits = layer.trits.reshape(len(layer.trits), -1)
    peak = (trits > 0).sum(axis=1) * source_span + (trits < 0).sum(axis=1) * ((1 << act_bits) - 1)
    return int(peak.max())


def uses_thresholds(network: Network) -> bool:
    """True where every staircase is short enough to do without a multiplier."""
    steps = [layer.activation.thresholds.shape[1] for layer in network.layers if layer.activation]
    return all(count <= THRESHOLDS_UP_TO for count in steps)


def argmax_keys(network: Network) -> NDArray[np.int64] | None:
    """What an argmax on chip must compare instead of the values themselves, int64 ``[2, channels]``, or None.

    None where there is no argmax, or where the values order the channels as they are: one factor for all, and
    an addend that only makes the lower index win a tie, which ternc_argmax does by itself.

    Raises:
        ScheduleError: The values are quantised codes and the channels have different scales.
    """
    keys = network.output.keys
    if keys is None:
        return None
    factor, addend = keys
    one_scale = bool((factor == factor[0]).all())
    if one_scale and bool((np.diff(addend) <= 0).all()) and int(addend[0] - addend[-1]) < int(factor[0]):
        return None
    if network.layers[-1].activation is not None:
        raise ScheduleError(
            f"node '{network.layers[-1].name}': an ArgMax over quantised values needs one scale for all channels",
            help="take the ArgMax of the values before their quantiser, or leave it to the host",
        )
    return keys


def layer_requant(network: Network, layer: Linear, *, act_bits: int, prefer_thresholds: bool) -> LayerRequant:
    """The layer's parameters in the form that this engine uses for it."""
    source = network.tensor(layer.source)
    fix = correction(layer, source.range.low, act_bits)
    channels = len(layer.trits)
    minimum = layer.pool.minimum if layer.pool else (False,) * channels
    zero = np.zeros(channels, dtype=np.int64)
    if layer.activation is None:
        keys = argmax_keys(network)
        scale, offset = (np.ones_like(zero), zero) if keys is None else keys
        return LayerRequant(
            form="raw",
            multiplier=scale,
            addend=offset - scale * fix,
            shift=0,
            thresholds=None,
            limit=0,
            minimum=minimum,
        )
    thresholds = layer.activation.thresholds
    form = None if prefer_thresholds else layer.activation.form
    if form is None:
        return LayerRequant(
            form="thresholds",
            multiplier=zero,
            addend=zero,
            shift=0,
            thresholds=thresholds + fix[:, None],
            limit=thresholds.shape[1],
            minimum=minimum,
        )
    return LayerRequant(
        form="multiply",
        multiplier=form.multiplier,
        addend=form.addend - form.multiplier * fix,
        shift=form.shift,
        thresholds=None,
        limit=thresholds.shape[1],
        minimum=minimum,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequantWidths:
    """Widths and the common shift of an engine's requantisers."""

    mul_bits: int
    add_bits: int
    shift: int
    code_bits: int
    threshold_levels: int


def widths(layers: list[LayerRequant]) -> RequantWidths:
    """The narrowest widths that hold every layer's parameters, brought to the largest shift of all."""
    shift = max(layer.shift for layer in layers)
    extremes = {"multiplier": [0], "addend": [0]}
    for layer in layers:
        up = shift - layer.shift
        for name, found in extremes.items():
            values = getattr(layer, name)
            found += [int(values.min()) << up, int(values.max()) << up]
    levels = max((unsigned_bits(layer.limit) for layer in layers if layer.form == "thresholds"), default=0)
    return RequantWidths(
        mul_bits=signed_bits(min(extremes["multiplier"]), max(extremes["multiplier"])),
        add_bits=signed_bits(min(extremes["addend"]), max(extremes["addend"])),
        shift=shift,
        code_bits=max(1, levels, max(unsigned_bits(layer.limit) for layer in layers)),
        threshold_levels=levels,
    )
