"""What a value of the ONNX graph is known to be while the graph is walked.

A constant, a view of integers (elementwise steps on an integer source, arranged somehow in the ONNX value's axes),
several views side by side, the index of the largest channel, or something for the host. The union is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.grid import Rationals
from ternc.frontend.straight import Functions
from ternc.network.layers import IntRange, Tensor, Term
from ternc.network.steps import PerChannel, Step

Array: TypeAlias = NDArray[Any]
Index: TypeAlias = NDArray[np.int64]
Map: TypeAlias = tuple[int, int, int]
"""(channels, height, width)."""
LARGEST_VALUE = 1 << 27
"""Most elements of a value: more than an on-chip memory holds, while an index of them still fits into a workstation."""
NOTHING = -1
"""Index of an element that comes from nowhere (a padding): it is 0, or what `View.fill` says."""


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
class Addend:
    """One integer sum of an accumulator: ``A[o] = sum over its terms``.

    Attributes:
        terms: As in `Linear`.
        scale: What one unit of the sum is worth, exact, ``[1]`` or ``[O]``, in the accumulator's real value.
        ranges: Per channel, every value that the sum can take.
        deviation: float64 ``[1]`` or ``[O]``: how far the graph's real sum may be, in units of ``scale``: its weights
            need not be exactly integers times a scale (`ternc.frontend.weights`).
    """

    terms: tuple[Term, ...]
    scale: Rationals
    ranges: tuple[IntRange, ...]
    deviation: PerChannel = field(default_factory=lambda: np.zeros(1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accumulator:
    """The sums of a linear layer that is not finished yet: its activation is still unknown.

    Its real value is ``sum_j scale_j * A_j``. Where it is `whole`, the value is the integer sum itself, and the view's
    steps hold all scales.

    Attributes:
        name, kind: As in `Linear`.
        addends: At least one.
        size: (channels, height, width) of the sums.
        codes: Whether the sums are finished codes (a copy of a tensor).
        mean: Of an average.
    """

    name: str
    kind: str
    addends: tuple[Addend, ...]
    size: Map
    codes: bool = False
    mean: Mean | None = None

    @property
    def deviation(self) -> PerChannel:
        """float64 ``[O]``: how far the graph's real value may be from this one."""
        return sum(
            (
                np.abs(np.array([float(v) for v in np.broadcast_to(a.scale, self.size[0])])) * a.deviation
                for a in self.addends
            ),
            np.zeros(self.size[0]),
        )

    @property
    def whole(self) -> bool:
        """Whether there is one addend, and its scale is 1."""
        return len(self.addends) == 1 and bool(np.all(self.addends[0].scale == 1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mean:
    """Where an average's sums come from, so that a layer behind it can read that itself: both together are one layer.

    Attributes:
        node: Name of the average's node.
        value: What is averaged, as a map of ``size``.
        kernel, stride, dilation, padding: The window, (height, width) each; padding is above and to the left.
        front: How many steps of a view on the sums lead to the mean.
        divide: The last of them: the division by the number of pixels, if there is one.
    """

    node: str
    value: Computed
    size: Map
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    front: int
    divide: tuple[Step, ...]


Source: TypeAlias = GraphInput | Stored | Accumulator


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPool:
    """A max pool that will join the accumulator's layer.

    Attributes:
        kernel, stride, padding, dilation: As in `Pool`.
        size: (height, width) behind it.
        before: How many of the view's steps the graph applies in front of the pool.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    size: tuple[int, int]
    before: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """Real numbers: steps applied to the integers of a source.

    Attributes:
        name: The ONNX value.
        source: Where the integers come from.
        steps: Applied in order; constants per channel of ``size`` (per element for a graph input).
        index: int64 of the ONNX value's shape: flat index into the map of ``size``, or `NOTHING` where the value is
            ``fill``.
        size: The map, behind the pool.
        dtype: numpy dtype name of the ONNX value.
        pool: A max pool between source and map, or None.
        shared: Whether a value between the source and this one has another reader as well.
        fill: The real number that stands where there is `NOTHING` (of integers, the integer).
    """

    name: str
    source: Source
    index: Index
    size: Map
    dtype: str
    steps: tuple[Step, ...] = ()
    pool: PendingPool | None = None
    shared: bool = False
    fill: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joined:
    """Real numbers from several sources side by side (a concatenation).

    Attributes:
        parts: Views of the same ONNX shape; at most one of them has something at any element.
    """

    name: str
    parts: tuple[View, ...]

    @property
    def index(self) -> Index:
        """The place of each element among all parts' elements, or `NOTHING`; for its shape and coverage."""
        place = np.arange(self.parts[0].index.size, dtype=np.int64).reshape(self.parts[0].index.shape)
        covered = np.any([part.index != NOTHING for part in self.parts], axis=0)
        return np.where(covered, place, NOTHING)

    @property
    def dtype(self) -> str:
        """numpy dtype name of the ONNX value."""
        return self.parts[0].dtype

    @property
    def fill(self) -> Fraction:
        """What stands where no part has anything."""
        return self.parts[0].fill


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
class Comparison:
    """Whether a value lies on one side of a constant; a choice (Where) reads it, or a cast to numbers.

    Attributes:
        at: The constant, one number or one per channel of the view's map.
        below: Whether it is true for smaller values.
        equal: Whether it is true for the constant itself.
    """

    name: str
    view: View
    at: PerChannel
    below: bool
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partial:
    """A function of a value that has no steps of its own, but may be part of one that has (one half of a choice).

    Attributes:
        view: The value that it is a function of.
        functions: What it makes of that.
        reason: The refusal that any other reader of it gives.
    """

    name: str
    view: View
    functions: Functions
    reason: ModelError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Host:
    """A value that only the host can compute; it may lead to the network's outputs and nowhere else.

    Attributes:
        node: The first operator on its way that has no integer form.
        reason: The refusal that a layer behind it would give.
    """

    name: str
    node: Node
    reason: ModelError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unknown:
    """What a refused node leaves behind when all obstacles are collected."""

    name: str


Value: TypeAlias = Const | View | Joined | Choice | Comparison | Partial | Host | Unknown
Computed: TypeAlias = View | Joined


def map_shape(shape: tuple[int, ...]) -> Map | None:
    """(channels, height, width) of an ONNX value [1, C, L] or [1, C, H, W]; None for any other."""
    if len(shape) == 3 and shape[0] == 1:
        return shape[1], 1, shape[2]
    if len(shape) == 4 and shape[0] == 1:
        return shape[1], shape[2], shape[3]
    return None


def real_dtype(dtype: str) -> str:
    """The type of a sum of such values: a float type as it is, float32 for integers."""
    return dtype if "float" in dtype else "float32"


def pixels(size: Map) -> int:
    """Number of pixels of a map."""
    return size[1] * size[2]


class TooLargeError(ValueError):
    """A value with more elements than `LARGEST_VALUE`."""


def require_size(shape: Iterable[int]) -> None:
    """TooLargeError where a value of that shape is not to be made."""
    count = prod(map(int, shape))
    if count > LARGEST_VALUE:
        raise TooLargeError(f"{count:,} values, more than the {LARGEST_VALUE:,} that a value may have")


def plain_index(shape: tuple[int, ...]) -> Index:
    """The index of a value whose elements are in map order; TooLargeError for one that is too large."""
    require_size(shape)
    return np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)


def reals(array: Array) -> NDArray[np.float64]:
    """The array in float64, which holds every float32 and every code exactly."""
    with np.errstate(invalid="ignore"):  # a signalling NaN of a damaged file
        return array.astype(np.float64)
