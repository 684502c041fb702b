"""Whether two Networks, made of two forms of one model, are the same one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.network.layers import Linear, Network, Staircase, Term

SCALE_ERROR = 1e-5
"""How far two exports' float32 constants at the ends may lie apart, relatively."""


def differences(a: Network, b: Network) -> tuple[str, ...]:
    """What of ``b`` is not as in ``a``, one phrase for each layer or end; none where they are the same.

    Names may differ; so may a threshold, by one, whose exact border lies within float32's rounding of an integer
    (`Staircase.borders`), and the scales and offsets of the ends within float32's rounding.
    """
    if len(a.layers) != len(b.layers) or len(a.tensors) != len(b.tensors):
        return (f"{len(b.layers)} layers on {len(b.inputs)} inputs, not {len(a.layers)} on {len(a.inputs)}",)
    names = dict(zip([t.name for t in b.tensors], [t.name for t in a.tensors], strict=True))
    found = []
    for mine, its in zip(a.tensors, b.tensors, strict=True):
        if (mine.channels, mine.height, mine.width, mine.range) != (
            its.channels,
            its.height,
            its.width,
            its.range,
        ):
            found.append(f"tensor '{its.name}'")
    for one, other in zip(a.layers, b.layers, strict=True):
        found += [f"layer '{other.name}': {what}" for what in _layer(one, other, names)]
    return (*found, *_ends(a, b, names))


def on_borders(a: Network, b: Network) -> int:
    """How many thresholds of two same Networks differ because their exact border lies on an integer."""
    pairs = [(x.activation, y.activation) for x, y in zip(a.layers, b.layers, strict=True)]
    return sum(int(np.sum(x.thresholds != y.thresholds)) for x, y in pairs if x and y)


def _layer(a: Linear, b: Linear, names: dict[str, str]) -> list[str]:
    if len(a.terms) != len(b.terms):
        return ["terms"]
    found = [
        f"{field} of term {n}"
        for n, (mine, its) in enumerate(zip(a.terms, b.terms, strict=True))
        for field in _term(mine, its, names)
    ]
    found += ["kind"] * (a.kind != b.kind) + ["pool"] * (str(a.pool) != str(b.pool))
    if (a.activation is None) != (b.activation is None):
        found.append("activation")
    elif (
        a.activation is not None
        and b.activation is not None
        and not _same_staircase(a.activation, b.activation)
    ):
        found.append("thresholds")
    return found


def _term(a: Term, b: Term, names: dict[str, str]) -> list[str]:
    found = [] if a.source == names[b.source] else ["source"]
    found += [] if np.array_equal(a.weights, b.weights) else ["weights"]
    for field in ("stride", "padding", "dilation", "groups", "upsample", "fill"):
        if getattr(a, field) != getattr(b, field):
            found.append(field)
    return found


def _same_staircase(a: Staircase, b: Staircase) -> bool:
    tables = [None if stairs.table is None else stairs.table.tolist() for stairs in (a, b)]
    if a.low != b.low or a.thresholds.shape != b.thresholds.shape or tables[0] != tables[1]:
        return False
    moved = {(int(c), int(k)) for c, k in np.argwhere(a.thresholds != b.thresholds)}
    near = bool(np.abs(a.thresholds - b.thresholds).max(initial=0) <= 1)
    return near and moved <= _listed(a) | _listed(b)


def _listed(stairs: Staircase) -> set[tuple[int, int]]:
    """(channel, step) of every threshold on a rounding border."""
    words = [line.replace(",", "").replace(":", "").split() for line in stairs.borders]
    return {(int(w[1]), int(w[3])) for w in words}


def _ends(a: Network, b: Network, names: dict[str, str]) -> list[str]:
    if (len(a.inputs), len(a.outputs)) != (len(b.inputs), len(b.outputs)):
        return ["numbers of inputs and outputs"]
    found = []
    for given, its in zip(a.inputs, b.inputs, strict=True):
        if not np.array_equal(given.gather, its.gather) or not _close(
            np.array([given.scale, given.offset]), np.array([its.scale, its.offset])
        ):
            found.append(f"input '{its.name}'")
    for made, its_own in zip(a.outputs, b.outputs, strict=True):
        same = made.tensor == names[its_own.tensor] and made.reduce == its_own.reduce
        same = same and np.array_equal(made.gather, its_own.gather)
        if not (same and _close(made.scale, its_own.scale) and _close(made.offset, its_own.offset)):
            found.append(f"output '{its_own.name}'")
    return found


def _close(a: NDArray[Any], b: NDArray[Any]) -> bool:
    size = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= SCALE_ERROR * size))
