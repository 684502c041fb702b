"""Vectors land where reads look for them, however the columns of the writer and the lanes of the reader divide."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np
import pytest
from cuts import lines, shapes
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Knobs, assemble, networks
from numpy.typing import NDArray

from machine import NOTHING, Banks
from ternc.network.layers import IntRange, Linear, Network, Staircase, Tensor, Term
from ternc.schedule.design import ArrayShape, BankedMemory
from ternc.schedule.layout import Layout
from ternc.schedule.pinned import PinnedEngine
from ternc.schedule.placement import Source, buffer_memory, inner_layouts


def tensor(channels: int, width: int) -> Tensor:
    """Of a few rows."""
    return Tensor(name="t", channels=channels, height=4, width=width, range=IntRange(low=0, high=1))


def written(layout: Layout, memory: BankedMemory, channels: int) -> tuple[Banks, NDArray[np.int64]]:
    """A memory into which every vector of every row was written, and what it is to hold: ``[C, rows, width]``."""
    deep = BankedMemory(cols=memory.cols, lanes=memory.lanes, bits=40, depth_words=layout.base + layout.words)
    banks = Banks(deep, layout.banks)
    values = np.arange(channels * layout.rows * layout.width).reshape(channels, layout.rows, layout.width)
    for y in range(layout.rows):
        for x in range(layout.width):
            for t in range(-(-channels // memory.cols)):
                codes = np.full(memory.cols, NOTHING, np.int64)
                part = values[t * memory.cols : (t + 1) * memory.cols, y, x]
                codes[: len(part)] = part
                wide, piece = layout.tile(t, memory.cols)
                bank, offset = layout.place(x)
                address = layout.base + y * layout.pitch + offset + wide
                banks.write(bank, address, address + layout.plane, piece, codes)
    return banks, values


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 20), st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4),
    st.integers(1, 11), st.integers(1, 4), st.integers(0, 3), st.integers(0, 4),
)  # fmt: skip
def test_every_value_is_read_back_by_neighbours(
    channels: int, cols: int, lanes: int, banks: int, stride: int, width: int, rows: int, base: int, skew: int
) -> None:
    """Whatever the skew is that keeps pixels apart which are written together."""
    memory = BankedMemory(cols=cols, lanes=lanes, bits=40, depth_words=0)
    layout = Layout.of(tensor(channels, width), memory, banks=banks, stride=stride, rows=rows, base=base)
    layout = replace(layout, skew=skew)
    stored, values = written(layout, memory, channels)
    held = stored.data[stored.data != NOTHING]
    assert len(held) == len(np.unique(held)) == values.size, "each value has one place of its own"
    for dx in range(-2 * stride, width + stride):
        offset, rotation, q, limit = layout.column(dx)
        for group in range(-(-width // (stride * banks))):
            for r in range(banks):
                index, x = group * banks + q + r, (group * banks + r) * stride + dx
                assert (0 <= index < limit) == (0 <= x < width)
                if not 0 <= x < width:
                    continue
                bank = (r + rotation) % banks
                for c in range(-(-channels // lanes)):
                    word, part = (int(one[0]) for one in layout.chunks(np.array([c])))
                    wanted = values[c * lanes : (c + 1) * lanes, :, x]
                    for y in range(rows):
                        address = word + y * layout.pitch + group + offset + (bank < rotation)
                        found = stored.read(bank, address, part, lanes)
                        np.testing.assert_array_equal(found[: len(wanted)], wanted[:, y])


@pytest.mark.parametrize(
    ("cols", "lanes", "parts", "piece", "pieces"),
    [
        (4, 8, 1, 4, 2),  # two vectors fill a word
        (8, 4, 2, 4, 2),  # a vector fills two words
        (6, 4, 2, 2, 4),  # three words hold two vectors: written in pieces of two
        (4, 6, 1, 2, 3),
        (5, 3, 2, 1, 6),
        (7, 7, 1, 7, 1),
    ],
)
def test_pieces_of_words_by_hand(cols: int, lanes: int, parts: int, piece: int, pieces: int) -> None:
    memory = BankedMemory(cols=cols, lanes=lanes, bits=3, depth_words=5)
    assert (memory.parts, memory.piece, memory.pieces) == (parts, piece, pieces)


def test_a_vector_across_two_wide_words_begins_in_the_last_pieces_of_one() -> None:
    memory = BankedMemory(cols=6, lanes=4, bits=3, depth_words=0)
    layout = Layout.of(tensor(24, 5), memory, banks=2, stride=1, rows=4)
    assert (layout.pitch, layout.plane, layout.wides) == (3, 12, 3)
    # wide words hold 8 channels in 4 pieces; vectors begin at the channels 0, 6, 12, 18
    assert [layout.tile(t, 6) for t in range(4)] == [(0, 0), (0, 3), (12, 2), (24, 1)]
    words, parts = layout.chunks(np.arange(6))
    assert words.tolist() == [0, 0, 12, 12, 24, 24]
    assert parts.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("channels", "source_cols", "lanes", "stored"),
    [
        (3, 16, 8, (3, 3)),  # one vector of few channels: neither columns nor lanes without any
        (20, 32, 8, (24, 8)),  # one vector: whole words of it
        (20, 16, 8, (16, 8)),  # several vectors: all of each
        (20, 4, 32, (4, 20)),
    ],
)
def test_a_line_buffer_keeps_no_column_without_a_channel(
    channels: int, source_cols: int, lanes: int, stored: tuple[int, int]
) -> None:
    source = Source(cols=source_cols, element_bits=4, bits=3, step=1)
    memory = buffer_memory(tensor(channels, 5), source, ArrayShape(rows=2, cols=3, lanes=lanes))
    assert (memory.cols, memory.lanes) == stored
    assert memory.piece == gcd(*stored)


@settings(max_examples=60, deadline=None)
@given(networks(Knobs(layers=6, channels=4, size=5, pools=False)), shapes)
def test_tensors_that_live_at_once_have_places_apart(network: Network, shape: ArrayShape) -> None:
    (planner,) = lines(network, (PinnedEngine(layers=len(network.layers), array=shape),)).planners
    stage = planner.stage
    places = inner_layouts(stage, planner.walks, shape)
    assert set(places) == {one.name for one in stage.inner}
    lives = {}
    for name in places:
        made = next(n for n, layer in enumerate(stage.layers) if layer.target == name)
        lives[name] = (made, max(n for n, layer in enumerate(stage.layers) if name in layer.sources))
    for a, left in places.items():
        for b, right in places.items():
            together = lives[a][0] <= lives[b][1] and lives[b][0] <= lives[a][1]
            apart = left.base + left.words <= right.base or right.base + right.words <= left.base
            assert a == b or not together or apart


@pytest.mark.parametrize(
    ("reads", "bases"),
    [
        ([[0], [1], [2], [3]], [0, 12, 0]),  # what nobody reads any more makes room
        ([[0], [1], [2], [3, 1]], [0, 12, 24]),  # the first tensor lives until the last layer
        ([[0], [1], [2, 1], [3]], [0, 12, 24]),
    ],
)
def test_places_of_a_chain_of_layers(reads: list[list[int]], bases: list[int]) -> None:
    tensors = [replace(tensor(2, 3), name=f"t{n}") for n in range(5)]
    eye = np.eye(2, dtype=np.int32)[:, :, None, None]
    codes = Staircase(thresholds=np.array([[1], [1]], np.int64), low=0)
    layers = [
        Linear(
            name=f"layer{n}",
            kind="add",
            terms=tuple(Term(source=f"t{k}", weights=eye) for k in sources),
            target=f"t{n + 1}",
            activation=codes,
        )
        for n, sources in enumerate(reads)
    ]
    shape = ArrayShape(rows=1, cols=2, lanes=2)
    (planner,) = lines(assemble(tensors[0], layers), (PinnedEngine(layers=4, array=shape),)).planners
    places = inner_layouts(planner.stage, planner.walks, shape)
    assert [places[f"t{n}"].base for n in (1, 2, 3)] == bases
