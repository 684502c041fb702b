"""Arrays from files: whatever is wrong with one is one sentence."""

from pathlib import Path

import numpy as np
import pytest

from ternc import npy
from ternc.errors import DataError


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as refused:
        npy.read_arrays(path)
    return refused.value.sentence.removeprefix(f"{path}: ")


def test_read_arrays_refuses_what_is_not_a_whole_array_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    assert refusal(path) == "no such file"
    path.write_bytes(b"")
    assert refusal(path) == "must be a .npy or .npz file, but it is neither"
    np.save(path, np.arange(100.0))
    path.write_bytes(path.read_bytes()[:-8])
    assert refusal(path).startswith("must be a whole .npy file of numbers, but: ")
    np.save(path, np.array([{}], object))
    assert refusal(path).startswith("must be a whole .npy file of numbers, but: Object arrays")
    np.save(path, np.array(["one"]))
    assert refusal(path) == "must hold integers or floats, not <U3"
    path.unlink()
    path.mkdir()
    assert refusal(path) == "cannot be read (Is a directory)"


def test_read_arrays_refuses_a_broken_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"PK\x03\x04 an archive")
    assert refusal(path) == "must be a whole .npz file, but: File is not a zip file"
    np.savez_compressed(path, a=np.arange(100.0), b=np.array(["one"]))
    assert refusal(path) == "array 'b': must hold integers or floats, not <U3"
    path.write_bytes(path.read_bytes()[:-40])
    assert refusal(path).startswith("must be a whole .npz file, but: ")


def test_write_array_writes_exactly_the_named_file(tmp_path: Path) -> None:
    path = tmp_path / "y.out"
    npy.write_array(path, np.arange(5))
    assert [entry.name for entry in tmp_path.iterdir()] == ["y.out"]
    assert np.array_equal(np.load(path), np.arange(5))


def test_write_arrays_gives_what_read_arrays_and_numpy_read(tmp_path: Path) -> None:
    path = tmp_path / "y.npz"
    arrays = {"boxes/0": np.arange(6.0).reshape(2, 3), "flag": np.array([True, False])}
    npy.write_arrays(path, arrays)
    found = npy.read_arrays(path)
    assert isinstance(found, dict)
    with np.load(path) as stored:
        assert sorted(stored) == sorted(found) == sorted(arrays)
        for name, array in arrays.items():
            assert np.array_equal(found[name], array)
            assert np.array_equal(stored[name], array)
            assert found[name].dtype == array.dtype
