"""Real weights as ternary or integer codes with one scale for each output channel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.frontend.values import Array, Index, Node
from ternc.ternarise.rules import Integers, Rule, Trits

CLIPPING = np.linspace(1.0, 0.4, 25)
"""Shares of a channel's largest weight that the largest integer may stand for; the best one is taken."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coded:
    """Weights ``codes * scale`` of the output channel.

    Attributes:
        codes: int8, the shape of the weights.
        scale: float32 ``[O]``, above 0; 1 for a channel without weights.
        channel: int64, the shape of the weights: each one's output channel.
        shift: float32 ``[O]``: what is added to each output channel behind the layer; None for nothing.
    """

    codes: NDArray[np.int8]
    scale: NDArray[np.float32]
    channel: Index
    shift: NDArray[np.float32] | None = None

    def reals(self) -> NDArray[np.float32]:
        """The weights, float32."""
        return self.codes.astype(np.float32) * self.scale[self.channel]


def channels(node: Node, shape: tuple[int, ...]) -> Index:
    """The output channel of each weight of a Conv, ConvTranspose, Gemm or MatMul."""
    axis = channel_axis(node, shape)
    if axis is not None:
        places = np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    elif node.op == "ConvTranspose":
        groups = int(node.attributes.get("group", 1))
        group = np.arange(shape[0]) // (shape[0] // groups)
        places = (group[:, None] * shape[1] + np.arange(shape[1])).reshape(
            *shape[:2], *(1,) * (len(shape) - 2)
        )
    else:
        places = np.zeros(1, np.int64)
    return np.ascontiguousarray(np.broadcast_to(places, shape), np.int64)


def channel_axis(node: Node, shape: tuple[int, ...]) -> int | None:
    """The axis of the output channels; None where they do not lie along one axis."""
    match node.op:
        case "Conv":
            return 0
        case "ConvTranspose":
            return 1 if int(node.attributes.get("group", 1)) == 1 else None
        case "Gemm":
            return 0 if node.attributes.get("transB", 0) else 1
        case _:
            return len(shape) - 1 if len(shape) > 1 else None


def coded(weights: Array, channel: Index, rule: Rule) -> Coded:
    """Weights by a rule.

    Args:
        weights: Real and finite, at least one.
        channel: Each one's output channel, every channel with as many.
        rule: For `Trits`: ``w = sign(w) if |w| > rho * max|w| else 0`` with the maximum over all weights of the
            layer, times the least-squares scale of each channel, which is the mean of ``|w|`` over what is kept.
            For `Integers`: the nearest multiple of a channel's scale, which makes the sum of squared errors
            smallest.
    """
    count = int(channel.max()) + 1
    order = np.argsort(channel.ravel(), kind="stable")
    rows = weights.astype(np.float64).ravel()[order].reshape(count, -1)
    match rule:
        case Trits(rho=rho):
            found, scale = _trits(rows, rho)
        case Integers(bits=bits):
            found, scale = _integers(rows, 2 ** (bits - 1) - 1)
    codes = np.zeros(weights.size, np.int8)
    codes[order] = found.ravel()
    return Coded(codes=codes.reshape(weights.shape), scale=scale.astype(np.float32), channel=channel)


def _trits(rows: NDArray[np.float64], rho: float) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    size = np.abs(rows)
    kept = size > rho * size.max()
    scale = np.ones(len(rows))
    for channel in np.flatnonzero(kept.any(axis=1)).tolist():
        values = size[channel, kept[channel]]
        scale[channel] = math.fsum(values.tolist()) / values.size
    return np.where(kept, np.sign(rows), 0).astype(np.int8), scale


def _integers(rows: NDArray[np.float64], top: int) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    largest = np.abs(rows).max(axis=1)
    largest[largest == 0] = top
    best = np.full(len(rows), np.inf)
    codes, scale = np.zeros(rows.shape), largest / top
    for share in CLIPPING.tolist():
        step = (largest * share / top).astype(np.float32).astype(np.float64)
        tried = np.clip(np.rint(rows / step[:, None]), -top, top)
        error = ((tried * step[:, None] - rows) ** 2).sum(axis=1)
        better = error < best
        best = np.where(better, error, best)
        codes = np.where(better[:, None], tried, codes)
        scale = np.where(better, step, scale)
    return codes.astype(np.int8), scale
