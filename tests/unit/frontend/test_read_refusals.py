"""Every refusal is one sentence that names the place; these pin them whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ternc.errors import ModelError
from ternc.frontend import InputQuant, inspect, read
from unit.frontend.onnx_models import Graph

Make = Callable[[Graph], str]


def model(tmp_path: Path, make: Make, shape: tuple[Any, ...] = (1, 4), **options: Any) -> Path:
    g = Graph(0)
    return g.save(tmp_path / "model.onnx", list(shape), make(g), **options)


def dense(g: Graph, x: str, weights: Any = None, name: str = "fc", **attributes: Any) -> str:
    array = np.array([[1, 0], [0, 1], [-1, 1], [0, 0]], np.float32) if weights is None else weights
    return g.node("MatMul", x, g.const(array, name="w" if name == "fc" else ""), name=name, **attributes)


def q(g: Graph) -> str:
    return g.quant("x", 0.5, 4)


def with_value(array: np.ndarray, place: tuple[int, ...], value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


TRITS = np.array([[0.5, 0, -0.5], [0, 0.5, 0.5], [0.5, 0.5, -0.5], [0, 0, 0.5]], np.float32)


FLOATS = np.sin(np.arange(8, dtype=np.float32)).reshape(8, 1)


REFUSALS: dict[str, tuple[Make, tuple[Any, ...], str]] = {
    "float weight": (
        lambda g: dense(g, q(g), FLOATS),
        (1, 8),
        ("node 'fc' (MatMul), weight 'w': must be ternary, or integers of at most 8 bits times one scale in each output "
        "channel, but 6 of 8 values are not (first: w[1,0] = 0.841471)"),
    ),
    "forgotten weight far below the others": (
        lambda g: dense(g, q(g), with_value(TRITS, (3, 0), 1e-20)),
        (1, 4),
        ("node 'fc' (MatMul), weight 'w': must be ternary, or integers of at most 8 bits times one scale in each output "
        "channel, but 1 of 12 values is not (first: w[3,0] = 1e-20)"),
    ),
    "unknown operator": (
        lambda g: g.node("Fourier", dense(g, q(g)), name="end"),
        (1, 4),
        "node 'end' (Fourier): this operator is not supported",
    ),
    "foreign domain": (
        lambda g: g.node("Relu", dense(g, q(g)), name="relu", domain="com.example"),
        (1, 4),
        "node 'relu' (Relu): operators of the domain 'com.example' are not supported",
    ),
    "softmax between layers": (
        lambda g: dense(g, g.quant(g.node("Softmax", dense(g, q(g)), name="sm"), 0.1, 4), np.eye(2, dtype=np.float32), "fc2"),
        (1, 4),
        "node 'sm' (Softmax): it has no integer form, so it can only run on the host, behind the network's last layer",
    ),
    "constant over value between layers": (
        lambda g: dense(g, g.quant(g.node("Div", g.const(1.0), dense(g, q(g)), name="div"), 0.1, 4), np.eye(2, dtype=np.float32), "fc2"),
        (1, 4),
        "node 'div' (Div): a division by, or a product with, the computed value 'v7' is not supported",
    ),
    "NaN weight": (
        lambda g: dense(g, q(g), with_value(TRITS, (1, 2), np.nan)),
        (1, 4),
        "node 'fc' (MatMul), weight 'w': must be finite, but holds NaN (first: w[1,2])",
    ),
    "infinite bias": (
        lambda g: g.node("Add", dense(g, q(g)), g.const([0.0, np.inf], name="b"), name="add"),
        (1, 4),
        "node 'add' (Add), operand 'b': must be finite, but holds infinity (first: b[1])",
    ),
    "zero scale": (
        lambda g: g.node("Quant", "x", g.const(0.0, name="s"), g.const(0.0), g.const(4.0), name="q", domain="qonnx.custom_op.general"),
        (1, 4),
        "node 'q' (Quant), scale 's': must be above 0, but s is 0",
    ),
    "negative scale in a list": (
        lambda g: g.node("QuantizeLinear", "x", g.const([0.5, 1, -1, 1], name="s"), g.const(np.zeros(4, np.int8)), name="q", axis=1),
        (1, 4),
        "node 'q' (QuantizeLinear), scale 's': must be above 0, but s[2] is -1",
    ),
    "NaN scale of a weight": (
        lambda g: dense(g, g.quant(g.const(1.0, name="k"), np.nan, 2)),
        (1, 4),
        "node 'quant5' (Quant), scale 'c2': must be above 0, but c2 is nan",
    ),
    "unquantised activation": (
        lambda g: g.node("MatMul", g.node("Relu", dense(g, q(g))), g.const(np.eye(2, dtype=np.float32)), name="fc2"),
        (1, 4),
        "node 'fc2' (MatMul) reads 'v7', an unquantised activation: it must be quantised to 1..8 bits",
    ),
    "wide activation": (
        lambda g: g.node("MatMul", g.quant(dense(g, g.quant("x", 0.5, 8)), 0.5, 12), g.const(np.eye(2, dtype=np.float32)), name="fc2"),
        (1, 4),
        "node 'fc2' (MatMul) reads 'v10', whose integers go from -256 to 255: it must be quantised to 1..8 bits",
    ),
    "input without a type": (
        lambda g: dense(g, "x"),
        (1, 4),
        ("node 'fc' (MatMul) reads the network's input 'x' as real numbers: its integer type must be known, but "
        "there is no quantiser, no annotation and no --input-quant"),
    ),
    "division by zero": (
        lambda g: g.node("Div", dense(g, q(g)), g.const([1.0, 0.0], name="d"), name="div"),
        (1, 4),
        "node 'div' (Div), divisor 'd': must not be 0, but is",
    ),
    "constant on the left": (
        lambda g: g.node("MatMul", g.const(np.eye(1, dtype=np.float32)), q(g), name="fc"),
        (1, 4),
        "node 'fc' (MatMul): its constant operand must be the second one",
    ),
    "computed weight": (
        lambda g: (lambda v: g.node("MatMul", v, g.node("Transpose", v), name="fc"))(q(g)),
        (1, 4),
        "node 'fc' (MatMul): a product of two computed values is not supported ('v4', 'v5')",
    ),
    "constant that differs inside a channel": (
        lambda g: g.node("Mul", g.node("Conv", g.quant("x", 0.5, 4), g.const(np.ones((1, 1, 1), np.float32))), g.const(np.arange(4.0, dtype=np.float32), name="m"), name="mul"),
        (1, 1, 4),
        "node 'mul' (Mul), operand 'm': must be one number per channel, but differs inside a channel",
    ),
    "linear resize": (
        lambda g: g.node("Resize", g.quant("x", 0.5, 4), "", g.const(np.array([1, 1, 2], np.float32)), mode="linear", name="up"),
        (1, 1, 4),
        "node 'up' (Resize): its mode must be nearest, but is linear",
    ),
    "window over a map on its side": (
        lambda g: g.node("Conv", g.node("Transpose", g.quant(g.node("Conv", g.quant("x", 0.5, 4), g.const(np.ones((1, 1, 3, 3), np.float32))), 1.0, 4), perm=[0, 1, 3, 2]), g.const(np.ones((1, 1, 3, 3), np.float32)), name="conv"),
        (1, 1, 7, 7),
        "node 'conv' (Conv) reads 'v11' in an arrangement that is not made of straight lines (mirrored, interleaved or gathered pixels)",
    ),
    "resize by an unknown rule": (
        lambda g: g.node("Resize", g.quant("x", 0.5, 4), "", g.const(np.array([1, 1, 2], np.float32)), mode="nearest", coordinate_transformation_mode="tf_crop_and_resize", name="up"),
        (1, 1, 4),
        "node 'up' (Resize): its coordinate_transformation_mode must be another one than tf_crop_and_resize",
    ),
    "padding of an offset": (
        lambda g: g.node("Conv", g.node("Add", g.quant("x", 0.5, 4), g.const(0.2)), g.const(np.ones((1, 1, 3), np.float32)), pads=[1, 1], name="conv"),
        (1, 1, 4),
        "node 'conv' (Conv) pads 'v6', whose real value 0 is no integer: its offset must be a whole number of steps",
    ),
    "dynamic shape": (
        lambda g: dense(g, q(g)),
        ("N", "L"),
        "input 'x': only the batch may be dynamic, but its shape is [?, ?]",
    ),
    "bit width 0": (
        lambda g: g.quant("x", 0.5, 0),
        (1, 4),
        "node 'quant4' (Quant), bit width 'c3': must be an integer from 1 to 32, but is 0",
    ),
    "unknown rounding mode": (
        lambda g: g.quant("x", 0.5, 4, mode="UP"),
        (1, 4),
        ("node 'quant4' (Quant): its rounding mode must be one of ROUND, HALF_EVEN, CEIL, FLOOR, DOWN, HALF_UP, "
        "HALF_DOWN, but is 'UP'"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal_is_one_sentence(tmp_path: Path, case: str) -> None:
    make, shape, sentence = REFUSALS[case]
    path = model(tmp_path, make, shape, opset=13)
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.sentence == f"model.onnx: {sentence}"
    report = inspect(path)
    assert not report.supported
    assert report.obstacles[0].sentence == f"model.onnx: {sentence}"


def test_inspect_names_all_obstacles(tmp_path: Path) -> None:
    def make(g: Graph) -> str:
        v = g.node("Softmax", dense(g, q(g), FLOATS), name="act")
        v = g.node("MatMul", v, g.const(np.full((1, 2), 0.25, np.float32), name="w2"), name="fc2")
        return g.node("GRU", v, g.const(1.0), g.const(1.0), name="memory", hidden_size=1)

    report = inspect(model(tmp_path, make, (1, 8)))
    assert [o.sentence.partition(",")[0].partition(": ")[2] for o in report.obstacles] == [
        "node 'fc' (MatMul)",
        "node 'act' (Softmax): it has no integer form",
        "node 'fc2' (MatMul) reads 'v7'",
        "node 'memory' (GRU): it is a recurrent layer",
    ]
    assert [(layer.name, layer.ternary, layer.weights) for layer in report.layers] == [
        ("fc", False, 8),
        ("fc2", True, 2),
    ]
    assert [row.becomes for row in report.nodes] == [
        "quantiser",
        "dense layer",
        "refused",
        "refused",
        "refused",
    ]


def test_missing_empty_foreign_and_truncated_files(tmp_path: Path) -> None:
    def sentence(path: Path) -> str:
        with pytest.raises(ModelError) as caught:
            read(path)
        return caught.value.sentence

    assert sentence(tmp_path / "none.onnx") == f"{tmp_path / 'none.onnx'}: no such file"
    assert sentence(tmp_path) == f"{tmp_path}: must be an ONNX file, but is a directory"
    (tmp_path / "empty.onnx").write_bytes(b"")
    assert sentence(tmp_path / "empty.onnx") == "empty.onnx: must be an ONNX model, but the file is empty"
    (tmp_path / "text.onnx").write_text("hello, this is no model at all\n" * 10)
    expected = "must be an ONNX model, but is damaged, cut short or of another kind"
    assert sentence(tmp_path / "text.onnx") == f"text.onnx: {expected}"
    whole = model(tmp_path, lambda g: dense(g, q(g))).read_bytes()
    for cut in (len(whole) // 4, len(whole) // 2, len(whole) - 40, len(whole) - 3):
        (tmp_path / "cut.onnx").write_bytes(whole[:cut])
        assert sentence(tmp_path / "cut.onnx") == f"cut.onnx: {expected}"


def test_external_data_missing(tmp_path: Path) -> None:
    path = model(tmp_path, lambda g: dense(g, q(g), np.zeros((4, 300), np.float32)))
    proto = onnx.load(path)
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=100)
    read(path)
    (tmp_path / "weights.bin").write_bytes(b"short")
    with pytest.raises(
        ModelError, match=r"^model.onnx: initialiser 'w': its external data file 'weights.bin' is cut short"
    ):
        read(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.sentence == (
        "model.onnx: initialiser 'w': its data is in the external file 'weights.bin', which is missing"
    )


def _graph(nodes: list[Any], inputs: list[str], outputs: list[str], opset: int = 17) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in outputs],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


@pytest.mark.parametrize(
    ("proto", "sentence"),
    [
        (_graph([], ["x"], ["x"]), "must hold a network, but its graph has no nodes"),
        (
            _graph([helper.make_node("Relu", ["x"], ["y"])], ["x", "z"], ["y"]),
            "node 'y' (Relu) would run on the host, but reads the network's input 'x' itself, which only layers get",
        ),
        (_graph([helper.make_node("Relu", ["x"], ["y"])], [], ["y"]), "must have an input, but has none"),
        (
            _graph([helper.make_node("Relu", ["x"], ["y"])], ["x"], ["x", "y"]),
            "output 'x' is the network's input 'x' itself, which only layers get",
        ),
        (
            _graph([helper.make_node("Relu", ["w"], ["y"])], ["x"], ["y"]),
            "value 'w' is read, but nothing makes it",
        ),
        (
            _graph([helper.make_node("Relu", ["x"], ["y"])], ["x"], ["y"], 7),
            "its opset must be from 9 to 25, but is 7",
        ),
    ],
)
def test_graph_without_one_clear_flow(tmp_path: Path, proto: onnx.ModelProto, sentence: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.sentence == f"model.onnx: {sentence}"


def test_an_output_of_padding_alone(tmp_path: Path) -> None:
    def padding(g: Graph) -> str:
        wide = g.quant(g.node("Pad", dense(g, q(g)), g.const([0, 0, 0, 3], dtype=np.int64)), 0.5, 4)
        return g.node("Slice", wide, *(g.const([v], dtype=np.int64) for v in (2, 5, 1)), name="slice")

    with pytest.raises(ModelError) as caught:
        read(model(tmp_path, padding))
    assert caught.value.sentence == (
        "model.onnx: node 'slice' (Slice): its output does not depend on the network's input"
    )


@pytest.mark.parametrize("text", ["int9:1", "float:1", "int8:0", "int8:-1", "int8:nan", "int8:x", ""])
def test_input_quant_text(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        InputQuant.parse(text)
    assert caught.value.sentence == (
        "--input-quant must be TYPE:SCALE with a type such as INT8, UINT4, BIPOLAR or TERNARY "
        f"(1 to 8 bits) and a scale above 0, not '{text}'"
    )


def test_input_quant_parses_types_of_one_to_eight_bits() -> None:
    assert InputQuant.parse("uint4:0.5") == InputQuant(type="UINT4", scale=0.5)
    assert InputQuant.parse("Ternary") == InputQuant(type="TERNARY", scale=1.0)
