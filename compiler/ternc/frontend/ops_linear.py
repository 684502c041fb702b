"""Conv, ConvTranspose, Gemm and MatMul: weights become integers, their scale and the bias become steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend.layer import Layer, weighted
from ternc.frontend.ops_elementwise import useful
from ternc.frontend.reads import Window, shares
from ternc.frontend.values import Array, Computed, Const, Joined, Node, Value, View, map_shape, reals
from ternc.frontend.walk import Walk, handles
from ternc.frontend.weights import Reals, split
from ternc.network.steps import Add, Multiply


def real_weights(walk: Walk, node: Node, const: Const) -> Reals:
    """A weight tensor in float64; refused where it is empty or not finite."""
    if const.array.size == 0:
        raise walk.refuse(node, f", weight '{const.name}': must hold values, but is empty")
    walk.finite(node, const, "weight")
    return reals(const.array)


def exact_weights(op: str, array: Array, groups: int = 1, *, turned: bool = False) -> Reals:
    """A layer's weights as the integers times scales that they become, free of the rounding of the file's float32.

    Args:
        op: Conv, ConvTranspose, Gemm or MatMul.
        turned: Whether a Gemm has transB.
    Returns:
        float64, the shape of ``array``; unchanged where the weights are no integers times scales.
    """
    layout: NDArray[Any] = np.arange(array.size).reshape(array.shape)
    if op == "ConvTranspose":
        layout = _turned(layout.reshape(*array.shape[:2], -1, 1), groups)
    elif op in ("Gemm", "MatMul") and not turned:
        layout = np.atleast_2d(np.moveaxis(layout, -1, 0))
    weights = reals(array).ravel()[layout]
    found = split(weights) if weights.size else None
    if found is None or found.misfits.size:
        return reals(array)
    each = (-1,) + (1,) * (weights.ndim - 1)
    exact = np.zeros(array.size)
    exact[layout.ravel()] = sum((p.weights * p.scale.reshape(each)).ravel() for p in found.planes)
    return exact.reshape(array.shape)


def _bias(walk: Walk, node: Node, view: View, const: Const | None, factor: float = 1.0) -> View:
    """Add a constant that broadcasts against the ONNX value."""
    if const is None:
        return view
    values = walk.spread(node, view, const, "bias") * factor
    return replace(view, steps=(*view.steps, *useful(Add(addend=values))))


@handles("Conv", "ConvTranspose", becomes="convolution layer")
def conv(walk: Walk, node: Node) -> Value:
    """1-D and 2-D convolution, also transposed, with all attributes."""
    return convolution(
        walk, node, walk.computed(node), walk.const(node, 1, "weight"), walk.const(node, 2, "bias")
    )


def convolution(walk: Walk, node: Node, value: Computed, const: Const | None, bias: Const | None) -> View:
    """A convolution of a value with constant weights, by the node's attributes; the bias is ``[O]``."""
    shape = value.index.shape
    size = map_shape(shape)
    if const is None or size is None or const.array.ndim != len(shape):
        raise walk.refuse(
            node,
            f": it must be a 1-D or 2-D convolution, but its input has shape {list(shape)}",
            help="split a 3-D convolution into 2-D ones, one for each plane of its kernel, and add them",
        )
    weights = real_weights(walk, node, const)
    layout: NDArray[Any] = np.arange(weights.size).reshape(weights.shape)
    groups = int(node.attributes.get("group", 1))
    transposed = node.op == "ConvTranspose"
    inputs = weights.shape[0] if transposed else weights.shape[1] * groups
    if inputs != shape[1] or weights.shape[0] % groups:
        raise walk.refuse(
            node,
            f", weight '{const.name}': its shape {list(const.array.shape)} with {groups} groups must fit "
            f"{shape[1]} input channels",
        )
    if weights.ndim == 3:
        weights, layout = weights[:, :, None], layout[:, :, None]
    if transposed:
        weights, layout = _turned(weights, groups), _turned(layout, groups)
    window = (_transposed if transposed else _window)(walk, node, size[1:], weights.shape[2:])
    layer = Layer(node=node, kind="conv", const=const, layout=layout, window=window, groups=groups)
    view = weighted(walk, layer, value, size, weights)
    if len(shape) == 3:
        view = replace(view, index=view.index.reshape(1, view.size[0], view.size[2]))
    if bias is not None:
        if bias.array.size != view.size[0]:
            raise walk.refuse(
                node, f", bias '{bias.name}': must have {view.size[0]} values, not {bias.array.size}"
            )
        bias = replace(bias, array=bias.array.reshape((-1,) + (1,) * (len(shape) - 2)))
    return _bias(walk, node, view, bias)


def _turned(weights: NDArray[Any], groups: int) -> NDArray[Any]:
    """A transposed convolution's ``[I, O // groups, KH, KW]`` as a plain one's ``[O, I // groups, KH, KW]``."""
    inputs, outputs, height, width = weights.shape
    split = weights.reshape(groups, inputs // groups, outputs, height, width)[..., ::-1, ::-1]
    return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(
        groups * outputs, inputs // groups, height, width
    )


def _pairs(walk: Walk, node: Node, kernel: tuple[int, ...]) -> tuple[list[int], list[int], list[int]]:
    """(strides, dilations, pads) of a convolution for two axes; pads are top, left, bottom, right."""
    spatial = [int(v) for v in node.attributes.get("kernel_shape", kernel)]
    if tuple([1] * (2 - len(spatial)) + spatial) != tuple(kernel):
        raise walk.refuse(node, f": its kernel_shape {spatial} must be that of its weight, {list(kernel)}")
    axes = map_axes(node, spatial)
    lead = [1] * (2 - axes)
    stride = lead + [int(v) for v in node.attributes.get("strides", [1] * axes)][-axes:]
    dilation = lead + [int(v) for v in node.attributes.get("dilations", [1] * axes)][-axes:]
    pads = [int(v) for v in node.attributes.get("pads", [0] * (2 * axes))]
    if axes == 1:
        pads = [0, pads[0], 0, pads[1]]
    return stride, dilation, pads


def _window(walk: Walk, node: Node, size: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    stride, dilation, pads = _pairs(walk, node, kernel)
    auto = str(node.attributes.get("auto_pad", "NOTSET"))
    out = []
    for i in (0, 1):
        reach = (kernel[i] - 1) * dilation[i] + 1
        if auto.startswith("SAME"):
            total = max((-(-size[i] // stride[i]) - 1) * stride[i] + reach - size[i], 0)
            pads[i], pads[i + 2] = shares(total, auto)
        elif auto == "VALID":
            pads[i] = pads[i + 2] = 0
        out.append((size[i] + pads[i] + pads[i + 2] - reach) // stride[i] + 1)
    if min(out) < 1 or min(pads) < 0 or min(*stride, *dilation) < 1:
        raise walk.refuse(
            node,
            f": its kernel must fit into the padded input of {size[0]} x {size[1]} with paddings of at least 0",
        )
    return Window(
        size=(out[0], out[1]),
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        padding=(pads[0], pads[1]),
        dilation=(dilation[0], dilation[1]),
    )


def _transposed(walk: Walk, node: Node, size: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    """The plain convolution, on the input with zeros between its pixels, that a transposed one is."""
    stride, dilation, pads = _pairs(walk, node, kernel)
    lead = [0] * (2 - len(node.attributes.get("output_padding", [0, 0])))
    extra = lead + [int(v) for v in node.attributes.get("output_padding", [0, 0])]
    wanted = [int(v) for v in node.attributes.get("output_shape", [])]
    wanted = [1] * (2 - len(wanted)) + wanted if wanted else []
    auto = str(node.attributes.get("auto_pad", "NOTSET"))
    out = []
    for i in (0, 1):
        reach = (kernel[i] - 1) * dilation[i] + 1
        full = (size[i] - 1) * stride[i] + extra[i] + reach
        if wanted or auto.startswith("SAME"):
            target = wanted[i] if wanted else size[i] * stride[i]
            pads[i], pads[i + 2] = shares(full - target, auto)
        elif auto == "VALID":
            pads[i] = pads[i + 2] = 0
        out.append(full - pads[i] - pads[i + 2])
    if min(out) < 1 or min(*stride, *dilation) < 1:
        raise walk.refuse(
            node, f": its output must have at least one pixel, but would have {out[0]} x {out[1]}"
        )
    return Window(
        size=(out[0], out[1]),
        kernel=(kernel[0], kernel[1]),
        padding=(
            (kernel[0] - 1) * dilation[0] - pads[0],
            (kernel[1] - 1) * dilation[1] - pads[1],
        ),
        dilation=(dilation[0], dilation[1]),
        spread=(stride[0], stride[1]),
    )


def map_axes(node: Node, spatial: list[int]) -> int:
    """Number of spatial axes of a convolution's attributes."""
    for key, each in (("strides", 1), ("dilations", 1), ("pads", 2)):
        if key in node.attributes:
            return len(node.attributes[key]) // each
    return len(node.attributes["kernel_shape"]) if "kernel_shape" in node.attributes else len(spatial)


@handles("Gemm", becomes="dense layer")
def gemm(walk: Walk, node: Node) -> Value:
    """``alpha * A' * B' + beta * C`` with a constant B."""
    first = walk.value(node, 0)
    value = first if isinstance(first, View | Joined) else None
    const = walk.const(node, 1, "weight") if value is not None else None
    if value is None or const is None or const.array.ndim != 2:
        raise walk.refuse(node, ": its second operand must be a constant matrix and its first one computed")
    if node.attributes.get("transA", 0):
        value = walk.arranged(value, value.name, lambda index: index.T)
    weights, layout = real_weights(walk, node, const), np.arange(const.array.size).reshape(const.array.shape)
    if not node.attributes.get("transB", 0):
        weights, layout = weights.T, layout.T
    alpha = float(np.float32(node.attributes.get("alpha", 1.0)))
    beta = float(np.float32(node.attributes.get("beta", 1.0)))
    result = _dense(walk, node, value, weights, layout, const)
    result = replace(result, steps=(*result.steps, *useful(Multiply(factor=np.array([alpha])))))
    return _bias(walk, node, result, walk.const(node, 2, "bias"), beta)


@handles("MatMul", becomes="dense layer")
def matmul(walk: Walk, node: Node) -> Value:
    """Product with a constant matrix on the right."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    if isinstance(first, View | Joined) and isinstance(second, View | Joined):
        raise product_refusal(walk, node, first.name, second.name)
    if not isinstance(first, View | Joined) or not isinstance(second, Const):
        raise walk.refuse(
            node,
            ": its constant operand must be the second one",
            help="transpose the product and its operands",
        )
    return product(walk, node, first, second)


def product_refusal(walk: Walk, node: Node, first: str, second: str) -> ModelError:
    """The refusal of a product of computed values (attention, a gate)."""
    return walk.refuse(
        node,
        f": a product of two computed values is not supported ('{first}', '{second}')",
        help="only weights can be multiplied with; attention and gates of computed values have no ternary form",
    )


def product(walk: Walk, node: Node, value: Computed, second: Const) -> View:
    """A value times a constant matrix ``[K, N]`` or vector ``[K]``."""
    array = second.array
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (1, 2):
        raise walk.refuse(
            node,
            f", weight '{second.name}': must be a matrix, but has shape {list(array.shape)} (a batched product)",
            help="use one MatMul for each matrix of the batch, on a Split of the value",
        )
    const = replace(second, array=array)
    matrix = real_weights(walk, node, const)
    layout = np.arange(array.size).reshape(array.shape)
    if array.ndim == 1:
        result = _dense(walk, node, value, matrix[None], layout[None], const)
        return replace(result, index=result.index[..., 0])
    return _dense(walk, node, value, matrix.T, layout.T, const)


def _dense(
    walk: Walk, node: Node, value: Computed, weights: Reals, layout: NDArray[Any], const: Const
) -> View:
    """Product of the value's last axis with ``weights [O, K]``."""
    lead, count = value.index.shape[:-1], value.index.shape[-1]
    outputs = len(weights)
    if weights.shape[1] != count:
        raise walk.refuse(
            node, f", weight '{const.name}': must have {count} inputs per output, but has {weights.shape[1]}"
        )
    rows = int(np.prod(lead, dtype=np.int64))
    if rows == 1:
        layer = Layer(node=node, kind="dense", const=const, layout=layout, window=None)
        result = weighted(walk, layer, value, (count, 1, 1), weights)
        return replace(result, index=result.index.reshape(*lead, outputs))
    return _positions(walk, node, value, weights, layout, const)


def _positions(
    walk: Walk, node: Node, value: Computed, weights: Reals, layout: NDArray[Any], const: Const
) -> View:
    """A product at each of several positions: a convolution of one pixel over a map of positions."""
    lead, count = value.index.shape[:-1], value.index.shape[-1]
    rows = int(np.prod(lead, dtype=np.int64))
    height, width = walk.build.pixels_behind(value, rows) or (
        (lead[-2], lead[-1]) if len(lead) > 1 else (1, rows)
    )
    if height * width != rows:
        height, width = 1, rows
    layer = Layer(
        node=node,
        kind="dense",
        const=const,
        layout=layout[:, :, None, None],
        window=Window(size=(height, width)),
    )
    turned = walk.arranged(
        value, value.name, lambda index: index.reshape(rows, count).T.reshape(1, count, height, width)
    )
    result = weighted(walk, layer, turned, (count, height, width), weights[:, :, None, None])
    return replace(result, index=result.index.reshape(len(weights), rows).T.reshape(*lead, len(weights)))
