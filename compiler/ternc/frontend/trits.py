"""Real weights as trits times one scale per output channel, or a sentence that says why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.frontend.values import Array
from ternc.network.layers import Trits

TOLERANCE = 1e-6
"""How far, relative, the magnitudes of one output channel may lie apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ternary:
    """Weights ``w = scale[o] * trits[o]``, and where that fails.

    Attributes:
        trits: int8, the weights' shape.
        scale: float64 ``[O]``, above 0 (1 for a channel of zeros).
        misfits: Flat indices of the values that are neither 0 nor one scale of their channel.
    """

    trits: Trits
    scale: NDArray[np.float64]
    misfits: NDArray[np.int64]


def split(weights: NDArray[np.float64]) -> Ternary:
    """Separate the sign from the one magnitude of each output channel (axis 0).

    A channel's scale is its most frequent magnitude; whatever lies off it by more than `TOLERANCE` is a misfit.
    """
    flat = weights.reshape(len(weights), -1)
    scale = np.ones(len(flat))
    misfit = np.zeros(flat.shape, np.bool_)
    for channel, row in enumerate(flat):
        sizes = np.abs(row[row != 0])
        if not sizes.size:
            continue
        ends = float(sizes.min()), float(sizes.max())
        if ends[1] - ends[0] <= TOLERANCE * ends[1]:
            values, counts = np.unique(sizes, return_counts=True)
            scale[channel] = values[np.argmax(counts)]
            continue
        scale[channel] = _commonest(sizes, np.abs(weights[weights != 0]))
        near = np.abs(np.abs(row) - scale[channel]) <= TOLERANCE * scale[channel]
        misfit[channel] = (row != 0) & ~near
    return Ternary(
        trits=np.sign(weights).astype(np.int8), scale=scale, misfits=np.flatnonzero(misfit).astype(np.int64)
    )


def _commonest(sizes: NDArray[np.float64], everywhere: NDArray[np.float64]) -> float:
    """The most frequent magnitude of a channel; of equally frequent ones the commonest in the whole tensor."""
    values, counts = np.unique(sizes, return_counts=True)
    best = values[counts == counts.max()]
    if len(best) == 1:
        return float(best[0])
    all_values, all_counts = np.unique(everywhere, return_counts=True)
    return float(best[np.argmax(all_counts[np.searchsorted(all_values, best)])])


def describe(found: Ternary, weights: Array, name: str, layout: NDArray[np.int64]) -> str:
    """``17 of 36,864 values are not (first: w3[2,0,1,1] = 0.24)``.

    Args:
        weights: The tensor as the node reads it.
        layout: For each element of the canonical weights, its flat index in ``weights``.
    """
    places = layout.ravel()[found.misfits]
    place = int(places.min())
    at = ",".join(str(int(i)) for i in np.unravel_index(place, weights.shape))
    channel = int(found.misfits[np.argmin(places)]) // (found.trits.size // len(found.trits))
    value = float(weights.ravel()[place])
    ratio = value / float(found.scale[channel])
    multiple = ""
    if abs(ratio - round(ratio)) <= TOLERANCE * abs(ratio):
        multiple = f", which is {round(ratio)} times the scale {found.scale[channel]:g}"
    verb = "is" if len(places) == 1 else "are"
    count = f"{len(places):,} of {weights.size:,} values {verb} not"
    return f"{count} (first: {name}[{at}] = {value:g}{multiple})"
