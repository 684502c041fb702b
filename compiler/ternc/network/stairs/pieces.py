"""Stretches on which a chain is monotone: cut at the turns of its functions, with proved ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ternc.network.stairs.exact import NoStaircase, chain_real, compare, constant
from ternc.network.stairs.function_turns import Shape, Turn
from ternc.network.stairs.functions import shape
from ternc.network.stairs.reals import decide
from ternc.network.stairs.search import Axis, Rows, bisect, settle
from ternc.network.steps import (
    Add,
    Branch,
    Clamp,
    Divide,
    Function,
    Multiply,
    Normalise,
    Round,
    Sign,
    Step,
    Thresholds,
)

_SINGLES = 64  # indices inside the bounds of one irrational turn that are looked at one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Indices ``first`` to ``last`` of one channel; ``direction`` is +1, -1, or 0 where the value is constant."""

    channel: int
    first: int
    last: int
    direction: int


def step_sign(step: Step, channel: int) -> int | None:
    """Direction of one step: +1, -1, 0 (constant), or None where it has a turn."""
    match step:
        case Multiply():
            return _sign(constant(step.factor, channel))
        case Divide():
            return _sign(constant(step.divisor, channel))
        case Normalise():
            return _sign(constant(step.gain, channel))
        case Function():
            found = shape_of(step, channel)
            return None if found.turns else found.runs[0]
        case Branch():
            return _branch_sign(step, channel)
        case Add() | Clamp() | Round() | Sign() | Thresholds():
            return 1


@lru_cache(maxsize=4096)
def _branch_sign(step: Branch, channel: int) -> int | None:
    """Direction of a branch, both sides and the jump between them taken together."""
    if step.test:
        return None
    sides = []
    for steps in (step.below, step.above):
        signs = [step_sign(one, channel) for one in steps]
        if None in signs:
            return None
        sides.append(math.prod(sign for sign in signs if sign is not None))
    at = Fraction(constant(step.at, channel))

    def jump(bits: int) -> int:
        return (chain_real(step.above, channel, at, bits) - chain_real(step.below, channel, at, bits)).sign()

    found = {*sides, decide(jump)}
    if None in found or {-1, 1} <= found:
        return None
    return 1 if 1 in found else -1 if -1 in found else 0


def shape_of(step: Function, channel: int) -> Shape:
    """How a function runs on a channel."""
    return shape(step.kind, *(constant(values, channel) for values in (step.alpha, step.beta, step.gamma)))


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def pieces(steps: tuple[Step, ...], axis: Axis, ends: list[tuple[int, int]]) -> list[Piece]:
    """Every channel's range, cut so that the chain is monotone on each piece; in order of channel and index.

    Raises:
        NoStaircase: Too many values lie too close to a turn to be told apart.
    """
    found = [Piece(channel=c, first=a, last=b, direction=1) for c, (a, b) in enumerate(ends)]
    return _along(found, (), steps, axis)


def _along(found: list[Piece], prefix: tuple[Step, ...], steps: tuple[Step, ...], axis: Axis) -> list[Piece]:
    """Pieces behind a prefix, cut by what follows it."""
    for step in steps:
        match step:
            case Function():
                found = _cut(found, prefix, step, axis)
            case Branch():
                found = _branched(found, prefix, step, axis)
            case _:
                found = [_turned(p, step_sign(step, p.channel) or 0) for p in found]
        prefix = (*prefix, step)
    return found


def _branched(found: list[Piece], prefix: tuple[Step, ...], step: Branch, axis: Axis) -> list[Piece]:
    """Cut each piece where it changes between the sides of a branch, and by what each side does to its part."""
    tested, runs = [], []
    for piece in found:
        parts = _along([piece], prefix, step.test, axis)
        tested += parts
        runs += [piece.direction] * len(parts)
    sides: tuple[list[Piece], list[Piece]] = ([], [])
    chain = (*prefix, *step.test)
    for part, run, start in zip(tested, runs, _starts(tested, chain, step, axis), strict=True):
        # In the direction of rising values: what is below ends before ``start``.
        first, last = (part.first, part.last) if part.direction >= 0 else (-part.last, -part.first)
        for side, low, high in ((0, first, start - 1), (1, start, last)):
            if low <= high:
                a, b = (low, high) if part.direction >= 0 else (-high, -low)
                sides[side].append(replace(part, first=a, last=b, direction=run))
    made = _along(sides[0], prefix, step.below, axis) + _along(sides[1], prefix, step.above, axis)
    return sorted(made, key=lambda p: (p.channel, p.first))


def _starts(parts: list[Piece], chain: tuple[Step, ...], step: Branch, axis: Axis) -> list[int]:
    """Per part the first index (negated where the chain falls) that is not below the branch."""
    if not parts:
        return []
    rows = Rows.of(
        chain,
        axis,
        [p.channel for p in parts],
        [(p.first, p.last) for p in parts],
        [p.direction < 0 for p in parts],
    )
    places = [Fraction(constant(step.at, p.channel)) for p in parts]
    guesses = bisect(rows, np.array([[float(place)] for place in places]))
    starts = []
    for row, place in enumerate(places):
        index = settle(rows, row, place, int(guesses[row, 0]))
        starts.append(_behind(rows, row, place, index) if step.equal_is_below else index)
    return starts


def _turned(piece: Piece, sign: int) -> Piece:
    if sign == 1:
        return piece
    return Piece(channel=piece.channel, first=piece.first, last=piece.last, direction=piece.direction * sign)


def _cut(found: list[Piece], prefix: tuple[Step, ...], step: Function, axis: Axis) -> list[Piece]:
    """Cut each piece where its values pass a turn of the function, and give each part its direction."""
    shapes = [shape_of(step, p.channel) for p in found]
    marks = {
        (row, t, side): index
        for t in range(max((len(s.turns) for s in shapes), default=0))
        for side in (0, 1)
        for row, index in _passing(found, shapes, prefix, axis, t, side).items()
    }
    result: list[Piece] = []
    for row, (piece, run) in enumerate(zip(found, shapes, strict=True)):
        if not run.turns or piece.direction == 0:
            result.append(_turned(piece, run.runs[0] if piece.direction else 0))
            continue
        # In the direction of rising values: up to the first turn, at it, between, ...
        start = piece.first if piece.direction > 0 else -piece.last
        end = piece.last if piece.direction > 0 else -piece.first
        parts: list[Piece] = []
        for t, turn in enumerate(run.turns):
            left, right = marks[row, t, 0], marks[row, t, 1]
            parts += _part(piece, start, left - 1, run.runs[t])
            parts += _at_turn(piece, max(start, left), right - 1, turn)
            start = max(start, right)
        parts += _part(piece, start, end, run.runs[-1])
        result += sorted(parts, key=lambda p: p.first)
    return result


def _passing(
    found: list[Piece], shapes: list[Shape], prefix: tuple[Step, ...], axis: Axis, t: int, side: int
) -> dict[int, int]:
    """Per piece the first index (negated where it falls) whose value is at (side 0) or beyond (side 1) turn t."""
    chosen = [
        r for r, (p, s) in enumerate(zip(found, shapes, strict=True)) if p.direction and t < len(s.turns)
    ]
    if not chosen:
        return {}
    rows = Rows.of(
        prefix,
        axis,
        [found[r].channel for r in chosen],
        [(found[r].first, found[r].last) for r in chosen],
        [found[r].direction < 0 for r in chosen],
    )
    places = [shapes[r].turns[t].high if side else shapes[r].turns[t].low for r in chosen]
    guesses = bisect(rows, np.array([[float(place)] for place in places]))
    result = {}
    for i, (row, place) in enumerate(zip(chosen, places, strict=True)):
        index = settle(rows, i, place, int(guesses[i, 0]))
        if side:
            index = _behind(rows, i, place, index)
        result[row] = index
    return result


def _behind(rows: Rows, row: int, place: Fraction, index: int) -> int:
    """The first index from ``index`` on whose value is above ``place``, given that those before are below it."""
    first, last = rows.ends(row)
    channel = int(rows.channel[row])

    def above(i: int) -> bool:
        return i > last or compare(rows.steps, channel, rows.exact(row, i), place) > 0

    low, stride = index - 1, 1
    while not above(index):
        low, index, stride = index, min(index + stride, last + 1), stride * 2
    while index - low > 1:
        middle = (low + index) // 2
        low, index = (low, middle) if above(middle) else (middle, index)
    return max(index, first)


def _part(piece: Piece, start: int, end: int, run: int) -> list[Piece]:
    """A part in the direction of rising values as a piece; nothing where it is empty."""
    if start > end:
        return []
    first, last = (start, end) if piece.direction > 0 else (-end, -start)
    return [Piece(channel=piece.channel, first=first, last=last, direction=piece.direction * run)]


def _at_turn(piece: Piece, start: int, end: int, turn: Turn) -> list[Piece]:
    """The part between the bounds of a turn: one value where they are equal, else a few that are looked at alone."""
    if start > end:
        return []
    if turn.low == turn.high:
        return _part(piece, start, end, 0)
    if end - start < _SINGLES:
        return [part for i in range(start, end + 1) for part in _part(piece, i, i, 0)]
    raise NoStaircase(
        f"{end - start + 1} sums of channel {piece.channel} lie within 2^-100 of a turning point of its function"
    )


def monotone(steps: tuple[Step, ...], channels: int) -> NDArray[np.bool_]:
    """bool ``[channels]``: no step of the chain has a turn."""
    return np.array([all(step_sign(step, c) is not None for step in steps) for c in range(channels)], bool)
