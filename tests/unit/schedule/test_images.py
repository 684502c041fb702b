"""Bits of memory words."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from machine import packed_trits
from ternc.emit.rtl import hex_image
from ternc.errors import InternalError
from ternc.schedule.design import ArrayShape, Memory
from ternc.schedule.images import pack_rows, pack_word, table_image, weight_images


def test_fields_lie_from_bit_0_up_in_twos_complement() -> None:
    assert pack_word(((5, 3), (-1, 4), (1, 1))) == 0b1_1111_101


@pytest.mark.parametrize(("value", "width"), [(8, 3), (-5, 3), (2, 1)])
def test_a_value_too_wide_for_its_field_is_a_bug(value: int, width: int) -> None:
    with pytest.raises(InternalError, match=f"the value {value} does not fit a field of {width} bits"):
        pack_word(((value, width),))


def test_rows_are_packed_like_words() -> None:
    rng = np.random.default_rng(0)
    widths = [1, 7, 33, 20, 40]
    values = np.array([[rng.integers(-(1 << (w - 1)), 1 << w) for w in widths] for _ in range(50)], np.int64)
    assert pack_rows(values, widths) == tuple(
        pack_word(zip(row.tolist(), widths, strict=True)) for row in values
    )
    with pytest.raises(InternalError, match="the value 8 does not fit a field of 3 bits"):
        pack_rows(np.array([[0, 1], [8, 1]]), [3, 4])


def test_a_table_fills_its_place_up_with_zeros() -> None:
    memory = table_image([(3, 0, 2), (1, 1)], code_bits=2)
    assert (memory.name, memory.width_bits, memory.words) == ("tables", 2, (3, 0, 2, 0, 1, 1, 0, 0))


def test_a_trit_is_the_two_bits_neg_and_nz_lane_0_lowest() -> None:
    trits = np.array([[[1, 0, -1], [0, 0, 0]], [[-1, -1, 1], [1, 0, 0]]], dtype=np.int8)
    columns = weight_images(trits, ArrayShape(rows=1, cols=2, lanes=3))
    assert [memory.name for memory in columns] == ["weights_0", "weights_1"]
    assert columns[0].words == (0b11_00_01, 0b01_11_11)
    assert columns[1].words == (0, 0b00_00_01)
    assert columns[0].width_bits == 6


def test_packed_trits_are_five_in_eight_bits_three_in_five_and_the_last_plain() -> None:
    trits = np.array([[[1, 0, 1, 0, 1, 0, 1, -1, -1]], [[-1, -1, -1, -1, -1, -1, 0, 0, 1]]], dtype=np.int8)
    shape = ArrayShape(rows=1, cols=1, lanes=9, packed=True)
    (column,) = weight_images(trits, shape)
    # (0, 1) is 2, (1, 0) and 1 is 01_001; (0, 1) and -1 is 10_010, -1 alone is 11
    assert column.words[0] == 0b11_10_010_010_01_001
    # (-1, -1) has no code: the triple 11_0_10 is cut around an escape; (-1, 0) is 4
    assert column.words[1] == 0b01_00_100_110_111_10
    assert column.width_bits == 15


@pytest.mark.parametrize("lanes", range(1, 9))
def test_packed_words_can_be_read_back(lanes: int) -> None:
    trits = np.array(list(product((0, 1, -1), repeat=lanes)), np.int8)
    (column,) = weight_images(trits[:, None], ArrayShape(rows=1, cols=1, lanes=lanes, packed=True))
    assert [packed_trits(word, lanes) for word in column.words] == trits.tolist()
    assert max(column.words) < 1 << column.width_bits
    assert column.words[0] == 0


def test_image_has_one_hex_word_a_line_with_leading_zeros() -> None:
    assert hex_image(Memory(name="m", width_bits=10, words=(1, 0x3FF))) == b"001\n3ff\n"
