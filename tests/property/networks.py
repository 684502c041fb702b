"""Random small networks that obey every law of the verifier, and a slow reading of what they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, conv_size, hull, out_shape
from ternc.network.layers import IntRange, Linear, Network, Output, Pool, Prologue, Staircase, Tensor


def staircase(rng: np.random.Generator, ranges: tuple[IntRange, ...], low: int, steps: int) -> Staircase:
    """Thresholds anywhere in each channel's clipped range, often equal to each other."""
    rows = [np.sort(rng.integers(r.low, r.high + 2, steps)) for r in ranges]
    return Staircase(thresholds=np.array(rows, np.int64).reshape(len(ranges), steps), low=low)


def target_of(layer: Linear, source: Tensor) -> Tensor:
    """The tensor that a layer writes."""
    channels, height, width = out_shape(layer, source)
    if layer.activation is None:
        found = hull(accumulator_range(layer, source))
    else:
        found = IntRange(
            low=layer.activation.low, high=layer.activation.low + layer.activation.thresholds.shape[1]
        )
    return Tensor(name=layer.target, channels=channels, height=height, width=width, range=found)


def assemble(input_tensor: Tensor, layers: tuple[Linear, ...], *, argmax: bool = False) -> Network:
    """A network around layers, with an identity prologue and output."""
    tensors = [input_tensor]
    for layer in layers:
        tensors.append(target_of(layer, next(t for t in tensors if t.name == layer.source)))
    last = tensors[-1]
    size = input_tensor.channels * input_tensor.height * input_tensor.width
    pixels = last.height * last.width
    return Network(
        name="random",
        tensors=tuple(tensors),
        layers=layers,
        prologue=Prologue(
            name="x",
            shape=(input_tensor.channels, input_tensor.height, input_tensor.width),
            dtype="float32",
            steps=(),
            gather=np.arange(size),
            scale=1.0,
            offset=0.0,
            declared=True,
        ),
        output=Output(
            name="y",
            shape=(last.height, last.width) if argmax else (last.channels, last.height, last.width),
            dtype="int64" if argmax else "float32",
            tensor=last.name,
            scale=np.ones(last.channels),
            offset=np.zeros(last.channels),
            gather=np.arange(pixels if argmax else last.channels * pixels),
            argmax=argmax,
            keys=np.stack([np.full(last.channels, last.channels), np.arange(last.channels)[::-1]]).astype(
                np.int64
            )
            if argmax
            else None,
        ),
    )


@st.composite
def layers(draw: st.DrawFn, source: Tensor, name: str, *, last: bool) -> Linear:
    """Any layer that fits the source."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def pair(top: int) -> tuple[int, int]:
        return draw(st.integers(1, top)), draw(st.integers(1, top))

    groups = draw(st.sampled_from([g for g in (1, 2, 3, source.channels) if source.channels % g == 0]))
    upsample = pair(2)
    padding = (
        draw(st.integers(0, 2)),
        draw(st.integers(0, 2)),
        draw(st.integers(0, 2)),
        draw(st.integers(0, 2)),
    )
    height = source.height * upsample[0] + padding[0] + padding[2]
    width = source.width * upsample[1] + padding[1] + padding[3]
    kernel = draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width)))
    if draw(st.integers(0, 4)) == 0:
        kernel = (height, width)
    dilation = (
        draw(st.integers(1, 2)) if 2 * (kernel[0] - 1) < height else 1,
        draw(st.integers(1, 2)) if 2 * (kernel[1] - 1) < width else 1,
    )
    trits = rng.integers(-1, 2, (groups * draw(st.integers(1, 3)), source.channels // groups, *kernel))
    layer = Linear(
        name=name,
        kind="conv",
        source=source.name,
        target=f"{name}_out",
        trits=trits.astype(np.int8),
        stride=pair(3),
        dilation=dilation,
        groups=groups,
        padding=padding,
        upsample=upsample,
    )
    raw = last and draw(st.booleans())
    activation = None
    if not raw:
        low, steps = draw(st.sampled_from([(0, 1), (0, 3), (-1, 2), (-4, 12), (0, 15), (-300, 400)]))
        activation = staircase(rng, accumulator_range(layer, source), low, steps)
    pool = None
    if draw(st.booleans()):
        conv_height, conv_width = conv_size(layer, source)
        pool = Pool(
            kernel=(draw(st.integers(1, min(3, conv_height))), draw(st.integers(1, min(3, conv_width)))),
            stride=pair(3),
            minimum=tuple(bool(rng.integers(0, 2)) for _ in range(trits.shape[0])),
        )
    return replace(layer, activation=activation, pool=pool)


@st.composite
def networks(draw: st.DrawFn, *, max_layers: int = 3) -> Network:
    """A chain of random layers."""
    low, high = draw(st.sampled_from([(0, 1), (-1, 1), (0, 3), (-8, 7), (-128, 127), (0, 255)]))
    first = Tensor(
        name="in",
        channels=draw(st.integers(1, 4)),
        height=draw(st.integers(1, 5)),
        width=draw(st.integers(1, 5)),
        range=IntRange(low=low, high=high),
    )
    count = draw(st.integers(1, max_layers))
    made: list[Linear] = []
    source = first
    for i in range(count):
        made.append(draw(layers(source, f"layer{i}", last=i == count - 1)))
        source = target_of(made[-1], source)
    return assemble(first, tuple(made), argmax=draw(st.booleans()))


def meaning(network: Network, codes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Every tensor, one multiplication at a time, straight from the docstrings of `ternc.network.layers`."""
    found: dict[str, NDArray[Any]] = {network.input.name: codes}
    for layer in network.layers:
        found[layer.target] = np.array([layer_meaning(layer, frame) for frame in found[layer.source]])
    return found


def layer_meaning(layer: Linear, x: NDArray[Any]) -> NDArray[Any]:
    """One layer on one frame ``[C, H, W]``."""
    out, inner, taps_y, taps_x = layer.trits.shape
    _, height, width = x.shape
    up_y, up_x = layer.upsample
    top, left, bottom, right = layer.padding

    def pixel(c: int, y: int, xx: int) -> int:
        y, xx = y - top, xx - left
        if 0 <= y < height * up_y and 0 <= xx < width * up_x:
            return int(x[c, y // up_y, xx // up_x])
        return 0

    rows = range(0, height * up_y + top + bottom - (taps_y - 1) * layer.dilation[0], layer.stride[0])
    cols = range(0, width * up_x + left + right - (taps_x - 1) * layer.dilation[1], layer.stride[1])
    result = np.zeros((out, len(rows), len(cols)), np.int64)
    for o in range(out):
        first = o // (out // layer.groups) * inner
        for y, row in enumerate(rows):
            for xx, col in enumerate(cols):
                acc = sum(
                    int(layer.trits[o, i, dy, dx])
                    * pixel(first + i, row + dy * layer.dilation[0], col + dx * layer.dilation[1])
                    for i in range(inner)
                    for dy in range(taps_y)
                    for dx in range(taps_x)
                )
                if layer.activation is not None:
                    acc = layer.activation.low + sum(
                        acc >= t for t in layer.activation.thresholds[o].tolist()
                    )
                result[o, y, xx] = acc
    return result if layer.pool is None else pool_meaning(layer.pool, result)


def pool_meaning(pool: Pool, x: NDArray[Any]) -> NDArray[Any]:
    """Windows wholly inside the map."""
    rows = range(0, x.shape[1] - pool.kernel[0] + 1, pool.stride[0])
    cols = range(0, x.shape[2] - pool.kernel[1] + 1, pool.stride[1])
    return np.array(
        [
            [
                [
                    (min if pool.minimum[c] else max)(
                        int(v) for v in x[c, r : r + pool.kernel[0], k : k + pool.kernel[1]].ravel()
                    )
                    for k in cols
                ]
                for r in rows
            ]
            for c in range(x.shape[0])
        ],
        np.int64,
    )
