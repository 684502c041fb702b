"""What an engine writes in one frame, in order: the key from a simulated vector to its place in the Network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Network
from ternc.numeric import ceil_div
from ternc.schedule.design import ArrayShape, Event
from ternc.schedule.program import layer_axes, layouts
from ternc.schedule.requant import argmax_keys


def frame_events(network: Network, shape: ArrayShape) -> tuple[Event, ...]:
    """The finished vectors of one frame (docs/program.md: rows, groups, phases, tiles, pixels of a group)."""
    places = layouts(network, shape)
    found: list[Event] = []
    for layer in network.layers:
        target = network.tensor(layer.target)
        vertical, horizontal = layer_axes(layer, target, places[layer.source])
        tiles = ceil_div(target.channels, shape.cols)
        group_pixels = range(shape.rows)
        for row in range(vertical.steps):
            for group in range(ceil_div(horizontal.steps, shape.rows)):
                for phase_y in range(vertical.phases):
                    for phase_x in range(horizontal.phases):
                        columns = [
                            (group * shape.rows + r) * horizontal.phases + phase_x for r in group_pixels
                        ]
                        found.extend(
                            Event(
                                layer=layer.name,
                                first_channel=tile * shape.cols,
                                channels=min(shape.cols, target.channels - tile * shape.cols),
                                y=row * vertical.phases + phase_y,
                                x=x,
                            )
                            for tile in range(tiles)
                            for x in columns
                            if x < horizontal.size
                        )
    return tuple(found)


def wire_form(network: Network, layer: Linear) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(factor, addend), int64 ``[O]`` each: a value x of the layer's target is ``x * factor + addend`` on the wires.

    Codes count from the range's low end; raw accumulators are themselves; in front of an argmax they may be keys.
    """
    channels = len(layer.trits)
    factor, addend = np.ones(channels, dtype=np.int64), np.zeros(channels, dtype=np.int64)
    if layer.activation is not None:
        addend -= network.tensor(layer.target).range.low
    elif layer.target == network.output.tensor:
        keys = argmax_keys(network)
        if keys is not None:
            factor, addend = keys
    return factor, addend
