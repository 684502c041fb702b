"""A network with some channels only, or with its channels in another order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.network.analysis import accumulator_range, sources
from ternc.network.layers import Linear, Network
from ternc.network.stairs.borders import of_channels

Channels: TypeAlias = NDArray[np.intp]
"""Numbers of the channels that a tensor keeps, in their new order."""


def select(network: Network, chosen: Mapping[str, Channels]) -> Network:
    """The network whose tensor t has the channels ``chosen[t]``, those of the given one.

    Channels that are left out must add nothing to any sum. A grouped term must keep whole groups, in their order
    or, with one channel in and out of a group, in the same new order at both ends.
    """
    tensors = tuple(replace(tensor, channels=len(chosen[tensor.name])) for tensor in network.tensors)
    layers = tuple(_select(layer, chosen) for layer in network.layers)
    found = replace(network, tensors=tensors, layers=layers)
    return replace(found, layers=tuple(_clipped(found, layer) for layer in layers))


def _select(layer: Linear, chosen: Mapping[str, Channels]) -> Linear:
    out = chosen[layer.target]
    terms = []
    for term in layer.terms:
        source, weights = chosen[term.source], term.weights[out]
        if term.groups == 1:
            terms.append(replace(term, weights=np.ascontiguousarray(weights[:, source])))
        else:
            terms.append(replace(term, weights=weights, groups=len(source) // weights.shape[1]))
    pool, activation = layer.pool, layer.activation
    if pool is not None:
        pool = replace(pool, minimum=tuple(np.array(pool.minimum)[out].tolist()))
    if activation is not None:
        borders = of_channels(activation.borders, out)
        activation = replace(activation, thresholds=activation.thresholds[out], borders=borders)
    return replace(layer, terms=tuple(terms), pool=pool, activation=activation)


def _clipped(network: Network, layer: Linear) -> Linear:
    """The layer with thresholds within reach of the sums: they do not reach as far without products by 0."""
    if layer.activation is None:
        return layer
    reach = accumulator_range(layer, sources(network, layer))
    low, high = (np.array(ends)[:, None] for ends in zip(*((r.low, r.high + 1) for r in reach), strict=True))
    thresholds = np.clip(layer.activation.thresholds, low, high)
    return replace(layer, activation=replace(layer.activation, thresholds=thresholds))
