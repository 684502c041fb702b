"""MaxPool and nearest-neighbour enlargement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ternc.errors import ModelError
from ternc.frontend.values import (
    Accumulator,
    GraphInput,
    Map,
    Node,
    PendingPool,
    Stored,
    Value,
    View,
    plain_index,
)
from ternc.frontend.walk import Walk, handles
from ternc.network.steps import Add


def map_shape(shape: tuple[int, ...]) -> Map | None:
    """(channels, height, width) of an ONNX value [1, C, L] or [1, C, H, W]; None for any other."""
    if len(shape) == 3 and shape[0] == 1:
        return shape[1], 1, shape[2]
    if len(shape) == 4 and shape[0] == 1:
        return shape[1], shape[2], shape[3]
    return None


def as_map(walk: Walk, node: Node, view: View) -> View:
    """The view, whose ONNX value must be its map in plain order; a graph input is finished as such.

    Raises:
        ModelError: The value is no map of channels and pixels, or in another order.
    """
    shape = view.index.shape
    size = map_shape(shape)
    if size is None:
        raise walk.refuse(node, f": its input must be [1, C, L] or [1, C, H, W], but is {list(shape)}")
    if isinstance(view.source, GraphInput):
        view = stored(walk, node, view)
    if view.size != size or not np.array_equal(view.index.ravel(), np.arange(view.index.size)):
        raise walk.refuse(
            node,
            f": its input '{view.name}' must keep channels and pixels in the order in which they were computed",
            help="remove the Reshape or Transpose in front of it",
        )
    return view


def stored(walk: Walk, node: Node, view: View) -> View:
    """The view, finished: its source is a tensor and its steps are the scale alone."""
    operand = walk.build.operand(view, walk.where(node))
    steps = operand.factors
    if np.any(operand.offset != 0):
        steps = (*steps, Add(addend=np.array([float(v) for v in operand.offset])))
    return replace(
        view,
        source=Stored(tensor=operand.tensor),
        steps=steps,
        index=operand.index,
        size=operand.size,
        upsample=operand.upsample,
        pool=None,
    )


def poolable(walk: Walk, node: Node, view: View) -> View:
    """The view with an accumulator as its source that can still take a pool."""
    free = isinstance(view.source, Accumulator) and view.pool is None and view.upsample == (1, 1)
    if free and not view.shared:
        return view
    try:
        done = stored(walk, node, view)
    except ModelError:
        if free:  # not quantised in front of the pool: the layer is computed once more, with the pool
            return view
        raise
    return replace(walk.build.identity(done, upsample=done.upsample), upsample=(1, 1))


@handles("MaxPool", "GlobalMaxPool", becomes="max pool of a layer")
def max_pool(walk: Walk, node: Node) -> Value:
    """MaxPool without padding, dilation or ceil_mode."""
    view = as_map(walk, node, walk.view(node))
    channels, height, width = view.size
    one = view.index.ndim == 3
    kernel, stride = _window(walk, node, view)
    if kernel[0] > height or kernel[1] > width:
        raise walk.refuse(node, f": its window of {_by(kernel)} must fit into the map of {height} x {width}")
    if kernel == (1, 1) and stride == (1, 1):
        return replace(view, name=node.outputs[0])
    view = poolable(walk, node, view)
    size = (channels, (height - kernel[0]) // stride[0] + 1, (width - kernel[1]) // stride[1] + 1)
    shape = (1, size[0], size[2]) if one else (1, *size)
    return replace(
        view,
        name=node.outputs[0],
        pool=PendingPool(kernel=kernel, stride=stride, before=len(view.steps)),
        size=size,
        index=plain_index(shape),
    )


def _by(pair: tuple[int, int]) -> str:
    return f"{pair[0]} x {pair[1]}"


def _window(walk: Walk, node: Node, view: View) -> tuple[tuple[int, int], tuple[int, int]]:
    _, height, width = view.size
    if node.op == "GlobalMaxPool":
        return (height, width), (1, 1)
    given = node.attributes
    if len(node.outputs) > 1 and node.outputs[1]:
        raise walk.refuse(node, ": its second output (the indices) is not supported")
    kernel = [int(v) for v in given.get("kernel_shape", [])]
    if len(kernel) != view.index.ndim - 2:
        raise walk.refuse(node, f": its window must have {view.index.ndim - 2} axes, but has {len(kernel)}")
    stride = [int(v) for v in given.get("strides", [1] * len(kernel))]
    if any(int(v) for v in given.get("pads", [])) or str(given.get("auto_pad", "NOTSET")).startswith("SAME"):
        raise walk.refuse(
            node, ": padding of a max pool is not supported yet", help="pad with 0 or drop the border"
        )
    if int(given.get("ceil_mode", 0)):
        size = [height, width][-len(kernel) :]
        if any((n - k) % s for n, k, s in zip(size, kernel, stride, strict=True)):
            raise walk.refuse(node, ": ceil_mode is not supported yet", help="export with ceil_mode=0")
    if any(int(v) != 1 for v in given.get("dilations", [])):
        raise walk.refuse(node, ": dilation of a max pool is not supported yet", help="use dilation 1")
    lead = [1] * (2 - len(kernel))
    kernel, stride = lead + kernel, lead + stride
    return (kernel[0], kernel[1]), (stride[0], stride[1])


@handles("Resize", "Upsample", becomes="enlargement in front of the next layer")
def resize(walk: Walk, node: Node) -> Value:
    """Nearest enlargement by integer factors: output pixel i reads input pixel i // factor."""
    view = as_map(walk, node, walk.view(node))
    shape = view.index.shape
    factors = _factors(walk, node, shape)
    mode = str(node.attributes.get("mode", "nearest"))
    if mode != "nearest":
        raise walk.refuse(
            node, f": its mode must be nearest, but is {mode}", help="export with mode='nearest'"
        )
    if node.op == "Resize":
        _check_rule(walk, node, factors)
    spatial = [1] * (4 - len(shape)) + factors[2:]
    channels, height, width = view.size
    size = (channels, height * spatial[0], width * spatial[1])
    return replace(
        view,
        name=node.outputs[0],
        size=size,
        index=plain_index((1, channels, *size[4 - len(shape) + 1 :])),
        upsample=(view.upsample[0] * spatial[0], view.upsample[1] * spatial[1]),
    )


def _factors(walk: Walk, node: Node, shape: tuple[int, ...]) -> list[int]:
    """Integer factor of each axis, from scales or sizes."""
    old = node.op == "Upsample" or walk.graph.opset < 11
    scales = walk.const(node, 1 if old else 2, "scales")
    sizes = None if old else walk.const(node, 3, "sizes")
    if sizes is not None and sizes.array.size:
        wanted = [int(v) for v in sizes.array.ravel()]
        wanted = list(shape[: len(shape) - len(wanted)]) + wanted
        ratios = [w / n for w, n in zip(wanted, shape, strict=True)]
    elif scales is not None and scales.array.size:
        given = [float(v) for v in scales.array.ravel()]
        ratios = [1.0] * (len(shape) - len(given)) + given
    else:
        raise walk.refuse(node, ": its scales or sizes must be constant, but there are none")
    whole = [round(r) for r in ratios]
    if any(r != w or w < 1 for r, w in zip(ratios, whole, strict=True)) or whole[0] != 1 or whole[1] != 1:
        shown = ", ".join(f"{r:g}" for r in ratios)
        raise walk.refuse(
            node, f": it must enlarge height and width by integer factors, but its factors are [{shown}]"
        )
    return whole


def _check_rule(walk: Walk, node: Node, factors: list[int]) -> None:
    """Refuse coordinate rules for which output pixel i does not read input pixel i // factor."""
    if walk.graph.opset < 11:
        return
    rule = str(node.attributes.get("coordinate_transformation_mode", "half_pixel"))
    nearest = str(node.attributes.get("nearest_mode", "round_prefer_floor"))
    for factor in factors:
        i = np.arange(factor * 8, dtype=np.float64)
        match rule:
            case "asymmetric":
                x = i / factor
            case "half_pixel" | "pytorch_half_pixel" | "half_pixel_symmetric":
                x = (i + 0.5) / factor - 0.5
            case _:
                x = i + np.nan
        match nearest:
            case "floor":
                read = np.floor(x)
            case "ceil":
                read = np.ceil(x)
            case "round_prefer_ceil":
                read = np.floor(x + 0.5)
            case _:
                read = np.ceil(x - 0.5)
        if factor > 1 and not np.array_equal(np.clip(read, 0, 7), i // factor):
            raise walk.refuse(
                node,
                f": output pixel i must read input pixel i // factor, which '{rule}' with '{nearest}' does not",
                help="export with coordinate_transformation_mode='asymmetric' and nearest_mode='floor'",
            )


@handles("AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", "ReduceMax", "ConvTranspose", "LSTM", "GRU",
         "RNN", "Attention", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "Einsum",
         becomes="refused")  # fmt: skip
def later_layer(walk: Walk, node: Node) -> Value:
    """Layers that this version does not have."""
    raise walk.refuse(
        node,
        ": this layer is not supported yet",
        help="this version has Conv, Gemm, MatMul, MaxPool and Resize",
    )
