"""Single nodes in float64, as onnx's reference implementation computes them, or as they mean where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from ternc.frontend.runtime import Values

_POOLS = {"MaxPool", "AveragePool"}


class Nodes:
    """Evaluates nodes one at a time, each prepared once."""

    def __init__(self, opsets: Sequence[onnx.OperatorSetIdProto]) -> None:
        self._opsets = opsets
        self._prepared: dict[bytes, ReferenceEvaluator] = {}

    def run(self, node: onnx.NodeProto, values: Values) -> Values:
        """The node's outputs by name."""
        if node.op_type in _POOLS and len(node.output) == 1:
            return {node.output[0]: _pool(node, values[node.input[0]])}
        node, values = _ungrouped(node, _cropped(node, values))
        read = [name for name in dict.fromkeys(node.input) if name]
        made = [name for name in node.output if name]
        key = node.SerializeToString(deterministic=True)
        if key not in self._prepared:
            inputs, outputs = ([onnx.ValueInfoProto(name=n) for n in names] for names in (read, made))
            meant, opsets = self._meant(node, values)
            graph = onnx.helper.make_graph([meant], "node", inputs, outputs)
            self._prepared[key] = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=opsets))
        found = self._prepared[key].run(None, {name: values[name] for name in read})
        return dict(zip(made, map(np.asarray, found), strict=True))

    def _meant(
        self, node: onnx.NodeProto, values: Values
    ) -> tuple[onnx.NodeProto, Sequence[onnx.OperatorSetIdProto]]:
        """A node and its operator sets for which onnx's reference computes what the node means."""
        match node.op_type:
            case "BatchNormalization":  # before set 15 the reference mixes the batch's own statistics in
                return node, [onnx.helper.make_opsetid("", max(15, o.version)) for o in self._opsets]
            case "GlobalMaxPool":  # of one spatial axis, the reference takes the maximum of the channels
                axes = range(2, values[node.input[0]].ndim)
                meant = onnx.helper.make_node("ReduceMax", node.input, node.output, axes=axes, keepdims=1)
                return meant, [onnx.helper.make_opsetid("", 13)]
            case _:
                return node, self._opsets


def _cropped(node: onnx.NodeProto, values: Values) -> Values:
    """The values with a Pad's input cropped where its pads are negative, which the reference refuses."""
    if node.op_type != "Pad" or len(node.input) < 2 or not np.any(values[node.input[1]] < 0):
        return values
    x, pads = values[node.input[0]], values[node.input[1]]
    named = len(node.input) > 3 and node.input[3]
    axes = values[node.input[3]] if named else np.arange(x.ndim)
    for axis, before, behind in zip(axes.tolist(), *pads.reshape(2, -1).tolist(), strict=True):
        size = x.shape[axis]
        x = np.take(x, np.arange(max(0, -before), size - max(0, -behind)), axis=axis)
    return {**values, node.input[0]: x, node.input[1]: np.maximum(pads, 0)}


def _ungrouped(node: onnx.NodeProto, values: Values) -> tuple[onnx.NodeProto, Values]:
    """A ConvTranspose of groups as one of all channels, with zeros: the reference takes only one output of a group."""
    groups = next((int(a.i) for a in node.attribute if a.name == "group"), 1)
    if node.op_type != "ConvTranspose" or groups == 1:
        return node, values
    weights = values[node.input[1]]
    inputs, outputs = weights.shape[0] // groups, weights.shape[1]
    wide = np.zeros((weights.shape[0], outputs * groups, *weights.shape[2:]), weights.dtype)
    for g in range(groups):
        rows = slice(g * inputs, (g + 1) * inputs)
        wide[rows, g * outputs : (g + 1) * outputs] = weights[rows]
    whole = onnx.NodeProto()
    whole.CopyFrom(node)
    next(a for a in whole.attribute if a.name == "group").i = 1
    return whole, {**values, node.input[1]: wide}


def _pool(node: onnx.NodeProto, x: NDArray[Any]) -> NDArray[Any]:
    """MaxPool and AveragePool of ``[N, C, ...]``: the reference errs with pads behind and with one spatial axis."""
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    found, axes = x, x.ndim - 2
    there: NDArray[Any] = np.ones((1,) * x.ndim, np.bool_)
    count: NDArray[Any] = np.ones((1,) * x.ndim)
    for axis in range(axes):
        at, end = _window(given, axis, axes, x.shape[2 + axis])
        inside = (at >= 0) & (at < x.shape[2 + axis])
        counted = (at < end) if given.get("count_include_pad", 0) else inside
        at_here = 2 + axis  # its windows take one axis more, behind all others
        found = np.take(found, np.clip(at, 0, x.shape[2 + axis] - 1), axis=at_here)
        found = np.moveaxis(found, at_here + 1, -1)
        side = [1] * x.ndim
        side[at_here] = len(at)
        there = there[..., None] & inside.reshape(*side, *[1] * axis, -1)
        count = count * counted.sum(axis=1).reshape(side)
    windows = tuple(range(x.ndim, x.ndim + axes))
    if node.op_type == "MaxPool":
        low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        return np.asarray(np.where(there, found, low).max(axis=windows))
    return np.asarray(np.where(there, found, 0).sum(axis=windows) / count)


def _window(given: dict[str, Any], axis: int, axes: int, size: int) -> tuple[NDArray[np.int64], int]:
    """Along one axis, the places ``[positions, kernel]`` of each window, and where the padding behind the map ends."""
    kernel, stride, dilation = (
        int(given.get(name, [1] * axes)[axis]) for name in ("kernel_shape", "strides", "dilations")
    )
    before, behind = (int(given.get("pads", [0] * 2 * axes)[n]) for n in (axis, axes + axis))
    reach, auto = (kernel - 1) * dilation + 1, given.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        behind = total - before
    elif auto == "VALID":
        before = behind = 0
    room = size + before + behind - reach
    positions = (-(-room // stride) if given.get("ceil_mode", 0) else room // stride) + 1
    if (positions - 1) * stride >= size + before:
        positions -= 1  # a window that would start in the padding behind is left out
    starts = np.arange(positions) * stride - before
    return starts[:, None] + np.arange(kernel) * dilation, size + behind
