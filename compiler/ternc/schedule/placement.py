"""Which memory each tensor lies in, how, and where."""

from __future__ import annotations

from dataclasses import replace

from ternc.network.layers import Linear, Network, Tensor
from ternc.numeric import ceil_div
from ternc.schedule.axes import Walks
from ternc.schedule.design import ArrayShape
from ternc.schedule.layout import Lanes, Layout


def inner_tensors(network: Network) -> tuple[Tensor, ...]:
    """The tensors that live in the feature memory: neither inputs nor leaving."""
    leaving = set(network.leaving)
    return tuple(tensor for tensor in network.tensors[len(network.inputs) :] if tensor.name not in leaving)


def lanes_of(network: Network, tensor: Tensor, shape: ArrayShape) -> Lanes:
    """How a tensor's channels are spread over words: by an input port, or by the array that writes it."""
    if tensor in network.input_tensors:
        return Lanes.of_port(tensor.channels, shape.lanes)
    return Lanes.of_array(tensor.channels, shape)


def layouts(network: Network, walks: Walks, shape: ArrayShape) -> dict[str, Layout]:
    """A layout, with its base address, for every tensor; those that leave have that of their output memory's rows."""
    rows = {tensor.name: tensor.height for tensor in network.tensors}
    for layer, walk in zip(network.layers, walks.layers, strict=True):
        rows[layer.target] = walk.vertical.steps * walk.vertical.phases
    found = {
        tensor.name: Layout.of(
            tensor,
            banks=shape.rows,
            stride=walks.strides[tensor.name],
            rows=rows[tensor.name],
            lanes=lanes_of(network, tensor, shape),
        )
        for tensor in network.tensors
    }
    bases = allocate(network, {name: layout.words for name, layout in found.items()})
    return {name: replace(layout, base=bases.get(name, 0)) for name, layout in found.items()}


def allocate(network: Network, words: dict[str, int]) -> dict[str, int]:
    """Base addresses in the feature memory, first fit by lifetime: from its writer to its last reader."""
    made = {layer.target: n for n, layer in enumerate(network.layers)}
    used = made | {name: n for n, layer in enumerate(network.layers) for name in layer.sources}
    placed: dict[str, tuple[int, int]] = {}
    for tensor in inner_tensors(network):
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


def readers(network: Network, tensor: str) -> list[int]:
    """Numbers of the layers that read a tensor, rising; an input that none reads counts as read by the last layer."""
    found = [n for n, layer in enumerate(network.layers) if tensor in layer.sources]
    return found or [len(network.layers) - 1]


def writer(network: Network, tensor: str) -> Linear:
    """The layer that writes a tensor."""
    return next(layer for layer in network.layers if layer.target == tensor)


def output_pitch(tensor: Tensor, shape: ArrayShape) -> int:
    """Words of one row in an output memory, which holds pixels in the order in which they leave."""
    return tensor.width * ceil_div(tensor.channels, shape.cols)
