"""Real models: every dialect converts, all dialects give one Network, and the Network gives the reference."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.frontend import InputQuant, execute, inspect, read
from ternc.network import golden
from ternc.network.check import verify_network
from ternc.network.compare import differences
from ternc.network.layers import Linear, Network
from ternc.simulate import ends
from unit.frontend.onnx_models import matches

MODELS = Path(os.environ.get("TERNC_MODELS", Path(__file__).parents[2] / "models"))
INT8 = InputQuant.parse("int8:0.0625")
OPTIONS = {"KERAS_3layer_ternary_small": INT8}
JETS = MODELS / "qkeras_jettagging" / "qkeras_jettagging.onnx"

FILES = sorted(path for path in MODELS.glob("*/*.onnx") if path.name != JETS.name)


def name_of(path: Path) -> str:
    return path.name.split(".")[0]


def convert(path: Path) -> Network:
    return read(path, input_quant=OPTIONS.get(name_of(path)))


def reference(path: Path) -> tuple[dict[str, NDArray[Any]], NDArray[np.float32]]:
    """The stored arrays, and the network's input."""
    with np.load(path.with_name(f"{name_of(path)}.ref.npz")) as stored:
        arrays = {key: stored[key] for key in stored.files}
    code, scale = arrays["x_code"].astype(np.float32), float(arrays["x_scale"])
    x = code / np.float32(255) if abs(scale * 255 - 1) < 1e-6 else code * np.float32(scale)
    return arrays, x


def test_there_are_models() -> None:
    assert len(FILES) > 40


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_golden_equals_reference(path: Path) -> None:
    network = convert(path)
    verify_network(network)
    arrays, x = reference(path)
    codes = ends.encode(network, ends.named_inputs(network, x))
    (y,) = ends.decode(network, golden.predict(network, codes)).values()
    scale = np.abs(arrays["y"]).max()
    np.testing.assert_allclose(y, arrays["y"], rtol=1e-4, atol=1e-6 * scale)
    stored = {key: array for key, array in arrays.items() if key.startswith("act.")}
    trace = golden.run(network, [array[:4] for array in codes])
    hidden = [layer for layer in network.layers if layer.activation is not None]
    for key, values in stored.items():
        assert any(same_codes(values, layer, trace[layer.target]) for layer in hidden), key


def same_codes(stored: NDArray[Any], layer: Linear, found: NDArray[Any]) -> bool:
    """Whether a layer writes the stored codes ``[N, C, ...]``, pooled as it pools."""
    n, c, *size = stored.shape
    codes = stored.reshape(n, c, *[1] * (2 - len(size)), *size)
    if layer.pool is not None:
        assert layer.pool.kernel == layer.pool.stride
        (kh, kw), (h, w) = layer.pool.kernel, codes.shape[2:]
        codes = codes[:, :, : h // kh * kh, : w // kw * kw]
        codes = codes.reshape(n, c, h // kh, kh, w // kw, kw).max((3, 5))
    return np.array_equal(codes, found)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_execution_equals_reference(path: Path) -> None:
    arrays, x = reference(path)
    scale = np.abs(arrays["y"]).max()
    (y,) = execute(path, ends.named_inputs(convert(path), x)).values()
    np.testing.assert_allclose(y, arrays["y"], rtol=1e-4, atol=1e-6 * scale)


def families() -> Iterator[Any]:
    for folder in sorted({p.parent for p in FILES}):
        for name in sorted({name_of(p) for p in FILES if p.parent == folder}):
            forms = [p for p in FILES if p.parent == folder and name_of(p) == name]
            if len(forms) > 1:
                yield pytest.param(forms, id=name)


@pytest.mark.parametrize("forms", list(families()))
def test_all_forms_give_one_network(forms: list[Path]) -> None:
    first = convert(forms[0])
    for path in forms[1:]:
        assert differences(first, convert(path)) == (), path.name


def test_inspect_describes_a_supported_model() -> None:
    path = next(p for p in FILES if p.name == "digits_cnn.qonnx.onnx")
    report = inspect(path)
    assert report.supported
    assert not report.obstacles
    rows = [(r.op, r.ternary, r.weights, r.weight_bits, r.input_bits, r.output_bits) for r in report.layers]
    assert rows == [
        ("Conv", True, 72, 2, 8, 2),
        ("Conv", True, 1152, 2, 2, 2),
        ("Gemm", True, 640, 2, 2, None),
    ]
    assert {row.becomes for row in report.nodes} == {
        "quantiser", "constant, folded", "convolution layer", "part of an activation", "max pool of a layer",
        "an arrangement: no hardware", "dense layer",
    }  # fmt: skip


def test_six_bit_weights_and_a_softmax_on_the_host() -> None:
    with np.load(JETS.with_name("qkeras_jettagging.ref.npz")) as stored:
        x = np.clip(np.rint(stored["x"] * 16), -128, 127).astype(np.float32) / 16
    network = matches(JETS, x, input_quant=INT8)
    assert network.epilogue
    report = inspect(JETS, input_quant=INT8)
    assert report.supported
    assert [layer.ternary for layer in report.layers] == [False] * 4
    assert [layer.weight_bits for layer in report.layers] == [6] * 4
