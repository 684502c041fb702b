"""Random graphs: the Network of each computes what onnxruntime computes; damaged files never crash the reader.

All constants are dyadic, so float32 is exact and every difference is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ternc.errors import ModelError
from ternc.frontend import inspect
from unit.frontend.onnx_models import QONNX, Graph, matches

MODELS = Path(__file__).parents[2] / "models"
UP: dict[str, Any] = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


class Random(Graph):
    """A graph grown operator by operator; ``shape`` is that of the latest value, [1, C, H, W]."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.shape = (
            1,
            int(self.rng.integers(1, 4)),
            int(self.rng.integers(3, 9)),
            int(self.rng.integers(3, 9)),
        )
        self.start = self.shape

    def dyadic(self, *shape: int, low: int = -12, high: int = 13, unit: float = 0.25) -> np.ndarray:
        return np.asarray(self.rng.integers(low, high, shape) * unit, np.float32)

    def per_channel(self, **options: Any) -> np.ndarray:
        if self.rng.random() < 0.5:
            return self.dyadic(1, **options)
        return self.dyadic(1, self.shape[1], 1, 1, **options)

    def quantised(self, v: str) -> str:
        unit = float(self.rng.choice([0.25, 0.5, 1.0, 2.0]))
        zero = np.array(self.rng.integers(0, 9), np.uint8)
        match int(self.rng.integers(0, 5)):
            case 0:
                return self.quant(
                    v, unit, int(self.rng.integers(1, 6)), signed=int(self.rng.integers(0, 2)), zero=0.0
                )
            case 1:
                v = self.node("QuantizeLinear", v, self.const(unit), self.const(zero))
                v = self.node(
                    "Clip", v, self.const(np.array(1, np.uint8)), self.const(np.array(14, np.uint8))
                )
                return self.node("DequantizeLinear", v, self.const(unit), self.const(zero))
            case 2:
                return self.node("BipolarQuant", v, self.const(unit), domain=QONNX)
            case 3:
                v = self.node(
                    str(self.rng.choice(["Round", "Floor", "Ceil"])), self.node("Div", v, self.const(unit))
                )
                v = self.node("Clip", v, self.const(-5.0), self.const(6.0))
                return self.node("Mul", v, self.const(float(self.rng.choice([-1.0, 0.5, 1.0]))))
            case _:
                scale = 2.0 ** self.rng.integers(-2, 2, (1, self.shape[1], 1, 1))
                return (
                    self.quant(v, scale.astype(np.float32), 4)
                    if self.rng.random() < 0.3
                    else self.quant(v, unit, 3)
                )

    def elementwise(self, v: str) -> str:
        match int(self.rng.integers(0, 7)):
            case 0:
                return self.node("Relu", v)
            case 1:
                return self.node("Add", v, self.const(self.per_channel()))
            case 2:
                return self.node("Mul", v, self.const(self.per_channel(low=-2, high=3, unit=0.5)))
            case 3:
                return self.node("Sub", self.const(self.per_channel()), v)
            case 4:
                return self.node("Clip", v, self.const(-8.0), self.const(9.5))
            case 5:
                return self.node("Neg", v)
            case _:
                return self.node("Max", v, self.const(self.per_channel()))

    def pool(self, v: str) -> str:
        kernel = [int(self.rng.integers(1, min(3, n) + 1)) for n in self.shape[2:]]
        stride = [int(self.rng.integers(1, 3)) for _ in kernel]
        size = [(n - k) // s + 1 for n, k, s in zip(self.shape[2:], kernel, stride, strict=True)]
        self.shape = (1, self.shape[1], size[0], size[1])
        return self.node("MaxPool", v, kernel_shape=kernel, strides=stride)

    def conv(self, v: str) -> str:
        channels, outputs = self.shape[1], int(self.rng.integers(1, 5))
        groups = channels if self.rng.random() < 0.2 else 1
        outputs *= groups
        kernel = [int(self.rng.integers(1, min(3, n) + 1)) for n in self.shape[2:]]
        stride = [int(self.rng.integers(1, 3)) for _ in kernel]
        pads = [0] * 4 if self.rng.random() < 0.6 else [int(p) for p in self.rng.integers(0, 2, 4)]
        spread = 2.0 ** self.rng.integers(-2, 2, (outputs, 1, 1, 1))
        weights = self.trits(outputs, channels // groups, *kernel, scale=spread)
        inputs = [v, self.const(weights)]
        if self.rng.random() < 0.5:
            inputs.append(self.const(self.dyadic(outputs)))
        size = [
            (n + pads[i] + pads[i + 2] - k) // s + 1
            for i, (n, k, s) in enumerate(zip(self.shape[2:], kernel, stride, strict=True))
        ]
        self.shape = (1, outputs, size[0], size[1])
        return self.node("Conv", *inputs, pads=pads, strides=stride, group=groups)

    def resize(self, v: str) -> str:
        self.shape = (1, self.shape[1], self.shape[2] * 2, self.shape[3])
        return self.node("Resize", v, "", self.const(np.array([1, 1, 2, 1], np.float32)), **UP)

    def grow(self) -> str:
        v = self.quant("x", 0.25, int(self.rng.integers(2, 7)))
        for _ in range(int(self.rng.integers(1, 4))):
            v = self.resize(v) if self.rng.random() < 0.15 else v
            v = self.conv(v)
            for _ in range(int(self.rng.integers(0, 3))):
                v = self.pool(v) if self.rng.random() < 0.15 else self.elementwise(v)
            v = self.quantised(v)
            v = self.pool(v) if self.rng.random() < 0.3 else v
        if self.rng.random() < 0.5:
            v = self.node("Flatten", v)
            count = int(np.prod(self.shape))
            return self.node(
                "Gemm", v, self.const(self.trits(4, count)), self.const(self.dyadic(4)), transB=1
            )
        return v


def outcome(path: Path, x: np.ndarray) -> str:
    """Compare the model with onnxruntime; empty, or the sentence of its refusal."""
    try:
        matches(path, x, constant=True)
    except ModelError as error:
        return error.sentence
    except AssertionError as error:
        raise AssertionError(f"{path.name}: {error}") from error
    return ""


def report(path: Path) -> str:
    """All obstacles, or the sentence of a file that cannot be read at all."""
    try:
        return "; ".join(obstacle.sentence for obstacle in inspect(path).obstacles)
    except ModelError as error:
        return error.sentence


@pytest.mark.parametrize("block", range(6))
def test_random_graph_equals_onnxruntime(tmp_path: Path, block: int) -> None:
    refused = 0
    for seed in range(block * 25, block * 25 + 25):
        g = Random(seed)
        v = g.grow()
        path = g.save(tmp_path / f"m{seed}.onnx", list(g.start), v)
        x = g.dyadic(12, *g.start[1:], low=-40, high=40, unit=0.125)
        sentence = outcome(path, x)
        if sentence:
            refused += 1
            allowed = ("must be ternary", "is no integer", "unquantised", "must be quantised to 1..8 bits")
            assert any(text in sentence for text in allowed), f"seed {seed}: {sentence}"
    assert refused < 15


def test_damaged_files_are_refused_without_a_crash(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    path = tmp_path / "damaged.onnx"
    for source in ("digits_cnn.qdq_int4.onnx", "digits_cnn.float_raw.onnx"):
        data = np.frombuffer((MODELS / "digits_cnn" / source).read_bytes(), np.uint8)
        for _ in range(60):
            damaged = data.copy()
            for place in rng.integers(0, len(data), rng.integers(1, 4)):
                damaged[place] = rng.integers(0, 256)
            path.write_bytes(damaged.tobytes())
            assert "\n" not in report(path)
