"""Damaged files and absurd sizes: one sentence each, at once, and no memory is taken for what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from ternc.errors import ModelError
from ternc.frontend import inspect, read
from unit.frontend.onnx_models import Graph

Make = Callable[[Graph, str], str]


def written(tmp_path: Path, make: Make, shape: tuple[int, ...] = (1, 2, 6, 6), opset: int = 17) -> Path:
    g = Graph(1)
    return g.save(tmp_path / "m.onnx", shape, make(g, g.quant("x", 0.25, 4)), opset=opset)


def refusal(path: Path) -> str:
    """The first obstacle, which `read` and `inspect` agree on."""
    with pytest.raises(ModelError) as caught:
        read(path)
    assert "\n" not in caught.value.sentence
    assert caught.value.sentence in [o.sentence for o in inspect(path).obstacles]
    return caught.value.sentence


def whole(g: Graph, *values: int) -> str:
    return g.const(np.array(values, np.int64))


def conv(g: Graph, v: str, **attributes: Any) -> str:
    return g.node("Conv", v, g.const(g.trits(3, 2, 3, 3)), name="conv", **attributes)


HUGE: dict[str, tuple[Make, str]] = {
    "Pad": (lambda g, v: g.node("Pad", v, whole(g, 0, 0, 1 << 40, 0, 0, 0, 0, 0), name="n"), "13,194,139,533,384"),
    "Tile": (lambda g, v: g.node("Tile", v, whole(g, 1, 1, 1 << 20, 1 << 20), name="n"), "79,164,837,199,872"),
    "Expand": (
        lambda g, v: g.node("Expand", g.node("ReduceMax", v, axes=[2]), whole(g, 1, 2, 1 << 31, 6), name="n"),
        "25,769,803,776",
    ),
    "Resize": (
        lambda g, v: g.node("Resize", v, "", "", whole(g, 1, 2, 1 << 30, 6), name="n", mode="nearest"),
        "12,884,901,888",
    ),
    "Conv": (lambda g, v: conv(g, v, pads=[0, 0, 1 << 34, 0]), "206,158,430,256"),
    "ConstantOfShape": (
        lambda g, v: g.node("Add", v, g.node("ConstantOfShape", whole(g, 1, 2, 1 << 33, 6), name="n")),
        "103,079,215,104",
    ),
    "Range": (
        lambda g, v: g.node(
            "Add",
            v,
            g.node(
                "Range", *(g.const(np.array(n, np.int64)) for n in (0, 1 << 36, 1)), name="n"
            ),
        ),
        "68,719,476,736",
    ),
}  # fmt: skip


@pytest.mark.parametrize("op", HUGE)
def test_a_value_of_absurd_size_is_refused_before_it_is_made(tmp_path: Path, op: str) -> None:
    make, count = HUGE[op]
    name = "conv" if op == "Conv" else "n"
    assert refusal(written(tmp_path, make)) == (
        f"m.onnx: node '{name}' ({op}): its output has {count} values, "
        "more than the 134,217,728 that a value may have"
    )


def test_an_input_of_absurd_size_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, conv, (1, 2, 1 << 31, 1 << 31))
    assert refusal(path) == (
        "m.onnx: input 'x': its shape [1, 2, 2147483648, 2147483648] has 9,223,372,036,854,775,808 values, "
        "more than the 134,217,728 that a value may have"
    )


def test_constants_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    def dequantised(g: Graph, v: str) -> str:
        codes, scale = g.const(np.ones((3, 2, 3, 3), np.int8)), g.const(np.ones(5, np.float32))
        return g.node("Conv", v, g.node("DequantizeLinear", codes, scale, axis=0, name="dq"))

    assert refusal(written(tmp_path, dequantised)).startswith(
        "m.onnx: node 'dq' (DequantizeLinear): this operator cannot be evaluated on its constants (operands could not"
    )


def test_an_output_that_no_input_reaches_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, lambda g, v: g.node("Cast", g.const([[1.0, 2.0]]), to=1))
    assert refusal(path) == "m.onnx: some output must depend on the input, but all are constant"


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("a" * 300, "its external data cannot be read (File name too long)"),
        ("a\0b", "its external data cannot be read (embedded null byte)"),
        ("../w.bin", "its external data must lie beside the model, but is at '../w.bin'"),
        ("w\n.bin", r"its data is in the external file 'w\n.bin', which is missing"),
    ],
)
def test_external_data_at_an_impossible_place(tmp_path: Path, location: str, sentence: str) -> None:
    path = written(tmp_path, conv)
    model = onnx.load(path)
    tensor = model.graph.initializer[-1]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError) as caught:
        read(path)
    assert caught.value.sentence == f"m.onnx: initialiser '{tensor.name}': {sentence}"


@pytest.mark.parametrize("offset", ["900", "99999999999999999999"])
def test_external_data_behind_the_end_of_its_file(tmp_path: Path, offset: str) -> None:
    path = written(tmp_path, conv)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[-1].external_data:
        entry.value = offset if entry.key == "offset" else entry.value
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"its external data file 'w\.bin' is cut short$"):
        read(path)


@pytest.mark.parametrize("file", ["digits_cnn.qdq_int4.onnx", "digits_cnn.float_raw.onnx"])
def test_a_few_wrong_bytes_never_crash_the_reader(tmp_path: Path, file: str) -> None:
    rng = np.random.default_rng(5)
    whole_file = (Path(__file__).parents[2] / "models" / "digits_cnn" / file).read_bytes()
    path = tmp_path / "damaged.onnx"
    for _ in range(60):
        damaged = np.frombuffer(whole_file, np.uint8).copy()
        for place in rng.integers(0, len(damaged), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged.tobytes())
        try:
            sentences = [obstacle.sentence for obstacle in inspect(path).obstacles]
        except ModelError as error:
            sentences = [error.sentence]
        assert not any("\n" in sentence for sentence in sentences)
