"""Engines named by hand: the file's form, and that they run all layers in their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks import assemble

from ternc.errors import DataError, ScheduleError
from ternc.network.layers import IntRange, Linear, Network, Staircase, Tensor, Term
from ternc.schedule.design import ArrayShape
from ternc.schedule.pinned import PinnedEngine, parse_shape, read_engines, resolve
from zoo import shape

A, B = shape("1x2x3"), shape("4x5x6")


def chain(*names: str) -> Network:
    """Layers of one channel, each reading the one before."""
    tensors = [Tensor(name="x", channels=1, height=1, width=1, range=IntRange(low=-1, high=1))]
    layers = []
    for name in names:
        term = Term(source=tensors[-1].name, weights=np.ones((1, 1, 1, 1), np.int32))
        codes = Staircase(thresholds=np.array([[1]], np.int64), low=0)
        layers.append(Linear(name=name, kind="conv", terms=(term,), target=f"{name}_t", activation=codes))
        tensors.append(replace_range(tensors[0], f"{name}_t"))
    return assemble(tensors[0], layers)


def replace_range(like: Tensor, name: str) -> Tensor:
    """A binary tensor of the same size."""
    return Tensor(name=name, channels=1, height=like.height, width=like.width, range=IntRange(low=0, high=1))


def engines(folder: Path, text: str) -> tuple[PinnedEngine, ...]:
    """Of a file."""
    path = folder / "ENGINES.toml"
    path.write_text(text)
    return read_engines(path)


def test_engines_by_count_or_by_name(tmp_path: Path) -> None:
    found = engines(
        tmp_path,
        '[[engine]]\nlayers = 2\narray = "1x2x3"\n[[engine]]\nlayers = ["c"]\narray = "4X5X6"\n',
    )
    assert found == (PinnedEngine(layers=2, array=A), PinnedEngine(layers=("c",), array=B))
    assert resolve(found, chain("a", "b", "c")) == ((2, A), (1, B))


@pytest.mark.parametrize(
    "text",
    [
        "4x8",
        "0x1x1",
        "1x1x",
        "1x1x1x1",
        "-1x1x1",
        "1 x1x1",
        "",
        "٣x1x1",
        "4x1x1/3",
        "6x1x1/4",
        "4x1x1/0",
        "4x1x1/",
        "4x1x1pp",
        "4x1x1p/2",
    ],
)
def test_what_is_no_shape(text: str) -> None:
    assert parse_shape(text) is None


def test_a_shape_may_drain_several_sums_at_once() -> None:
    drained = ArrayShape(rows=12, cols=2, lanes=3, drain=4)
    assert parse_shape("12x2x3/4") == drained
    assert str(drained) == "12x2x3/4"
    assert parse_shape("12x2x3/1") == shape("12x2x3")
    packed = replace(drained, packed=True)
    assert parse_shape("12x2x3/4p") == packed
    assert str(packed) == "12x2x3/4p"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold [[engine]] tables and nothing else"),
        ("engine = 3", "must hold [[engine]] tables and nothing else"),
        ('more = 1\n[[engine]]\nlayers = 1\narray = "1x1x1"', "must hold [[engine]] tables and nothing else"),
        ("[[engine]\n", "must be a TOML file of engines, but cannot be read ("),
        ("[[engine]]\nlayers = 1", 'engine 0 must have layers and array = "ROWSxCOLSxLANES[/DRAIN][p]", '),
        (
            '[[engine]]\nlayers = 1\narray = "1x1x1"\n[[engine]]\nlayers = 1\narray = "1x1"',
            'engine 1 must have layers and array = "ROWSxCOLSxLANES[/DRAIN][p]", ',
        ),
        (
            '[[engine]]\nlayers = 1\narray = "1x1x1"\nname = "x"',
            'engine 0 must have layers and array = "ROWSxCOLSxLANES[/DRAIN][p]", ',
        ),
        (
            '[[engine]]\nlayers = 0\narray = "1x1x1"',
            "layers of engine 0 must be a number or names, but are 0",
        ),
        (
            '[[engine]]\nlayers = []\narray = "1x1x1"',
            "layers of engine 0 must be a number or names, but are []",
        ),
        (
            '[[engine]]\nlayers = true\narray = "1x1x1"',
            "layers of engine 0 must be a number or names, but are True",
        ),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError) as refusal:
        engines(tmp_path, text)
    assert refusal.value.sentence.startswith(f"{tmp_path / 'ENGINES.toml'}: {sentence}")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_engines(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((2,), "the engines run 2 of 3 layers; nothing runs 'c'"),
        ((2, 2), "engine 1 must run 'c', but is to run 2"),
        ((3, 1), "engine 1 must run no more layers, but is to run 1"),
        ((("a", "c"), 1), "engine 0 must run 'a', 'b', but is to run 'a', 'c'"),
        ((("b",), 2), "engine 0 must run 'a', but is to run 'b'"),
    ],
)
def test_engines_that_do_not_run_all_layers_in_order_are_refused(
    layers: tuple[int | tuple[str, ...], ...], sentence: str
) -> None:
    with pytest.raises(ScheduleError) as refusal:
        resolve([PinnedEngine(layers=one, array=A) for one in layers], chain("a", "b", "c"))
    assert refusal.value.sentence == sentence
