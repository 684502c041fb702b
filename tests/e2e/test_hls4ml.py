"""ternc as a backend of hls4ml, and both side by side."""

from __future__ import annotations

import importlib.util
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from ternc import cli
from ternc.errors import DataError, ModelError
from zoo import MODELS

if importlib.util.find_spec("hls4ml") is None and "CI" not in os.environ:
    pytest.skip("hls4ml is not installed", allow_module_level=True)

import hls4ml
from hls4ml.backends.backend import get_available_backends, register_backend
from hls4ml.writer.writers import register_writer
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.gemm_to_matmul import GemmToMatMul
from qonnx.util.cleanup import cleanup_model

from ternc.plugins import hls4ml as plugin

if "ternc" not in get_available_backends():  # an older installation has no entry point
    plugin.register(register_backend, register_writer)


@pytest.fixture(scope="module")
def tfc() -> Any:
    """TFC_2W2A as hls4ml's documentation asks for it."""
    model = cleanup_model(ModelWrapper(str(MODELS / "TFC_2W2A" / "TFC_2W2A.onnx")))
    return cleanup_model(model.transform(GemmToMatMul()))


def convert(model: Any, folder: Path, **options: Any) -> Any:
    return hls4ml.converters.convert_from_onnx_model(
        model, output_dir=str(folder), backend="ternc", **options
    )


def test_the_entry_point_is_the_group_that_hls4ml_reads() -> None:
    from hls4ml.backends.plugin_loader import ENTRY_POINT_GROUP

    project = tomllib.loads((MODELS.parents[1] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][ENTRY_POINT_GROUP] == {"ternc": "ternc.plugins.hls4ml:register"}


def test_a_converted_model_compiles_predicts_and_builds(tfc: Any, tmp_path: Path) -> None:
    generated = hls4ml.utils.config.config_from_onnx_model(tfc, granularity="name", backend="ternc")
    model = convert(tfc, tmp_path, hls_config=generated, lanes=512)
    with pytest.raises(DataError, match="is no build yet"):
        model.predict(np.zeros((1, 1, 28, 28), np.float32))
    model.compile()
    reference = np.load(MODELS / "TFC_2W2A" / "TFC_2W2A.ref.npz")
    x = (reference["x_code"] * reference["x_scale"]).astype(np.float32)
    y = model.predict(x)
    np.testing.assert_allclose(y, reference["y"], rtol=1e-5, atol=1e-5)
    assert (tmp_path / "myproject" / "rtl" / "files.f").is_file()
    found = model.build(frames=4)
    assert found["ok"]
    assert found["verify"]["mismatches"] == {"onnx": 0, "rtl": 0}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"Model": {"Precision": "fixed<8,2>"}},
            "hls4ml configuration of the model: Precision default = fixed<8,2> is not what ternc computes with, which is the exact types of the model's own quantisers",
        ),
        (
            {"LayerName": {"MatMul_0": {"Precision": {"weight": "auto", "accum": "fixed<10,10>"}}}},
            "hls4ml configuration of layer 'MatMul_0': Precision accum = fixed<10,10> is not what ternc computes with, which is the exact types of the model's own quantisers",
        ),
    ],
)
def test_another_precision_is_refused(tfc: Any, tmp_path: Path, config: Any, sentence: str) -> None:
    with pytest.raises(ModelError) as refused:
        convert(tfc, tmp_path, hls_config=config)
    assert refused.value.sentence == sentence


def test_a_layer_that_ternc_refuses_is_named(tfc: Any, tmp_path: Path) -> None:
    model = ModelWrapper(tfc.model, make_deepcopy=True)
    (quantiser,) = [node for node in model.graph.node if node.name == "Quant_6"]
    taken, made = quantiser.input[0], quantiser.output[0]
    for node in model.graph.node:
        node.input[:] = [taken if name == made else name for name in node.input]
    model.graph.node.remove(quantiser)
    with pytest.raises(ModelError, match="MatMul_2"):
        convert(model, tmp_path)


@pytest.mark.parametrize(
    ("given", "shapes"),
    [((16,), [(16,)]), ((None, 3, 8, 8), [(3, 8, 8)]), ([(None, 4), (2, 6)], [(4,), (2, 6)])],
)
def test_a_pytorch_models_inputs_are_without_their_batch(given: Any, shapes: list[tuple[int, ...]]) -> None:
    assert plugin.input_shapes(given) == shapes


def test_an_array_and_an_inputs_integers_are_options(tfc: Any, tmp_path: Path) -> None:
    convert(tfc, tmp_path, array="1x4x16", input_quant="int8:0.0625").compile()
    performance = json.loads((tmp_path / "myproject" / "report" / "performance.json").read_text())
    arrays = [engine["array"] for engine in performance["engines"]]
    assert [(array["rows"], array["cols"], array["lanes"]) for array in arrays] == [(1, 4, 16)]
    with pytest.raises(ModelError, match="--input-quant must be TYPE:SCALE"):
        convert(tfc, tmp_path, input_quant="eight")


def test_an_option_of_another_backend_is_refused(tfc: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the option 'part' is none of array, budget"):
        convert(tfc, tmp_path, part="xcvu9p")


def test_compare_shows_both_sides() -> None:
    model = str(MODELS / "TFC_2W2A" / "TFC_2W2A.onnx")
    done = CliRunner().invoke(cli.main, ["compare", model, "--frames", "200", "--json"])
    assert done.exit_code == 0, done.output
    ours, theirs = json.loads(done.stdout)["sides"]
    assert (ours["tool"], ours["problem"], ours["equal"]) == ("ternc", "", 200)
    assert theirs["tool"].startswith("hls4ml ")
    assert theirs["problem"] == ""
    assert ours["frames_per_second"] > 5 * theirs["frames_per_second"]
