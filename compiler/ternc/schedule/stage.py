"""The layers that one engine runs, and what passes between engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ternc.network.layers import Linear, Network, Output, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """Consecutive layers of a network, ``first .. end - 1``.

    An input of the network that no layer reads comes to the last stage, which lets it pass.
    """

    network: Network
    first: int
    end: int

    @property
    def layers(self) -> tuple[Linear, ...]:
        """In the order of execution."""
        return self.network.layers[self.first : self.end]

    @cached_property
    def made(self) -> tuple[Tensor, ...]:
        """What its layers write, one tensor each."""
        return tuple(self.network.tensor(layer.target) for layer in self.layers)

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        """Tensors that come from outside, in the order of the network's tensors."""
        own = {tensor.name for tensor in self.made}
        read = {name for layer in self.layers for name in layer.sources} - own
        if self.end == len(self.network.layers):
            known = {name for layer in self.network.layers for name in layer.sources}
            read |= {tensor.name for tensor in self.network.input_tensors} - known
        return tuple(tensor for tensor in self.network.tensors if tensor.name in read)

    @cached_property
    def inner(self) -> tuple[Tensor, ...]:
        """Tensors that one of its layers writes and another reads."""
        read = {name for layer in self.layers for name in layer.sources}
        return tuple(tensor for tensor in self.made if tensor.name in read)

    @cached_property
    def sent(self) -> tuple[Tensor, ...]:
        """Tensors that leave it: to other stages or out of the network."""
        away = {name for layer in self.network.layers[self.end :] for name in layer.sources}
        away |= set(self.network.leaving)
        return tuple(tensor for tensor in self.made if tensor.name in away)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The network's outputs that are made here."""
        own = {tensor.name for tensor in self.made}
        return tuple(output for output in self.network.outputs if output.tensor in own)

    @property
    def scored(self) -> bool:
        """Whether it makes the differences of the network's anomaly."""
        anomaly = self.network.anomaly
        return anomaly is not None and any(tensor.name == anomaly.tensor for tensor in self.made)

    def readers(self, tensor: str) -> list[int]:
        """Numbers, within the stage, of the layers that read a tensor, rising; the last one if none does."""
        found = [n for n, layer in enumerate(self.layers) if tensor in layer.sources]
        return found or [len(self.layers) - 1]


def cut(network: Network, counts: Sequence[int]) -> tuple[Stage, ...]:
    """Stages of so many layers each, which must be all of them."""
    found, first = [], 0
    for count in counts:
        found.append(Stage(network=network, first=first, end=first + count))
        first += count
    return tuple(found)


def writer(network: Network, tensor: str) -> Linear:
    """The layer that writes a tensor."""
    return next(layer for layer in network.layers if layer.target == tensor)
