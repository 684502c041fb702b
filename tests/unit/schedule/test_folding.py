"""FINN's folding files: what they say becomes engines, and engines become what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ternc import frontend, passes, target
from ternc.errors import DataError, ScheduleError
from ternc.network.layers import Network
from ternc.schedule.choose import choose
from ternc.schedule.folding import folding_text, read_folding
from ternc.schedule.wish import Wish
from zoo import MODELS, shape


@pytest.fixture(scope="module")
def network() -> Network:
    return passes.run(frontend.read(MODELS / "ecg_ae_conv1d" / "ecg_ae_conv1d.qdq_folded.onnx"))


def written(folder: Path, document: Any) -> Path:
    path = folder / "folding.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_layers_get_the_engines_that_the_file_says_and_the_others_its_defaults(
    network: Network, tmp_path: Path
) -> None:
    names = [layer.name for layer in network.layers]
    document = {
        "Defaults": {"PE": [2, ["all"]], "MMV": 3},
        names[0]: {"PE": 4, "SIMD": 1},
        names[2]: {"SIMD": 5, "MMV": 7, "PACKED": True},
    }
    folding = read_folding(written(tmp_path, document))
    shapes = [engine.array for engine in folding.engines(network)]
    assert shapes[:3] == [shape("3x4x1"), shape("3x2x1"), shape("7x2x5p")]
    assert shapes[3:] == [shape("3x2x1")] * (len(names) - 3)
    made = choose(network, target.load("arria10"), Wish(budget=0.7, clock_mhz=100, array=folding))
    assert [len(stage.layers) for stage in made.lines.stages] == [1] * len(names)
    assert list(made.lines.shapes) == shapes


def test_a_folding_that_is_written_is_read_as_the_same_engines(network: Network, tmp_path: Path) -> None:
    names = [layer.name for layer in network.layers]
    shapes = [
        shape(f"{n % 3 + 1}x{n + 2}x{n % 2 + 1}/{n % 3 % 2 + 1}{'p' * (n == 1)}") for n in range(len(names))
    ]
    text = folding_text(((name,), one) for name, one in zip(names, shapes, strict=True))
    engines = read_folding(written(tmp_path, text)).engines(network)
    assert [engine.array for engine in engines] == shapes
    assert text == folding_text(zip(((name,) for name in names), (one.array for one in engines), strict=True))
    assert json.loads(text)[names[0]] == {"PE": 2, "SIMD": 1}
    assert json.loads(text)[names[1]] == {"PE": 3, "SIMD": 2, "MMV": 2, "DRAIN": 2, "PACKED": True}


def test_an_engine_of_several_layers_cannot_be_written() -> None:
    with pytest.raises(ScheduleError) as refusal:
        folding_text([(("a",), shape("1x1x1")), (("b", "c"), shape("1x1x1"))])
    assert refusal.value.sentence == (
        "engine 1 runs 2 layers, 'b' to 'c', but a folding has an engine for each layer"
    )


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(network: Network, tmp_path: Path) -> None:
    folding = read_folding(written(tmp_path, {"MatrixVectorActivation_0": {"PE": 1}}))
    with pytest.raises(ScheduleError) as refusal:
        folding.engines(network)
    assert refusal.value.sentence == (
        "the folding names a layer 'MatrixVectorActivation_0', which the network does not have"
    )
    assert refusal.value.help == f"its layers are: {', '.join(layer.name for layer in network.layers)}"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("[]", "must hold a JSON object by layer, but holds list"),
        ({"a": 3}, "'a' must be an object with PE and SIMD, but is 3"),
        ({"a": {"PE": 0}}, "PE of 'a' must be a number of at least 1, but is 0"),
        ({"a": {"SIMD": True}}, "SIMD of 'a' must be a number of at least 1, but is True"),
        (
            {"a": {"ram_style": "auto"}},
            "'a' has ram_style, but only PE, SIMD, MMV, DRAIN and PACKED (true or false) can be taken over",
        ),
        (
            {"a": {"PACKED": 1}},
            "'a' has PACKED, but only PE, SIMD, MMV, DRAIN and PACKED (true or false) can be taken over",
        ),
        ({"a": {"MMV": 6, "DRAIN": 4}}, "DRAIN of 'a' must be a power of two that divides MMV = 6, but is 4"),
        (
            {"Defaults": {"PE": [2, ["MVAU"]]}},
            "PE of 'Defaults' must be a number of at least 1, but is [2, ['MVAU']]",
        ),
    ],
)
def test_a_file_of_another_form_is_refused(document: Any, sentence: str, tmp_path: Path) -> None:
    path = written(tmp_path, document)
    with pytest.raises(DataError) as refusal:
        read_folding(path)
    assert refusal.value.sentence == f"{path}: {sentence}"


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a JSON file of foldings, but cannot be read"):
        read_folding(written(tmp_path, "{"))
