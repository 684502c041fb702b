"""A source of choices for hypothesis in which every network has a seed of its own.

hypothesis tries variants of what it drew before, and a few networks many times; here each one is independent of all
others and is what its seed says, on every machine and in every order. Shrinking is hypothesis's own.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis.internal.conjecture import engine
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

BACKEND = "ternc-seeds"


class Seeded(HypothesisProvider):
    """Uniform choices from a generator that starts anew with each network.

    Attributes:
        upcoming: The seeds of the networks to come, in reverse.
        latest: That of the one being drawn; None where hypothesis chooses, as it does when it shrinks.
    """

    upcoming: list[int]
    latest: int | None = None

    def __init__(self, data: Any, /) -> None:
        super().__init__(data)
        Seeded.latest = Seeded.upcoming.pop() if data is not None and Seeded.upcoming else None
        self._numbers = self._random = random.Random(Seeded.latest)

    def draw_integer(self, min_value: int | None = None, max_value: int | None = None, **_: Any) -> int:
        """Uniform; all integers here have both bounds."""
        assert min_value is not None
        assert max_value is not None
        return self._numbers.randint(min_value, max_value)


def expect(first: int, count: int) -> None:
    """The seeds of the networks that are drawn next."""
    Seeded.latest = None
    Seeded.upcoming = list(range(first, first + count))[::-1]


AVAILABLE_PROVIDERS[BACKEND] = Seeded
engine.MAX_SHRINKS = 5000  # steps of shrinking; the limit of time stays
