"""Arrays from files: whatever is wrong with one is one sentence."""

from pathlib import Path

import numpy as np
import pytest

from ternc import npy
from ternc.errors import DataError


def test_read_array_refuses_what_is_not_a_whole_array_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"

    def refusal() -> str:
        with pytest.raises(DataError) as refused:
            npy.read_array(path)
        return refused.value.sentence.removeprefix(f"{path}: ")

    assert refusal() == "no such file"
    path.write_bytes(b"")
    assert refusal() == "must be a .npy file, but it is not"
    path.write_bytes(b"PK\x03\x04 an archive")
    assert refusal() == "must be a .npy file, but it is not"
    np.save(path, np.arange(100.0))
    path.write_bytes(path.read_bytes()[:-8])
    assert refusal().startswith("must be a whole .npy file of numbers, but: ")
    np.save(path, np.array([{}], object))
    assert refusal().startswith("must be a whole .npy file of numbers, but: Object arrays")
    np.save(path, np.array(["one"]))
    assert refusal() == "must hold integers or floats, not <U3"
    path.unlink()
    path.mkdir()
    assert refusal() == "cannot be read (Is a directory)"


def test_write_array_writes_exactly_the_named_file(tmp_path: Path) -> None:
    path = tmp_path / "y.out"
    npy.write_array(path, np.arange(5))
    assert [entry.name for entry in tmp_path.iterdir()] == ["y.out"]
    assert np.array_equal(npy.read_array(path), np.arange(5))
