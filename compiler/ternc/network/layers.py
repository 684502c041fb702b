"""The Network: integer layers, nothing else. Running it *is* the golden model.

Every tensor is a map of ``channels x height x width`` integers ``x`` with a known range; one-dimensional
data has height 1, a flat vector has height and width 1. Real numbers appear only at the ends: a
`Prologue` turns an ONNX input into the integers of an input tensor, an `Output` turns the integers of
a tensor into an ONNX value, and an epilogue (float operators behind the last layer) runs on the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.steps import Step

Weights: TypeAlias = NDArray[np.int32]
Reduction: TypeAlias = Literal["argmax"]
Measure: TypeAlias = Literal["squares", "absolute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntRange:
    """All integers from ``low`` to ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An integer map: an input of the network, or what a layer writes.

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Term:
    """One source's share of a layer's sums: ``sum_i weights[o, i] * x[i]`` over a window.

    The source is read as if it were first enlarged ``upsample`` times and then surrounded by ``padding``
    zeros. Output position j reads ``j * stride + k * dilation - padding`` of the enlarged source. A negative
    padding crops. A dense layer is a convolution whose kernel covers the whole map; a sum or a difference
    of tensors is one term for each, with 1x1 kernels; a concatenation is one term for each part.

    Attributes:
        source: Tensor name.
        weights: int32 ``[O, I // groups, KH, KW]``; -1, 0, +1 for a ternary layer, wider ones take one tap per
            ternary digit.
        stride, dilation, upsample: (height, width), at least 1.
        padding: (top, left, bottom, right), in pixels of the enlarged source.
        groups: Divides both channel counts.
        fill: What stands between the pixels of an enlarged source: ``"copies"`` of the pixel above and to the
            left (nearest), or ``"zeros"`` (transposed convolution). An enlarged map has ``upsample`` times the
            height and width in both cases.
    """

    source: str
    weights: Weights
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    upsample: tuple[int, int] = (1, 1)
    fill: Literal["copies", "zeros"] = "copies"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """Window maximum behind a layer's activation; what lies outside the map does not take part.

    Attributes:
        kernel, stride, dilation: (height, width), in pixels of the layer's convolution output.
        padding: (top, left, bottom, right); every window holds at least one pixel of the map.
        minimum: Per output channel, True where the window keeps its smallest code instead of its largest
            (a maximum in front of a falling activation).
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    minimum: tuple[bool, ...]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That a staircase's codes are those of the graph's real numbers, and what it rests on.

    `ternc.network.stairs.prove` makes it.

    Attributes:
        values: Sums (of several scales: tuples of sums) that the channels can reach, all together.
        examined: Those whose exact code was computed and compared.
        method: ``"every"`` one of them; those at the ``"ends"`` of each run of equal codes, between which the
            activation is monotone; or none, where the ``"order"`` of all tuples at every threshold was proved
            (`ternc.network.stairs.lattice`).
        unsettled: Sums whose code may differ, because the layer's real weights are not quite integers times a scale.
        codes: By how much at most.
    """

    values: int
    examined: int
    method: Literal["every", "ends", "order"]
    unsettled: int = 0
    codes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Staircase:
    """A step function of the accumulator, one per channel.

    The level is ``#{k : acc >= thresholds[o, k]}``; the code is ``low + level``, or ``table[level]`` for a function
    that does not rise everywhere (a table of a quantised value, for example HardSwish).

    Attributes:
        thresholds: int64 ``[O, steps]``, not falling along ``k``, clipped to
            ``[acc_low, acc_high + 1]`` of the channel's reachable range (so equal functions are equal arrays).
        low: The lowest code; without a table the highest is ``low + steps``.
        table: int64 ``[steps + 1]``, the code of each level, the same for all channels; or None.
        form: The proved multiply-shift form of the level, or None where only thresholds are exact.
        borders: Human-readable list of thresholds whose exact real border lies within float32 rounding of an
            integer accumulator value, so that another export of the same model may differ by one there.
        proof: What shows that it is exact; None for one that stands for nothing.
    """

    thresholds: NDArray[np.int64]
    low: int
    table: NDArray[np.int64] | None = None
    form: MultiplyShift | None = None
    borders: tuple[str, ...] = ()
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """The sum of its terms, then an activation, then an optional pool.

    Attributes:
        name: The ONNX node's name (made unique).
        kind: What the user calls it, for example ``"conv"``; for reports only, nothing depends on it.
        terms: At least one. All have the same number of output channels and the same output height and width.
        target: Tensor name.
        activation: A `Staircase`, or None where the raw accumulator leaves the network.
        pool: Reduction of the activation's output, or None.
    """

    name: str
    kind: str
    terms: tuple[Term, ...]
    target: str
    activation: Staircase | None = None
    pool: Pool | None = None

    @property
    def channels(self) -> int:
        """Output channels."""
        return len(self.terms[0].weights)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the tensors it reads, each once, in order of the terms."""
        return tuple(dict.fromkeys(term.source for term in self.terms))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prologue:
    """How the host makes an input tensor's integers from an ONNX input, in float32 as the graph does.

    Attributes:
        name: ONNX graph input.
        tensor: Name of the tensor it fills.
        shape: The ONNX shape without the batch axis.
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
    tensor: str
    shape: tuple[int, ...]
    dtype: str
    steps: tuple[Step, ...]
    gather: NDArray[np.int64]
    scale: float
    offset: float
    declared: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output:
    """How the host makes an ONNX value from the integers of a tensor that leaves the chip.

    Attributes:
        name: The ONNX graph output, or the ONNX value that the epilogue reads.
        shape: Its shape without the batch axis.
        dtype: numpy dtype name of the value.
        tensor: Name of the tensor; no layer reads it, and no other output shares it.
        scale, offset: float64 ``[channels]``: real value = ``scale[c] * x + offset[c]``. Scales are > 0.
        gather: int64 ``[prod(shape)]``: flat (channel, y, x) index of each value of the ONNX value.
        reduce: ``"argmax"`` where it is the index of the largest channel of each pixel (lowest index wins a
            tie), computed on chip from ``keys``; ``gather`` then addresses the (y, x) map of indices. Else None.
        keys: int64 ``[2, channels]`` (multiplier, addend) such that ``x * keys[0] + keys[1]`` orders the
            channels exactly as their real values do, without ties; None without a reduction.
        deviation: How far the graph's real value may be, because the last layer's real weights are not quite integers
            times a scale.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    tensor: str
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    gather: NDArray[np.int64]
    reduce: Reduction | None = None
    keys: NDArray[np.int64] | None = None
    deviation: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anomaly:
    """A reconstruction error computed on chip: one score and one flag per frame.

    ``score = sum of d^2`` (or of ``|d|``) over every integer ``d = factor[c] * x + offset[c]`` of a tensor of
    differences; ``flag = score > limit``.

    Attributes:
        tensor: The tensor of differences, raw sums; no layer reads it, and no output is made of it.
        factor, offset: int64 ``[channels]``; factors are at least 0.
        measure: ``"squares"`` or ``"absolute"``.
        unit: Real error = ``unit * score``.
        error: How far ``unit * score`` (of squares, its root) may be from that of the real differences between the
            network's output and its quantised input, for any input; 0 if it is exact.
        limit: Largest score that is normal.
    """

    tensor: str
    factor: NDArray[np.int64]
    offset: NDArray[np.int64]
    measure: Measure
    unit: float
    error: float
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Layers in execution order, each reading tensors that earlier ones (or the inputs) wrote.

    Attributes:
        name: From the file's stem; a valid identifier.
        tensors: The input tensors first, in the order of ``inputs``, then each layer's target, in order.
        layers: At least one.
        inputs: At least one, in the order of the ONNX graph inputs that are needed.
        outputs: At least one unless there is an anomaly.
        anomaly: The reconstruction error, or None.
        epilogue: A serialised ONNX model from the outputs' values to the graph's outputs, in float on the host;
            empty where the outputs are the graph's own.
    """

    name: str
    tensors: tuple[Tensor, ...]
    layers: tuple[Linear, ...]
    inputs: tuple[Prologue, ...]
    outputs: tuple[Output, ...]
    anomaly: Anomaly | None = None
    epilogue: bytes = b""

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name; KeyError if there is none."""
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(name)

    @property
    def input_tensors(self) -> tuple[Tensor, ...]:
        """The tensors that the prologues fill."""
        return self.tensors[: len(self.inputs)]

    @property
    def leaving(self) -> tuple[str, ...]:
        """Names of the tensors that leave the chip: the outputs' in order, then the anomaly's."""
        found = tuple(output.tensor for output in self.outputs)
        return (*found, self.anomaly.tensor) if self.anomaly else found
