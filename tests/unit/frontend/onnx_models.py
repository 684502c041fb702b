"""Small ONNX models written node by node, and the comparison of their Network with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ternc.frontend import InputQuant, execute, read
from ternc.network import golden
from ternc.network.check import verify_network
from ternc.network.layers import Network
from ternc.simulate import ends

QONNX = "qonnx.custom_op.general"


class Graph:
    """Collects nodes; every method returns the name of the value it makes."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(seed)
        self.count = 0

    def const(self, value: Any, name: str = "", dtype: Any = np.float32) -> str:
        self.count += 1
        name = name or f"c{self.count}"
        array = value if isinstance(value, np.ndarray) else np.array(value, dtype)
        self.initialisers.append(numpy_helper.from_array(array, name))
        return name

    def node(
        self, op: str, *inputs: str, outputs: int = 1, name: str = "", domain: str = "", **attributes: Any
    ) -> str:
        self.count += 1
        made = [f"v{self.count}" + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(
            helper.make_node(
                op, list(inputs), made, name=name or f"{op.lower()}{self.count}", domain=domain, **attributes
            )
        )
        return made[0]

    def trits(self, *shape: int, scale: Any = 0.5) -> NDArray[np.float32]:
        """Random ternary weights times a scale that broadcasts."""
        return np.asarray(self.rng.integers(-1, 2, shape) * np.asarray(scale), np.float32)

    def quant(
        self,
        x: str,
        scale: Any,
        bits: int,
        *,
        signed: int = 1,
        narrow: int = 0,
        zero: float = 0.0,
        mode: str = "ROUND",
    ) -> str:
        return self.node(
            "Quant", x, self.const(scale), self.const(zero), self.const(float(bits)),
            domain=QONNX, signed=signed, narrow=narrow, rounding_mode=mode,
        )  # fmt: skip

    def bn(
        self, x: str, channels: int, *, negative: bool = False, outputs: int = 1, **attributes: Any
    ) -> str:
        gain = self.rng.uniform(0.5, 2.0, channels)
        if negative:
            gain[::2] *= -1
        return self.node(
            "BatchNormalization", x,
            self.const(gain.astype(np.float32)),
            self.const(self.rng.normal(size=channels).astype(np.float32)),
            self.const(self.rng.normal(size=channels).astype(np.float32)),
            self.const(self.rng.uniform(0.5, 3.0, channels).astype(np.float32)),
            outputs=outputs, **attributes,
        )  # fmt: skip

    def save(
        self,
        path: Path,
        shape: Sequence[Any] | Mapping[str, Sequence[Any]],
        output: str | Sequence[str],
        *,
        opset: int = 17,
        elem: int = TensorProto.FLOAT,
        output_elem: int = TensorProto.FLOAT,
        types: dict[str, str] | None = None,
        custom: str = QONNX,
    ) -> Path:
        """Write the model; the only input is called ``x``, several are given as name: shape."""
        shapes = shape if isinstance(shape, Mapping) else {"x": shape}
        outputs = [output] if isinstance(output, str) else output
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info(name, elem, list(dims)) for name, dims in shapes.items()],
            [helper.make_tensor_value_info(name, output_elem, None) for name in outputs],
            self.initialisers,
        )
        for tensor, kind in (types or {}).items():
            note = graph.quantization_annotation.add()
            note.tensor_name = tensor
            entry = note.quant_parameter_tensor_names.add()
            entry.key, entry.value = "finn_datatype", kind
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(custom, 1)]
        )
        model.ir_version = 8
        path.write_bytes(model.SerializeToString())
        return path


def computed(network: Network, x: NDArray[Any] | Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The ONNX outputs of a Network, by its golden execution and the host's ends."""
    codes = ends.encode(network, ends.named_inputs(network, x))
    return ends.decode(network, golden.predict(network, codes))


def matches(
    path: Path,
    x: NDArray[Any] | Mapping[str, NDArray[Any]],
    *,
    input_quant: InputQuant | None = None,
    rtol: float = 1e-5,
    constant: bool = False,
) -> Network:
    """Read, verify, run, and compare every output with onnxruntime; the Network."""
    network = read(path, input_quant=input_quant)
    verify_network(network)
    found = computed(network, x)
    wanted = execute(path, ends.named_inputs(network, x))
    assert wanted
    for name, values in wanted.items():
        y = found[name]
        assert y.shape == values.shape
        assert y.dtype == values.dtype
        size = max(1e-6, float(np.abs(values).max()))
        np.testing.assert_allclose(y.astype(float), values.astype(float), rtol=rtol, atol=rtol * size)
        assert constant or values.size < 8 or len(np.unique(values)) > 1, (
            f"the model's output {name} is constant: the test shows nothing"
        )
    return network
