"""The pixels that leave an array together (`Bundles`), and what memories can take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ternc.errors import ScheduleError
from ternc.network.layers import Network
from ternc.schedule.axes import Walks
from ternc.schedule.design import ArrayShape, Bundles
from ternc.schedule.stage import Stage

ONE = Bundles()
"""One pixel at a time."""


def made_bundles(stage: Stage, walks: Walks, shape: ArrayShape) -> dict[str, Bundles]:
    """The pixels of each tensor that a stage on an array makes at once."""
    return {
        layer.target: Bundles(pixels=shape.drain, phases=walk.horizontal.phases)
        for layer, walk in zip(stage.layers, walks.layers, strict=True)
    }


def bundle_skew(width: int, bundles: Bundles, *, banks: int, stride: int) -> int | None:
    """The skew of a layout with which all pixels of every bundle lie in different banks; None if there is none.

    Of several it is the smallest.

    Args:
        width: Pixels of a row.
        bundles: What is written at once.
        banks, stride: Of the layout (`ternc.schedule.layout.Layout`).
    """
    if bundles.pixels == 1:
        return 0
    if bundles.pixels > banks:
        return None
    columns = np.array([bundles.columns(n) for n in range(bundles.count(width))])
    index, phase = np.divmod(columns, stride)
    nowhere = banks + np.arange(bundles.pixels)  # pixels beyond the map disturb nobody
    for skew in range(banks if stride > 1 else 1):
        bank = np.sort(np.where(columns < width, (index + phase * skew) % banks, nowhere), axis=1)
        if (np.diff(bank, axis=1) > 0).all():
            return skew
    return None


def takes(stage: Stage, walks: Walks, shape: ArrayShape, tensor: str, bundles: Bundles) -> bool:
    """Whether a stage on an array can keep a tensor whose pixels come so."""
    width, stride = stage.network.tensor(tensor).width, walks.strides[tensor]
    return bundle_skew(width, bundles, banks=shape.rows, stride=stride) is not None


def lowered(
    stages: Sequence[Stage], walks: Sequence[Walks], shapes: Sequence[ArrayShape]
) -> tuple[ArrayShape, ...]:
    """The shapes with drains that all readers can take."""
    found = []
    for stage, walk, shape in zip(stages, walks, shapes, strict=True):
        while shape.drain > 1 and not _taken(stages, walks, shapes, stage, made_bundles(stage, walk, shape)):
            shape = replace(shape, drain=shape.drain // 2)
        found.append(shape)
    return tuple(found)


def _taken(
    stages: Sequence[Stage],
    walks: Sequence[Walks],
    shapes: Sequence[ArrayShape],
    maker: Stage,
    made: dict[str, Bundles],
) -> bool:
    if maker.scored:
        return False
    for stage, walk, shape in zip(stages, walks, shapes, strict=True):
        kept = stage.inner if stage is maker else stage.inputs
        if not all(takes(stage, walk, shape, one.name, made[one.name]) for one in kept if one.name in made):
            return False
    return True


def require_one_drained(network: Network, stages: Sequence[Stage], shapes: Sequence[ArrayShape]) -> None:
    """ScheduleError where the array that makes an anomaly's differences drains more than one sum per clock."""
    for stage, shape in zip(stages, shapes, strict=True):
        if network.anomaly is not None and stage.scored and shape.drain > 1:
            raise ScheduleError(
                f"the array {shape} drains {shape.drain} sums per clock, but the anomaly's score takes one pixel",
                help=f"name it without '/{shape.drain}'",
            )
