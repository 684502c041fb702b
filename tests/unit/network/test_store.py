"""A damaged store is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from networks import assemble

from ternc.errors import BuildError
from ternc.network.layers import IntRange, Linear, Tensor
from ternc.network.store import ARRAYS_NAME, JSON_NAME, load, save

FIRST = Tensor(name="in", channels=2, height=1, width=1, range=IntRange(low=0, high=3))
LAYER = Linear(name="only", kind="dense", source="in", target="out", trits=np.ones((2, 2, 1, 1), np.int8))


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    save(assemble(FIRST, (LAYER,)), tmp_path / "new" / "place")
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
    (stored / JSON_NAME).write_text(json.dumps({**document, "format": 2}))
    with pytest.raises(BuildError, match=r"must be format 1, but is format 2"):
        load(stored)


def test_the_json_is_readable(stored: Path) -> None:
    document = json.loads((stored / JSON_NAME).read_text())
    assert document["network"]["layers"][0]["name"] == "only"
    assert document["network"]["layers"][0]["trits"] == {
        "array": "network.layers.0.trits",
        "dtype": "int8",
        "shape": [2, 2, 1, 1],
    }
    with np.load(stored / ARRAYS_NAME) as arrays:
        np.testing.assert_array_equal(arrays["network.layers.0.trits"], LAYER.trits)
