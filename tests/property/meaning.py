"""A slow reading of what a network means, straight from the docstrings of `ternc.network.layers`.

It shares no arithmetic with the golden model: maps are enlarged pixel by pixel, windows are summed one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Network, Pool, Staircase, Term

Frame = NDArray[np.int64]  # [C, H, W]


def meaning(network: Network, codes: Sequence[NDArray[Any]]) -> dict[str, NDArray[np.int64]]:
    """Every tensor, int64 ``[N, C, H, W]``."""
    found = {prologue.tensor: array for prologue, array in zip(network.inputs, codes, strict=True)}
    for layer in network.layers:
        read = [found[term.source] for term in layer.terms]
        frames = [layer_meaning(layer, frame) for frame in zip(*read, strict=True)]
        found[layer.target] = np.array(frames, np.int64)
    return found


def leaving_meaning(network: Network, tensors: dict[str, NDArray[np.int64]]) -> tuple[NDArray[np.int64], ...]:
    """What leaves the chip, in order."""
    found: list[NDArray[np.int64]] = []
    for output in network.outputs:
        values = tensors[output.tensor]
        if output.reduce == "argmax":
            scale, offset = (v[:, None, None] for v in (output.scale, output.offset))
            values = np.array([np.argmax(frame * scale + offset, axis=0) for frame in values])
        found.append(values)
    if network.anomaly is not None:
        scores = []
        for frame in tensors[network.anomaly.tensor]:
            score = 0
            anomaly = network.anomaly
            for factor, offset, plane in zip(anomaly.factor, anomaly.offset, frame, strict=True):
                for x in plane.flat:
                    d = int(factor) * int(x) + int(offset)
                    score += d * d if anomaly.measure == "squares" else abs(d)
            scores.append((score, int(score > network.anomaly.limit)))
        found.append(np.array(scores))
    return tuple(found)


def layer_meaning(layer: Linear, sources: Sequence[Frame]) -> Frame:
    """One layer on one frame of each of its terms."""
    result: Frame = np.sum(
        [term_meaning(term, x) for term, x in zip(layer.terms, sources, strict=True)], axis=0
    )
    if layer.activation is not None:
        result = staircase_meaning(layer.activation, result)
    return result if layer.pool is None else pool_meaning(layer.pool, result)


def enlarged(term: Term, x: Frame) -> Frame:
    """The source as the term reads it, enlarged and then padded or cropped."""
    up_y, up_x = term.upsample
    channels, height, width = x.shape
    large = np.zeros((channels, height * up_y, width * up_x), np.int64)
    for y in range(height * up_y):
        for column in range(width * up_x):
            if term.fill == "copies" or (y % up_y == 0 and column % up_x == 0):
                large[:, y, column] = x[:, y // up_y, column // up_x]
    top, left, bottom, right = term.padding
    padded = np.zeros((channels, large.shape[1] + top + bottom, large.shape[2] + left + right), np.int64)
    for y in range(padded.shape[1]):
        for column in range(padded.shape[2]):
            if 0 <= y - top < large.shape[1] and 0 <= column - left < large.shape[2]:
                padded[:, y, column] = large[:, y - top, column - left]
    return padded


def term_meaning(term: Term, x: Frame) -> Frame:
    """One term's sums on one frame."""
    out, inner, taps_y, taps_x = term.weights.shape
    padded = enlarged(term, x)
    rows = range(0, padded.shape[1] - (taps_y - 1) * term.dilation[0], term.stride[0])
    cols = range(0, padded.shape[2] - (taps_x - 1) * term.dilation[1], term.stride[1])
    result = np.zeros((out, len(rows), len(cols)), np.int64)
    for o in range(out):
        first = o // (out // term.groups) * inner
        for y, row in enumerate(rows):
            for column, col in enumerate(cols):
                total = 0
                for dy in range(taps_y):
                    for dx in range(taps_x):
                        pixel = padded[
                            first : first + inner, row + dy * term.dilation[0], col + dx * term.dilation[1]
                        ]
                        total += int(np.dot(pixel, term.weights[o, :, dy, dx].astype(np.int64)))
                result[o, y, column] = total
    return result


def staircase_meaning(staircase: Staircase, sums: Frame) -> Frame:
    """Level by level."""
    level = np.zeros(sums.shape, np.int64)
    for o, thresholds in enumerate(staircase.thresholds):
        for threshold in thresholds:
            level[o] += sums[o] >= threshold
    return level + staircase.low if staircase.table is None else staircase.table[level]


def pool_meaning(pool: Pool, x: Frame) -> Frame:
    """The best of what a window holds of the map."""
    top, left, bottom, right = pool.padding
    height, width = x.shape[1:]
    rows = range(-top, height + bottom - (pool.kernel[0] - 1) * pool.dilation[0], pool.stride[0])
    cols = range(-left, width + right - (pool.kernel[1] - 1) * pool.dilation[1], pool.stride[1])
    result = np.zeros((x.shape[0], len(rows), len(cols)), np.int64)
    for y, row in enumerate(rows):
        for column, col in enumerate(cols):
            ys = [v for k in range(pool.kernel[0]) if 0 <= (v := row + k * pool.dilation[0]) < height]
            xs = [v for k in range(pool.kernel[1]) if 0 <= (v := col + k * pool.dilation[1]) < width]
            for c in range(x.shape[0]):
                window = [int(x[c, v, w]) for v in ys for w in xs]
                result[c, y, column] = min(window) if pool.minimum[c] else max(window)
    return result
