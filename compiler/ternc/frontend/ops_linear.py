"""Conv, Gemm and MatMul: weights become trits, their scale and the bias become steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ternc.frontend import trits as ternary
from ternc.frontend.build import Operand, channel_ranges
from ternc.frontend.ops_elementwise import two_computed, useful
from ternc.frontend.ops_pool import map_shape
from ternc.frontend.values import (
    Accumulator,
    Const,
    Index,
    Map,
    Node,
    Value,
    View,
    pixels,
    plain_index,
    reals,
)
from ternc.frontend.walk import LayerFacts, Walk, handles
from ternc.network.steps import Add, Multiply, PerChannel, Step

Weights = NDArray[np.float64]


def weight_facts(node: Node, weights: Weights, fits: bool) -> LayerFacts:
    """Count a layer's weights; axis 0 is the output channel."""
    distinct = max(len(np.unique(row)) for row in weights.reshape(len(weights), -1))
    return LayerFacts(
        node=node.name,
        op=node.op,
        weights=weights.size,
        nonzeros=int(np.count_nonzero(weights)),
        ternary=fits,
        distinct=min(distinct, 257),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shape:
    """How the layer reads its source."""

    kind: str
    size: Map
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


def _weights(walk: Walk, node: Node, const: Const) -> Weights:
    if const.array.size == 0:
        raise walk.refuse(node, f", weight '{const.name}': must hold values, but is empty")
    walk.finite(node, const, "weight")
    return reals(const.array)


def _layer(
    walk: Walk, node: Node, operand: Operand, weights: Weights, layout: Index, const: Const, shape: _Shape
) -> View:
    """The sums of a linear layer as a view in plain order.

    Args:
        weights: ``[O, I // groups, KH, KW]``, real.
        layout: Flat index into the ONNX weight of each of them.
    """
    scale, steps = operand.scale, operand.factors
    if scale.size > 1 and bool(np.all(scale == scale[0])):
        scale = scale[:1]
    if any(_size(s) > 1 for s in steps) and scale.size == 1:
        steps = (Multiply(factor=np.array([float(scale[0])])),)
    if scale.size > 1:
        weights, steps = _scaled(weights, scale, shape.groups), ()
    found = _ternary(walk, node, weights, layout, const)
    offset = _offset(walk, node, operand, found.trits, shape)
    chain = (*steps, *useful(Add(addend=offset)), *useful(Multiply(factor=_uniform(found.scale))))
    acc = Accumulator(
        name=node.name,
        kind=shape.kind,
        source=operand.tensor,
        trits=found.trits,
        size=shape.size,
        ranges=channel_ranges(found.trits, operand.tensor.range),
        stride=shape.stride,
        padding=shape.padding,
        dilation=shape.dilation,
        groups=shape.groups,
        upsample=operand.upsample,
    )
    index = plain_index((1, *shape.size))
    return View(name=node.outputs[0], source=acc, index=index, size=shape.size, dtype="float32", steps=chain)


def _ternary(walk: Walk, node: Node, weights: Weights, layout: Index, const: Const) -> ternary.Ternary:
    """Split the weights; other values are refused, or noted where all obstacles are wanted."""
    found = ternary.split(weights)
    walk.layers.append(weight_facts(node, weights, not found.misfits.size))
    if found.misfits.size:
        text = ternary.describe(found, const.array, const.name, layout)
        error = walk.refuse(
            node,
            f", weight '{const.name}': must be ternary, but {text}",
            help="train or export it with a ternary quantiser: -a, 0 and +a in each output channel",
        )
        walk.complain(error)
    return found


def _size(step: Step) -> int:
    return step.factor.size if isinstance(step, Multiply) else getattr(step, "divisor", np.ones(1)).size


def _uniform(values: PerChannel) -> PerChannel:
    return values[:1] if np.all(values == values[0]) else values


def _scaled(weights: Weights, scale: NDArray[np.object_], groups: int) -> Weights:
    """Weights times the scale of the input channel that each of them reads."""
    factors = np.array([float(v) for v in scale])
    outputs, inputs = weights.shape[:2]
    per_group = outputs // groups
    rows = [factors[o // per_group * inputs : (o // per_group + 1) * inputs] for o in range(outputs)]
    return np.asarray(weights * np.array(rows)[:, :, None, None])


def _offset(walk: Walk, node: Node, operand: Operand, trits: NDArray[np.int8], shape: _Shape) -> PerChannel:
    """What the operand's offset adds to each output channel, in units of the channel's weight scale."""
    if not np.any(operand.offset != 0):
        return np.zeros(1)
    if any(shape.padding):
        raise walk.refuse(
            node,
            f" pads '{operand.tensor.name}', whose real value 0 is no integer: its offset must be a whole number "
            "of steps",
            help="choose the quantiser's scale so that 0 is one of its values",
        )
    if operand.offset.size > 1 or operand.scale.size > 1:
        outputs, inputs = trits.shape[:2]
        size = operand.tensor.channels
        offset, scale = np.broadcast_to(operand.offset, size), np.broadcast_to(operand.scale, size)
        per_group = outputs // shape.groups
        sums = trits.astype(np.int64).sum(axis=(2, 3))
        totals = []
        for o in range(outputs):
            start = o // per_group * inputs
            ratios = [
                offset[start + i] / (scale[start + i] if operand.scale.size > 1 else 1) for i in range(inputs)
            ]
            totals.append(sum((int(s) * r for s, r in zip(sums[o], ratios, strict=True)), Fraction(0)))
    else:
        totals = [
            Fraction(operand.offset[0]) * int(t)
            for t in trits.astype(np.int64).reshape(len(trits), -1).sum(1)
        ]
    return _uniform(np.array([float(t) for t in totals]))


def _bias(walk: Walk, node: Node, view: View, const: Const | None, factor: float = 1.0) -> View:
    """Add a constant that broadcasts against the ONNX value."""
    if const is None:
        return view
    values = walk.spread(node, view, const, "bias") * factor
    return replace(view, steps=(*view.steps, *useful(Add(addend=values))))


@handles("Conv", becomes="convolution layer")
def conv(walk: Walk, node: Node) -> Value:
    """1-D and 2-D convolution."""
    view = walk.view(node)
    const = walk.const(node, 1, "weight")
    shape = view.index.shape
    if const is None or map_shape(shape) is None or const.array.ndim != len(shape):
        raise walk.refuse(
            node, f": it must be a 1-D or 2-D convolution, but its input has shape {list(shape)}"
        )
    weights = _weights(walk, node, const)
    layout = np.arange(weights.size).reshape(weights.shape)
    if weights.ndim == 3:
        weights, layout = weights[:, :, None], layout[:, :, None]
    operand = walk.build.operand(view, walk.where(node))
    groups = int(node.attributes.get("group", 1))
    if weights.shape[1] * groups != shape[1] or weights.shape[0] % groups:
        raise walk.refuse(
            node,
            f", weight '{const.name}': its shape {list(const.array.shape)} with {groups} groups must fit "
            f"{shape[1]} input channels",
        )
    order = _channel_order(walk, node, operand, shape)
    if not np.array_equal(order, np.arange(len(order))):
        if groups != 1:
            raise walk.refuse(node, ": a grouped convolution of reordered channels is not supported")
        back = np.argsort(order)
        weights, layout = weights[:, back], layout[:, back]
    view = _layer(walk, node, operand, weights, layout, const, _conv_shape(walk, node, operand.size, weights))
    if len(shape) == 3:
        view = replace(view, index=view.index.reshape(1, view.size[0], view.size[2]))
    bias = walk.const(node, 2, "bias")
    if bias is not None:
        if bias.array.size != view.size[0]:
            raise walk.refuse(
                node, f", bias '{bias.name}': must have {view.size[0]} values, not {bias.array.size}"
            )
        bias = replace(bias, array=bias.array.reshape((-1,) + (1,) * (len(shape) - 2)))
    return _bias(walk, node, view, bias)


def _channel_order(walk: Walk, node: Node, operand: Operand, shape: tuple[int, ...]) -> Index:
    """For each ONNX channel the map's channel, where pixels are in map order."""
    _, height, width = map_shape(shape) or (0, 0, 0)
    flat = operand.index.reshape(shape[1], -1)
    count = pixels(operand.size)
    order = flat[:, 0] // count
    plain = np.array_equal(flat, order[:, None] * count + np.arange(flat.shape[1]))
    if not plain or (height, width) != operand.size[1:] or len(order) != operand.size[0]:
        raise walk.refuse(
            node,
            f": its input '{node.inputs[0]}' must keep the pixels in the order in which they were computed",
            help="remove the Reshape or Transpose in front of it",
        )
    return np.asarray(order, np.int64)


def _conv_shape(walk: Walk, node: Node, size: Map, weights: Weights) -> _Shape:
    spatial = [int(v) for v in node.attributes.get("kernel_shape", weights.shape[2:])]
    kernel = (int(weights.shape[2]), int(weights.shape[3]))
    if tuple([1] * (2 - len(spatial)) + spatial) != kernel:
        raise walk.refuse(node, f": its kernel_shape {spatial} must be that of its weight, {list(kernel)}")
    axes = 1 if map_axes(node, spatial) == 1 else 2
    lead = [1] * (2 - axes)
    stride = lead + [int(v) for v in node.attributes.get("strides", [1] * axes)][-axes:]
    dilation = lead + [int(v) for v in node.attributes.get("dilations", [1] * axes)][-axes:]
    pads = [int(v) for v in node.attributes.get("pads", [0] * (2 * axes))]
    if axes == 1:
        pads = [0, pads[0], 0, pads[1]] if len(pads) == 2 else pads
    auto = str(node.attributes.get("auto_pad", "NOTSET"))
    out = []
    for i in (0, 1):
        reach = (kernel[i] - 1) * dilation[i] + 1
        if auto.startswith("SAME"):
            total = max((-(-size[1 + i] // stride[i]) - 1) * stride[i] + reach - size[1 + i], 0)
            less, more = total // 2, total - total // 2
            pads[i], pads[i + 2] = (less, more) if auto == "SAME_UPPER" else (more, less)
        elif auto == "VALID":
            pads[i] = pads[i + 2] = 0
        out.append((size[1 + i] + pads[i] + pads[i + 2] - reach) // stride[i] + 1)
    if min(out) < 1 or min(pads) < 0:
        raise walk.refuse(
            node,
            f": its kernel must fit into the padded input of {size[1]} x {size[2]} with paddings of at least 0",
        )
    return _Shape(
        kind="conv",
        size=(int(weights.shape[0]), out[0], out[1]),
        stride=(stride[0], stride[1]),
        padding=(pads[0], pads[1], pads[2], pads[3]),
        dilation=(dilation[0], dilation[1]),
        groups=int(node.attributes.get("group", 1)),
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
    view = walk.view(node) if isinstance(walk.value(node, 0), View) else None
    const = walk.const(node, 1, "weight") if view is not None else None
    if view is None or const is None or const.array.ndim != 2:
        raise walk.refuse(node, ": its second operand must be a constant matrix and its first one computed")
    if node.attributes.get("transA", 0):
        view = replace(view, index=view.index.T)
    weights, layout = _weights(walk, node, const), np.arange(const.array.size).reshape(const.array.shape)
    if not node.attributes.get("transB", 0):
        weights, layout = weights.T, layout.T
    alpha = float(np.float32(node.attributes.get("alpha", 1.0)))
    beta = float(np.float32(node.attributes.get("beta", 1.0)))
    result = _dense(walk, node, view, weights, layout, const)
    result = replace(result, steps=(*result.steps, *useful(Multiply(factor=np.array([alpha])))))
    return _bias(walk, node, result, walk.const(node, 2, "bias"), beta)


@handles("MatMul", becomes="dense layer")
def matmul(walk: Walk, node: Node) -> Value:
    """Product with a constant matrix on the right."""
    first, second = walk.value(node, 0), walk.value(node, 1)
    if isinstance(first, View) and isinstance(second, View):
        raise walk.refuse(
            node, f": a product of two computed values is not supported ('{first.name}', '{second.name}')"
        )
    if not isinstance(first, View) or not isinstance(second, Const):
        raise walk.refuse(
            node,
            ": its constant operand must be the second one",
            help="transpose the product and its operands",
        )
    array = second.array
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (1, 2):
        raise walk.refuse(
            node, f", weight '{second.name}': must be a matrix, but has shape {list(array.shape)}"
        )
    const = replace(second, array=array)
    matrix = _weights(walk, node, const)
    layout = np.arange(array.size).reshape(array.shape)
    if array.ndim == 1:
        result = _dense(walk, node, first, matrix[None], layout[None], const)
        return replace(result, index=result.index[..., 0])
    return _dense(walk, node, first, matrix.T, layout.T, const)


def _dense(walk: Walk, node: Node, view: View, weights: Weights, layout: Index, const: Const) -> View:
    """Product of the view's last axis with ``weights [O, K]``."""
    lead, count = view.index.shape[:-1], view.index.shape[-1]
    outputs = len(weights)
    if weights.shape[1] != count:
        raise walk.refuse(
            node, f", weight '{const.name}': must have {count} inputs per output, but has {weights.shape[1]}"
        )
    rows = int(np.prod(lead, dtype=np.int64))
    operand = walk.build.operand(view, walk.where(node), layout="flat" if rows == 1 else "positions")
    channels, height, width = operand.size
    index = operand.index.reshape(rows, count)
    if rows == 1:
        if count != channels * height * width or len(np.unique(index)) != count:
            raise walk.refuse(node, f": its input '{view.name}' must hold every value of its map once")
        kernel = np.empty((outputs, count))
        place = np.empty((outputs, count), np.int64)
        kernel[:, index[0]], place[:, index[0]] = weights, layout
        shape = (outputs, channels, height, width)
        result = _layer(
            walk, node, operand, kernel.reshape(shape), place.reshape(shape), const,
            _Shape(kind="dense", size=(outputs, 1, 1)),
        )  # fmt: skip
        return replace(result, index=result.index.reshape(*lead, outputs))
    area = height * width
    order, pixel = index[0] // area, index[:, 0] % area
    whole = rows == area and count == channels and len(np.unique(pixel)) == rows
    if not whole or not np.array_equal(index, order[None] * area + pixel[:, None]):
        raise walk.refuse(
            node,
            f": the last axis of its input '{view.name}' must be the channels of one pixel, or the whole map",
            help="move the channels to the last axis with one Transpose",
        )
    back = np.argsort(order)
    kernel, place = weights[:, back, None, None], layout[:, back, None, None]
    result = _layer(
        walk, node, operand, kernel, place, const, _Shape(kind="dense", size=(outputs, height, width))
    )
    spread = np.arange(outputs)[None] * area + pixel[:, None]
    return replace(result, index=spread.reshape(*lead, outputs).astype(np.int64))


def check_blind(walk: Walk, node: Node) -> None:
    """Test the weights of a layer whose input is unknown, so that every obstacle is named."""
    computed = [name for name in node.inputs if name and not isinstance(walk.values[name], Const)]
    if node.op in ("Add", "Sub", "Mul", "Div") and len(computed) > 1:
        raise two_computed(walk, node)
    if node.op not in ("Conv", "Gemm", "MatMul") or len(node.inputs) < 2:
        return
    const = walk.values.get(node.inputs[1])
    if not isinstance(const, Const) or const.array.ndim < 2:
        return
    weights = _weights(walk, node, const)
    layout = np.arange(weights.size).reshape(weights.shape)
    if node.op == "MatMul" or (node.op == "Gemm" and not node.attributes.get("transB", 0)):
        weights, layout = weights.T, layout.T
    _ternary(walk, node, weights, layout, const)
