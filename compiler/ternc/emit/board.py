"""``ecp5/``: the core on a ULX3S, which runs some of the build's own frames and says over a UART if they are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.emit.bitstream import ecp5_blocks, ecp5_size
from ternc.emit.core import CoreView, core_view
from ternc.emit.env import render
from ternc.emit.simulation import Vectors
from ternc.schedule.design import Design, StreamPort
from ternc.schedule.timing import watchdog_cycles

CLOCK_HZ = 25_000_000
"""The oscillator of the board."""
BAUD = 115_200
_PACKAGE = "CABGA381"
"""Of the ECP5 on every ULX3S, whatever its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the device has for stored frames.

    Attributes:
        frames: How many of the vectors' frames fit; 0 if not one does.
        block_rams: That they take, or that one would.
        left, available: Block RAMs that the core leaves, and of the device.
    """

    frames: int
    block_rams: int
    left: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pin:
    """A pin of the board, with its options of ``IOBUF``."""

    port: str
    site: str
    options: str
    note: str


_OUT = "PULLMODE=NONE DRIVE=4"
_PINS = (
    _Pin(port="clk_25mhz", site="G2", options="PULLMODE=NONE", note="the oscillator"),
    _Pin(port="button", site="R1", options="PULLMODE=DOWN", note="btn[1], FIRE1"),
    _Pin(port="ftdi_rxd", site="L4", options="PULLMODE=UP DRIVE=4", note="to the USB serial chip"),
    _Pin(port="wifi_gpio0", site="L2", options=_OUT, note="to the ESP32"),
    *(
        _Pin(port=f"led[{number}]", site=site, options=_OUT, note=f"LED {number}")
        for number, site in enumerate(("B2", "C2", "C1", "D2", "D1", "E2", "E1", "H3"))
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """A stream's player or check.

    Attributes:
        index: Among those of its direction; stream: among all; number: first bit of its 32-bit numbers.
        bits: Of TDATA; beats: of a frame; file: its frames.
        period, care_bits, last_bits: See ternc_board_check.
    """

    port: str
    index: int
    stream: int
    number: int
    bits: int
    beats: int
    file: str
    period: int
    care_bits: int
    last_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """``module`` is the top, ``stored`` the frames in ``sim/``, ``fpga`` the device, ``size`` nextpnr's word for it."""

    core: CoreView
    module: str
    frames: int
    stored: int
    block_rams: int
    left: int
    available: int
    clock_mhz: int
    divisor: int
    pause_cycles: int
    timeout_cycles: int
    latency_cycles: int
    cycles_per_frame: int
    predicted_cycles: int
    streams: int
    number_bits: int
    plays: tuple[_End, ...]
    checks: tuple[_End, ...]
    ends: tuple[_End, ...]
    pins: tuple[_Pin, ...]
    fpga: str
    size: str
    package: str


def emit(design: Design, hardware: Mapping[str, bytes], vectors: Vectors, room: Room) -> dict[str, bytes]:
    """The files of ``ecp5/``, by path below it; a README that says why not if no frame fits.

    Args:
        design: For an ECP5.
        hardware: The files of ``rtl/``, sources in compile order.
        vectors: Of the build's own regression.
        room: How many of its frames to store.
    """
    view = _view(design, core_view(design, hardware), vectors, room)
    readme = {"README.md": render("board/README.md.j2", view)}
    if not room.frames:
        return readme
    beats = zip((*view.plays, *view.checks), (*vectors.inputs, *vectors.outputs), strict=True)
    return {
        **readme,
        f"{view.module}.sv": render("board/top.sv.j2", view),
        f"{view.module}.ys": render("board/yosys.ys.j2", view),
        **ecp5_blocks(),
        "Makefile": render("board/Makefile.j2", view),
        "ulx3s.lpf": render("board/ulx3s.lpf.j2", view),
        **{end.file: beats_image(data[: room.frames]) for end, data in beats},
    }


def beats_image(beats: NDArray[np.uint8]) -> bytes:
    """The text that $readmemh reads, a beat a line, of uint8 ``[frames, beats, bytes]``, the lowest byte first."""
    lines = beats[..., ::-1].reshape(-1, beats.shape[-1])
    return "".join(f"{line.tobytes().hex()}\n" for line in lines).encode()


def _view(design: Design, core: CoreView, vectors: Vectors, room: Room) -> _View:
    plays = tuple(_end(port, index, index) for index, port in enumerate(design.inputs))
    checks = tuple(_end(port, index, len(plays) + index) for index, port in enumerate(design.outputs))
    return _View(
        core=core,
        module=f"{design.name}_ulx3s",
        frames=room.frames,
        stored=len(vectors.inputs[0]),
        block_rams=room.block_rams,
        left=room.left,
        available=room.available,
        clock_mhz=CLOCK_HZ // 1_000_000,
        divisor=round(CLOCK_HZ / BAUD),
        pause_cycles=CLOCK_HZ,
        timeout_cycles=watchdog_cycles(design.latency_cycles, design.cycles_per_frame),
        latency_cycles=design.latency_cycles,
        cycles_per_frame=design.cycles_per_frame,
        predicted_cycles=design.latency_cycles + (room.frames - 1) * design.cycles_per_frame,
        streams=len(plays) + len(checks),
        number_bits=32 * len(checks),
        plays=plays,
        checks=checks,
        ends=plays + checks,
        pins=_PINS,
        fpga=design.chip.part.rsplit("-", 1)[0],
        size=ecp5_size(design.chip.part),
        package=_PACKAGE,
    )


def _end(port: StreamPort, index: int, stream: int) -> _End:
    period = port.elements_per_pixel // port.elements_per_beat if port.pixels_per_beat == 1 else 1
    whole = port.elements_per_beat
    last = port.channels - (period - 1) * whole if port.pixels_per_beat == 1 else whole
    return _End(
        port=port.name,
        index=index,
        stream=stream,
        number=32 * index,
        bits=8 * port.data_bytes,
        beats=port.beats_per_frame,
        file=f"mem/ulx3s_{port.name}.mem",
        period=period,
        care_bits=whole * port.element_bits,
        last_bits=last * port.element_bits,
    )
