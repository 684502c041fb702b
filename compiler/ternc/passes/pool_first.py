"""Sum up a window first where all its weights are the same: ``sum_k w[o, c] x[c, k] = sum_c w[o, c] (sum_k x[c, k])``.

The front end makes one layer of an average and the dense layer behind it, so that nothing is rounded in between. Its
weights repeat over the window: words and cycles grow with outputs times window. As two layers, the sums of the window
and then the weights once, they grow with outputs plus window; but the sums are wider than what they are made of, and so
become all operands of the array. Which form is better depends on the array (`ternc.pipeline` tries both).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ternc.network.analysis import accumulator_range, conv_size, hull
from ternc.network.layers import Linear, Network, Proof, Staircase, Tensor, Term


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFirst:
    """Split every term whose weights do not change over its window, where the sums have few enough bits.

    Attributes:
        sum_bits: Of a sum, at most.
    """

    sum_bits: int = 12

    def __call__(self, network: Network) -> Network:
        """The same network, with a layer of sums in front of each such term."""
        tensors = {tensor.name: tensor for tensor in network.tensors}
        names = set(tensors) | {layer.name for layer in network.layers}
        layers: list[Linear] = []
        for layer in network.layers:
            terms = []
            for term in layer.terms:
                split = self._split(term, tensors[term.source], _unused(f"{layer.name}_sum", names))
                if split is None:
                    terms.append(term)
                    continue
                pool, target, rest = split
                names |= {pool.name, target.name}
                tensors[target.name] = target
                layers.append(pool)
                terms.append(rest)
            layers.append(replace(layer, terms=tuple(terms)))
        if len(layers) == len(network.layers):
            return network
        order = [t.name for t in network.input_tensors] + [layer.target for layer in layers]
        return replace(network, layers=tuple(layers), tensors=tuple(tensors[name] for name in order))

    def _split(self, term: Term, source: Tensor, name: str) -> tuple[Linear, Tensor, Term] | None:
        """The layer of sums, what it writes, and the term that reads that; None where the term stays."""
        kernel = term.weights.shape[2:]
        if kernel == (1, 1) or term.groups > 1 or term.upsample != (1, 1):
            return None
        if not np.all(term.weights == term.weights[:, :, :1, :1]):
            return None
        channels = source.channels
        ones = replace(term, weights=np.ones((channels, 1, *kernel), np.int32), groups=channels)
        pool = Linear(name=name, kind="sum", terms=(ones,), target=name)
        reach = hull(accumulator_range(pool, (source,)))
        steps = reach.high - reach.low
        if steps.bit_length() > self.sum_bits:
            return None
        thresholds = np.tile(np.arange(reach.low + 1, reach.high + 1), (channels, 1))
        values = channels * (steps + 1)
        proof = Proof(values=values, examined=values, method="every")
        height, width = conv_size(ones, source)
        return (
            replace(pool, activation=Staircase(thresholds=thresholds, low=reach.low, proof=proof)),
            Tensor(name=name, channels=channels, height=height, width=width, range=reach),
            Term(source=name, weights=np.ascontiguousarray(term.weights[:, :, :1, :1])),
        )


def _unused(name: str, taken: set[str]) -> str:
    """The name, or with a number behind it."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}{number}"
    return found
