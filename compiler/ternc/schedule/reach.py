"""Which rows of an outside map each row of a layer needs, and which nobody needs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ternc.network.layers import Tensor
from ternc.schedule.axes import Walk
from ternc.schedule.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRows:
    """One layer and one line buffer, for each of the layer's row steps.

    Attributes:
        needs: Rows of the frame that must have arrived before it starts; 0 where it reads none.
        frees: Rows that are no longer needed once it is done.
        takes: Whether the layer is the last to read the map: the frame ends with its last row.
    """

    needs: tuple[int, ...]
    frees: tuple[int, ...]
    takes: bool


def input_rows(stage: Stage, n: int, walk: Walk, tensor: Tensor, frame_rows: int) -> InputRows:
    """Of layer n of a stage and a tensor that comes from outside.

    Args:
        stage: The stage.
        n: Number of the layer within the stage.
        walk: The layer's.
        tensor: The map.
        frame_rows: Rows that a frame takes in the buffer.
    """
    count, height = walk.vertical.steps, tensor.height
    readers = stage.readers(tensor.name)
    if n not in readers:
        return InputRows(needs=(0,) * count, frees=(0,) * count, takes=False)
    reads = [reading(walk, t) for t, term in enumerate(stage.layers[n].terms) if term.source == tensor.name]
    needs = [0] * count
    kept = [height] * count  # the lowest row that a row step reads
    for step, low, high in reads:
        for r in range(count):
            needs[r] = max(needs[r], min(max(r * step + high + 1, 0), height))
            kept[r] = min(kept[r], min(max(r * step + low, 0), height))
    if n == readers[0]:
        needs[0] = max(needs[0], 1)  # nothing is made of a frame before it comes
    if n != readers[-1]:
        return InputRows(needs=tuple(needs), frees=(0,) * count, takes=False)
    needs[-1] = height  # whoever ends the frame has seen all of it
    there = list(accumulate(needs, max))  # rows that nobody reads may come later
    gone = [min(there[r], *kept[r + 1 :]) for r in range(count - 1)]
    gone.append(frame_rows)
    frees = tuple(now - before for before, now in zip([0, *gone[:-1]], gone, strict=True))
    return InputRows(needs=tuple(needs), frees=frees, takes=True)


def reading(walk: Walk, t: int) -> tuple[int, int, int]:
    """(step, low, high): row step r of a layer reads rows ``r * step + low .. r * step + high`` of its term t."""
    vertical, (reach, _) = walk.vertical, walk.terms[t]
    found = [
        delta
        for phase in range(vertical.phases)
        for window in range(vertical.windows)
        for k in range(reach.kernel)
        if (delta := reach.delta(vertical, phase, window, k)) is not None
    ]
    return reach.step(vertical), min(found, default=0), max(found, default=-1)


def least_rows(needs: Sequence[int], frees: Sequence[int], step: int) -> int:
    """The fewest rows of a circular buffer with which a frame can be read: those that a row step needs at once.

    Args:
        needs, frees: Of all row steps of an engine, in order.
        step: Rows that arrive together.
    """
    gone, found = 0, step
    for need, free in zip(needs, frees, strict=True):
        found = max(found, -(-need // step) * step - gone // step * step)
        gone += free
    return found
