"""The golden model against the ONNX model itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.host import SCORE
from ternc.network.layers import Network
from ternc.simulate.borders import Cancelled, OnBorder
from ternc.simulate.close import NEAR_ZERO, RELATIVE, aligned, different
from ternc.simulate.ends import Codes, Values, real_codes

Explain: TypeAlias = Callable[[int], OnBorder | Cancelled | str]
"""Where float32 alone makes a frame differ, or the reason why it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxMismatch:
    """The first output value in which the golden model differs from the ONNX model.

    Attributes:
        frame: Number of the frame, from 0.
        output: Name of the ONNX output, or `SCORE`.
        index: Place in it, without the batch axis.
        expected: The ONNX model's value.
        got: The golden model's.
        reason: Why float32's rounding does not explain it.
    """

    frame: int
    output: str
    index: tuple[int, ...]
    expected: float
    got: float
    reason: str = ""

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return (
            f"the golden model differs from the ONNX model first in frame {self.frame}, "
            f"output '{self.output}' {list(self.index)}: expected {self.expected:.9g}, got {self.got:.9g}{reason}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxComparison:
    """Outcome of a comparison.

    Attributes:
        mismatches: Frames that differ.
        on_borders: Frames that differ because float32 lands on the other side of a rounding border; no mismatches.
        first: The first wrong value, or None.
        first_on_border: The first explained difference, or None.
    """

    mismatches: int
    on_borders: int
    first: OnnxMismatch | None
    first_on_border: OnBorder | None


def compare(expected: Values, got: Values, bounds: Values, explain: Explain) -> OnnxComparison:
    """Compare outputs frame by frame.

    Args:
        expected: Outputs of the ONNX model, ``[N, ...]`` by name.
        got: Those of the golden model, at least the same names.
        bounds: For some of the names the difference that is allowed, broadcast to its shape.
        explain: Asked for each frame that differs.
    """
    pairs = {name: aligned(values, got[name]) for name, values in expected.items()}
    wrong = {name: different(*pair, bounds.get(name)) for name, pair in pairs.items()}
    frames = np.flatnonzero(
        np.any([flags.reshape(len(flags), -1).any(axis=1) for flags in wrong.values()], axis=0)
    )
    excuses = {int(frame): explain(int(frame)) for frame in frames}
    mismatched = [(frame, excuse) for frame, excuse in excuses.items() if isinstance(excuse, str)]
    excused = [excuse for excuse in excuses.values() if isinstance(excuse, OnBorder)]
    return OnnxComparison(
        mismatches=len(mismatched),
        on_borders=len(excused),
        first=_first(*mismatched[0], wrong, pairs) if mismatched else None,
        first_on_border=excused[0] if excused else None,
    )


def _first(
    frame: int,
    reason: str,
    wrong: dict[str, NDArray[np.bool_]],
    pairs: dict[str, tuple[NDArray[Any], NDArray[Any]]],
) -> OnnxMismatch:
    name = next(name for name, flags in wrong.items() if flags[frame].any())
    index = tuple(int(i) for i in np.argwhere(wrong[name][frame])[0])
    expected, got = (float(values[(frame, *index)]) for values in pairs[name])
    return OnnxMismatch(
        frame=frame,
        output=name,
        index=index,
        expected=expected,
        got=got,
        reason=reason,
    )


# ---- the anomaly's score --------------------------------------------------------------------------------


def expected_score(network: Network, codes: Codes, outputs: Values) -> tuple[Values, Values]:
    """The reconstruction error of the ONNX model's output, and how far the chip's may be from it; by name.

    Chip and onnxruntime differ by the detector's own error and by float32's in the output.

    Args:
        network: With or without an anomaly; without one both are empty.
        codes: Of its input, int64 ``[N, C, H, W]``.
        outputs: The ONNX model's, one of which is the reconstruction.
    """
    anomaly = network.anomaly
    if anomaly is None:
        return {}, {}
    x = real_codes(network.inputs[0], codes)
    y = next(values for values in outputs.values()).reshape(len(x), -1).astype(np.float64)
    x = x.reshape(len(x), -1)
    error = np.abs(y - x)
    noise = RELATIVE * np.abs(y) + NEAR_ZERO * np.abs(y).max(axis=1, keepdims=True)
    if anomaly.measure == "squares":
        size = (error**2).sum(axis=1)
        root = anomaly.error + np.sqrt((noise**2).sum(axis=1))
        return {SCORE: size}, {SCORE: (2 * np.sqrt(size) + root) * root}
    return {SCORE: error.sum(axis=1)}, {SCORE: anomaly.error + noise.sum(axis=1)}
