"""Published networks as ONNX files with seeded ternary weights, for schedules and simulations of full size.

    python benchmarks/networks.py NAME FILE.onnx

Weights are -1, 0, +1 times a scale with a given share of zeros; they are not trained, so only shapes, cycles and
exactness are of interest. Scales and signs are such that the values of all layers use their whole range. First layers
read 8-bit images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

QONNX = "qonnx.custom_op.general"
_SHARE = 0.35
"""Spread (standard deviation) of a layer's sums, as a share of the range of its activations."""
_EVEN, _RECTIFIED, _LARGEST = 0.29, 0.58, 0.7
"""Spread of evenly distributed values as a share of their range; what a ReLU and a pool leave of it."""


class Writer:
    """A graph, layer by layer. Values are named; each method returns the name of what it makes."""

    def __init__(self, name: str, channels: int, size: int, *, bits: int, zeros: float, seed: int) -> None:
        self.name, self.bits, self.zeros = name, bits, zeros
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.count = 0
        self.channels = {"x": channels}
        self.spread: dict[str, float] = {}  # of a quantised value, about, and of what is made of it
        shape = (1, channels, size, size)
        self.inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)]

    def constant(self, array: np.ndarray) -> str:
        """An initialiser."""
        self.count += 1
        self.constants.append(numpy_helper.from_array(np.asarray(array, np.float32), f"c{self.count}"))
        return f"c{self.count}"

    def node(self, op: str, inputs: Sequence[str], channels: int, **attributes: Any) -> str:
        """A node with one output."""
        self.count += 1
        domain = QONNX if op == "Quant" else ""
        name = f"{op.lower()}{self.count}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [f"{name}_y"], name=name, domain=domain, **attributes)
        )
        self.channels[f"{name}_y"] = channels
        self.spread[f"{name}_y"] = self.spread.get(inputs[0], 1.0) * (_LARGEST if op == "MaxPool" else 1)
        return f"{name}_y"

    def quantised(self, x: str, *, bits: int, signed: bool, scale: float) -> str:
        """Through a quantiser."""
        operands = [
            x,
            self.constant(np.array(scale)),
            self.constant(np.array(0.0)),
            self.constant(np.array(bits)),
        ]
        y = self.node(
            "Quant", operands, self.channels[x], signed=int(signed), narrow=0, rounding_mode="ROUND"
        )
        self.spread[y] = 2**bits * scale * (_EVEN if x == "x" else _SHARE * _RECTIFIED)
        return y

    def weights(self, x: str, *shape: int) -> np.ndarray:
        """``[O, ...]``: -1, 0, +1, with the share of zeros, times a power of two.

        An output has as many of one sign as of the other, so that its sums do not depend on the mean of the inputs;
        the power of two makes their spread a share of the activations' range.
        """
        outputs, fan_in = shape[0], int(np.prod(shape[1:]))
        order = self.rng.random((outputs, fan_in), np.float32)
        zero = self.rng.random((outputs, fan_in), np.float32) < self.zeros
        order[zero] = 2
        rank = np.argsort(np.argsort(order, axis=1), axis=1)
        spread = np.sqrt(fan_in * (1 - self.zeros)) * self.spread[x]
        scale = 2.0 ** np.round(np.log2(2**self.bits * _SHARE / spread))
        return np.asarray(np.where(zero, 0, 1 - rank % 2 * 2) * scale).reshape(shape)

    def conv(self, x: str, channels: int, kernel: int, *, stride: int = 1, raw: bool = False) -> str:
        """A convolution that keeps the size, and a quantised ReLU unless ``raw``."""
        weights = self.constant(self.weights(x, channels, self.channels[x], kernel, kernel))
        y = self.node(
            "Conv",
            [x, weights],
            channels,
            kernel_shape=[kernel] * 2,
            pads=[kernel // 2] * 4,
            strides=[stride] * 2,
        )
        return y if raw else self.activated(y)

    def dense(self, x: str, features: int, channels: int, *, raw: bool = False) -> str:
        """A dense layer over the flattened value."""
        flat = self.node("Flatten", [x], features, axis=1)
        weights = self.constant(self.weights(x, channels, features).T)
        y = self.node("MatMul", [flat, weights], channels)
        return y if raw else self.activated(y)

    def activated(self, x: str) -> str:
        """A ReLU with a quantiser of scale 1."""
        y = self.node("Relu", [x], self.channels[x])
        return self.quantised(y, bits=self.bits, signed=False, scale=1.0)

    def pool(self, x: str, *, stride: int = 2) -> str:
        """A 2x2 maximum; with stride 1 padded below and to the right."""
        pads = [0, 0, 2 - stride, 2 - stride]
        return self.node(
            "MaxPool", [x], self.channels[x], kernel_shape=[2, 2], strides=[stride] * 2, pads=pads
        )

    def model(self, y: str) -> onnx.ModelProto:
        """The finished model."""
        output = helper.make_tensor_value_info(y, onnx.TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, self.name, self.inputs, [output], self.constants)
        imports = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)]
        model = helper.make_model(graph, opset_imports=imports)
        model.ir_version = 10
        return model


def vgg7(
    widths: Sequence[int], dense: int, *, bits: int, zeros: float, seed: int, size: int = 32
) -> onnx.ModelProto:
    """VGG-7 for CIFAR-10: three pairs of convolutions with a pool behind each, two dense layers."""
    w = Writer("vgg7", 3, size, bits=bits, zeros=zeros, seed=seed)
    x = w.quantised("x", bits=8, signed=False, scale=1 / 256)
    for n, width in enumerate(widths):
        x = w.conv(x, width, 3)
        x = w.pool(x) if n % 2 else x
    x = w.dense(x, widths[-1] * (size // 8) ** 2, dense)
    return w.model(w.dense(x, dense, 10, raw=True))


def tiny_yolov2(*, bits: int, zeros: float, seed: int, size: int = 416, narrower: int = 1) -> onnx.ModelProto:
    """Tiny-YOLOv2 for the 20 classes of VOC; ``narrower``: what the hidden layers' channels are divided by."""
    w = Writer("tiny_yolov2", 3, size, bits=bits, zeros=zeros, seed=seed)
    x = w.quantised("x", bits=8, signed=False, scale=1 / 256)
    for n, width in enumerate((16, 32, 64, 128, 256, 512)):
        x = w.pool(w.conv(x, width // narrower, 3), stride=1 if n == 5 else 2)
    for width in (1024, 1024):
        x = w.conv(x, width // narrower, 3)
    return w.model(w.conv(x, 125, 1, raw=True))


def yolov2(*, bits: int, zeros: float, seed: int, size: int = 416) -> onnx.ModelProto:
    """YOLOv2 for the 80 classes of COCO, with its passthrough layer."""
    w = Writer("yolov2", 3, size, bits=bits, zeros=zeros, seed=seed)
    x = w.quantised("x", bits=8, signed=False, scale=1 / 256)
    for block in (((32, 3),), ((64, 3),), ((128, 3), (64, 1), (128, 3)), ((256, 3), (128, 1), (256, 3))):
        for width, kernel in block:
            x = w.conv(x, width, kernel)
        x = w.pool(x)
    for width, kernel in ((512, 3), (256, 1), (512, 3), (256, 1), (512, 3)):
        x = w.conv(x, width, kernel)
    skip, x = x, w.pool(x)
    for width, kernel in ((1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3), (1024, 3), (1024, 3)):
        x = w.conv(x, width, kernel)
    skip = w.node("SpaceToDepth", [w.conv(skip, 64, 1)], 256, blocksize=2)
    x = w.conv(w.node("Concat", [skip, x], 1280, axis=1), 1024, 3)
    return w.model(w.conv(x, 425, 1, raw=True))


def alexnet_yolov2(*, bits: int, zeros: float, seed: int) -> onnx.ModelProto:
    """A YOLOv2 head on AlexNet-style features, after the tri-state network of Sada et al. 2018."""
    w = Writer("alexnet_yolov2", 3, 224, bits=bits, zeros=zeros, seed=seed)
    x = w.quantised("x", bits=8, signed=False, scale=1 / 256)
    x = w.pool(w.conv(x, 64, 11, stride=4))
    x = w.pool(w.conv(x, 192, 5))
    for width in (384, 256, 256):
        x = w.conv(x, width, 3)
    x = w.pool(x)
    for width in (1024, 1024):
        x = w.conv(x, width, 3)
    return w.model(w.conv(x, 125, 1, raw=True))


NETWORKS: dict[str, Callable[..., onnx.ModelProto]] = {
    "vgg7": lambda **k: vgg7((128, 128, 256, 256, 512, 512), 1024, **k),
    "vgg7_small": lambda **k: vgg7((64, 64, 128, 128, 256, 256), 1024, **k),
    "tiny_yolov2": tiny_yolov2,
    "yolov2": yolov2,
    "alexnet_yolov2": alexnet_yolov2,
}


def save(name: str, path: Path, *, bits: int = 4, zeros: float = 0.5, seed: int = 1) -> Path:
    """Write a network of the table."""
    onnx.save(NETWORKS[name](bits=bits, zeros=zeros, seed=seed), path)
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=NETWORKS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--bits", type=int, default=4, help="of the activations between layers")
    parser.add_argument("--zeros", type=float, default=0.5, help="share of zero weights")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    save(given.name, given.file, bits=given.bits, zeros=given.zeros, seed=given.seed)


if __name__ == "__main__":
    main()
