"""What a value of the ONNX graph is known to be while the graph is walked.

Three kinds: a constant, a view of integers (elementwise steps on an integer source, arranged somehow in the
ONNX value's axes), and the index of the largest channel. The union is closed: every handler matches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import IntRange, Tensor, Trits
from ternc.network.steps import Step

Array: TypeAlias = NDArray[Any]
Index: TypeAlias = NDArray[np.int64]
Map: TypeAlias = tuple[int, int, int]
"""(channels, height, width)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One ONNX node, free of protobuf.

    Attributes:
        name: Unique: the node's own name, or that of its first output.
        inputs, outputs: Value names; an absent optional one is ``""``.
        attributes: Python values; tensors as arrays, strings as ``str``.
    """

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Const:
    """A value known at compile time.

    Attributes:
        array: Its value; small integer types are those of ml_dtypes.
        name: What to call it in a message: the initialiser it comes from where the shape is still the same.
    """

    array: Array
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphInput:
    """The ONNX input as it arrives. Every one of its elements counts as a channel of its own.

    Attributes:
        shape: With the batch axis (1).
        dtype: numpy dtype name.
        range: The integers it can hold by its type, or None for a float.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    range: IntRange | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """The integers of a finished tensor of the Network."""

    tensor: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accumulator:
    """The sums of a linear layer that is not finished yet: its activation is still unknown.

    Attributes:
        name, kind, trits, stride, padding, dilation, groups, upsample: As in `Linear`.
        source: The tensor it reads.
        size: (channels, height, width) of its sums.
        ranges: Per channel, every value that its sum can take.
    """

    name: str
    kind: str
    source: Tensor
    trits: Trits
    size: Map
    ranges: tuple[IntRange, ...]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    upsample: tuple[int, int] = (1, 1)


Source: TypeAlias = GraphInput | Stored | Accumulator


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PendingPool:
    """A max pool that will join the accumulator's layer.

    Attributes:
        kernel, stride: (height, width).
        before: How many of the view's steps the graph applies in front of the pool.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    before: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """Real numbers: steps applied to the integers of a source.

    Attributes:
        name: The ONNX value.
        source: Where the integers come from.
        steps: Applied in order; constants per channel of ``size`` (per element for a graph input).
        index: int64 of the ONNX value's shape: flat index into the map of ``size``, each used at most once.
        size: The map, after the pool and the enlargement.
        dtype: numpy dtype name of the ONNX value.
        pool: A max pool between source and map, or None.
        upsample: Nearest enlargement (height, width) between source and map.
        shared: Whether a value between the source and this one has another reader as well.
    """

    name: str
    source: Source
    index: Index
    size: Map
    dtype: str
    steps: tuple[Step, ...] = ()
    pool: PendingPool | None = None
    upsample: tuple[int, int] = (1, 1)
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The index of the largest channel at each pixel.

    Attributes:
        view: The numbers that are compared.
        index: int64 of the ONNX value's shape: flat (y, x) pixel.
        node: The ArgMax or TopK.
    """

    name: str
    view: View
    index: Index
    dtype: str
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unknown:
    """What a refused node leaves behind when all obstacles are collected."""

    name: str


Value: TypeAlias = Const | View | Choice | Unknown


@dataclass(slots=True, kw_only=True)
class Notes:
    """What each node becomes, for `ternc check`."""

    lines: dict[str, str] = field(default_factory=dict)


def pixels(size: Map) -> int:
    """Number of pixels of a map."""
    return size[1] * size[2]


def plain_index(shape: tuple[int, ...]) -> Index:
    """The index of a value whose elements are in map order."""
    return np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)


def reals(array: Array) -> NDArray[np.float64]:
    """The array in float64, which holds every float32 and every code exactly."""
    with np.errstate(invalid="ignore"):  # a signalling NaN of a damaged file
        return array.astype(np.float64)
