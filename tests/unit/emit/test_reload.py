"""Images of networks: what they say, and to which hardware they belong."""

import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "rtl"))

import hand_designs
import pytest

from ternc import target
from ternc.emit import handoff, rtl
from ternc.emit.reload import structure
from ternc.errors import ScheduleError
from ternc.frontend import read
from ternc.pipeline import chosen
from ternc.schedule import loading
from ternc.schedule.build import design_of
from ternc.schedule.design import ArrayShape, Design, Memory
from ternc.schedule.loading import LIMIT, NumberedMemory, check_loadable, load_width, memories
from ternc.schedule.packet import read_image, write_image
from ternc.schedule.wish import Wish


def numbered(number: int, width: int, *words: int) -> NumberedMemory:
    memory = Memory(name="m", width_bits=width, words=words)
    return NumberedMemory(number=number, file="m", memory=memory, depth_words=len(words))


def test_an_image_is_its_header_its_records_and_a_crc() -> None:
    hardware, network = "0123456789abcdef0011223344556677", f"{5:032x}"
    data = write_image([numbered(3, 9, 1, 2), numbered(4, 70, 0x2A_11223344_55667788)], hardware, network)
    *words, crc = struct.unpack(f"<{len(data) // 4}I", data)
    assert words[:2] == [0x4C4E5254, 1]
    assert words[2:6] == [0x44556677, 0x00112233, 0x89ABCDEF, 0x01234567]
    assert words[6:11] == [5, 0, 0, 0, 2]
    assert words[11:] == [3 << 16 | 1, 2, 1, 2, 4 << 16 | 3, 1, 0x2A, 0x11223344, 0x55667788]
    assert crc == zlib.crc32(data[:-4])
    found = read_image(data, "it")
    assert (found.structure, found.network) == (hardware, network)


def test_memories_that_an_image_cannot_reach_are_refused() -> None:
    check_loadable([replace(numbered(0, 2, 1), depth_words=1 << 24)] * (1 << 16))
    with pytest.raises(ScheduleError) as deep:
        check_loadable([replace(numbered(0, 2, 1), file="e0_weights_0", depth_words=(1 << 24) + 1)])
    assert str(deep.value) == (
        "memory 'e0_weights_0' has 16,777,217 words, and an image addresses at most 16,777,216\n"
        "  help: share its words among more columns: --array; or compile without --reloadable"
    )
    with pytest.raises(ScheduleError) as many:
        check_loadable([numbered(0, 2, 1)] * ((1 << 16) + 1))
    assert str(many.value) == (
        "the design has 65,537 memories that a new network fills, and an image numbers at most 65,536\n"
        "  help: ask for fewer columns: --lanes or --array; or compile without --reloadable"
    )


def test_a_design_asks_whether_its_memories_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an address of a bit nothing is."""
    monkeypatch.setattr(loading, "ADDRESS_BITS", 1)
    device = target.load("ecp5-85k")
    network = read(Path(__file__).parents[2] / "models" / "digits_cnn" / "digits_cnn.qonnx.onnx")
    shape = ArrayShape(rows=2, cols=4, lanes=8)
    wish = Wish(budget=1.0, clock_mhz=100.0, array=shape, reloadable=True)
    made = chosen(network, device, wish)[1]
    with pytest.raises(ScheduleError, match="and an image addresses at most 2"):
        design_of(made, device, 100.0)


def test_comments_do_not_make_other_hardware() -> None:
    plain = {"a.sv": b'module a;\n  x #(.F("mem//a.mem")) u;\nendmodule\n'}
    noted = {"a.sv": b'// note\nmodule a;  // more\n\n  /* of\n */\n  x #(.F("mem//a.mem")) u;\nendmodule\n'}
    other = {"a.sv": b'module a;\n  x #(.F("mem//b.mem")) u;\nendmodule\n'}
    assert structure(plain) == structure(noted) != structure(other)


def changed(design: Design) -> Design:
    """The same hardware with other words, fewer of some."""
    first, *rest = design.engines
    weights = tuple(replace(one, words=(1,) * 7) for one in first.weights)
    return replace(design, engines=(replace(first, weights=weights, layers=("other",)), *rest))


def test_designs_of_the_same_hardware_have_the_same_sources() -> None:
    one, other = hand_designs.reloadable(), changed(hand_designs.reloadable())
    assert rtl.structure_hash(one) == rtl.structure_hash(other) != 0
    ours, theirs = rtl.emit(one), rtl.emit(other)
    assert f"128'h{rtl.structure_hash(one):032x}".encode() in ours["reloadable.sv"]
    assert {name for name in ours if ours[name] != theirs[name]} == {
        "reloadable_engine0.sv",  # in a comment
        "reloadable.sv",  # in a comment
        *(f"mem/e0_weights_{c}.mem" for c in range(5)),
    }
    assert theirs["mem/e0_weights_0.mem"].split() == [b"01"] * 7 + [b"00"] * 33
    different = replace(one.engines[0], geometry=replace(one.engines[0].geometry, shift=8))
    assert rtl.structure_hash(replace(one, engines=(different, *one.engines[1:]))) != rtl.structure_hash(one)


def test_only_a_reloadable_design_has_an_image() -> None:
    for make, name in (
        (hand_designs.reloadable_score, "reload/reloadable_score.bin"),
        (hand_designs.score, None),
    ):
        design = make()
        files = handoff.emit(design, rtl.emit(design))
        assert [path for path in files if path.startswith("reload/")] == ([name] if name else [])


def test_every_memory_has_a_number_and_the_limit_is_one() -> None:
    design = hand_designs.reloadable_score()
    found = memories(design)
    assert [one.number for one in found] == list(range(len(found)))
    assert [one.file for one in found if one.file == LIMIT] == [LIMIT]
    assert found[-1].memory.words == (900,)
    assert load_width(design) == max(one.memory.width_bits for one in found)
    assert LIMIT not in [one.file for one in memories(hand_designs.score())]
    assert load_width(hand_designs.score()) == 0
