"""Every activation function with constants that change its course."""

from __future__ import annotations

import numpy as np
import pytest

from ternc.network.stairs.functions import FUNCTIONS

CONSTANTS: dict[str, list[tuple[float, ...]]] = {
    "leaky": [(0.1,), (0.125,), (0.0,), (-0.5,), (3.0,)],
    "thresholded_relu": [(1.0,), (0.0,), (-0.7,)],
    "shrink": [(0.5, 0.0), (0.5, 0.25), (0.5, 0.5), (0.5, 1.5), (0.0, 0.0), (-0.5, -0.25), (-0.5, 0.25)],
    "hard_sigmoid": [(0.2, 0.5), (1 / 6, 0.5), (-0.3, 0.5), (0.0, 0.25), (0.1, 2.0), (0.1, -1.0)],
    "ramp_gate": [(1 / 6, 0.5, 1.0), (-0.2, 0.5, 1.0), (0.0, 0.5, 1.0), (0.3, -0.4, 0.75), (0.3, 2.0, 1.0), (0.5, 0.1, 0.0)],
    "elu": [(1.0,), (0.1,), (1.7,), (-0.5,), (0.0,)],
    "celu": [(1.0,), (0.3,), (2.5,), (-0.5,)],
    "selu": [(1.67326319, 1.05070102), (1.0, 1.0), (-0.5, 1.0), (1.0, -1.0), (-0.5, -2.0), (1.0, 0.0)],
    "silu": [(1.0,), (1.702,), (-1.0,), (0.1,), (0.0,)],
    "cubic": [(0.044715,), (0.0,), (3.0,)],
    "erf_gate": [(1.0, 1.4142135), (0.70710677, 1.0), (-1.0, 2.0), (0.0, 1.0)],
    "tanh_gate": [(0.7978846, 0.044715), (1.0, 0.0), (-0.5, 0.1), (0.0, 1.0), (2.0, 3.0)],
}  # fmt: skip

CASES = [
    pytest.param(kind, tuple(float(np.float32(v)) for v in given), id=f"{kind}{given or ''}")
    for kind in FUNCTIONS
    for given in CONSTANTS.get(kind, [()])
]


def padded(constants: tuple[float, ...]) -> tuple[float, float, float]:
    a, b, c = (*constants, 0.0, 0.0, 0.0)[:3]
    return a, b, c
