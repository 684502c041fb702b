from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ternc.errors import DataError
from ternc.schedule.design import StreamPort
from ternc.simulate import streams
from ternc.simulate.streams import pack, unpack


@st.composite
def ports(draw: st.DrawFn) -> StreamPort:
    channels, pixels = draw(st.integers(1, 9)), draw(st.sampled_from((1, 1, 2, 4)))
    return StreamPort(
        name="p",
        value="v",
        tensor="t",
        channels=channels,
        height=draw(st.integers(1, 3)),
        width=pixels * draw(st.integers(1, 3)),
        elements_per_beat=draw(st.integers(1, 10)) if pixels == 1 else pixels * channels,
        element_bits=draw(st.integers(1, 40)),
        signed=draw(st.booleans()),
        pixels_per_beat=pixels,
    )


def random_maps(port: StreamPort, frames: int, seed: int) -> np.ndarray:
    low = -(1 << (port.element_bits - 1)) if port.signed else 0
    high = (1 << (port.element_bits - port.signed)) - 1
    shape = (frames, port.channels, port.height, port.width)
    return np.random.default_rng(seed).integers(low, high, shape, np.int64, endpoint=True)


@given(ports(), st.integers(0, 4), st.integers(0, 99))
def test_unpack_inverts_pack(port: StreamPort, frames: int, seed: int) -> None:
    maps = random_maps(port, frames, seed)
    assert np.array_equal(unpack(port, pack(port, maps)), maps)


@given(ports(), st.integers(0, 99))
def test_every_beat_is_its_definition(port: StreamPort, seed: int) -> None:
    maps = random_maps(port, 2, seed)
    beats = pack(port, maps)
    assert beats.shape == (2, port.beats_per_frame, port.data_bytes)
    for frame in range(2):
        number = 0
        for y in range(port.height):
            for x in range(0, port.width, port.pixels_per_beat):
                for first in range(0, port.channels, port.elements_per_beat):
                    pixels = maps[
                        frame, first : first + port.elements_per_beat, y, x : x + port.pixels_per_beat
                    ]
                    group = pixels.T.reshape(-1)
                    mask = (1 << port.element_bits) - 1
                    word = sum((int(v) & mask) << i * port.element_bits for i, v in enumerate(group))
                    assert int.from_bytes(beats[frame, number].tobytes(), "little") == word
                    number += 1


@given(ports(), st.integers(0, 99))
def test_unpack_ignores_leftover_elements(port: StreamPort, seed: int) -> None:
    maps = random_maps(port, 1, seed)
    beats = pack(port, maps)
    bits = np.unpackbits(beats, axis=-1, bitorder="little")
    used = port.elements_per_beat * port.element_bits
    bits[..., used:] = 1
    assert np.array_equal(unpack(port, np.packbits(bits, axis=-1, bitorder="little")), maps)


def test_many_chunks_give_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    port = StreamPort(
        name="p",
        value="v",
        tensor="t",
        channels=3,
        height=2,
        width=2,
        elements_per_beat=2,
        element_bits=5,
        signed=True,
    )
    maps = random_maps(port, 7, 0)
    whole = pack(port, maps)
    monkeypatch.setattr(streams, "_CHUNK_ELEMENTS", 40)
    assert np.array_equal(pack(port, maps), whole)
    assert np.array_equal(unpack(port, whole), maps)


@pytest.mark.parametrize(
    ("signed", "value", "sentence"),
    [
        (False, 16, "values of port 'p' must lie in 0..15, but one is 16"),
        (False, -1, "values of port 'p' must lie in 0..15, but one is -1"),
        (True, 8, "values of port 'p' must lie in -8..7, but one is 8"),
    ],
)
def test_pack_rejects_a_value_that_does_not_fit(signed: bool, value: int, sentence: str) -> None:
    port = StreamPort(
        name="p",
        value="v",
        tensor="t",
        channels=1,
        height=1,
        width=1,
        elements_per_beat=1,
        element_bits=4,
        signed=signed,
    )
    with pytest.raises(DataError) as error:
        pack(port, np.full((1, 1, 1, 1), value))
    assert str(error.value) == sentence


def test_shapes_are_checked() -> None:
    port = StreamPort(
        name="p",
        value="v",
        tensor="t",
        channels=3,
        height=2,
        width=2,
        elements_per_beat=2,
        element_bits=5,
        signed=True,
    )
    with pytest.raises(
        DataError, match=r"^maps of port 'p' must have shape \[frames, 3, 2, 2\], but have \[1, 3, 2\]$"
    ):
        pack(port, np.zeros((1, 3, 2), np.int64))
    with pytest.raises(
        DataError, match=r"^beats of port 'p' must have shape \[frames, 8, 2\], but have \[1, 8, 3\]$"
    ):
        unpack(port, np.zeros((1, 8, 3), np.uint8))
