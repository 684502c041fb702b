"""ternc_line_buffer: vectors of tiles into chunks of another size, rings of any size."""

from pathlib import Path

import pytest
from rtl_bench import Bench, Parameters

NAMES = (
    *(
        "Rows",
        "Lanes",
        "StoredLanes",
        "Cols",
        "Piece",
        "ElemBits",
        "CodeBits",
        "ActBits",
        "Capacity",
        "FrameRows",
    ),
    *("StepRows", "Width", "Tiles", "Stride", "XBits", "TileBits", "StepBits", "RowBits", "Pixels", "Skew"),
)
NEITHER = (3, 7, 4, 6, 2, 9, 3, 5, 4, 6, 2, 7, 3, 2, 4, 3, 2, 5, 2, 1)
NARROW = (2, 6, 6, 4, 2, 5, 5, 5, 5, 5, 1, 5, 4, 1, 3, 2, 1, 5, 2, 0)
PARTS = (2, 3, 3, 12, 3, 8, 4, 8, 6, 9, 3, 4, 2, 1, 3, 1, 2, 5, 1, 0)
TILES = (4, 8, 8, 2, 2, 8, 8, 8, 8, 3, 1, 9, 5, 3, 4, 3, 1, 6, 1, 0)
FOUR = (5, 4, 4, 3, 1, 8, 8, 8, 4, 3, 1, 14, 2, 2, 3, 2, 1, 6, 4, 2)
ONE = (1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 1, 3, 1, 0)


def parameters(values: tuple[int, ...], place_file: Path) -> Parameters:
    """Of a line buffer; the place ROM's words are written: phases of the stride, spread over the banks.

    Each phase begins Skew banks later than the one before, so that neighbouring pixels lie in different banks.
    """
    p = dict(zip(NAMES, values, strict=True))
    rows, width, pixels = p["Rows"], p.pop("Width"), p["Pixels"]
    stride, skew = p.pop("Stride"), p.pop("Skew")
    phase_words = -(-(-(-width // stride) + (rows - 1 if skew else 0)) // rows)
    pitch = stride * phase_words
    offset_bits, bank_bits = max(1, (pitch - 1).bit_length()), max(1, (rows - 1).bit_length())
    place_bits = offset_bits + bank_bits + (pixels > 1)
    words = []
    for first in range(0, width, pixels):
        words.append(0)
        for i, x in enumerate(range(first, min(first + pixels, width))):
            index, phase = divmod(x, stride)
            index += phase * skew % rows
            place = index % rows << offset_bits | phase * phase_words + index // rows
            words[-1] |= (place | (1 << place_bits - 1 if pixels > 1 else 0)) << i * place_bits
    p["Bundles"] = len(words)
    p["LinkCols"] = p["Cols"] + (width % 3)
    place_file.write_text("".join(f"{word:x}\n" for word in words))
    plane = p["Capacity"] * pitch
    wide = -(-p["Cols"] // p["StoredLanes"]) * p["StoredLanes"]
    depth = -(-p["Tiles"] * p["Cols"] // wide) * plane
    return {**p, "Pitch": pitch, "Plane": plane, "Depth": depth, "PlaceFile": str(place_file)}


@pytest.mark.parametrize(
    ("values", "simulator"),
    [
        (NEITHER, "verilator"),
        (TILES, "verilator"),
        (NARROW, "icarus"),
        (PARTS, "icarus"),
        (ONE, "icarus"),
        (FOUR, "icarus"),
    ],
)
def test_line_buffer(bench: Bench, tmp_path: Path, values: tuple[int, ...], simulator: str) -> None:
    bench.run("line_buffer", parameters(values, tmp_path / "places.hex"), simulator=simulator)
