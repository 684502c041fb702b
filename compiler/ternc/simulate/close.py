"""When two arrays of ONNX values count as equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RELATIVE = 1e-4
NEAR_ZERO = 1e-5
"""Share of a frame's largest output below which a difference is float32 noise, not an error."""
ROUNDINGS = 4
"""Units in the last place of a type coarser than float32 (float16) that may lie between two results."""


def different(
    expected: NDArray[Any], got: NDArray[Any], bound: NDArray[Any] | None = None
) -> NDArray[np.bool_]:
    """Where two arrays ``[N, ...]`` differ: integers by value, floats beyond ``bound``, or else beyond `RELATIVE`.

    Both arrays have the same shape; two NaN are equal.
    """
    if got.dtype.kind in "iub":
        return np.asarray(expected != got)
    if bound is None:
        size = np.where(np.isfinite(expected), np.abs(expected), 0.0)
        peak = size.reshape(len(size), -1).max(axis=1, initial=0.0).reshape(-1, *[1] * (size.ndim - 1))
        coarse = got.dtype.itemsize < np.dtype(np.float32).itemsize
        steps = ROUNDINGS * float(np.finfo(got.dtype).eps) if coarse else 0.0
        bound = np.maximum(max(RELATIVE, steps) * size, max(NEAR_ZERO, steps) * peak)
    with np.errstate(invalid="ignore"):
        unequal = ~(np.abs(expected - got) <= bound) & (expected != got)
    return np.asarray(unequal & ~(np.isnan(expected) & np.isnan(got)))


def aligned(expected: NDArray[Any], got: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both arrays ``[N, ...]`` in one shape.

    That of ``got`` where they have as many elements; else (lists of results, which may be of any length) each is
    filled up, so that what only one of them has is different.
    """
    if expected.size == got.size:
        return expected.reshape(got.shape), got
    if expected.ndim != got.ndim:
        expected, got = expected.reshape(len(expected), -1), got.reshape(len(got), -1)
    shape = tuple(map(max, expected.shape, got.shape))
    fills = (np.nan, np.inf) if got.dtype.kind == "f" else (-2, -3)
    filled = [np.full(shape, fill, got.dtype) for fill in fills]
    for result, array in zip(filled, (expected, got), strict=True):
        result[tuple(map(slice, array.shape))] = array
    return filled[0], filled[1]
