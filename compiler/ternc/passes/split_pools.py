"""Give a pool whose windows overlap a layer of its own.

A pool behind a layer's activation computes each window position anew: with windows of KH x KW at strides SH x SW
every sum is computed ``KH KW / (SH SW)`` times. Where that is more than once and a sum is much work, it is cheaper
to keep the activation's codes and to read them again through a layer that multiplies each channel by 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ternc.network.analysis import sources, sum_size
from ternc.network.layers import IntRange, Linear, MultiplyShift, Network, Proof, Staircase, Tensor, Term


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPools:
    """The same codes, with overlapping pools behind layers that copy.

    Attributes:
        least_fan_in: Products of a sum below which computing it again costs no more than a layer.
    """

    least_fan_in: int = 32

    def __call__(self, network: Network) -> Network:
        """The network with such layers split."""
        if not any(self.worthwhile(layer) for layer in network.layers):
            return network
        layers: list[Linear] = []
        between: dict[str, Tensor] = {}
        taken = {layer.name for layer in network.layers} | {tensor.name for tensor in network.tensors}
        for layer in network.layers:
            if not self.worthwhile(layer):
                layers.append(layer)
                continue
            tensor = network.tensor(layer.target)
            name = _fresh(f"{layer.name}_pool", taken)
            whole = _fresh(f"{layer.target}_unpooled", taken)
            height, width = sum_size(layer, sources(network, layer))
            between[tensor.name] = replace(tensor, name=whole, height=height, width=width)
            layers.append(replace(layer, target=whole, pool=None))
            layers.append(
                replace(
                    layer,
                    name=name,
                    kind="pool",
                    terms=(copy(whole, layer.channels),),
                    activation=identity(tensor.range, layer.channels),
                )
            )
        tensors: list[Tensor] = []
        for tensor in network.tensors:
            tensors += [between[tensor.name], tensor] if tensor.name in between else [tensor]
        return replace(network, layers=tuple(layers), tensors=tuple(tensors))

    def worthwhile(self, layer: Linear) -> bool:
        """Whether computing the layer's sums once saves more than another layer costs."""
        if layer.pool is None or layer.activation is None:
            return False
        windows, steps = np.prod(layer.pool.kernel), np.prod(layer.pool.stride)
        return (
            bool(windows > steps) and sum(term.weights[0].size for term in layer.terms) >= self.least_fan_in
        )


def copy(source: str, channels: int) -> Term:
    """Each channel times 1."""
    return Term(source=source, weights=np.ones((channels, 1, 1, 1), np.int32), groups=channels)


def identity(values: IntRange, channels: int) -> Staircase:
    """The staircase of every integer of a range, and its form; of a single one, with a step that is never reached."""
    single = values.low == values.high
    steps = np.arange(values.low + 1, values.high + 1 + single, dtype=np.int64)
    ones, every = np.ones(channels, np.int64), channels * (values.high - values.low + 1)
    return Staircase(
        thresholds=np.broadcast_to(steps, (channels, len(steps))).copy(),
        low=values.low,
        table=np.full(2, values.low) if single else None,
        form=MultiplyShift(multiplier=ones, addend=-values.low * ones, shift=0),
        proof=Proof(values=every, examined=every, method="every"),
    )


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
