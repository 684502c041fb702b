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

from ternc.network.blas import one_thread
from ternc.network.layers import Network, Term
from ternc.passes.channels import Channels, select

Pattern: TypeAlias = NDArray[np.bool_]
"""Which inputs an output uses, ``[O, I]``."""

MEMORY = 0.75
"""Weight of the rows before the last one, for each row further back."""
CHANCE = 2.0
"""Standard deviations by which two rows must share more than by chance to count as alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The same network with the channels of its maps in a better order, where there is one.

    Attributes:
        block: Channels along each side of the blocks that are counted: about the smallest word.
        least_gain: Share of the blocks that a new order must save.
    """

    block: int = 8
    least_gain: float = 0.05

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
            whole = np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), bool)
            if not alike(whole, self.block):
                continue
            old = {name: orders[name] for name in together}
            count = self._blocks(patterns, orders)
            orders |= dict.fromkeys(together, nearest_neighbours(whole))
            if self._blocks(patterns, orders) > count:  # as many: the other side of the blocks may follow
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
    rows, columns = term.weights.shape[2:]
    weights, found = term.weights != 0, np.zeros(term.weights.shape[:2], bool)
    for y, x in np.ndindex(rows, columns):
        found |= weights[:, :, y, x]
    return found


def blocks(pattern: Pattern, size: int) -> int:
    """Blocks of ``size x size`` that are not empty."""
    padded = np.pad(pattern, [(0, -side % size) for side in pattern.shape])
    rows, columns = padded.shape
    return int(padded.reshape(rows // size, size, columns // size, size).any(axis=(1, 3)).sum())


def nearest_neighbours(pattern: Pattern) -> Channels:
    """An order of the rows ``[rows, features]`` in which each is followed by one that uses much the same.

    It begins with the row that uses least, and goes on with the row not yet taken that differs least from those
    before it, of which the last ones count most.
    """
    shared = overlaps(pattern)
    size = shared.diagonal()
    left = np.ones(len(size), bool)
    order = [int(np.argmin(size))]
    recent = np.zeros_like(size)
    while True:
        left[order[-1]] = False
        if not left.any():
            return np.array(order, np.intp)
        recent = (1 - MEMORY) * shared[order[-1]] + MEMORY * recent
        order.append(int(np.argmin(np.where(left, size - 2 * recent, np.inf))))


def alike(pattern: Pattern, size: int) -> bool:
    """Whether most rows have enough others for a block that use the same more often than chance would have it."""
    if len(pattern) <= size:
        return bool(pattern.any())
    used = pattern.sum(axis=1)
    both = pattern.mean(axis=0) ** 2  # by chance, in two rows at a time
    mean = both.sum() * np.outer(used, used) / max(used.mean() ** 2, 1)
    spread = np.sqrt((both * (1 - both)).sum()) + 1

    def enough(shared: NDArray[np.generic]) -> bool:
        excess = (shared - mean) / spread
        np.fill_diagonal(excess, -np.inf)
        near = np.partition(excess, len(used) - size + 1, axis=1)[:, len(used) - size + 1]
        return bool(np.median(near) > CHANCE)

    return enough(np.minimum.outer(used, used)) and enough(
        overlaps(pattern)
    )  # rows share no more than they use


def overlaps(pattern: Pattern) -> NDArray[np.float32]:
    """How many features each two rows share, ``[rows, rows]``."""
    rows = pattern.astype(np.float32)
    with one_thread():
        return np.asarray(rows @ rows.T)
