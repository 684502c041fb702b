"""The board's folder: ports, masks, images, and what it says where no frame fits."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hand_designs import branches

from ternc import target
from ternc.emit.board import Room, beats_image, emit
from ternc.emit.simulation import Vectors
from ternc.pipeline import VECTOR_FRAMES, board_room
from ternc.schedule.design import Chip, Design, StreamPort

ROOM = Room(frames=2, block_rams=9, left=20, available=208)


def lattice(outputs: tuple[StreamPort, ...] | None = None) -> Design:
    design = replace(branches(), chip=Chip(vendor="Lattice", family="ECP5", part="LFE5U-85F-6BG381C"))
    return replace(design, outputs=outputs) if outputs else design


def vectors(design: Design) -> Vectors:
    """Random beats of three frames."""
    rng = np.random.default_rng(1)

    def beats(port: StreamPort) -> np.ndarray:
        return rng.integers(0, 256, (3, port.beats_per_frame, port.data_bytes), dtype=np.uint8)

    return Vectors(inputs=tuple(map(beats, design.inputs)), outputs=tuple(map(beats, design.outputs)))


def board(design: Design, room: Room = ROOM) -> dict[str, str]:
    files = emit(design, {"net.sv": b""}, vectors(design), room)
    return {name: data.decode() for name, data in files.items()}


@pytest.mark.parametrize(
    ("channels", "elements", "pixels", "parameters"),
    [
        (10, 4, 1, (3, 4 * 9, 2 * 9)),
        (8, 4, 1, (2, 4 * 9, 4 * 9)),
        (3, 5, 1, (1, 5 * 9, 3 * 9)),
        (3, 6, 2, (1, 6 * 9, 6 * 9)),
    ],
)
def test_bits_that_carry_nothing_are_not_compared(
    channels: int, elements: int, pixels: int, parameters: tuple[int, int, int]
) -> None:
    """Period, CareBits and LastBits of a check."""
    one = replace(
        branches().outputs[0],
        channels=channels,
        elements_per_beat=elements,
        element_bits=9,
        pixels_per_beat=pixels,
    )
    top = board(lattice((one,)))["branches_ulx3s.sv"]
    found = re.findall(r"\.Period\((\d+)\), \.CareBits\((\d+)\),\s+\.LastBits\((\d+)\)", top)
    assert found == [tuple(map(str, parameters))]


def test_images_hold_the_first_frames_beat_by_beat() -> None:
    design = lattice()
    files, beats = board(design), vectors(design).outputs[1][:2]
    lines = files[f"mem/ulx3s_{design.outputs[1].name}.mem"].split()
    assert len(lines) == 2 * design.outputs[1].beats_per_frame
    found = [list(int(line, 16).to_bytes(beats.shape[-1], "little")) for line in lines]
    assert found == beats.reshape(len(lines), -1).tolist()


def test_the_first_byte_of_a_beat_is_the_lowest() -> None:
    assert beats_image(np.array([[[1, 2, 254]]], np.uint8)) == b"fe0201\n"


def test_without_room_there_is_only_the_reason() -> None:
    files = board(lattice(), Room(frames=0, block_rams=30, left=20, available=208))
    assert list(files) == ["README.md"]
    assert (
        "There is no board test of this build: one frame of its vectors takes 30 block RAMs, and the core leaves 20 of 208."
        in files["README.md"]
    )


def test_as_many_frames_as_fit() -> None:
    """Of 18 kbit each, by brute force."""
    design, device = lattice(), target.load("ecp5-85k")
    block = device.block_ram
    need = {
        frames: sum(
            block.blocks(depth_words=frames * port.beats_per_frame, width_bits=8 * port.data_bytes)
            for port in (*design.inputs, *design.outputs)
        )
        for frames in range(1, VECTOR_FRAMES + 1)
    }
    assert need[1] < need[VECTOR_FRAMES]
    for left in range(need[VECTOR_FRAMES] + 2):
        core = replace(design.resources, block_rams=block.count - left)
        room = board_room(replace(design, resources=core), device)
        frames = max((count for count, blocks in need.items() if blocks <= left), default=0)
        assert room == Room(frames=frames, block_rams=need[frames or 1], left=left, available=208)
