"""What an engine writes in one frame, in order: the key from a simulated vector to its place in the Network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Network
from ternc.numeric import ceil_div
from ternc.schedule.axes import walks
from ternc.schedule.design import ArrayShape, Bundles, Event
from ternc.schedule.requant import raw_wires
from ternc.schedule.stage import Stage


def frame_events(network: Network, layers: Sequence[str], shape: ArrayShape) -> tuple[Event, ...]:
    """The finished vectors of one frame of the engine that runs the named, consecutive layers.

    In the order of docs/program.md: rows, groups, phases, tiles, bundles of a group.
    """
    names = [layer.name for layer in network.layers]
    first = names.index(layers[0])
    stage = Stage(network=network, first=first, end=first + len(layers))
    found: list[Event] = []
    for layer, walk in zip(stage.layers, walks(stage).layers, strict=True):
        target, vertical, horizontal = network.tensor(layer.target), walk.vertical, walk.horizontal
        tiles = ceil_div(target.channels, shape.cols)
        bundles = Bundles(pixels=shape.drain, phases=horizontal.phases)
        for row in range(vertical.steps):
            for group in range(ceil_div(horizontal.steps, shape.rows)):
                for phase_y in range(vertical.phases):
                    for phase_x in range(horizontal.phases):
                        numbers = [
                            (group * shape.drain_cycles + k) * horizontal.phases + phase_x
                            for k in range(shape.drain_cycles)
                        ]
                        columns = [
                            tuple(x for x in bundles.columns(n) if x < horizontal.size) for n in numbers
                        ]
                        found.extend(
                            Event(
                                layer=layer.name,
                                first_channel=tile * shape.cols,
                                channels=min(shape.cols, target.channels - tile * shape.cols),
                                y=row * vertical.phases + phase_y,
                                columns=some,
                            )
                            for tile in range(tiles)
                            for some in columns
                            if some
                        )
    return tuple(found)


def wire_form(network: Network, layer: Linear) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(factor, addend), int64 ``[O]`` each: a value x of the layer's target is ``x * factor + addend`` on the wires.

    Codes count from the range's low end; raw sums are themselves, keys in front of an argmax, or differences.
    """
    if layer.activation is None:
        return raw_wires(network, layer)
    one = np.ones(layer.channels, np.int64)
    return one, -network.tensor(layer.target).range.low * one
