"""How a pool walks over its map."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.frontend.reads import shares
from ternc.frontend.values import Computed, GraphInput, Joined, Map, Node, map_shape
from ternc.frontend.walk import Walk


def map_of(walk: Walk, node: Node, value: Computed) -> Map:
    """The map that a value is; refused where it is none."""
    shape = value.index.shape
    size = map_shape(shape)
    if size is None:
        raise walk.refuse(
            node,
            f": its input must be [1, C, L] or [1, C, H, W], but is {list(shape)}",
            help="pool a 3-D map in two steps, with a Reshape in front of each",
        )
    return size


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling:
    """A pool's window; ``size`` is its output's (height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    size: tuple[int, int]

    @property
    def turned(self) -> Pooling:
        """The same with height and width exchanged."""
        top, left, bottom, right = self.padding
        return Pooling(
            kernel=self.kernel[::-1],
            stride=self.stride[::-1],
            padding=(left, top, right, bottom),
            dilation=self.dilation[::-1],
            size=self.size[::-1],
        )


def lies(value: Computed, size: Map) -> bool:
    """Whether a map one pixel wide is in truth a row: Keras convolves rows, and pools columns, of 1-D data."""
    views = value.parts if isinstance(value, Joined) else (value,)
    return size[2] == 1 < size[1] and all(
        not isinstance(v.source, GraphInput) and v.size[1] == 1 < v.size[2] for v in views
    )


def laid(walk: Walk, value: Computed, size: Map) -> Computed:
    """A column as a row."""
    return walk.arranged(value, value.name, lambda index: index.reshape(1, size[0], 1, size[1]))


def stood(walk: Walk, node: Node, value: Computed) -> Computed:
    """A row ``[1, C, 1, L]`` as a column, the node's output."""
    return walk.arranged(
        value, node.outputs[0], lambda index: index.reshape(1, index.shape[1], index.shape[3], 1)
    )


def pooling(walk: Walk, node: Node, size: Map, axes: int) -> Pooling:
    """Read a pool's attributes."""
    given = node.attributes
    kernel = [int(v) for v in given.get("kernel_shape", [])]
    if len(kernel) != axes:
        raise walk.refuse(node, f": its window must have {axes} axes, but has {len(kernel)}")
    lead = [1] * (2 - axes)
    stride = lead + [int(v) for v in given.get("strides", [1] * axes)]
    dilation = lead + [int(v) for v in given.get("dilations", [1] * axes)]
    pads = [int(v) for v in given.get("pads", [0] * (2 * axes))]
    if axes == 1:
        pads = [0, pads[0], 0, pads[1]]
    kernel = lead + kernel
    auto = str(given.get("auto_pad", "NOTSET"))
    up = bool(given.get("ceil_mode", 0))
    out = []
    for i in (0, 1):
        n, reach = size[1 + i], (kernel[i] - 1) * dilation[i] + 1
        if auto.startswith("SAME"):
            total = max((-(-n // stride[i]) - 1) * stride[i] + reach - n, 0)
            pads[i], pads[i + 2] = shares(total, auto)
        elif auto == "VALID":
            pads[i] = pads[i + 2] = 0
        room = n + pads[i] + pads[i + 2] - reach
        count = (-(-room // stride[i]) if up else room // stride[i]) + 1
        if up and (count - 1) * stride[i] >= n + pads[i]:
            count -= 1  # a window that would start in the padding behind is left out
        out.append(count)
        pads[i + 2] = max(0, (count - 1) * stride[i] + reach - n - pads[i])
    if min(out) < 1 or min(*stride, *dilation) < 1 or min(pads[:2]) < 0:
        raise walk.refuse(
            node, f": its window of {kernel[0]} x {kernel[1]} must fit into the map of {size[1]} x {size[2]}"
        )
    return Pooling(
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        padding=(pads[0], pads[1], pads[2], pads[3]),
        dilation=(dilation[0], dilation[1]),
        size=(out[0], out[1]),
    )


def whole(size: Map) -> Pooling:
    """One window over the whole map."""
    return Pooling(
        kernel=(size[1], size[2]), stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), size=(1, 1)
    )
