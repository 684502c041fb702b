"""Scales and shifts that bring a ternary layer's outputs close to those of the float model.

Ternary weights give sums of another size and mean than the weights that they stand for, and the error grows from layer
to layer. In execution order each layer's channels get a factor and a shift such that, on the calibration data, the
squares of the differences to the float model's outputs are smallest: a straight line through (ternary, float).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ternc.frontend.values import Node
from ternc.ternarise.graph import FloatModel, write
from ternc.ternarise.observe import Done, Inputs, chosen, run
from ternc.ternarise.plan import Layer
from ternc.ternarise.weights import Coded

FRAMES = 128
"""Frames that are looked at, spread evenly over all."""


def corrected(
    model: FloatModel,
    layers: tuple[Layer, ...],
    weights: dict[str, Coded],
    inputs: Inputs,
    progress: Done | None = None,
) -> dict[str, Coded]:
    """The weights with other scales, and with shifts.

    Args:
        model: The float model.
        layers: In execution order.
        weights: The new weights of each, by node name.
        inputs: Calibration frames.
        progress: Told about finished layers.
    """
    inputs, file = chosen(inputs, FRAMES), model.graph.file
    for number, layer in enumerate(layers):
        ends = [layer.node.outputs[0]]
        line = _Line(layer.node, layer.weights.ndim)
        pairs = (run(write(model, w, {}, ends), file, inputs) for w in ({}, weights))
        for real, ternary in zip(*pairs, strict=True):
            line.add(ternary[ends[0]], real[ends[0]])
        factor, shift = line.fitted(_bias(model, layer.node))
        old = weights[layer.node.name]
        new = replace(old, scale=(old.scale * factor).astype(np.float32), shift=shift.astype(np.float32))
        weights = weights | {layer.node.name: new}
        if progress:
            progress(number + 1, len(layers))
    return weights


def _bias(model: FloatModel, node: Node) -> NDArray[np.float64]:
    """What a layer adds to each output channel, whatever its weights are; ``[O]`` or ``[1]``."""
    bias = model.constants.get(node.inputs[2]) if len(node.inputs) > 2 else None
    if bias is None or node.op == "MatMul":
        return np.zeros(1)
    return bias.astype(np.float64).ravel() * float(node.attributes.get("beta", 1.0))


class _Line:
    """The least-squares straight line from one array to another, for each output channel of a layer."""

    def __init__(self, node: Node, rank: int) -> None:
        self._axis = 1 if node.op in ("Conv", "ConvTranspose") else -1
        self._single = rank == 1
        self._sums = np.zeros(0)

    def add(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        a, b = (self._rows(values) for values in (x, y))
        count = np.full(len(a), float(a.shape[1]))
        sums = np.array([count, a.sum(1), b.sum(1), (a * a).sum(1), (a * b).sum(1)])
        self._sums = self._sums + sums if self._sums.size else sums

    def _rows(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """``[O, n]``."""
        if self._single:
            return values.astype(np.float64).reshape(1, -1)
        moved = np.moveaxis(values, self._axis, 0)
        return moved.reshape(len(moved), -1).astype(np.float64)

    def fitted(self, bias: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Factor ``[O]`` of the weights, above 0, and shift ``[O]`` behind them, where ``bias`` stays as it is."""
        count, x, y, xx, xy = self._sums
        x, y = x / count, y / count
        spread, common = xx / count - x * x, xy / count - x * y
        useful = (spread > 1e-9 * (xx / count)) & (common > 0)
        factor = np.where(useful, common / np.where(useful, spread, 1), 1.0)
        return factor, y - (x - bias) * factor - bias
