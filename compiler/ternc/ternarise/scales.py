"""The scale of a quantiser from values that it will see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 32
"""Candidates in each octave: scales are ``m / STEPS * 2**e`` with STEPS <= m < 2 * STEPS."""
OCTAVES = 5
"""How many octaves of candidates there are, from the scale that clips nothing downwards."""
GRID_VALUES = 256
"""Most distinct values of data that may lie on a grid."""
GRID_ERROR = 1e-4
"""How far, in steps, a value may lie beside its grid: a few roundings of float32."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """What one quantiser sees.

    Attributes:
        values: float64 ``[n]``.
        low, high: The codes that it may give, ``low <= 0 < high``.
    """

    values: NDArray[np.float64]
    low: int
    high: int

    def reach(self) -> float:
        """The smallest scale that clips nothing."""
        if not self.values.size:
            return 0.0
        top = float(self.values.max()) / self.high
        bottom = float(self.values.min()) / self.low if self.low else 0.0
        return max(top, bottom, 0.0)

    def error(self, scale: float) -> float:
        """Mean squared difference between the values and what the quantiser makes of them."""
        codes = np.clip(np.rint(self.values / scale), self.low, self.high)
        return float(np.mean((codes * scale - self.values) ** 2)) if codes.size else 0.0


def best_scale(group: Sequence[Samples]) -> float:
    """The one scale of quantisers that share it: the candidate with the smallest sum of mean squared errors.

    Candidates lie on a lattice of few digits, so that rounding errors of the calibration do not show in the result.
    """
    reach = max(samples.reach() for samples in group)
    if reach <= 0:
        return 1.0
    octave = math.floor(math.log2(reach))
    tried = [
        m / STEPS * 2.0 ** (octave - lower)
        for lower in range(OCTAVES)
        for m in range(2 * STEPS - 1, STEPS - 1, -1)
    ]
    errors = [sum(samples.error(scale) for samples in group) for scale in tried]
    return tried[int(np.argmin(errors))]


def grid_scale(group: Sequence[Samples]) -> float | None:
    """The step of data that consists of few integers times one step, such as pixels over 255; None for other data."""
    sizes = np.unique(np.abs(np.concatenate([samples.values for samples in group])))
    if sizes.size > GRID_VALUES or not sizes.any():
        return None
    step = float(np.diff(np.concatenate([[0.0], sizes[sizes > 0]])).min())
    step = float(sizes[-1]) / round(float(sizes[-1]) / step)
    off = np.abs(sizes / step - np.rint(sizes / step)).max()
    if off > GRID_ERROR or any(samples.reach() > step * (1 + GRID_ERROR) for samples in group):
        return None
    return float(np.float32(step))
