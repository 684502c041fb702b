"""What drives a link: steps of rows, claimed where there is room, their vectors in any order within a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cocotb.types import LogicArray
from rtl_steps import Steps

Inputs = dict[str, int | LogicArray]


@dataclass(frozen=True)
class Vector:
    """A vector of a step: row within the step, column, tile, elements side by side."""

    step: int
    row: int
    x: int
    tile: int
    data: int


@dataclass(frozen=True)
class LinkShape:
    """Of a map's steps; ``widths`` are those of row, x, tile and data on the link."""

    rows: int
    width: int
    tiles: int
    widths: tuple[int, int, int, int]


class Maker:
    """Claims steps and sends their vectors, one a cycle at most; steps never mix.

    Args:
        steps: The module under test.
        shape: Of a step.
        limit: Steps to claim.
        always: No pauses: a vector in every cycle once a step is claimed.
    """

    def __init__(self, steps: Steps, shape: LinkShape, limit: int, *, always: bool) -> None:
        self.steps, self.shape, self.limit, self.always = steps, shape, limit, always
        self.claims, self.vectors = steps.pauses(), steps.pauses()
        self.claimed = 0
        self.waiting: list[Vector] = []

    def cycle(self, *, room: bool, sent: Callable[[Vector, bool], None]) -> Inputs:
        """The link's inputs in a cycle; ``sent`` is told of a vector and whether it is its step's last."""
        claim = room and self.claimed < self.limit and (self.always or not next(self.claims))
        vector = None
        if self.waiting and (self.always or not next(self.vectors)):
            vector = self.waiting.pop(0)
            sent(vector, not any(other.step == vector.step for other in self.waiting))
        if claim:
            self.waiting += self._step(self.claimed)
            self.claimed += 1
        return {"claim_i": int(claim), **self._ports(vector)}

    def _ports(self, vector: Vector | None) -> Inputs:
        junk = [self.steps.junk(width) for width in self.shape.widths]
        row, x, tile, data = junk if vector is None else (vector.row, vector.x, vector.tile, vector.data)
        return {"valid_i": int(vector is not None), "row_i": row, "x_i": x, "tile_i": tile, "data_i": data}

    def _step(self, number: int) -> list[Vector]:
        shape = self.shape
        places = [
            (r, x, t) for r in range(shape.rows) for x in range(shape.width) for t in range(shape.tiles)
        ]
        self.steps.random.shuffle(places)
        return [Vector(number, r, x, t, self.steps.bits(shape.widths[3])) for r, x, t in places]
