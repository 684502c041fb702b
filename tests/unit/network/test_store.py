"""A damaged store is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks import assemble

from ternc.errors import BuildError
from ternc.network.layers import IntRange, Linear, Tensor, Term
from ternc.network.store import ARRAYS_NAME, JSON_NAME, equal, load, save

FIRST = Tensor(name="in", channels=2, height=1, width=1, range=IntRange(low=0, high=3))
WEIGHTS = np.array([1, -1, 0, 1], np.int32).reshape(2, 2, 1, 1)
LAYER = Linear(name="only", kind="dense", terms=(Term(source="in", weights=WEIGHTS),), target="out")
NETWORK = replace(assemble(FIRST, (LAYER,)), epilogue=b"\x00float\xff")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    save(NETWORK, tmp_path / "new" / "place")
    return tmp_path / "new" / "place"


def test_a_missing_file_is_named(stored: Path) -> None:
    (stored / ARRAYS_NAME).unlink()
    with pytest.raises(BuildError, match="cannot read the stored network"):
        load(stored)


@pytest.mark.parametrize("name", [JSON_NAME, ARRAYS_NAME])
def test_any_changed_byte_is_noticed(stored: Path, name: str) -> None:
    whole = (stored / name).read_bytes()
    for position in range(0, len(whole), 17):
        if whole[position : position + 1].isspace():
            continue
        damaged = bytearray(whole)
        damaged[position] ^= 1
        (stored / name).write_bytes(damaged)
        with pytest.raises(BuildError):
            load(stored)


@pytest.mark.parametrize("name", [JSON_NAME, ARRAYS_NAME])
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_truncated_file_is_noticed(stored: Path, name: str, keep: float) -> None:
    whole = (stored / name).read_bytes()
    (stored / name).write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(BuildError):
        load(stored)


@pytest.mark.parametrize("text", ["[]", "3", "{}", "null", '{"format": 1, "network": 3, "sha256": ""}'])
def test_another_json_is_refused(stored: Path, text: str) -> None:
    (stored / JSON_NAME).write_text(text)
    with pytest.raises(BuildError):
        load(stored)


def test_another_format_says_which(stored: Path) -> None:
    document = json.loads((stored / JSON_NAME).read_text())
    (stored / JSON_NAME).write_text(json.dumps({**document, "format": 1}))
    with pytest.raises(BuildError, match=r"must be format 3, but is format 1"):
        load(stored)


def test_the_json_is_readable(stored: Path) -> None:
    document = json.loads((stored / JSON_NAME).read_text())
    assert document["network"]["layers"][0]["name"] == "only"
    assert document["network"]["layers"][0]["terms"][0]["weights"] == {
        "array": "network.layers.0.terms.0.weights",
        "dtype": "int32",
        "shape": [2, 2, 1, 1],
    }
    assert document["network"]["epilogue"] == {"bytes": "network.epilogue"}
    with np.load(stored / ARRAYS_NAME) as arrays:
        np.testing.assert_array_equal(arrays["network.layers.0.terms.0.weights"], WEIGHTS)


@pytest.mark.parametrize(
    ("largest", "kept"), [(1, "int8"), (127, "int8"), (128, "int16"), (-32769, "int32"), (2**31 - 1, "int32")]
)
def test_weights_take_no_more_bytes_than_they_need(tmp_path: Path, largest: int, kept: str) -> None:
    weights = WEIGHTS.copy()
    weights[1, 0] = largest
    network = assemble(FIRST, (replace(LAYER, terms=(Term(source="in", weights=weights),)),))
    save(network, tmp_path)
    with np.load(tmp_path / ARRAYS_NAME) as arrays:
        assert arrays["network.layers.0.terms.0.weights"].dtype == kept
    loaded = load(tmp_path)
    assert loaded.layers[0].terms[0].weights.dtype == np.int32
    assert equal(loaded, network)


@pytest.mark.parametrize("epilogue", [b"", b"\x00float\xff"])
def test_an_epilogue_comes_back_byte_for_byte(tmp_path: Path, epilogue: bytes) -> None:
    save(replace(NETWORK, epilogue=epilogue), tmp_path)
    assert load(tmp_path).epilogue == epilogue


def test_equality_sees_every_part() -> None:
    assert equal(NETWORK, replace(NETWORK))
    assert not equal(NETWORK, replace(NETWORK, epilogue=b""))
    wider = replace(LAYER, terms=(replace(LAYER.terms[0], weights=WEIGHTS.astype(np.int64)),))
    assert not equal(NETWORK, replace(NETWORK, layers=(wider,)))
