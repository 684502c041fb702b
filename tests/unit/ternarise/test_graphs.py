"""Float graphs made ternary: where quantisers go, and that the golden model computes what onnxruntime computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from ternc.errors import DataError, ModelError
from ternc.frontend import InputQuant, execute
from ternc.network.layers import Network
from ternc.npy import write_arrays
from ternc.ternarise import Ternarised, TernariseWish, ternarise
from ternc.ternarise.rules import Integers, Rules, Trits
from unit.frontend.onnx_models import Graph, matches

FRAMES = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """A ternarised model, read and compared with onnxruntime."""

    found: Ternarised
    path: Path
    network: Network
    inputs: dict[str, np.ndarray]

    def scale(self, value: str) -> float:
        return next(row.scale for row in self.found.quantisers if row.value == value)

    @property
    def quantised(self) -> list[str]:
        return [row.value for row in self.found.quantisers]

    @property
    def codes(self) -> dict[str, tuple[int, int]]:
        return {row.value: (row.low, row.high) for row in self.found.quantisers}

    def outputs(self) -> dict[str, np.ndarray]:
        return execute(self.path, self.inputs)


def weight(g: Graph, *shape: int) -> str:
    return g.const(g.rng.normal(size=shape).astype(np.float32))


def frames(g: Graph, *shape: int, low: float = 0.0) -> np.ndarray:
    return g.rng.uniform(low, 1, (FRAMES, *shape)).astype(np.float32)


def made(path: Path, inputs: np.ndarray | Mapping[str, np.ndarray], **options: Any) -> Made:
    """Ternarise, read, verify, and compare every output with onnxruntime."""
    arrays = dict(inputs) if isinstance(inputs, Mapping) else {"x": inputs}
    data = path.with_suffix(".npz")
    write_arrays(data, arrays)
    quant = options.pop("input_quant", None)
    options = {"rules": Rules(default=Trits(0.3))} | options
    found = ternarise(path, TernariseWish(calibrate=data, **options), input_quant=quant)
    folder = path.parent / f"made{len(list(path.parent.iterdir()))}"
    folder.mkdir()
    result = folder / path.name
    result.write_bytes(found.model)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(onnx.load(result), strict_mode=True))
    network = matches(result, arrays, rtol=1e-4)
    return Made(found=found, path=result, network=network, inputs=arrays)


def weights_of(model: bytes, node: str) -> np.ndarray:
    """The weights that a node of a written model multiplies with."""
    proto = onnx.load_from_string(model)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    name = next(n for n in proto.graph.node if n.name == node).input[1]
    maker = next((n for n in proto.graph.node if name in n.output), None)
    if maker is None:
        return arrays[name]
    codes, scale = (arrays[i] for i in maker.input[:2])
    axis = next((a.i for a in maker.attribute if a.name == "axis"), 0)
    shape = [-1 if i == axis % codes.ndim else 1 for i in range(codes.ndim)] if scale.ndim else []
    return np.asarray(codes.astype(np.float32) * scale.reshape(shape))


# ---- graphs ---------------------------------------------------------------------------------------------


def convolutions(folder: Path) -> tuple[Path, np.ndarray]:
    """Conv, BN, ReLU, pool; a residual sum; a concatenation; an average; a dense layer."""
    g = Graph(1)
    v = g.node("Conv", "x", weight(g, 8, 3, 3, 3), name="conv1", pads=[1, 1, 1, 1])
    v = g.node("Relu", g.bn(v, 8), name="relu1")
    short = g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2])
    v = g.node("Relu", g.bn(g.node("Conv", short, weight(g, 8, 8, 3, 3), name="conv2", pads=[1, 1, 1, 1]), 8))
    v = g.bn(g.node("Conv", v, weight(g, 8, 8, 3, 3), name="conv3", pads=[1, 1, 1, 1]), 8)
    v = g.node("Relu", g.node("Add", v, short, name="sum"))
    side = g.node("LeakyRelu", g.node("Conv", short, weight(g, 4, 8, 1, 1), name="conv4"), alpha=0.1)
    v = g.node("GlobalAveragePool", g.node("Concat", v, side, axis=1, name="join"))
    v = g.node("Gemm", g.node("Flatten", v), weight(g, 12, 5), weight(g, 5), name="fc")
    return g.save(folder / "cnn.onnx", ["N", 3, 8, 8], v), frames(g, 3, 8, 8)


def test_convolutions_sums_joins_and_pools(tmp_path: Path) -> None:
    path, x = convolutions(tmp_path)
    m = made(path, x)
    graph = onnx.load(path).graph
    value = {node.name: node.output[0] for node in graph.node}
    summed = next(node for node in graph.node if node.name == "sum").input
    joined = next(node for node in graph.node if node.name == "join").input
    assert m.codes[value["relu1"]] == (0, 255)
    assert m.codes[summed[0]] == (-128, 127)
    assert m.scale(value["relu1"]) == m.scale(summed[0])
    assert m.scale(joined[0]) == m.scale(joined[1])
    assert m.codes[joined[1]] == (-128, 127)
    assert summed[1] not in m.quantised  # the pool reads a quantised value, and makes no other
    assert value["conv1"] not in m.quantised
    assert value["fc"] not in m.quantised
    names = [row.node for row in m.found.layers]
    assert (names[0], names[-1], len(names)) == ("conv1", "fc", 5)


@pytest.mark.parametrize("rho", [0.0, 0.1, 0.5])
def test_every_layers_weights_are_those_of_the_formula(rho: float, tmp_path: Path) -> None:
    path, x = convolutions(tmp_path)
    m = made(path, x, rules=Rules(default=Trits(rho)))
    proto = onnx.load(path)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        w = arrays[node.input[1]].astype(np.float64)
        rows = (w.T if node.op_type == "Gemm" else w).reshape(w.shape[1 if node.op_type == "Gemm" else 0], -1)
        trits = np.where(np.abs(rows) > rho * np.abs(rows).max(), np.sign(rows), 0)
        kept = np.count_nonzero(trits, axis=1)
        scale = (np.abs(rows) * np.abs(trits)).sum(axis=1) / np.maximum(kept, 1)
        new = weights_of(m.found.model, node.name).astype(np.float64)
        new = (new.T if node.op_type == "Gemm" else new).reshape(rows.shape)
        np.testing.assert_allclose(new, trits * scale[:, None], rtol=1e-6)
        row = next(row for row in m.found.layers if row.node == node.name)
        assert (row.weights, row.zeros) == (w.size, int(np.count_nonzero(trits == 0)))


def test_biases_and_batch_norms_stay_as_they_are(tmp_path: Path) -> None:
    path, x = convolutions(tmp_path)
    old, new = onnx.load(path), onnx.load_from_string(made(path, x).found.model)

    def constants(proto: onnx.ModelProto) -> dict[str, list[Any]]:
        arrays = {tensor.name: numpy_helper.to_array(tensor).tolist() for tensor in proto.graph.initializer}
        return {
            node.name: [arrays[name] for name in node.input[first:]]
            for node in proto.graph.node
            for first in [{"BatchNormalization": 1, "Gemm": 2}.get(node.op_type)]
            if first is not None
        }

    assert constants(old) == constants(new)


def test_dense_layers_with_a_bias_of_their_own(tmp_path: Path) -> None:
    g = Graph(2)
    v = g.node("Reshape", "x", g.const(np.array([1, -1])))
    v = g.node("Relu", g.node("Gemm", v, weight(g, 12, 16), weight(g, 12), name="a", transB=1))
    v = g.node("Tanh", g.node("Add", g.node("MatMul", v, weight(g, 12, 9), name="b"), weight(g, 9)))
    v = g.node("Add", g.node("MatMul", v, weight(g, 9, 4), name="c"), weight(g, 4))
    m = made(g.save(tmp_path / "mlp.onnx", [1, 1, 4, 4], v), frames(g, 1, 4, 4, low=-1))
    assert list(m.codes.values()) == [(-128, 127), (0, 255), (-128, 127)]


def test_an_autoencoder_of_transposed_convolutions(tmp_path: Path) -> None:
    g = Graph(3)
    v = g.node("Relu", g.node("Conv", "x", weight(g, 6, 1, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1]))
    v = g.node("Relu", g.node("ConvTranspose", v, weight(g, 6, 2, 2, 2), name="t1", strides=[2, 2], group=3))
    v = g.node("ConvTranspose", v, weight(g, 6, 1, 3, 3), weight(g, 1), name="t2", pads=[1, 1, 1, 1])
    m = made(g.save(tmp_path / "ae.onnx", ["N", 1, 8, 8], v), frames(g, 1, 8, 8))
    grouped = weights_of(m.found.model, "t1").reshape(3, 2, 2, -1)
    assert all(
        len(np.unique(np.abs(grouped[i, :, j][grouped[i, :, j] != 0]))) == 1
        for i in range(3)
        for j in range(2)
    )


def test_channels_last_as_keras_exports_it(tmp_path: Path) -> None:
    g = Graph(4)
    v = g.node("Transpose", "x", perm=[0, 3, 1, 2])
    v = g.node("Relu", g.node("Conv", v, weight(g, 5, 3, 3, 3), weight(g, 5)))
    v = g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2])
    v = g.node("Reshape", g.node("Transpose", v, perm=[0, 2, 3, 1]), g.const(np.array([-1, 45])))
    v = g.node("Add", g.node("MatMul", v, weight(g, 45, 4)), weight(g, 4))
    m = made(g.save(tmp_path / "nhwc.onnx", ["N", 8, 8, 3], v), frames(g, 8, 8, 3))
    assert m.quantised[0] == "x"


def test_an_input_that_is_normalised_inside_is_quantised_behind_that(tmp_path: Path) -> None:
    g = Graph(5)
    v = g.node("Div", g.node("Sub", "x", g.const(0.5)), g.const(0.25), name="normalised")
    scaled = v
    v = g.node("Conv", v, weight(g, 4, 2, 3, 3), pads=[1, 1, 1, 1])
    m = made(g.save(tmp_path / "m.onnx", [1, 2, 5, 5], v), frames(g, 2, 5, 5))
    assert m.codes == {scaled: (-128, 127)}


def test_image_codes_keep_their_grid(tmp_path: Path) -> None:
    g = Graph(6)
    v = g.node("Conv", "x", weight(g, 4, 1, 3, 3))
    pixels = (g.rng.integers(0, 256, (FRAMES, 1, 6, 6)) / np.float32(255)).astype(np.float32)
    assert made(g.save(tmp_path / "m.onnx", [1, 1, 6, 6], v), pixels).scale("x") == np.float32(1 / 255)


def test_an_eight_bit_input_needs_no_quantiser(tmp_path: Path) -> None:
    g = Graph(7)
    v = g.node("Conv", g.node("Cast", "x", to=TensorProto.FLOAT), weight(g, 4, 1, 3, 3))
    path = g.save(tmp_path / "m.onnx", [1, 1, 6, 6], v, elem=TensorProto.UINT8)
    assert made(path, g.rng.integers(0, 256, (FRAMES, 1, 6, 6)).astype(np.uint8)).quantised == []


def test_the_users_word_on_the_input_counts(tmp_path: Path) -> None:
    g = Graph(8)
    v = g.node("Conv", "x", weight(g, 4, 1, 3, 3), pads=[1, 1, 1, 1])
    m = made(
        g.save(tmp_path / "m.onnx", [1, 1, 6, 6], v),
        frames(g, 1, 6, 6, low=-1),
        input_quant=InputQuant.parse("int4:0.125"),
    )
    assert (m.codes["x"], m.scale("x")) == ((-8, 7), 0.125)


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    g = Graph(9)
    a = g.node("Relu", g.node("Conv", "x", weight(g, 4, 1, 3, 3)))
    b = g.node("Relu", g.node("Conv", "z", weight(g, 4, 2, 1, 1)))
    v = g.node("Add", a, b)
    head, other = g.node("Conv", v, weight(g, 3, 4, 1, 1)), g.node("Conv", v, weight(g, 2, 4, 2, 2))
    path = g.save(tmp_path / "m.onnx", {"x": [1, 1, 6, 6], "z": [1, 2, 4, 4]}, [head, other])
    m = made(path, {"x": frames(g, 1, 6, 6), "z": frames(g, 2, 4, 4)})
    assert m.scale(a) == m.scale(b)
    assert set(m.quantised) == {"x", "z", a, b, v}


def test_nested_sums_are_one_layer_of_one_scale(tmp_path: Path) -> None:
    g = Graph(10)
    parts = [g.bn(g.node("Conv", "x", weight(g, 4, 2, 1, 1)), 4) for _ in range(3)]
    inner = g.node("Add", parts[0], parts[1])
    v = g.node("Relu", g.node("Add", inner, parts[2]))
    v = g.node("Conv", v, weight(g, 3, 4, 1, 1))
    m = made(g.save(tmp_path / "m.onnx", [1, 2, 4, 4], v), frames(g, 2, 4, 4))
    assert inner not in m.quantised
    assert len({m.scale(part) for part in parts}) == 1
    assert len([layer for layer in m.network.layers if layer.kind == "sum"]) == 1


def test_behind_the_last_layer_nothing_is_quantised(tmp_path: Path) -> None:
    g = Graph(11)
    v = g.node("Relu", g.node("Conv", "x", weight(g, 4, 2, 3, 3)))
    a, b = (g.node("Conv", v, weight(g, 3, 4, 1, 1)) for _ in range(2))
    y = g.node("Softmax", g.node("Concat", g.node("Sigmoid", a), b, axis=1), axis=1)
    m = made(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], y), frames(g, 2, 6, 6))
    assert m.quantised == ["x", v]


def test_activations_written_as_products(tmp_path: Path) -> None:
    g = Graph(12)
    v = g.node("Conv", "x", weight(g, 4, 2, 3, 3))
    v = g.node("Mul", v, g.node("Sigmoid", v))
    y = g.node("Conv", v, weight(g, 3, 4, 1, 1))
    m = made(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], y), frames(g, 2, 6, 6))
    assert m.codes == {"x": (0, 255), v: (-128, 127)}


def test_joined_values_behind_a_common_activation(tmp_path: Path) -> None:
    g = Graph(13)
    v = g.node("Relu", g.node("Conv", "x", weight(g, 4, 2, 3, 3), pads=[1, 1, 1, 1]))
    a = g.node("Conv", v, weight(g, 3, 4, 1, 1))
    v = g.node("Relu", g.bn(g.node("Concat", v, a, axis=1), 7))
    v = g.node("Conv", v, weight(g, 2, 7, 3, 3))
    made(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v), frames(g, 2, 6, 6))


@pytest.mark.parametrize("bits", [2, 3, 4, 7])
def test_activations_of_fewer_bits(bits: int, tmp_path: Path) -> None:
    g = Graph(14)
    v = g.node("Relu", g.node("Conv", "x", weight(g, 4, 2, 3, 3)))
    w = g.node("Tanh", g.node("Conv", v, weight(g, 4, 4, 1, 1)))
    y = g.node("Conv", w, weight(g, 3, 4, 1, 1))
    m = made(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], y), frames(g, 2, 6, 6), act_bits=bits)
    assert m.codes == {
        "x": (0, 255),
        v: (0, 2**bits - 1),
        w: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
    }


@pytest.mark.parametrize("bits", [1, 9])
def test_activations_have_two_to_eight_bits(bits: int) -> None:
    with pytest.raises(DataError, match=f"^activations must have 2 to 8 bits, not {bits}$"):
        TernariseWish(rules=Rules(default=Trits(0.3)), calibrate=Path("x.npz"), act_bits=bits)


def test_layers_of_integer_weights(tmp_path: Path) -> None:
    path, x = convolutions(tmp_path)
    rules = Rules(default=Trits(0.2), first=Integers(8), last=Integers(4))
    m = made(path, x, rules=rules)
    assert {row.node: row.rule for row in m.found.layers} == {
        "conv1": "int8", "conv2": "0.2", "conv3": "0.2", "conv4": "0.2", "fc": "int4",
    }  # fmt: skip
    assert len(np.unique(np.abs(weights_of(m.found.model, "conv1")[0]))) > 10


@pytest.mark.parametrize("opset", [9, 11])
def test_an_older_operator_set_is_converted(opset: int, tmp_path: Path) -> None:
    g = Graph(15)
    v = g.node("Relu", g.node("Conv", "x", weight(g, 4, 2, 3, 3), name="first"))
    v = g.node("MaxPool", v, kernel_shape=[2, 2], strides=[2, 2])
    v = g.node("Gemm", g.node("Flatten", v), weight(g, 16, 3), weight(g, 3), name="last")
    m = made(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v, opset=opset), frames(g, 2, 6, 6))
    assert [row.node for row in m.found.layers] == ["first", "last"]


def test_shape_arithmetic_of_dynamic_exports_is_left_alone(tmp_path: Path) -> None:
    g = Graph(16)
    v = g.node("Relu", g.node("Conv", "x", weight(g, 4, 2, 3, 3)))
    size = g.node("Gather", g.node("Shape", v), g.const(np.array([0])))
    v = g.node("Reshape", v, g.node("Concat", size, g.const(np.array([-1])), axis=0))
    v = g.node("Gemm", v, weight(g, 64, 3), weight(g, 3))
    made(g.save(tmp_path / "m.onnx", ["N", 2, 6, 6], v), frames(g, 2, 6, 6))


def test_the_same_model_and_data_give_the_same_bytes(tmp_path: Path) -> None:
    path, x = convolutions(tmp_path)
    assert made(path, x, correct=True).found.model == made(path, x, correct=True).found.model


# ---- correction -----------------------------------------------------------------------------------------


def test_correction_brings_the_outputs_nearer_and_keeps_the_trits(tmp_path: Path) -> None:
    path, x = convolutions(tmp_path)
    plain, fitted = made(path, x), made(path, x, correct=True)

    def error(m: Made) -> float:
        wanted = next(iter(m.found.expected.values()))
        return float(np.linalg.norm(next(iter(m.outputs().values())) - wanted) / np.linalg.norm(wanted))

    assert error(fitted) < 0.5 * error(plain)
    for node in ("conv1", "conv2", "fc"):
        old, new = weights_of(plain.found.model, node), weights_of(fitted.found.model, node)
        np.testing.assert_array_equal(np.sign(old), np.sign(new))


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose", "Gemm", "MatMul"])
def test_correction_is_the_straight_line_through_the_outputs(op: str, tmp_path: Path) -> None:
    g = Graph(17)
    if op in ("Conv", "ConvTranspose"):
        v = g.node(op, "x", weight(g, 6, 6, 2, 2), weight(g, 6), name="layer")
        path, x = g.save(tmp_path / "m.onnx", [1, 6, 5, 5], v), frames(g, 6, 5, 5, low=-1)
    elif op == "Gemm":
        v = g.node(op, "x", weight(g, 6, 4), weight(g, 4), name="layer", beta=0.5)
        path, x = g.save(tmp_path / "m.onnx", [1, 6], v), frames(g, 6, low=-1)
    else:
        v = g.node(op, "x", weight(g, 6, 4), name="layer")
        path, x = g.save(tmp_path / "m.onnx", [1, 6], v), frames(g, 6, low=-1)
    m = made(path, x, correct=True)
    real, ternary = (
        np.moveaxis(next(iter(y.values())), 1, 0)
        .reshape(len(next(iter(y.values()))[0]), -1)
        .astype(np.float64)
        for y in (m.found.expected, m.outputs())
    )
    for a, b in zip(ternary, real, strict=True):
        slope, shift = np.polyfit(a, b, 1)
        assert slope == pytest.approx(1, abs=0.02)  # the input is quantised to 8 bits behind the fit
        assert shift == pytest.approx(0, abs=0.02 * np.abs(b).max())


# ---- refusals -------------------------------------------------------------------------------------------


def refused(path: Path, x: np.ndarray, **options: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        made(path, x, **options)
    return caught.value


def test_a_quantised_model_is_refused(tmp_path: Path) -> None:
    g = Graph(18)
    scale, zero = g.const(0.25), g.const(np.array(0, np.int8))
    v = g.node("QuantizeLinear", "x", scale, zero, name="q")
    v = g.node("Conv", g.node("DequantizeLinear", v, scale, zero), weight(g, 4, 2, 3, 3))
    error = refused(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], v), frames(g, 2, 6, 6))
    assert error.sentence == (
        "m.onnx: node 'q' (QuantizeLinear): --ternarise takes a float model, but this one is quantised already"
    )
    assert error.help == "compile it without --ternarise"


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    g = Graph(19)
    error = refused(g.save(tmp_path / "m.onnx", [1, 2, 6, 6], g.node("Relu", "x")), frames(g, 2, 6, 6))
    assert error.sentence.startswith("m.onnx: --ternarise needs a layer with weights")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    g = Graph(20)
    w = g.const(np.full((4, 2, 1, 1), np.nan, np.float32), "w")
    error = refused(
        g.save(tmp_path / "m.onnx", [1, 2, 6, 6], g.node("Conv", "x", w, name="conv")), frames(g, 2, 6, 6)
    )
    assert (
        error.sentence == "m.onnx: node 'conv' (Conv), weight 'w': must be finite, but holds NaN or infinity"
    )


def test_an_unknown_layer_of_the_rules_is_refused(tmp_path: Path) -> None:
    path, x = convolutions(tmp_path)
    error = refused(
        path, x, rules=Rules(default=Trits(0.3), layers={"conv9": Trits(0.1)}, source="rules.toml")
    )
    assert error.sentence == "rules.toml: cnn.onnx has no layer 'conv9'"
