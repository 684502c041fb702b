"""The golden model against the ONNX model itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network import golden
from ternc.network.analysis import accumulator_range, conv_size, hull
from ternc.network.layers import Linear, Network, Tensor

Execute: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""ONNX inputs ``[N, ...]`` to ONNX outputs ``[N, ...]``."""

RELATIVE = 1e-4
_NEAR_ZERO = 1e-5
"""Share of a frame's largest output below which a difference is float32 noise, not an error."""

_BORDER = re.compile(r"channel (\d+), .*at accumulator (-?\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxMismatch:
    """The first output value in which the golden model differs from the ONNX model.

    Attributes:
        frame: Number of the frame, from 0.
        output: Name of the ONNX output.
        index: Place in it, without the batch axis.
        expected: The ONNX model's value.
        got: The golden model's.
    """

    frame: int
    output: str
    index: tuple[int, ...]
    expected: float
    got: float

    def __str__(self) -> str:
        return (
            f"the golden model differs from the ONNX model first in frame {self.frame}, "
            f"output '{self.output}' {list(self.index)}: expected {self.expected:.9g}, got {self.got:.9g}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxComparison:
    """Outcome of a comparison.

    Attributes:
        mismatches: Frames that differ.
        on_borders: Frames that differ on a rounding border only; not counted as mismatches.
        first: The first wrong value, or None.
    """

    mismatches: int
    on_borders: int
    first: OnnxMismatch | None


def compare(
    network: Network, codes: NDArray[np.int64], expected: NDArray[Any], got: NDArray[Any]
) -> OnnxComparison:
    """Compare outputs frame by frame.

    A frame may differ where one of its accumulators lies on a listed rounding border (`Staircase.borders`):
    there float32 arithmetic decides, and the exact value is known to lie within its error of the border.

    Args:
        network: The integer network.
        codes: Its inputs, int64 ``[N, C, H, W]``.
        expected: Outputs of the ONNX model, ``[N, *output.shape]``.
        got: Outputs of the golden model with the host's epilogue, the same shape.
    """
    different = _different(expected.reshape(got.shape), got)
    frames = np.flatnonzero(different.reshape(len(got), -1).any(axis=1))
    excused = [bool(_on_border(network, codes[f : f + 1])) for f in frames]
    wrong = [int(f) for f, ok in zip(frames, excused, strict=True) if not ok]
    first = None
    if wrong:
        frame = wrong[0]
        index = tuple(int(i) for i in np.argwhere(different[frame])[0])
        first = OnnxMismatch(
            frame=frame,
            output=network.output.name,
            index=index,
            expected=float(expected.reshape(got.shape)[(frame, *index)]),
            got=float(got[(frame, *index)]),
        )
    return OnnxComparison(mismatches=len(wrong), on_borders=sum(excused), first=first)


def _different(expected: NDArray[Any], got: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two outputs differ: integers by value, floats beyond `RELATIVE`."""
    if got.dtype.kind in "iub":
        return np.asarray(expected != got)
    size = np.abs(expected)
    peak = size.reshape(len(size), -1).max(axis=1, initial=0.0).reshape(-1, *[1] * (size.ndim - 1))
    with np.errstate(invalid="ignore"):
        return np.asarray(~(np.abs(expected - got) <= np.maximum(RELATIVE * size, _NEAR_ZERO * peak)))


def _on_border(network: Network, codes: NDArray[np.int64]) -> bool:
    """Whether an accumulator of this one frame has a value at which a rounding border is listed."""
    listed = [layer for layer in network.layers if layer.activation is not None and layer.activation.borders]
    if not listed:
        return False
    trace = golden.run(network, codes)
    for layer in listed:
        assert layer.activation is not None
        sums = _accumulators(network, layer, trace[layer.source])
        for line in layer.activation.borders:
            match = _BORDER.search(line)
            if match is None:
                continue
            channel, value = int(match[1]), int(match[2])
            if np.isin(sums[:, channel], _reached_at(layer.activation.thresholds[channel], value)).any():
                return True
    return False


def _reached_at(thresholds: NDArray[np.int64], value: int) -> list[int]:
    """The network's accumulator for a border listed at ``value``: negated where the channel's trits were."""
    return [v for v in (value, -value) if v in thresholds or v + 1 in thresholds]


def _accumulators(network: Network, layer: Linear, source: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums of one layer, before its activation and pool: ``[N, O, H, W]``."""
    tensor = network.tensor(layer.source)
    height, width = conv_size(layer, tensor)
    reach = hull(accumulator_range(layer, tensor))
    sums = Tensor(name=layer.target, channels=len(layer.trits), height=height, width=width, range=reach)
    bare = replace(layer, activation=None, pool=None)
    output = replace(network.output, tensor=sums.name, argmax=False, keys=None)
    alone = replace(network, tensors=(tensor, sums), layers=(bare,), output=output)
    return golden.predict(alone, source)
