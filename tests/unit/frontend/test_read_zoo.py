"""Real models: every dialect converts, all dialects give one Network, and the Network gives the reference."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.errors import ModelError
from ternc.frontend import InputQuant, execute, inspect, read
from ternc.network import golden, host
from ternc.network.check import verify_network
from ternc.network.layers import Linear, Network, Staircase

MODELS = Path(os.environ.get("TERNC_MODELS", Path(__file__).parents[2] / "models"))
REFUSED = {"qkeras_jettagging", "kws_resnet", "mnist_ae_convt", "yolo_tiny"}
OPTIONS = {"KERAS_3layer_ternary_small": InputQuant.parse("int8:0.0625")}

FILES = sorted(p for p in MODELS.glob("*/*.onnx") if p.name.split(".")[0] not in REFUSED)


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


def pooled(codes: NDArray[Any], layer: Linear) -> NDArray[Any]:
    """Stored codes, ``[N, C, ...]``, after the layer's pool."""
    if layer.pool is None:
        return codes
    assert layer.pool.kernel == layer.pool.stride
    (kh, kw), (n, c, h, w) = layer.pool.kernel, codes.shape
    blocks = codes[:, :, : h // kh * kh, : w // kw * kw].reshape(n, c, h // kh, kh, w // kw, kw)
    return np.asarray(blocks.max((3, 5)))


def test_there_are_models() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_golden_equals_reference(path: Path) -> None:
    network = convert(path)
    verify_network(network)
    arrays, x = reference(path)
    trace = golden.run(network, host.encode(network.prologue, network.input, x))
    output = network.output
    y = host.decode(output, network.tensor(output.tensor), trace[output.tensor])
    scale = np.abs(arrays["y"]).max()
    np.testing.assert_allclose(y, arrays["y"], rtol=1e-4, atol=1e-6 * scale)
    hidden = [layer for layer in network.layers if layer.activation is not None]
    stored = [codes for key, codes in arrays.items() if key.startswith("act.")]
    assert len(stored) in (0, len(hidden))
    for layer, codes in zip(hidden, stored, strict=False):
        found = trace[layer.target][: len(codes)]
        np.testing.assert_array_equal(found, pooled(codes, layer).reshape(found.shape), err_msg=layer.name)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_execution_equals_reference(path: Path) -> None:
    arrays, x = reference(path)
    scale = np.abs(arrays["y"]).max()
    np.testing.assert_allclose(execute(path, x), arrays["y"], rtol=1e-4, atol=1e-6 * scale)


def families() -> Iterator[Any]:
    for folder in sorted({p.parent for p in FILES}):
        for name in sorted({name_of(p) for p in FILES if p.parent == folder}):
            forms = [p for p in FILES if p.parent == folder and name_of(p) == name]
            if len(forms) > 1:
                yield pytest.param(forms, id=name)


def listed(stairs: Staircase) -> set[tuple[int, int]]:
    """(channel, step) of every threshold on a rounding border."""
    words = [line.replace(",", "").replace(":", "").split() for line in stairs.borders]
    return {(int(w[1]), int(w[3])) for w in words}


@pytest.mark.parametrize("forms", list(families()))
def test_all_forms_give_one_network(forms: list[Path]) -> None:
    first = convert(forms[0])
    for path in forms[1:]:
        other = convert(path)
        assert (other.input.channels, other.input.height, other.input.width, other.input.range) == (
            first.input.channels, first.input.height, first.input.width, first.input.range,
        )  # fmt: skip
        np.testing.assert_array_equal(other.prologue.gather, first.prologue.gather)
        np.testing.assert_array_equal(other.output.gather, first.output.gather)
        np.testing.assert_allclose(other.output.scale, first.output.scale, rtol=1e-6)
        np.testing.assert_allclose(other.output.offset, first.output.offset, rtol=1e-5, atol=1e-6)
        for a, b in zip(first.layers, other.layers, strict=True):
            same_layer(a, b, f"{path.name}: {b.name}")
        for ta, tb in zip(first.tensors, other.tensors, strict=True):
            assert (ta.range, ta.channels, ta.height, ta.width) == (
                tb.range,
                tb.channels,
                tb.height,
                tb.width,
            )


def same_layer(a: Linear, b: Linear, place: str) -> None:
    np.testing.assert_array_equal(a.trits, b.trits, err_msg=place)
    for key in ("kind", "stride", "padding", "dilation", "groups", "upsample", "pool"):
        assert getattr(a, key) == getattr(b, key), f"{place}: {key}"
    if a.activation is None or b.activation is None:
        assert a.activation is b.activation
        return
    assert a.activation.low == b.activation.low
    moved = np.argwhere(a.activation.thresholds != b.activation.thresholds)
    allowed = listed(a.activation) | listed(b.activation)
    assert {(int(c), int(k)) for c, k in moved} <= allowed, place
    assert np.abs(a.activation.thresholds - b.activation.thresholds).max(initial=0) <= 1


def test_six_bit_weights_are_refused() -> None:
    path = MODELS / "qkeras_jettagging" / "qkeras_jettagging.onnx"
    if not path.exists():
        path = MODELS / "thirdparty" / "qkeras_jettagging.onnx"
    with pytest.raises(ModelError) as caught:
        read(path, input_quant=InputQuant.parse("int8:0.0625"))
    assert caught.value.sentence == (
        "qkeras_jettagging.onnx: node 'MatMul_0' (MatMul), weight 'Quant_6_param0': must be ternary, but "
        "635 of 1,024 values are not (first: Quant_6_param0[0,1] = -0.1875, which is -6 times the scale 0.03125)"
    )
    report = inspect(path, input_quant=InputQuant.parse("int8:0.0625"))
    assert [layer.ternary for layer in report.layers] == [False] * 4
    assert len(report.obstacles) == 5


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
