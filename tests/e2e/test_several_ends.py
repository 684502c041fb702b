"""Networks with several inputs and outputs, with a part on the host, with an outlier detector, and on borders."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import ternc
from ternc.pipeline import Build
from ternc.simulate.verify import VerifyOptions, verify
from ternc.simulate.verify_hls import HlsOptions, verify_hls
from unit.frontend.onnx_models import Graph
from zoo import shape

INT64 = 7  # TensorProto.INT64


def typed(model: Path, output: int) -> Path:
    """The model with an integer output."""
    proto = onnx.load(model)
    proto.graph.output[output].type.tensor_type.elem_type = INT64
    onnx.save(proto, model)
    return model


def two_by_two(tmp_path: Path) -> Path:
    """Two images side by side into one body with two heads: a map of sums, and a class for each pixel."""
    graph = Graph(3)
    left = graph.node(
        "Conv", graph.quant("left", 0.25, 4), graph.const(graph.trits(4, 2, 3, 3)), pads=[1] * 4
    )
    right = graph.node(
        "Conv", graph.quant("right", 0.5, 3), graph.const(graph.trits(4, 3, 3, 3)), pads=[1] * 4
    )
    both = graph.node("Concat", graph.quant(left, 0.5, 3), graph.quant(right, 0.5, 3), axis=1)
    body = graph.node("Conv", both, graph.const(graph.trits(6, 8, 3, 3)), pads=[1] * 4)
    body = graph.quant(graph.node("Relu", body), 0.5, 3, signed=0)
    sums = graph.node("Conv", body, graph.const(graph.trits(5, 6, 3, 3)))
    scores = graph.node("Conv", body, graph.const(graph.trits(7, 6, 1, 1)))
    best = graph.node("ArgMax", scores, axis=1, keepdims=0)
    shapes = {"left": [1, 2, 5, 5], "right": [1, 3, 5, 5]}
    return typed(graph.save(tmp_path / "two.onnx", shapes, [sums, best]), 1)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("two")
    return ternc.compile(two_by_two(folder), out=folder / "build", array=shape("3x8x5"))


def frames(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    left, right = rng.integers(-8, 8, (count, 2, 5, 5)), rng.integers(-4, 4, (count, 3, 5, 5))
    return {"left": (left * 0.25).astype(np.float32), "right": (right * 0.5).astype(np.float32)}


@pytest.mark.parametrize("stalls", [None, 5])
def test_several_ends_agree_in_values_and_cycles(stalls: int | None, two: Build) -> None:
    report = two.verify(frames=40, stalls=stalls)
    assert report.ok, report.failures()
    assert report.cycles_per_frame.simulated == two.design.cycles_per_frame
    assert report.latency_cycles.simulated == two.design.latency_cycles
    assert [port.value for port in two.design.inputs] == ["left", "right"]
    assert len({port.name for port in (*two.design.inputs, *two.design.outputs)}) == 4


def test_several_ends_in_c_simulation(two: Build) -> None:
    if importlib.util.find_spec("hls4ml") is None and "CI" not in os.environ:
        pytest.skip("hls4ml is not installed")
    report = verify_hls(two.path, HlsOptions(frames=32, dialects=("catapult",)))
    assert report.ok, report.failures()


def test_several_ends_in_icarus(two: Build) -> None:
    if shutil.which("iverilog") is None and "CI" not in os.environ:
        pytest.skip("Icarus Verilog is not installed")
    report = two.verify(frames=4, simulator="icarus", stalls=2)
    assert report.ok, report.failures()


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_the_regression_of_several_ends_runs_on_its_own(simulator: str, two: Build, tmp_path: Path) -> None:
    if simulator == "icarus" and shutil.which("iverilog") is None and "CI" not in os.environ:
        pytest.skip("Icarus Verilog is not installed")
    build = Path(shutil.copytree(two.path, tmp_path / "elsewhere"))
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    run = subprocess.run(
        ["make", "-C", str(build / "sim"), f"SIM={simulator}", "FRAMES=4"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]


def test_given_frames_by_name_are_run_and_predicted(two: Build, tmp_path: Path) -> None:
    x = frames(7)
    np.savez(tmp_path / "x.npz", left=x["left"], right=x["right"])
    report = verify(two.path, VerifyOptions(input=tmp_path / "x.npz"))
    assert report.ok, report.failures()
    assert report.frames == 7
    golden, rtl = two.predict(x), two.predict(x, engine="rtl")
    assert isinstance(golden, dict)
    assert isinstance(rtl, dict)
    assert [array.shape for array in golden.values()] == [(7, 5, 3, 3), (7, 5, 5)]
    assert all(np.array_equal(array, rtl[name]) for name, array in golden.items())
    with pytest.raises(
        ternc.TerncError, match=r"^the network has 2 inputs, 'left', 'right', but one array is given"
    ):
        two.predict(x["left"])
    with pytest.raises(ternc.TerncError, match="there is no array for 'right'"):
        two.predict({"left": x["left"]})


def test_a_fault_behind_the_layers_is_found_at_its_port(two: Build, tmp_path: Path) -> None:
    build = Path(shutil.copytree(two.path, tmp_path / "build"))
    library = build / "rtl" / "ternc_argmax.sv"
    text = library.read_text()
    assert "index_o" in text
    top = build / "rtl" / "two.sv"
    lines = top.read_text().splitlines()
    port = two.design.outputs[1].name
    (at,) = [i for i, line in enumerate(lines) if line.strip().startswith(f"assign {port}_tdata")]
    lines[at] = lines[at].replace(" = ", " = ~")
    top.write_text("\n".join(lines) + "\n")
    report = verify(build, VerifyOptions(frames=3))
    found = report.to_json()["first_mismatch"]
    assert (found["layer"], found["port"], found["frame"]) == (None, port, 0)
    assert f"at output port '{port}'" in report.failures()[0]


# ---- the host's part ------------------------------------------------------------------------------------


def test_what_follows_the_last_layer_runs_on_the_host(tmp_path: Path) -> None:
    graph = Graph(5)
    v = graph.node("Conv", graph.quant("x", 0.25, 4), graph.const(graph.trits(4, 2, 3, 3)))
    v = graph.node("Flatten", graph.quant(graph.node("Relu", v), 0.5, 3, signed=0))
    bias = graph.const(np.arange(6).astype(np.float32))
    logits = graph.node("Gemm", v, graph.const(graph.trits(6, 36)), bias, transB=1)
    shares = graph.node("Softmax", logits, axis=1)
    best = graph.node("TopK", shares, graph.const(np.array([3])), outputs=2, axis=1)
    names = [logits, shares, best, f"{best}_1"]
    model = typed(graph.save(tmp_path / "host.onnx", [1, 2, 5, 5], names), 3)
    build = ternc.compile(model, out=tmp_path / "build", array=shape("2x3x4"))
    report = build.verify(frames=24)
    assert report.ok, report.failures()
    x = (np.random.default_rng(0).integers(-8, 8, (9, 2, 5, 5)) * 0.25).astype(np.float32)
    y = build.predict(x, engine="rtl")
    assert isinstance(y, dict)
    assert [(name, array.shape[1:]) for name, array in y.items()] == [
        (logits, (6,)), (shares, (6,)), (best, (3,)), (f"{best}_1", (3,)),
    ]  # fmt: skip
    np.testing.assert_allclose(y[shares].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(y[f"{best}_1"][:, 0], y[logits].argmax(axis=1))
    performance = json.loads((build.path / "report" / "performance.json").read_text())
    assert performance["host"] == ["Softmax", "TopK"]


# ---- the outlier detector -------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["squares", "absolute"])
def test_an_autoencoder_flags_its_outliers(measure: str, tmp_path: Path) -> None:
    graph = Graph(5)
    v = graph.quant("x", 0.25, 4)
    v = graph.node("Conv", v, graph.const(graph.trits(4, 2, 3, 3)), strides=[2, 2], pads=[1] * 4)
    v = graph.quant(graph.node("Relu", v), 0.5, 3, signed=0)
    v = graph.node("Resize", v, "", graph.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest",
                   coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    v = graph.quant(graph.node("Conv", v, graph.const(graph.trits(2, 4, 3, 3)), pads=[1] * 4), 0.25, 5)
    model = graph.save(tmp_path / "ae.onnx", [1, 2, 6, 6], v)
    build = ternc.compile(
        model, out=tmp_path / "build", array=shape("2x3x4"), anomaly=40.0,
        anomaly_measure="squares" if measure == "squares" else "absolute",
    )  # fmt: skip
    report = build.verify(frames=24, stalls=3)
    assert report.ok, report.failures()
    size = np.linspace(0, 1, 20)[:, None, None, None]
    x = np.random.default_rng(0).integers(-8, 8, (20, 2, 6, 6)) * size
    x = (np.rint(x) * 0.25).astype(np.float32)
    found = build.predict(x, engine="rtl")
    assert isinstance(found, dict)
    error = np.abs(found[v] - x) if measure == "absolute" else (found[v] - x) ** 2
    np.testing.assert_allclose(found["anomaly_score"], error.sum(axis=(1, 2, 3)))
    assert found["anomaly"].tolist() == (error.sum(axis=(1, 2, 3)) > 40).tolist()
    assert 0 < found["anomaly"].sum() < 20
    options = json.loads((build.path / "manifest.json").read_text())["options"]
    assert options["anomaly"] == {"threshold": 40.0, "measure": measure}


# ---- borders --------------------------------------------------------------------------------------------


def test_a_value_that_float32_puts_across_a_border_is_shown_and_passes(tmp_path: Path) -> None:
    graph = Graph(5)
    v = graph.quant("x", 1.0, 4)
    v = graph.node("Conv", v, graph.const(graph.trits(4, 2, 3, 3, scale=1.0)), name="body")
    v = graph.quant(graph.node("Mul", v, graph.const(0.1)), 1.0, 4)
    v = graph.node("Conv", v, graph.const(graph.trits(3, 4, 1, 1, scale=1.0)))
    model = graph.save(tmp_path / "border.onnx", [1, 2, 5, 5], v)
    build = ternc.compile(model, out=tmp_path / "build", array=shape("2x3x4"))
    report = build.verify(frames=12)
    assert report.ok, report.failures()
    assert report.on_borders > 0
    first = report.to_json()["on_borders"]["first"]
    assert first["layer"] == "body"
    assert first["accumulator"] % 10 == 5
    assert abs(first["exact"]) > abs(first["border"]) == abs(first["float32"])
    assert float(first["accumulator_border"]) == pytest.approx(first["accumulator"], rel=1e-6)
    assert "the exact value is" in report.notes()[0]
