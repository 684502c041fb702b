"""The read-only memories of a design in one order: their numbers on the load bus, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ternc.errors import ScheduleError
from ternc.schedule.design import Design, Engine, Geometry, Memory, ScoreUnit

LIMIT = "score_limit"
"""Name of the memory with the largest score that is normal: one word, in reloadable designs with a score only."""


NUMBER_BITS, ADDRESS_BITS = 16, 24
"""Of a memory and of a word in it, on the load bus; an image has them in such fields too."""
BUS_BITS = 1 + NUMBER_BITS + ADDRESS_BITS
"""Of the load bus beside the data: write, the memory's number, the address."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumberedMemory:
    """A memory that is filled from a file and, in a reloadable design, through the load bus.

    Attributes:
        number: Its place in the order of `memories`; hardware that has copies of it gives all the same number.
        file: Name of its image, without a suffix.
        memory: Its words; they may be fewer than ``depth_words``, what is left is never read.
        depth_words: Of the hardware.
    """

    number: int
    file: str
    memory: Memory
    depth_words: int


def memories(design: Design) -> tuple[NumberedMemory, ...]:
    """All of a design: engine by engine, then the score's limit."""
    found = [
        (f"e{number}_{memory.name}", memory, depth)
        for number, engine in enumerate(design.engines)
        for memory, depth in _of_engine(engine)
    ]
    if design.reloadable and design.score is not None:
        found.append((LIMIT, _limit(design.score), 1))
    return tuple(
        NumberedMemory(number=number, file=file, memory=memory, depth_words=depth)
        for number, (file, memory, depth) in enumerate(found)
    )


def check_loadable(found: Sequence[NumberedMemory]) -> None:
    """Make sure that the load bus reaches every word of the memories of a reloadable design.

    Raises:
        ScheduleError: There are too many memories, or one is too deep.
    """
    if len(found) > 1 << NUMBER_BITS:
        raise ScheduleError(
            f"the design has {len(found):,} memories that a new network fills, and an image numbers at most "
            f"{1 << NUMBER_BITS:,}",
            help="ask for fewer columns: --lanes or --array; or compile without --reloadable",
        )
    for one in found:
        if one.depth_words > 1 << ADDRESS_BITS:
            raise ScheduleError(
                f"memory '{one.file}' has {one.depth_words:,} words, and an image addresses at most "
                f"{1 << ADDRESS_BITS:,}",
                help="share its words among more columns: --array; or compile without --reloadable",
            )


def load_width(design: Design) -> int:
    """Bits of data on the load bus: of the widest memory; 0 where the design is not reloadable."""
    return max(one.memory.width_bits for one in memories(design)) if design.reloadable else 0


def score_limit(unit: ScoreUnit) -> int:
    """The limit as the hardware compares: a signed number of ``score_bits + 1`` bits that decides in the same way."""
    return max(-1, min(unit.limit, (1 << unit.score_bits) - 1))


def _limit(unit: ScoreUnit) -> Memory:
    bits = unit.score_bits + 1
    return Memory(name=LIMIT, width_bits=bits, words=(score_limit(unit) % (1 << bits),))


def _of_engine(engine: Engine) -> Iterator[tuple[Memory, int]]:
    """Memories and their depths in the hardware."""
    g = engine.geometry
    depths = _program_depths(g)
    yield from ((memory, depths[memory.name]) for memory in engine.programs)
    for memory, buffer in zip(engine.places, g.buffers, strict=True):
        yield memory, buffer.bundles.count(buffer.width)
    yield from ((memory, g.depths.weights) for memory in engine.weights)
    yield from ((memory, g.params) for memory in engine.requant)
    for column in engine.thresholds:
        yield from ((memory, g.threshold_params << level) for level, memory in enumerate(column))


def _program_depths(g: Geometry) -> dict[str, int]:
    d = g.depths
    return {
        "rows": d.rows,
        "passes": d.passes,
        "taps": d.taps,
        "terms": d.terms,
        "xmap": d.xmap,
        "tables": g.tables << g.code_bits,
    }
