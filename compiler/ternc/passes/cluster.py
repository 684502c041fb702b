"""Order channels so that weights of 0 fall into the same words.

The array reads a word of weights for a chunk of inputs and a tile of outputs, and a word of zeros alone is never stored
nor executed. Where outputs use few inputs each (a pruned network, groups that an exporter spelled out or shuffled),
the order of the channels decides how many such words there are. What enters and leaves the chip keeps its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Network, Term
from ternc.passes.channels import Channels, select

Pattern: TypeAlias = NDArray[np.bool_]
"""Which inputs an output uses, ``[O, I]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The same network with the channels of its maps in a better order, where there is one.

    Attributes:
        block: Channels along each side of the blocks that are counted: about the smallest word.
        least_gain: Share of the blocks that a new order must save.
        most_used: Share of a pattern that is in use, above which nothing is looked for.
    """

    block: int = 8
    least_gain: float = 0.05
    most_used: float = 0.7

    def __call__(self, network: Network) -> Network:
        """The network, or the one with its channels in another order."""
        orders = {tensor.name: np.arange(tensor.channels) for tensor in network.tensors}
        patterns = {(term, target): used(term) for target, term in plain_terms(network)}
        before = self._blocks(patterns, orders)
        for together in free(network):
            parts = [
                pattern.T if term.source in together else pattern
                for (term, target), pattern in patterns.items()
                if term.source in together or target in together
            ]
            if not parts or min(part.mean() for part in parts) > self.most_used:
                continue
            old = {name: orders[name] for name in together}
            count = self._blocks(patterns, orders)
            orders |= dict.fromkeys(together, nearest_neighbours(np.concatenate(parts, axis=1)))
            if self._blocks(patterns, orders) >= count:
                orders |= old
        if self._blocks(patterns, orders) > (1 - self.least_gain) * before:
            return network
        return select(network, orders)

    def _blocks(self, patterns: dict[tuple[Term, str], Pattern], orders: dict[str, Channels]) -> int:
        """Blocks of all terms that hold a weight."""
        return sum(
            blocks(pattern[orders[target]][:, orders[term.source]], self.block)
            for (term, target), pattern in patterns.items()
        )


def plain_terms(network: Network) -> Iterator[tuple[str, Term]]:
    """Target and term of every term without groups."""
    for layer in network.layers:
        for term in layer.terms:
            if term.groups == 1:
                yield layer.target, term


def free(network: Network) -> list[frozenset[str]]:
    """Tensors whose channels may be reordered, in sets that must have the same order.

    Terms with a group for each channel tie their ends together; other groups stay where they are.
    """
    sets = {tensor.name: frozenset({tensor.name}) for tensor in network.tensors}
    fixed = {*network.leaving, *(tensor.name for tensor in network.input_tensors)}
    for layer in network.layers:
        for term in (term for term in layer.terms if term.groups > 1):
            if term.groups == len(term.weights) and term.weights.shape[1] == 1:
                tied = sets[term.source] | sets[layer.target]
                sets |= dict.fromkeys(tied, tied)
            else:
                fixed |= {term.source, layer.target}
    return [together for together in dict.fromkeys(sets.values()) if not together & fixed]


def used(term: Term) -> Pattern:
    """Which inputs each output multiplies by something other than 0 at any place of the window."""
    return np.asarray((term.weights != 0).any(axis=(2, 3)))


def blocks(pattern: Pattern, size: int) -> int:
    """Blocks of ``size x size`` that are not empty."""
    padded = np.pad(pattern, [(0, -side % size) for side in pattern.shape])
    rows, columns = padded.shape
    return int(padded.reshape(rows // size, size, columns // size, size).any(axis=(1, 3)).sum())


def nearest_neighbours(pattern: Pattern) -> Channels:
    """An order of the rows ``[rows, features]`` in which each is followed by one that uses much the same.

    It begins with the row that uses least, and goes on with the row not yet taken that shares most with those
    before it, of which the last ones count most.
    """
    rows = pattern.astype(np.float32)
    size = rows.sum(axis=1)
    left = np.ones(len(rows), bool)
    order = [int(np.argmin(size))]
    recent = np.zeros(rows.shape[1], np.float32)
    while True:
        left[order[-1]] = False
        if not left.any():
            return np.array(order, np.intp)
        recent = np.maximum(recent * np.float32(0.75), rows[order[-1]])
        distance = size - 2 * (rows @ recent)
        order.append(int(np.argmin(np.where(left, distance, np.inf))))
