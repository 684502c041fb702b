"""ternc_score."""

import random

import pytest
from rtl_bench import Bench

NAMES = (
    "Cols",
    "ValueBits",
    "DiffBits",
    "Squares",
    "ScoreBits",
    "ElemBits",
    "FrameVectors",
    "FrameSteps",
)
ONE = (1, 1, 1, 1, 5, 8, 1, 1, 3)
SQUARES = (5, 14, 9, 1, 24, 24, 15, 4, 400000)
ABSOLUTE = (4, 9, 9, 0, 15, 16, 6, 6, 3000)
WRAPS = (3, 8, 6, 1, 11, 16, 9, 1, 700)
ALWAYS = (2, 5, 4, 0, 10, 16, 4, 2, -1)


def drawn(seed: int) -> tuple[int, ...]:
    """Any size; about half of the scores are above the limit."""
    rng = random.Random(seed)
    diff, score = rng.randint(2, 12), rng.randint(12, 28)
    value, elem = diff + rng.randint(0, 5), score + rng.randint(0, 4)
    return (
        rng.randint(1, 9),
        value,
        diff,
        rng.randint(0, 1),
        score,
        elem,
        *rng.choice(((5, 3), (8, 2), (20, 5))),
        rng.randint(1 << 6, 1 << (score - 2)),
    )


@pytest.mark.parametrize(
    ("values", "simulator"),
    [
        (SQUARES, "verilator"),
        (ONE, "icarus"),
        (ABSOLUTE, "icarus"),
        (WRAPS, "icarus"),
        (ALWAYS, "icarus"),
        (drawn(1), "icarus"),
        (drawn(2), "icarus"),
    ],
)
def test_score(bench: Bench, values: tuple[int, ...], simulator: str) -> None:
    *sizes, limit = values
    bench.run(
        "score",
        dict(zip(NAMES, sizes, strict=True)),
        simulator=simulator,
        extra={"TERNC_LIMIT": str(limit)},
    )
