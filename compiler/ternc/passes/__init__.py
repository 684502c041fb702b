"""Passes: Network to Network, one a file, each keeping what the network computes.

A pass is a frozen dataclass that is called with a network; `run` applies them in order and verifies the
network before the first and after each that changed it.
"""

from __future__ import annotations

from typing import Protocol

from ternc.network.check import verify_network
from ternc.network.layers import Network
from ternc.passes.cluster import Cluster
from ternc.passes.pool_first import PoolFirst
from ternc.passes.prune import Prune
from ternc.passes.realise import Realise
from ternc.passes.split_pools import SplitPools


class Pass(Protocol):
    """Network to Network; the golden meaning of every tensor stays the same."""

    def __call__(self, network: Network) -> Network:
        """The network after the pass; the one given is not changed, and is returned where there is nothing to do."""
        ...


PIPELINE: tuple[Pass, ...] = (Prune(), Cluster(), SplitPools(), Realise())
KEEPING_SHAPE: tuple[Pass, ...] = tuple(one for one in PIPELINE if not isinstance(one, Prune))
"""Passes after which a network's maps do not depend on its weights."""
OTHERS: tuple[tuple[Pass, ...], ...] = ((PoolFirst(),),)
"""In front of them, passes to other forms of a network, which a schedule may like better."""


def run(network: Network, passes: tuple[Pass, ...] = PIPELINE) -> Network:
    """Apply passes in order.

    Raises:
        InternalError: The network given, or one that a pass returned, breaks a law of `verify_network`.
    """
    verify_network(network)
    return _applied(network, passes)


def _applied(network: Network, passes: tuple[Pass, ...]) -> Network:
    """A network that was verified behind passes, verified behind each that changed it."""
    for apply in passes:
        before, network = network, apply(network)
        if network is not before:
            verify_network(network)
    return network


def forms(network: Network, passes: tuple[Pass, ...] = PIPELINE) -> tuple[Network, ...]:
    """The network behind the passes, then those of its `OTHERS` that have other layers; each keeps all outputs."""
    found = [run(network, passes)]
    for others in OTHERS:
        other = _applied(network, others)
        if other is network:
            continue
        other = _applied(other, passes)
        if len(other.layers) != len(found[0].layers):
            found.append(other)
    return tuple(found)


__all__ = [
    "KEEPING_SHAPE",
    "OTHERS",
    "PIPELINE",
    "Cluster",
    "Pass",
    "PoolFirst",
    "Prune",
    "Realise",
    "SplitPools",
    "forms",
    "run",
]
