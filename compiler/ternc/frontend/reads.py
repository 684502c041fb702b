"""From weights on an ONNX value to terms on the tensors behind it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.access import Access, Fill, Line, split
from ternc.frontend.build import Builder, Operand
from ternc.frontend.input_map import Layout
from ternc.frontend.values import NOTHING, Computed, Index, Joined, Map, View, plain_index
from ternc.network.layers import Term, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a layer walks over its ONNX value, as in `Term`; ``size`` is its output's (height, width)."""

    size: tuple[int, int]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    spread: tuple[int, int] = (1, 1)


def shares(total: int, auto: str) -> tuple[int, int]:
    """The pads in front and behind that ``total`` is cut into; the odd one is behind where auto_pad is SAME_UPPER."""
    less, more = total // 2, total - total // 2
    return (less, more) if auto == "SAME_UPPER" else (more, less)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Read:
    """One finished tensor behind an ONNX value, and how its channels are reached.

    Attributes:
        index: int64 ``[C, H, W]`` of the ONNX value's map.
    """

    operand: Operand
    index: Index
    accesses: tuple[Access, ...]

    def per_channel(self, values: NDArray[Any]) -> dict[int, list[Fraction]]:
        """For each channel of the ONNX value the distinct constants of the tensor's channels that it reads."""
        found: dict[int, list[Fraction]] = {}
        for access in self.accesses:
            for channel, source in zip(access.channels.tolist(), access.sources.tolist(), strict=True):
                value = values[source if values.size > 1 else 0]
                known = found.setdefault(channel, [])
                if value not in known:
                    known.append(value)
        return found


def operands(build: Builder, value: Computed, where: str, *, layout: Layout = "map") -> list[Operand]:
    """Finish everything that a value reads.

    Raises:
        ModelError: Something is no integers.
    """
    views = value.parts if isinstance(value, Joined) else (value,)
    return [build.operand(view, where, layout=layout) for view in views]


def reads(
    build: Builder, found: list[Operand], size: Map, where: str, name: str, window: Window | None
) -> list[Read]:
    """How a layer with that window reaches the operands, each through a copy where it cannot be read in place.

    Args:
        found: Operands whose index has ``size`` elements.
        size: (channels, height, width) of the ONNX value as a map.
        window: The layer's, or None for a dense layer, which reads each element wherever it is.
    Raises:
        ModelError: An arrangement that no copy can make.
    """
    result = []
    for operand in found:
        index = operand.index.reshape(size)
        if np.all(index == NOTHING):
            continue
        accesses = split(index, operand.size)
        if accesses is None:
            raise ModelError(
                f"{where} reads '{name}' in an arrangement that is not made of straight lines "
                "(mirrored, interleaved or gathered pixels)",
                help="move the rearrangement to the network's input or output, where the host makes it",
            )
        if window is not None and not fits(accesses, window, size, operand.size):
            operand = copied(build, operand, accesses, size, where, name)
            index = operand.index.reshape(size)
            accesses = split(index, operand.size)
            assert accesses is not None
        result.append(Read(operand=operand, index=index, accesses=accesses))
    return result


def fits(accesses: tuple[Access, ...], window: Window, size: Map, source: Map) -> bool:
    """Whether accesses of a value of ``size`` are terms of a layer with that window on the source."""
    return all(_term(a, window, (size[1], size[2]), source, None) is not None for a in accesses)


def copied(
    build: Builder, operand: Operand, accesses: tuple[Access, ...], size: Map, where: str, name: str
) -> Operand:
    """The operand again as a tensor of the ONNX value's own map, 0 where it has nothing."""
    scale = operand.scale
    if scale.size > 1 or operand.offset.size > 1 or np.any(operand.offset != 0):
        raise ModelError(
            f"{where} reads '{name}', part of a tensor with another scale in each channel or with an offset: "
            "such a tensor can only be read whole",
            help="quantise it with one scale, and a zero point where it has an offset",
        )
    acc = build.copying(name, one_hot(operand, accesses, size), size)
    view = View(
        name=name,
        source=acc,
        index=plain_index((1, *size)),
        size=size,
        dtype="float32",
        steps=operand.factors,
    )
    return build.operand(view, where)


def one_hot(operand: Operand, accesses: tuple[Access, ...], size: Map) -> tuple[Term, ...]:
    """Terms that copy an operand's values into a map of ``size``."""
    found = []
    channels, length = size[0], (size[1], size[2])
    window = Window(size=length)
    for access in accesses:
        same = len(access.channels) == channels == operand.tensor.channels
        if same and np.array_equal(access.channels, access.sources):
            weights = np.ones((channels, 1, 1, 1), np.int32)
            found.append(_made(operand, access, weights, window, length, groups=channels))
            continue
        weights = np.zeros((channels, operand.tensor.channels, 1, 1), np.int32)
        weights[access.channels, access.sources] = 1
        found.append(_made(operand, access, weights, window, length))
    return tuple(found)


def terms(read: Read, weights: Weights, window: Window, groups: int = 1) -> tuple[Term, ...]:
    """Terms of integer weights ``[O, C // groups, KH, KW]`` on the channels of the ONNX value."""
    operand = read.operand
    length = read.index.shape[1], read.index.shape[2]
    found = []
    for access in read.accesses:
        whole = len(access.channels) == operand.tensor.channels == weights.shape[1] * groups
        if groups > 1 and whole and np.array_equal(access.channels, access.sources):
            found.append(_made(operand, access, weights, window, length, groups=groups))
            continue
        full = _ungrouped(weights, groups)
        part = full if np.array_equal(access.channels, np.arange(full.shape[1])) else full[:, access.channels]
        spread = gathered(part, access.sources, operand.tensor.channels)
        found.append(_made(operand, access, spread, window, length))
    return tuple(found)


def gathered(weights: Weights, sources: NDArray[np.int64], count: int) -> Weights:
    """Weights ``[O, n, ...]`` of some inputs as those of ``count`` others, of which input i is number ``sources[i]``.

    Those of inputs that are the same one are added up.
    """
    if np.array_equal(sources, np.arange(count)):
        return np.ascontiguousarray(weights)
    found = np.zeros((len(weights), count, *weights.shape[2:]), np.int32)
    if len(np.unique(sources)) == len(sources):
        found[:, sources] = weights
    else:
        np.add.at(found.swapaxes(0, 1), sources, weights.swapaxes(0, 1))
    return found


def _ungrouped(weights: Weights, groups: int) -> Weights:
    """Grouped weights as ungrouped ones, with zeros."""
    if groups == 1:
        return weights
    outputs, inputs = weights.shape[:2]
    full = np.zeros((outputs, inputs * groups, *weights.shape[2:]), np.int32)
    each = outputs // groups
    for g in range(groups):
        rows = slice(g * each, (g + 1) * each)
        full[rows, g * inputs : (g + 1) * inputs] = weights[rows]
    return full


def _made(
    operand: Operand,
    access: Access,
    weights: Weights,
    window: Window,
    length: tuple[int, int],
    groups: int = 1,
) -> Term:
    """One term; the access must suit the window (see `reads`)."""
    found = _term(access, window, length, operand.size, (operand.tensor.name, weights, groups))
    assert found is not None
    return found


def _term(
    access: Access,
    window: Window,
    length: tuple[int, int],
    source: Map,
    content: tuple[str, Weights, int] | None,
) -> Term | None:
    """The term of an access under a window, or None where it would read what the ONNX value does not hold."""
    rows = _axis(access.vertical, window, 0, length[0], source[1])
    cols = _axis(access.horizontal, window, 1, length[1], source[2])
    if rows is None or cols is None:
        return None
    fills = {axis.fill for axis in (rows, cols) if axis.factor > 1}
    if len(fills) > 1:
        return None
    name, weights, groups = content or ("", np.zeros((1, 1, *window.kernel), np.int32), 1)
    return Term(
        source=name,
        weights=weights,
        stride=(rows.stride, cols.stride),
        padding=(rows.before, cols.before, rows.after, cols.after),
        dilation=(rows.dilation, cols.dilation),
        groups=groups,
        upsample=(rows.factor, cols.factor),
        fill="zeros" if "zeros" in fills else "copies",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """One axis of a term."""

    stride: int
    dilation: int
    before: int
    after: int
    factor: int
    fill: Fill


def _axis(line: Line, window: Window, n: int, length: int, size: int) -> _Axis | None:
    """One axis of an access under a window.

    The window's tap k at output j reads position ``y = (j*stride + k*dilation - padding) / spread`` of the ONNX
    value, and that reads ``(step*y + start) / factor`` of the source. Outside the value (``length`` positions) the line
    must read nothing either.
    """
    outputs, kernel, spread = window.size[n], window.kernel[n], window.spread[n]
    reached = np.unique(
        np.arange(outputs)[:, None] * window.stride[n]
        + np.arange(kernel)[None] * window.dilation[n]
        - window.padding[n]
    )
    reached = reached[reached % spread == 0] // spread
    outside = reached[(reached < 0) | (reached >= length)]
    if np.any(line.read(outside, size) != NOTHING):
        return None
    if spread > 1 and (line.factor > 1 or gcd(line.step, spread) > 1):
        return None
    stride = line.step * window.stride[n] if outputs > 1 else 1
    dilation = line.step * window.dilation[n] if kernel > 1 else 1
    before = line.step * window.padding[n] - line.start * spread
    factor = line.factor * spread
    reach = (outputs - 1) * stride + (kernel - 1) * dilation + 1
    return _Axis(
        stride=stride,
        dilation=dilation,
        before=before,
        after=reach - size * factor - before,
        factor=factor,
        fill="zeros" if spread > 1 else line.fill,
    )
