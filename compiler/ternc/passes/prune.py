"""Leave out channels that nobody needs: those whose code is always 0, and those that every reader multiplies by 0.

Training for sparsity and thresholding weights leave such channels behind. A channel that is always 0 adds nothing to
any sum, whatever its weights, also at the border of a map, where padding is 0 too. Leaving one out may take the last
reader from another, so the pass goes on until nothing changes. What enters and leaves the chip keeps its channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, sources
from ternc.network.layers import Linear, Network, Staircase, Term
from ternc.passes.channels import select

Mask: TypeAlias = NDArray[np.bool_]

_OUTPUTS = 8
"""Outputs of a group that are looked at together: a few often use all inputs already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """The same outputs, from layers without channels that make no difference.

    A grouped term loses whole groups only, and every map keeps a channel.
    """

    def __call__(self, network: Network) -> Network:
        """The network without such channels."""
        while True:
            kept = needed(network)
            if all(mask.all() for mask in kept.values()):
                return network
            network = select(network, {name: np.flatnonzero(mask) for name, mask in kept.items()})


def needed(network: Network) -> dict[str, Mask]:
    """Of each tensor the channels that stay: what leaves the chip needs them, over any number of layers."""
    zero = {layer.target: always_zero(network, layer) for layer in network.layers}
    ends = {*network.leaving, *(tensor.name for tensor in network.input_tensors)}
    kept = {tensor.name: np.full(tensor.channels, tensor.name in ends) for tensor in network.tensors}
    spread(network, kept, zero)
    for mask in kept.values():
        mask[0] |= not mask.any()
    spread(network, kept, zero)
    return kept


def spread(network: Network, kept: dict[str, Mask], zero: dict[str, Mask]) -> None:
    """Keep, until nothing is new, what a kept channel reads and what a grouped term needs to stay regular.

    A grouped term keeps every group whole that keeps a channel.
    """
    changed = True
    while changed:
        before = sum(int(mask.sum()) for mask in kept.values())
        for layer in reversed(network.layers):
            for term in layer.terms:
                source, target = kept[term.source], kept[layer.target]
                never = zero.get(term.source, np.zeros_like(source))
                source |= reads(term, target) & ~never
                if term.groups > 1:
                    outputs, inputs = grouped(term)
                    whole = source.reshape(-1, inputs).any(axis=1) | target.reshape(-1, outputs).any(axis=1)
                    source |= np.repeat(whole, inputs)
                    target |= np.repeat(whole, outputs)
        changed = sum(int(mask.sum()) for mask in kept.values()) > before


def reads(term: Term, target: Mask) -> Mask:
    """Source channels that a kept output multiplies by something other than 0."""
    outputs, inputs = grouped(term)
    weights = term.weights.reshape(term.groups, outputs, inputs, -1)
    kept, found = target.reshape(term.groups, outputs), np.zeros((term.groups, inputs), bool)
    for first in range(0, outputs, _OUTPUTS):
        block = slice(first, first + _OUTPUTS)
        used = (weights[:, block] != 0).any(axis=3) & kept[:, block, None]
        found |= used.any(axis=1)
        if found.all():
            break
    return found.reshape(-1)


def always_zero(network: Network, layer: Linear) -> Mask:
    """Channels whose code is 0 for every sum that the layer can reach."""
    if layer.activation is None:
        return np.zeros(layer.channels, bool)
    reach = accumulator_range(layer, sources(network, layer))
    first = levels(layer.activation, [each.low for each in reach])
    last = levels(layer.activation, [each.high for each in reach])
    table = layer.activation.table
    codes = layer.activation.low + first if table is None else table[first]
    return np.asarray((first == last) & (codes == 0))


def levels(activation: Staircase, sums: list[int]) -> NDArray[np.int64]:
    """The level of one sum of each channel."""
    return np.asarray((np.array(sums)[:, None] >= activation.thresholds).sum(axis=1))


def grouped(term: Term) -> tuple[int, int]:
    """Output and input channels of a group."""
    return len(term.weights) // term.groups, term.weights.shape[1]
