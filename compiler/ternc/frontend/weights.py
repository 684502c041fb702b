"""Real weights as integers times scales, or a sentence that says why not.

In each output channel the weights must be one of: ternary (-a, 0, +a), integers of at most 8 bits and a sign times one
step, or a few magnitudes of any size (two-scale ternary networks have +Wp and -Wn).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.frontend.values import Array
from ternc.network.layers import Weights
from ternc.numeric import signed_bits

Reals = NDArray[np.float64]

TOLERANCE = 1e-6
"""How far, relative, the magnitudes of one output channel may lie apart to count as equal."""
GRID_TOLERANCE = 4e-7
"""How far, relative, a weight may lie beside its multiple of the step: a few roundings of float32."""
HALF_ULP = 2.0**-24 * (1 + 2.0**-20)
"""How far, relative, a number may lie beside the float32 nearest to it."""
PRODUCT_ULP = 2.0**-50
"""How far, relative, a product of two float32 numbers and one division may lie beside the exact one in float64."""
WIDEST = 255
"""Largest integer weight: 8 bits and the sign that a zero point may bring."""
MAGNITUDES = 4
"""Most magnitudes of a channel whose weights form no grid."""
FARTHEST = 1 << 20
"""Largest ratio of two of them: integer sums are multiplied with at most 20 bits."""
_BLOCK = 1 << 15
"""Weights that are looked at together, few enough for a cache."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """Integer weights and their scale: ``weights[o] * scale[o]``.

    Attributes:
        weights: int32, the shape of the real weights.
        exact: The scale of each output channel, above 0 (1 for a channel of zeros).
    """

    weights: Weights
    exact: tuple[Fraction, ...]

    @property
    def scale(self) -> Reals:
        """float64 ``[O]``: the scales, rounded."""
        return np.array([float(value) for value in self.exact])

    def reals(self, outputs: slice, times: float = 1.0) -> Reals:
        """The real weights of some output channels, times a number."""
        scale = np.array([float(value) for value in self.exact[outputs]]) * times
        return np.asarray(self.weights[outputs] * scale.reshape(-1, *(1,) * (self.weights.ndim - 1)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Integers:
    """Real weights as a sum of planes, and where that fails.

    Attributes:
        planes: At least one; more than one only where a channel's magnitudes form no grid.
        bits: Signed width of the widest integer; 2 for ternary weights.
        misfits: Flat indices of values that belong to no plane.
        scale: float64 ``[O]``: each channel's commonest magnitude, for messages.
    """

    planes: tuple[Plane, ...]
    bits: int
    misfits: NDArray[np.int64]
    scale: Reals

    @property
    def ternary(self) -> bool:
        """Whether every channel has one magnitude."""
        return self.bits == 2 and len(self.planes) == 1 and not self.misfits.size


def split(weights: Reals) -> Integers:
    """The integers of real weights; axis 0 is the output channel."""
    flat = weights.reshape(len(weights), -1)
    count = len(flat)
    first, single = _signs(flat)
    first_scale = [Fraction(size) if size > 0 else Fraction(1) for size in single.tolist()]
    commonest = np.where(single > 0, single, 1.0)
    others: dict[int, tuple[Weights, list[Fraction]]] = {}
    misfit = np.zeros(flat.shape, np.bool_)
    everywhere: tuple[Reals, NDArray[np.int64]] | None = None
    for channel in np.flatnonzero(single < 0).tolist():
        row, signs = flat[channel], first[channel].copy()
        sizes, counts = np.unique(np.abs(row[row != 0]), return_counts=True)
        if sizes[-1] - sizes[0] <= TOLERANCE * sizes[-1]:
            commonest[channel] = sizes[np.argmax(counts)]
            first_scale[channel] = Fraction(commonest[channel])
            continue
        step = grid_step(sizes)
        if step is not None:
            first[channel], first_scale[channel] = np.rint(row / float(step)), step
            continue
        levels = _levels(sizes)
        if len(levels) > MAGNITUDES or levels[-1] > FARTHEST * levels[0]:
            best = sizes[counts == counts.max()]
            if 1 < len(best) <= MAGNITUDES and everywhere is None:
                everywhere = np.unique(np.abs(flat), return_counts=True)
            commonest[channel] = _commonest(best, everywhere)
            misfit[channel] = (row != 0) & ~_near(np.abs(row), commonest[channel])
            continue
        for n, level in enumerate(levels):
            at = np.where(_near(np.abs(row), level), signs, 0)
            if n == 0:
                first[channel], first_scale[channel] = at, Fraction(level)
                continue
            plane, scale = others.setdefault(n, (np.zeros_like(first), [Fraction(1)] * count))
            plane[channel], scale[channel] = at, Fraction(level)
    planes = [(first, first_scale), *(others[n] for n in sorted(others))]
    ends = min(int(p.min()) for p, _ in planes), max(int(p.max()) for p, _ in planes)
    return Integers(
        planes=tuple(
            Plane(weights=np.asarray(p.reshape(weights.shape), np.int32), exact=tuple(s)) for p, s in planes
        ),
        bits=max(2, signed_bits(*ends)),
        misfits=np.flatnonzero(misfit).astype(np.int64),
        scale=commonest,
    )


def _signs(flat: Reals) -> tuple[Weights, Reals]:
    """Signs, int32 ``[O, I]``, and the one magnitude of each channel: 0 if all are 0, -1 if there are several."""
    signs, single = np.zeros(flat.shape, np.int32), np.zeros(len(flat))
    for outputs in blocks(flat):
        rows = flat[outputs]
        above, below = rows > 0, rows < 0
        signs[outputs] = above.view(np.int8) - below.view(np.int8)
        largest = np.abs(rows).max(axis=1, initial=0.0)
        one = (above == (rows == largest[:, None])) & (below == (rows == -largest[:, None]))
        one = one.all(axis=1) & (largest < np.inf)
        single[outputs] = np.where(largest == 0, 0.0, np.where(one, largest, -1.0))
    return signs, single


def blocks(weights: NDArray[Any]) -> Iterator[slice]:
    """Runs of output channels, so short that what is computed of one stays in a cache."""
    step = max(1, _BLOCK // max(1, weights[:1].size))
    return (slice(first, first + step) for first in range(0, len(weights), step))


def joined(planes: tuple[Plane, ...], outputs: slice = slice(None)) -> Reals:
    """The real weights that planes stand for, of some output channels."""
    return np.asarray(sum(plane.reals(outputs) for plane in planes), np.float64)


def deviation(wanted: Reals, made: Reals, *, times: Reals | None = None, exact: bool = False) -> Reals:
    """float64 ``[O]``: per output channel the sum of the magnitudes by which weights differ from those made.

    A weight that is the made one rounded to float32 does not count: no file could hold it better.

    Args:
        times: What each difference counts, broadcastable to the weights; None: 1.
        exact: The wanted ones are what the file says, so that only float64's own rounding does not count.
    """
    if np.array_equal(wanted, made):
        return np.zeros(len(wanted))
    off = np.abs(wanted - made)
    off = np.where(off <= (PRODUCT_ULP if exact else HALF_ULP) * np.abs(wanted), 0.0, off)
    if times is not None:
        off = off * np.abs(times)
    return np.asarray(off.reshape(len(off), -1).sum(axis=1))


def _near(sizes: Reals, level: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(sizes - level) <= TOLERANCE * level)


def grid_step(levels: Reals) -> Fraction | None:
    """The largest step of which all magnitudes (rising) are multiples up to `WIDEST`, or None."""
    gaps = np.count_nonzero(np.diff(levels) > TOLERANCE * levels[1:])
    if levels[-1] > (WIDEST + 0.5) * levels[0] or gaps >= WIDEST:
        return None
    divisors = np.arange(1, WIDEST + 1)
    divisors = divisors[: int(WIDEST * levels[0] / levels[-1]) + 1]
    ratios = levels[None, :] * (divisors / levels[0])[:, None]
    fits = np.all(np.abs(ratios - np.rint(ratios)) <= GRID_TOLERANCE * ratios, axis=1)
    fits &= np.rint(ratios[:, -1]) <= WIDEST
    if not np.any(fits):
        return None
    multiples = np.rint(ratios[np.argmax(fits)])
    exact = np.flatnonzero(np.log2(multiples) % 1 == 0)  # the step itself, scaled without rounding
    best = int(exact[0]) if exact.size else int(np.argmax(multiples))
    step = Fraction(float(levels[best])) / int(multiples[best])
    return step if exact.size else _single(step, levels, multiples)


def _single(step: Fraction, levels: Reals, multiples: Reals) -> Fraction:
    """The float32 whose multiples, rounded to float32, are the magnitudes: the file's scale; else the step itself."""
    near = np.float32(float(step))
    for candidate in (near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(np.inf))):
        if np.array_equal((multiples * float(candidate)).astype(np.float32).astype(np.float64), levels):
            return Fraction(float(candidate))
    return step


def _levels(sizes: Reals) -> list[float]:
    """The distinct ones of rising magnitudes, at most one too many; those within the tolerance count as one."""
    found: list[float] = []
    for value in sizes.tolist():
        if not found or value - found[-1] > TOLERANCE * value:
            found.append(value)
            if len(found) > MAGNITUDES:
                break
    return found


def _commonest(best: Reals, everywhere: tuple[Reals, NDArray[np.int64]] | None) -> float:
    """Of a channel's most frequent magnitudes, where there are few, the commonest in the whole tensor."""
    if not 1 < len(best) <= MAGNITUDES or everywhere is None:
        return float(best[0])
    values, counts = everywhere
    return float(best[np.argmax(counts[np.searchsorted(values, best)])])


def describe(found: Integers, weights: Array, name: str, layout: NDArray[np.int64]) -> str:
    """``17 of 36,864 values are not (first: w3[2,0,1,1] = 0.24)``.

    Args:
        weights: The tensor as the node reads it.
        layout: For each element of the canonical weights, its flat index in ``weights``.
    """
    misfit = np.zeros(weights.size, np.bool_)
    misfit[layout.ravel()[found.misfits]] = True
    place, total = int(np.argmax(misfit)), int(np.count_nonzero(misfit))
    at = ",".join(str(int(i)) for i in np.unravel_index(place, weights.shape))
    verb = "is" if total == 1 else "are"
    count = f"{total:,} of {weights.size:,} values {verb} not"
    return f"{count} (first: {name}[{at}] = {float(weights.ravel()[place]):g})"
