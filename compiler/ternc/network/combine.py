"""Integer forms of sums whose terms have real scales.

A value in front of an activation is ``v[c] = sum_j scales[j][c] * A[j][c]``: integer sums or tensors, each with a
real scale of its own (weights of two magnitudes, a residual tensor beside a convolution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import IntRange, Staircase
from ternc.network.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """How far the best multipliers within the limit are from exact.

    Attributes:
        channels: Output channels without an exact form, in order.
        differing: Reachable tuples ``(A[0], A[1], ...)`` of those channels whose code differs.
        reachable: All reachable tuples of those channels.
        codes: The largest difference of two codes.
        bits: Bits of the largest multiplier that was allowed.
    """

    channels: tuple[int, ...]
    differing: int
    reachable: int
    codes: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combined:
    """What `integer_form` found: ``acc[c] = sum_j multipliers[j, c] * A[j][c]`` and its staircase.

    Attributes:
        multipliers: int64 ``[J, O]``. Signs included: the staircase is one of exactly this sum (nothing is left to
            negate). A channel that is constant has multipliers 0.
        unit: Per channel, ``v`` is close to ``unit * acc`` (equal where the scales have a common unit); never 0.
        staircase: Of ``acc``, clipped to its reachable range.
        misses: None where the staircase equals the chain for every tuple of reachable values (proved), else
            what differs.
    """

    multipliers: NDArray[np.int64]
    unit: tuple[Fraction, ...]
    staircase: Staircase
    misses: Misses | None

    @property
    def exact(self) -> bool:
        """Whether the staircase is proved equal to the chain on every tuple of reachable values."""
        return self.misses is None


def integer_form(
    scales: Sequence[Sequence[Fraction]],
    ranges: Sequence[Sequence[IntRange]],
    steps: tuple[Step, ...],
    *,
    low: int,
    high: int,
    bits: int = 20,
) -> Combined:
    """Multipliers that make one integer accumulator of several scaled ones, and the staircase of it.

    Args:
        scales: ``[J][O]``, exact; any sign, also 0.
        ranges: ``[J][O]``, every value that ``A[j][c]`` can take.
        steps: From ``v`` (whatever is added to it included) to the code.
        low, high: Range of the code.
        bits: Multipliers are below ``2**bits`` in magnitude.
    Returns:
        The form with the smallest multipliers that is exact, or the closest one within ``bits``.
    Raises:
        NoStaircase: The chain has no staircase (see `ternc.network.thresholds.derive`).
    """
    raise NotImplementedError
