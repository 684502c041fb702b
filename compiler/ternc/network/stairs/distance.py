"""The size of a difference of two scaled integer maps, as a sum over integers with a proved bound.

The real difference of channel c is ``e = p[c] * a - q[c] * b + o[c]`` with integers a and b of known ranges. The
hardware adds up ``(unit * E)^2`` or ``|unit * E|``, where ``E = factor[c] * (m[0, c] * a - m[1, c] * b) + offset[c]``:
the multipliers m are executed by the array and want to be small, the factor is the requantiser's and brings all
channels, and the offset, to one unit that is as fine as it has to be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import IntRange, Measure

MULTIPLIER_BITS = 12
"""Of the multipliers, one for each side."""
FACTOR_BITS = 16
"""Of the requantiser's factor, at most."""
EXACT_FACTOR_BITS = 10
"""Of the factor, up to which an exact form is taken although a shorter one might be close enough."""
SCORE_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operands:
    """What is subtracted, per channel.

    Attributes:
        scales: (p, q), all positive.
        ranges: Of a and of b.
        offsets: o.
        pixels: How many differences each channel has.
    """

    scales: tuple[Sequence[Fraction], Sequence[Fraction]]
    ranges: tuple[Sequence[IntRange], Sequence[IntRange]]
    offsets: Sequence[Fraction]
    pixels: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distance:
    """An integer form.

    Attributes:
        multipliers: int64 ``[2, O]``; factor, offset: int64 ``[O]``.
        unit: Of E, exact.
        error: Over all reachable a and b, the root of the sum of ``(unit * E - e)^2``, or the sum of
            ``|unit * E - e|``, is at most this; 0 if every E is exact.
    """

    multipliers: NDArray[np.int64]
    factor: NDArray[np.int64]
    offset: NDArray[np.int64]
    unit: Fraction
    error: float


def distance(operands: Operands, measure: Measure, most: float) -> Distance:
    """An exact form if there is a short one, else the cheapest whose error is at most ``most``, else the best one.

    Law: by the triangle inequality the root of the real sum of squares and that of the hardware's differ by at most
    ``error``, and so do the sums of absolute values.
    """
    exact = _exact(operands, measure)
    if exact is not None:
        return exact
    best = None
    for bits in range(MULTIPLIER_BITS + 1):
        ratios = _ratios(operands, (1 << bits) - 1 or 1)
        ideal = [_deviation(operands, c, r, r.unit, operands.offsets[c]) for c, r in enumerate(ratios)]
        if best is not None and _norm(ideal, operands.pixels, measure) >= best.error:
            continue
        for found in _refined(operands, ratios, measure):
            if best is None or found.error < best.error:
                best = found
            if found.error <= most:
                return found
    assert best is not None
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ratio:
    """Multipliers of one channel, and what one unit of ``m * a - n * b`` is worth."""

    m: int
    n: int
    unit: Fraction


def _ratio(p: Fraction, q: Fraction, top: tuple[int, int], largest: int) -> _Ratio:
    """The best fraction of two integers up to ``largest``; ``top`` are the largest |a| and |b|."""
    if top[0] == 0:
        return _Ratio(m=0, n=1, unit=q)
    if top[1] == 0:
        return _Ratio(m=1, n=0, unit=p)
    ratio = p / q
    found = (ratio if ratio <= 1 else 1 / ratio).limit_denominator(largest)
    m, n = found.as_integer_ratio() if ratio <= 1 else reversed(found.as_integer_ratio())
    exact_side = m and (not n or p * top[0] >= q * top[1])
    return _Ratio(m=m, n=n, unit=p / m if exact_side else q / n)


def _ratios(operands: Operands, largest: int) -> list[_Ratio]:
    sides = zip(*operands.scales, *operands.ranges, strict=True)
    return [_ratio(p, q, (_top(a), _top(b)), largest) for p, q, a, b in sides]


def _top(r: IntRange) -> int:
    return max(-r.low, r.high)


def _exact(operands: Operands, measure: Measure) -> Distance | None:
    ratios = _ratios(operands, (1 << MULTIPLIER_BITS) - 1)
    if any(_deviation(operands, c, r, r.unit, operands.offsets[c]) for c, r in enumerate(ratios)):
        return None
    parts = [*(r.unit for r in ratios), *(abs(o) for o in operands.offsets if o)]
    denominator = math.lcm(*(v.denominator for v in parts))
    unit = Fraction(math.gcd(*(int(v * denominator) for v in parts)), denominator)
    if max(r.unit / unit for r in ratios) > 1 << EXACT_FACTOR_BITS:
        return None
    return _form(operands, ratios, unit, measure)


def _refined(operands: Operands, ratios: list[_Ratio], measure: Measure) -> Iterator[Distance]:
    """The multipliers with finer and finer units, while all fits."""
    coarsest = min(r.unit for r in ratios)
    for bits in range(FACTOR_BITS + 1):
        found = _form(operands, ratios, coarsest / (1 << bits), measure)
        if found is None:
            return
        yield found


def _form(operands: Operands, ratios: list[_Ratio], unit: Fraction, measure: Measure) -> Distance | None:
    """The form of one unit; None where a factor or the score has too many bits."""
    factors = [round(r.unit / unit) for r in ratios]
    offsets = [round(o / unit) for o in operands.offsets]
    if max(factors) > 1 << FACTOR_BITS:
        return None
    reach = []
    for c, (r, k, n) in enumerate(zip(ratios, factors, offsets, strict=True)):
        low, high = _span(operands, c, Fraction(k * r.m), Fraction(k * r.n), Fraction(n))
        reach.append(int(max(-low, high)))
    power = 2 if measure == "squares" else 1
    if operands.pixels * sum(r**power for r in reach) >= 1 << SCORE_BITS:
        return None
    deviations = [
        _deviation(operands, c, r, k * unit, n * unit)
        for c, (r, k, n) in enumerate(zip(ratios, factors, offsets, strict=True))
    ]
    return Distance(
        multipliers=np.array([[r.m for r in ratios], [r.n for r in ratios]], np.int64),
        factor=np.array(factors, np.int64),
        offset=np.array(offsets, np.int64),
        unit=unit,
        error=_norm(deviations, operands.pixels, measure),
    )


def _deviation(operands: Operands, c: int, ratio: _Ratio, worth: Fraction, offset: Fraction) -> Fraction:
    """Largest ``|worth * (m a - n b) + offset - e|`` of a channel."""
    p, q = (side[c] for side in operands.scales)
    low, high = _span(operands, c, worth * ratio.m - p, worth * ratio.n - q, offset - operands.offsets[c])
    return max(-low, high)


def _span(operands: Operands, c: int, p: Fraction, q: Fraction, o: Fraction) -> tuple[Fraction, Fraction]:
    """Smallest and largest ``p * a - q * b + o`` of a channel."""
    a, b = (side[c] for side in operands.ranges)
    first, second = (p * a.low, p * a.high), (q * b.low, q * b.high)
    return min(first) - max(second) + o, max(first) - min(second) + o


def _norm(deviations: Sequence[Fraction], pixels: int, measure: Measure) -> float:
    """Of one deviation for each channel, the same at all its pixels; rounded up."""
    sizes = [math.nextafter(float(d), math.inf) if d else 0.0 for d in deviations]
    total = math.fsum(s * s for s in sizes) if measure == "squares" else math.fsum(sizes)
    root = math.sqrt(total * pixels) if measure == "squares" else total * pixels
    return root * (1 + 2.0**-50) if root else 0.0
