"""Thresholds that float32 may see elsewhere: their real border lies within rounding of an accumulator value."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np

from ternc.network.enclosure import SINGLE_ERROR, enclose
from ternc.network.evaluate import plain
from ternc.network.exact import edge, exact
from ternc.network.lattice import Near
from ternc.network.search import Integers, Rows, take
from ternc.network.steps import Clamp, Function, Round, Sign, Step, Thresholds

_HALVINGS = 60


def borders(rows: Rows, levels: Integers, found: Integers) -> list[tuple[int, str]]:
    """(row, line) for each threshold that a float32 evaluation may put one integer further up or down.

    Args:
        rows: Where the chain rises.
        levels: int64 ``[1, levels]``, codes.
        found: The thresholds, int64 ``[rows, levels]``.
    """
    steps = rows.gathered()
    numbers, radius = rows.floats(found)
    bottom, _ = enclose(steps, numbers, radius=radius, as_single=True)
    numbers, radius = rows.floats(found - 1)
    _, top = enclose(steps, numbers, radius=radius, as_single=True)
    at = (found <= rows.last) & ~(bottom >= levels)
    before = (found > rows.first) & ~(top < levels)
    lines = []
    for r, k in np.argwhere(at | before):
        flip, threshold = int(rows.flip[r, 0]), int(found[r, k])
        near = flip * (threshold if at[r, k] else threshold - 1)
        border = _border(rows, int(r), threshold, int(levels[0, k]))
        place = _decimal(border) if border is not None else str(near)
        lines.append((int(r), f"channel {rows.channel[r]}, step {k}: border {place} at accumulator {near}"))
    return lines


def _border(rows: Rows, row: int, threshold: int, level: int) -> Fraction | None:
    """The real index at which the chain first reaches the level, between T - 1 and T.

    None where it is not between those two (it is beyond the row).
    """
    if any(isinstance(step, Function) for step in rows.steps):
        share = _halved(rows, row, threshold, level)
    else:
        share = _solved(rows, row, threshold, level)
    return None if share is None else int(rows.flip[row, 0]) * (threshold - 1 + share)


def _halved(rows: Rows, row: int, threshold: int, level: int) -> Fraction | None:
    """The place between T - 1 (0) and T (1) in float64."""
    channel = rows.channel[row : row + 1]
    steps = take(rows.steps, channel)
    start, end = (float(rows.exact(row, index)) for index in (threshold - 1, threshold))

    def reached(share: float) -> bool:
        return bool(plain(steps, np.array([[start + share * (end - start)]]))[0, 0] >= level)

    with np.errstate(all="ignore"):
        below, above = 0.0, 1.0
        if reached(below) or not reached(above):
            return None
        for _ in range(_HALVINGS):
            middle = (below + above) / 2
            below, above = (below, middle) if reached(middle) else (middle, above)
    return Fraction(above)


def _solved(rows: Rows, row: int, threshold: int, level: int) -> Fraction | None:
    """The same in rationals, for a chain that is affine in front of its first rounding.

    Clamps in front of the first rounding are left out: they do not move a border that lies inside them.
    """
    channel = int(rows.channel[row])
    snaps = ((i, step) for i, step in enumerate(rows.steps) if isinstance(step, Round | Sign | Thresholds))
    found = next(snaps, None)
    if found is None:
        return None
    at, snap = found
    suffix = rows.steps[at + 1 :]
    affine = tuple(step for step in rows.steps[:at] if not isinstance(step, Clamp))
    start, end = (exact(affine, channel, rows.exact(row, index)) for index in (threshold - 1, threshold))

    def reached(whole: int) -> bool:
        return exact(suffix, channel, whole) >= level

    below, above = (int(exact((snap,), channel, v)) for v in (start, end))
    if reached(below) or not reached(above):
        return None
    while abs(above - below) > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if reached(middle) else (middle, above)
    border = _edge(snap, channel, min(below, above))
    return (border - start) / (end - start)


def _edge(snap: Round | Sign | Thresholds, channel: int, lower: int) -> Fraction:
    """The real value that separates the results ``lower`` and ``lower + 1``."""
    match snap:
        case Round():
            return edge(snap.mode, Fraction(lower))
        case Sign():
            return Fraction(0)
        case Thresholds():
            return Fraction(snap.values[channel if len(snap.values) > 1 else 0, lower])


def _decimal(value: Fraction) -> str:
    context = Context(prec=24)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{quotient.normalize(context):f}"


def border_lines(
    steps: tuple[Step, ...], near: Sequence[Sequence[Near]], signs: Sequence[int]
) -> tuple[str, ...]:
    """The same for sums of scaled accumulators: borders beside which float32 may see a reachable value elsewhere.

    Args:
        steps: From the real sum to the code.
        near: Per channel, its borders and the values next to them.
        signs: Per channel: -1 where its accumulator is negated.
    """
    listed = [(c, k, one) for c, row in enumerate(near) for k, one in enumerate(row)]
    if not listed:
        return ()
    chain = take(steps, np.array([c for c, _, _ in listed], np.int64))
    values = np.array([[one.below, one.above] for _, _, one in listed])
    size = np.array([[one.size] for _, _, one in listed])
    known = np.isfinite(values)
    values = np.where(known, values, 0.0)
    radius = (np.abs(values) + size) * SINGLE_ERROR
    bottom, top = enclose(chain, values, radius=radius, as_single=True)
    unsure = (bottom != top) & known
    lines = []
    for (c, k, one), (before, at) in zip(listed, unsure, strict=True):
        if not (before or at):
            continue
        sign = signs[c] or 1
        nearest = sign * (one.threshold if at else one.threshold - 1)
        place = _decimal(Fraction(sign * one.place))
        lines.append(f"channel {c}, step {k}: border {place} at accumulator {nearest}")
    return tuple(lines)
