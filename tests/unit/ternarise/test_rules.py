"""--ternarise RHO, or a TOML file with RHO for each layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ternc.errors import DataError, ModelError
from ternc.ternarise import Rules, read_rules
from ternc.ternarise.rules import Integers, Trits

LAYERS = ["conv1", "conv2", "fc"]


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_number_holds_for_all_layers() -> None:
    assert read_rules("0.3").of("net.onnx", LAYERS) == dict.fromkeys(LAYERS, Trits(0.3))
    assert read_rules(0.25) == Rules(default=Trits(0.25))


def test_a_file_names_layers_and_its_ends(tmp_path: Path) -> None:
    rules = read_rules(
        written(tmp_path, 'default = 0.5\nfirst = "int8"\nlast = "int4"\n[layers]\n"conv2" = 0.3\n')
    )
    assert rules.of("net.onnx", LAYERS) == {"conv1": Integers(8), "conv2": Trits(0.3), "fc": Integers(4)}
    assert rules.document() == {"default": 0.5, "first": "int8", "last": "int4", "layers": {"conv2": 0.3}}


def test_a_named_layer_goes_before_first_and_last(tmp_path: Path) -> None:
    rules = read_rules(written(tmp_path, 'default = 0.5\nfirst = "int8"\n[layers]\nconv1 = 0\n'))
    assert rules.of("net.onnx", LAYERS)["conv1"] == Trits(0.0)


def test_of_one_layer_the_last_rule_counts(tmp_path: Path) -> None:
    rules = read_rules(written(tmp_path, 'first = "int8"\nlast = 0.1\n'))
    assert rules.of("net.onnx", ["fc"]) == {"fc": Trits(0.1)}


def test_an_unknown_layer_is_refused_with_the_list(tmp_path: Path) -> None:
    rules = read_rules(written(tmp_path, "default = 0.5\n[layers]\nconv9 = 0.3\n"))
    with pytest.raises(ModelError) as caught:
        rules.of("net.onnx", LAYERS)
    assert caught.value.sentence == "rules.toml: net.onnx has no layer 'conv9'"
    assert caught.value.help == "the layers are 'conv1', 'conv2', 'fc'"


def test_a_layer_without_a_rule_is_named(tmp_path: Path) -> None:
    rules = read_rules(written(tmp_path, "[layers]\nconv1 = 0.3\nfc = 0.1\n"))
    with pytest.raises(ModelError, match=r"^rules\.toml: there is no rule for layer 'conv2' of net\.onnx"):
        rules.of("net.onnx", LAYERS)


@pytest.mark.parametrize("number", ["1", "1.5", "-0.1", "nan", "inf"])
def test_rho_outside_its_range_is_refused(number: str) -> None:
    with pytest.raises(DataError) as caught:
        read_rules(number)
    found = repr(float(number))
    assert caught.value.sentence == f"--ternarise: RHO must be a number from 0 to below 1, but is {found}"


def test_a_file_that_is_not_there_is_neither_number_nor_file() -> None:
    with pytest.raises(
        DataError, match=r"^--ternarise: must be a number .* or a TOML file, but 'no\.toml' is neither"
    ):
        read_rules("no.toml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "rho = 0.3",
            "rules.toml: 'rho' is not known here; it may hold default, first, last and a table [layers]",
        ),
        ("", "rules.toml: must give a default or name layers, but is empty"),
        ("layers = 3", "rules.toml: 'layers' must be a table of node names, not 3"),
        (
            "default = true",
            "rules.toml: 'default': RHO must be a number from 0 to below 1, or 'int2' to 'int8', but is True",
        ),
        (
            'default = "int9"',
            "rules.toml: 'default': RHO must be a number from 0 to below 1, or 'int2' to 'int8', but is 'int9'",
        ),
        (
            "[layers]\na.b = 0.3",
            (
                "rules.toml: layer 'a': RHO must be a number from 0 to below 1, or 'int2' to 'int8', "
                "but is a table (a name with a dot needs quotes)"
            ),
        ),
    ],
)
def test_what_a_file_must_not_hold(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_rules(written(tmp_path, text))
    assert caught.value.sentence == sentence


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^rules\.toml: must be a TOML file, but: "):
        read_rules(written(tmp_path, "default 0.3"))
