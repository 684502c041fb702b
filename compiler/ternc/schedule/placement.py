"""Which memory each tensor of a stage lies in, how, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ternc.network.layers import Tensor
from ternc.numeric import ceil_div, range_bits
from ternc.schedule.axes import Walks
from ternc.schedule.bundles import ONE, made_bundles
from ternc.schedule.design import ArrayShape, BankedMemory, Bundles
from ternc.schedule.layout import Layout
from ternc.schedule.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How a tensor comes to a stage.

    Attributes:
        cols: Channels of a vector; element_bits: of an element of the link; bits: of a code.
        step: Rows of a step.
        bundles: The pixels that come at once.
    """

    cols: int
    element_bits: int
    bits: int
    step: int
    bundles: Bundles = ONE


def feature_memory(stage: Stage, shape: ArrayShape, depth_words: int = 0) -> BankedMemory:
    """The memory of the tensors that a stage keeps."""
    bits = max((range_bits(t.range.low, t.range.high) for t in stage.inner), default=1)
    return BankedMemory(
        cols=shape.cols, lanes=shape.lanes, bits=bits, depth_words=depth_words, pixels=shape.drain
    )


def buffer_memory(tensor: Tensor, source: Source, shape: ArrayShape, depth_words: int = 0) -> BankedMemory:
    """The memory of a line buffer. Of a single vector only whole words with channels are kept."""
    lanes = min(shape.lanes, tensor.channels)
    if source.cols < tensor.channels:
        tiles = ceil_div(tensor.channels, source.cols)
        lanes = min(shape.lanes, tiles * source.cols)
    cols = min(source.cols, ceil_div(tensor.channels, lanes) * lanes)
    return BankedMemory(
        cols=cols, lanes=lanes, bits=source.bits, depth_words=depth_words, pixels=source.bundles.pixels
    )


def inner_layouts(stage: Stage, walks: Walks, shape: ArrayShape) -> dict[str, Layout]:
    """A layout, with its base address, for every tensor that a stage keeps."""
    rows = {
        layer.target: walk.vertical.steps * walk.vertical.phases
        for layer, walk in zip(stage.layers, walks.layers, strict=True)
    }
    memory, bundles = feature_memory(stage, shape), made_bundles(stage, walks, shape)
    found = {
        tensor.name: Layout.of(
            tensor,
            memory,
            banks=shape.rows,
            stride=walks.strides[tensor.name],
            rows=rows[tensor.name],
            bundles=bundles[tensor.name],
        )
        for tensor in stage.inner
    }
    bases = allocate(stage, {name: layout.words for name, layout in found.items()})
    return {name: replace(layout, base=bases[name]) for name, layout in found.items()}


def buffer_layouts(
    stage: Stage,
    walks: Walks,
    shape: ArrayShape,
    sources: Mapping[str, Source],
    capacities: Mapping[str, int],
) -> dict[str, Layout]:
    """The layout of every tensor that comes from outside, in a circular buffer of so many rows."""
    return {
        tensor.name: Layout.of(
            tensor,
            buffer_memory(tensor, sources[tensor.name], shape),
            banks=shape.rows,
            stride=walks.strides[tensor.name],
            rows=capacities[tensor.name],
            bundles=sources[tensor.name].bundles,
        )
        for tensor in stage.inputs
    }


def allocate(stage: Stage, words: Mapping[str, int]) -> dict[str, int]:
    """Base addresses in the feature memory, first fit by lifetime: from its writer to its last reader."""
    made = {layer.target: n for n, layer in enumerate(stage.layers)}
    used = made | {name: n for n, layer in enumerate(stage.layers) for name in layer.sources}
    placed: dict[str, tuple[int, int]] = {}
    for tensor in stage.inner:
        live = sorted(
            span
            for name, span in placed.items()
            if made[name] <= used[tensor.name] and used[name] >= made[tensor.name]
        )
        base = 0
        for start, end in live:
            if base + words[tensor.name] <= start:
                break
            base = max(base, end)
        placed[tensor.name] = (base, base + words[tensor.name])
    return {name: span[0] for name, span in placed.items()}
