"""The host's arithmetic at one end of a network: an ONNX input to integer codes, integer codes to an ONNX value."""

from __future__ import annotations

from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError, InternalError
from ternc.network.inverse import has_every_code, preimage
from ternc.network.layers import Network, Output, Prologue, Tensor
from ternc.network.stairs.evaluate import single

Codes: TypeAlias = NDArray[np.int64]

GRID_ERROR = 4 * 2.0**-23  # how far, relatively, a float32 input may lie from its declared grid

SCORE = "anomaly_score"
FLAG = "anomaly"
"""The names of an outlier detector's values among the outputs."""


def encode_input(prologue: Prologue, tensor: Tensor, x: NDArray[Any]) -> Codes:
    """An input tensor's integers, in float32 step by step as onnxruntime computes them.

    Args:
        prologue: How the input is made.
        tensor: The tensor that it fills.
        x: ONNX input ``[N, *prologue.shape]`` of ``prologue.dtype``, or a type that converts exactly.

    Returns:
        int64 ``[N, C, H, W]`` inside the tensor's range.

    Raises:
        DataError: Wrong shape or type, a value that is not finite, or a declared input off its grid or range.
    """
    values = _checked(prologue, x)
    by_channel = _by_channel(prologue, tensor, values)
    raw = single(prologue.steps, by_channel)
    codes = np.rint(raw.astype(np.float64)).astype(np.int64)
    if prologue.declared:
        _check_grid(prologue, tensor, by_channel.astype(np.float64), codes)
    low, high = tensor.range.low, tensor.range.high
    if codes.size and (np.any(codes != raw) or codes.min() < low or codes.max() > high):
        raise InternalError(
            "prologue",
            f"input '{prologue.name}' must become integers in {low}..{high}, "
            f"but gives {raw.min()} to {raw.max()}",
        )
    return np.ascontiguousarray(codes.swapaxes(0, 1)).reshape(len(x), *_shape(tensor))


def decode_output(output: Output, tensor: Tensor, codes: NDArray[Any]) -> NDArray[Any]:
    """The ONNX value of what left the chip.

    Args:
        output: How the value is made.
        tensor: The output's tensor.
        codes: Integers ``[N, C, H, W]``, or the argmax's indices ``[N, H, W]``.

    Returns:
        ``[N, *output.shape]`` of ``output.dtype``; ``scale * x + offset`` in float64, then that dtype.

    Raises:
        DataError: Wrong shape.
    """
    expected = _shape(tensor)[1:] if output.reduce else _shape(tensor)
    if codes.shape[1:] != expected:
        raise DataError(
            f"output '{output.name}': codes must have shape {_wanted(expected)}, but have {list(codes.shape)}"
        )
    flat = codes.reshape(len(codes), int(np.prod(expected)))
    dtype = np.dtype(output.dtype)
    if output.reduce:
        return flat[:, output.gather].reshape(len(codes), *output.shape).astype(dtype)
    scale, offset = (v.reshape(1, -1, 1, 1) for v in (output.scale, output.offset))
    real = (codes * scale + offset).reshape(flat.shape)[:, output.gather].reshape(len(codes), *output.shape)
    return (np.rint(real) if _is_integer(dtype) else real).astype(dtype)


def real_input(prologue: Prologue, tensor: Tensor, codes: NDArray[Any]) -> NDArray[Any]:
    """An ONNX input that `encode_input` turns into these codes; positions that the network ignores hold 0.

    Where the input goes through several quantisers, a sign, an activation function, or a clip that leaves 0 out, not
    every code is that of an input: then into codes near by.

    Args:
        prologue: How the input is made.
        tensor: The tensor that it fills.
        codes: Integers ``[N, C, H, W]`` inside the tensor's range.

    Returns:
        ``[N, *prologue.shape]`` of ``prologue.dtype``.

    Raises:
        InternalError: The steps cannot be inverted: the round trip gives other codes.
    """
    by_channel = codes.reshape(len(codes), tensor.channels, -1).swapaxes(0, 1).astype(np.float64)
    declared = by_channel * prologue.scale + prologue.offset
    real = declared if prologue.declared else preimage(prologue.steps, by_channel)
    dtype = np.dtype(prologue.dtype)
    flat = np.zeros((len(codes), int(np.prod(prologue.shape, dtype=np.int64))), dtype)
    pixels = real.swapaxes(0, 1).reshape(len(codes), -1)
    flat[:, prologue.gather] = (np.rint(pixels) if _is_integer(dtype) else pixels).astype(dtype)
    result = flat.reshape(len(codes), *prologue.shape)
    try:
        back = encode_input(prologue, tensor, result)
    except DataError as error:
        raise InternalError("prologue", f"no input has these codes: {error.sentence}") from error
    wrong = np.argwhere(back != codes)
    if wrong.size and has_every_code(prologue.steps):
        n, c, y, x = (int(i) for i in wrong[0])
        raise InternalError(
            "prologue",
            f"input '{prologue.name}' does not survive the round trip: code {int(codes[n, c, y, x])} of "
            f"channel {c}, row {y}, column {x} comes back as {int(back[n, c, y, x])}",
        )
    return result


def random_codes(network: Network, n: int, seed: int) -> tuple[Codes, ...]:
    """``n`` frames of uniformly random integers of each input tensor's range, int64 ``[n, C, H, W]`` each."""
    rng = np.random.default_rng(seed)
    return tuple(
        rng.integers(t.range.low, t.range.high, (n, *_shape(t)), np.int64, endpoint=True)
        for t in network.input_tensors
    )


def _is_integer(dtype: np.dtype[Any]) -> bool:
    iinfo: Any = ml_dtypes.iinfo  # knows the small types, and numpy's own
    try:
        iinfo(dtype)
    except (TypeError, ValueError):
        return False
    return True


def _shape(tensor: Tensor) -> tuple[int, int, int]:
    return tensor.channels, tensor.height, tensor.width


def _wanted(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, ('N', *shape)))}]"


def _checked(prologue: Prologue, x: NDArray[Any]) -> NDArray[Any]:
    """The input in its declared dtype, every value finite."""
    place = f"input '{prologue.name}'"
    if x.ndim != len(prologue.shape) + 1 or x.shape[1:] != prologue.shape:
        raise DataError(f"{place}: must have shape {_wanted(prologue.shape)}, but has {list(x.shape)}")
    dtype = np.dtype(prologue.dtype)
    if x.dtype.kind not in "fiub" and not _is_integer(x.dtype):
        raise DataError(f"{place}: must be {dtype}, but is {x.dtype}")
    if x.dtype.kind == "f" and not np.all(np.isfinite(x)):
        at = np.argwhere(~np.isfinite(x))[0]
        raise DataError(f"{place}: must hold finite numbers, but value {at.tolist()} is {x[tuple(at)]}")
    with np.errstate(all="ignore"):
        values = x.astype(dtype, copy=False)
    if values is not x and np.any(values != x):
        raise DataError(
            f"{place}: must be {dtype}, but is {x.dtype} with values that {dtype} cannot hold",
            help=f"convert it with .astype('{dtype}')",
        )
    return values


def _by_channel(prologue: Prologue, tensor: Tensor, x: NDArray[Any]) -> NDArray[Any]:
    """``[N, *shape]`` to ``[C, N, H * W]``, so that constants broadcast along the first axis."""
    flat = x.reshape(len(x), int(np.prod(prologue.shape, dtype=np.int64)))
    pixels = flat[:, prologue.gather].reshape(len(x), tensor.channels, tensor.height * tensor.width)
    return pixels.swapaxes(0, 1)


def _check_grid(prologue: Prologue, tensor: Tensor, x: NDArray[np.float64], codes: Codes) -> None:
    real = codes * prologue.scale + prologue.offset
    size = np.maximum(np.abs(x), np.abs(codes * prologue.scale) + abs(prologue.offset))
    off = np.abs(x - real) > GRID_ERROR * size
    if not np.any(off):
        return
    found = float(x[off][0])
    low, high = (prologue.scale * end + prologue.offset for end in (tensor.range.low, tensor.range.high))
    slack = abs(prologue.scale) / 2
    low, high = min(low, high), max(low, high)
    if not low - slack <= found <= high + slack:
        raise DataError(f"input '{prologue.name}': must lie in {low:g}..{high:g}, but holds {found!r}")
    grid = f"multiples of {prologue.scale:g}" + (f" plus {prologue.offset:g}" if prologue.offset else "")
    raise DataError(f"input '{prologue.name}': must be {grid}, but holds {found!r}")
