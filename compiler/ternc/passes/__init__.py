"""Passes: Network to Network, one a file, each keeping what the network computes.

A pass is a frozen dataclass that is called with a network; `run` applies them in order and verifies the
network before the first and after each.
"""

from __future__ import annotations

from typing import Protocol

from ternc.network.check import verify_network
from ternc.network.layers import Network
from ternc.passes.realise import Realise
from ternc.passes.split_pools import SplitPools


class Pass(Protocol):
    """Network to Network; the golden meaning of every tensor stays the same."""

    def __call__(self, network: Network) -> Network:
        """The network after the pass; the one given is not changed."""
        ...


PIPELINE: tuple[Pass, ...] = (SplitPools(), Realise())


def run(network: Network, passes: tuple[Pass, ...] = PIPELINE) -> Network:
    """Apply passes in order.

    Raises:
        InternalError: The network given, or one that a pass returned, breaks a law of `verify_network`.
    """
    verify_network(network)
    for apply in passes:
        network = apply(network)
        verify_network(network)
    return network


__all__ = ["PIPELINE", "Pass", "Realise", "SplitPools", "run"]
