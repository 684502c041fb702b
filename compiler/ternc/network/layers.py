"""The Network: integer layers, nothing else. Running it *is* the golden model.

Every tensor is a map of ``channels x height x width`` integers ``x`` with a known range; one-dimensional
data has height 1, a flat vector has height and width 1. Real numbers appear only at the two ends: the
`Prologue` turns the ONNX input into the integers of the first tensor, the `Output` turns the integers of
the last one into the ONNX output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.steps import Step

Trits: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntRange:
    """All integers from ``low`` to ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An integer map between two layers.

    Attributes:
        name: Unique in the Network.
        channels, height, width: Shape, each at least 1.
        range: Every value it can hold. It contains 0, because padding is 0.
    """

    name: str
    channels: int
    height: int
    width: int
    range: IntRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Window reduction behind a layer's activation; windows lie inside the map, without padding.

    Attributes:
        kernel, stride: (height, width), in pixels of the layer's convolution output.
        minimum: Per output channel, True where the window keeps its smallest code instead of its largest
            (a maximum in front of a falling activation).
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    minimum: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MultiplyShift:
    """``clamp((acc * multiplier[o] + addend[o]) >> shift, 0, steps)``, proved equal to a staircase.

    Attributes:
        multiplier, addend: int64 ``[O]``.
        shift: Right shift in bits (arithmetic, rounds down), one for the layer.
    """

    multiplier: NDArray[np.int64]
    addend: NDArray[np.int64]
    shift: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Staircase:
    """A rising step function of the accumulator, one per channel: ``low + #{k : acc >= thresholds[o, k]}``.

    Attributes:
        thresholds: int64 ``[O, steps]``, not falling along ``k``, clipped to
            ``[acc_low, acc_high + 1]`` of the channel's reachable range (so equal functions are equal arrays).
        low: The lowest code; the highest is ``low + steps``.
        form: The proved multiply-shift form, or None where only thresholds are exact.
        borders: Human-readable list of thresholds whose exact real border lies within float32 rounding of an
            integer accumulator value, so that another export of the same model may differ by one there.
    """

    thresholds: NDArray[np.int64]
    low: int
    form: MultiplyShift | None = None
    borders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """``acc[o] = sum_i trits[o, i] * x[i]`` over a window, then an activation, then an optional pool.

    The convolution reads the source as if it were first enlarged ``upsample`` times (nearest) and then
    surrounded by ``padding`` zeros. A dense layer is a convolution whose kernel covers the whole map.

    Attributes:
        name: The ONNX node's name (made unique).
        kind: What the user calls it; for reports only, nothing depends on it.
        source, target: Tensor names.
        trits: int8 ``[O, I // groups, KH, KW]``, each -1, 0 or +1.
        stride, dilation, upsample: (height, width), at least 1.
        padding: (top, left, bottom, right), in pixels of the enlarged source.
        groups: Divides both channel counts.
        activation: A `Staircase`, or None where the raw accumulator leaves the network.
        pool: Reduction of the activation's output, or None.
    """

    name: str
    kind: Literal["conv", "dense", "identity"]
    source: str
    target: str
    trits: Trits
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    upsample: tuple[int, int] = (1, 1)
    activation: Staircase | None = None
    pool: Pool | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prologue:
    """How the host makes the first tensor's integers from the ONNX input, in float32 as the graph does.

    Attributes:
        name: ONNX graph input.
        shape: Its shape without the batch axis.
        dtype: numpy dtype name of the graph input, for example ``"float32"``.
        steps: Elementwise steps applied in order, the last of which leaves integers ``x``
            (for an input whose type was only declared: divide by its scale, round, clip).
        gather: int64 ``[channels * height * width]``: flat index into the ONNX input of each value of the
            tensor in (channel, y, x) order.
        scale, offset: The real value of integer ``x`` is ``scale * x + offset``. For reports, and for
            making an ONNX input from integers where ``steps`` is the declared kind.
        declared: True where the integer type came from an annotation, the input's own integer dtype or
            ``--input-quant`` instead of a quantiser in the graph.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    steps: tuple[Step, ...]
    gather: NDArray[np.int64]
    scale: float
    offset: float
    declared: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output:
    """How the host makes the ONNX output from the last tensor's integers.

    Attributes:
        name: ONNX graph output.
        shape: Its shape without the batch axis.
        dtype: numpy dtype name of the graph output.
        tensor: Name of the last tensor.
        scale, offset: float64 ``[channels]``: real value = ``scale[c] * x + offset[c]``. Scales are > 0.
        gather: int64 ``[prod(shape)]``: flat (channel, y, x) index of each value of the ONNX output.
        argmax: True where the network ends in ArgMax/TopK(1) over the channels (lowest index wins a tie).
            The output is then one index per pixel, computed on chip from ``keys``; ``gather`` addresses
            the (y, x) map of indices.
        keys: int64 ``[2, channels]`` (multiplier, addend) such that ``x * keys[0] + keys[1]`` orders the
            channels exactly as their real values do, without ties; None without ``argmax``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    tensor: str
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    gather: NDArray[np.int64]
    argmax: bool = False
    keys: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Layers in execution order, each reading a tensor that an earlier one (or the input) wrote.

    Attributes:
        name: From the file's stem; a valid identifier.
        tensors: The input tensor first, then each layer's target, in order.
        layers: At least one.
    """

    name: str
    tensors: tuple[Tensor, ...]
    layers: tuple[Linear, ...]
    prologue: Prologue
    output: Output

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name; KeyError if there is none."""
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(name)

    @property
    def input(self) -> Tensor:
        """The tensor that the prologue fills."""
        return self.tensors[0]
