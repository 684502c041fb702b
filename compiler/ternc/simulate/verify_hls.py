"""Golden = HLS C++ on a build directory, in every wrapper, value by value in every layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ternc import frontend
from ternc.dialects import DIALECTS, Dialect
from ternc.errors import BuildError
from ternc.network import golden
from ternc.simulate import hls, layers
from ternc.simulate.borders import OnBorder
from ternc.simulate.ends import Codes, on_ports
from ternc.simulate.hls import Form
from ternc.simulate.layers import WrongValue
from ternc.simulate.model import Beats, Progress
from ternc.simulate.onnx import OnnxMismatch
from ternc.simulate.opened import Opened, modified_files, open_build
from ternc.simulate.streams import pack_all, unpack
from ternc.simulate.verify import (
    DEFAULT_FRAMES,
    border_document,
    check_count,
    chosen_frames,
    notes,
    versus_onnx,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HlsOptions:
    """What to run.

    Attributes:
        frames, input, seed: As of `VerifyOptions`.
        dialects: Whose wrappers; empty: all that the build has.
    """

    frames: int | None = None
    input: Path | None = None
    seed: int = 0
    dialects: tuple[Dialect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HlsMismatch:
    """The first wrong value that a wrapper's simulation computes.

    Attributes:
        dialect: Whose wrapper.
        port: Name of the output port where every layer is right, else None.
        value: The place; of a port the layer is empty, and channel and pixel are those of its map.
    """

    dialect: Dialect
    port: str | None
    value: WrongValue

    def __str__(self) -> str:
        v = self.value
        place = f"layer '{v.layer}'" if self.port is None else f"output port '{self.port}'"
        got = "nothing came" if v.got is None else f"got {v.got}"
        return (
            f"HLS C++ ({self.dialect}) differs from the golden model first in frame {v.frame} at {place}, "
            f"channel {v.channel}, pixel [{v.pixel[0]}, {v.pixel[1]}]: expected {v.expected}, {got}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HlsReport:
    """Outcome of a verification.

    Attributes:
        frames: How many ran.
        dialects: Frames of which an output differs from golden, by wrapper.
        onnx, on_borders, first_on_border: As of `VerifyReport`.
        first_mismatch: The first wrong value: of the HLS form if it has one, else of the golden model.
        modified, departures: As of `VerifyReport`.
    """

    frames: int
    dialects: dict[Dialect, int]
    onnx: int
    on_borders: int
    first_on_border: OnBorder | None
    first_mismatch: HlsMismatch | OnnxMismatch | None
    modified: tuple[str, ...]
    departures: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Everything agrees."""
        return not self.failures()

    def failures(self) -> tuple[str, ...]:
        """One sentence for each thing that is wrong."""
        return () if self.first_mismatch is None else (str(self.first_mismatch),)

    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing worth knowing that is not wrong in itself."""
        return notes(self.modified, self.on_borders, self.first_on_border, self.departures)

    def to_json(self) -> dict[str, Any]:
        """The document that ``ternc verify --engine hls --json`` prints."""
        return {
            "frames": self.frames,
            "mismatches": {"onnx": self.onnx, **self.dialects},
            "first_mismatch": _first(self.first_mismatch),
            "on_borders": {"frames": self.on_borders, "first": border_document(self.first_on_border)},
            "departures": list(self.departures),
        }


def _first(mismatch: HlsMismatch | OnnxMismatch | None) -> dict[str, Any] | None:
    match mismatch:
        case None:
            return None
        case HlsMismatch(value=v):
            return {
                "dialect": mismatch.dialect,
                "frame": v.frame,
                "layer": v.layer or None,
                "port": mismatch.port,
                "channel": v.channel,
                "pixel": list(v.pixel),
                "expected": v.expected,
                "got": v.got,
            }
        case OnnxMismatch():
            return {
                "frame": mismatch.frame,
                "output": mismatch.output,
                "index": list(mismatch.index),
                "expected": mismatch.expected,
                "got": mismatch.got,
            }


def verify_hls(path: Path, options: HlsOptions, progress: Progress | None = None) -> HlsReport:
    """Run the HLS form of a build, its integer network and its ONNX model on the same frames.

    Args:
        path: Build directory.
        options: What to run.
        progress: Told about wrappers done.
    Raises:
        BuildError: Not a build directory, or one without an HLS form.
        DataError: The input file does not fit the network.
        ToolError: A compiler or header is missing, or the simulation stopped.
    """
    check_count(options.frames)
    build = open_build(path)
    dialects = options.dialects or present(path)
    frames = chosen_frames(build, options.input, options.frames, DEFAULT_FRAMES["verilator"], options.seed)
    leaving = golden.predict(build.network, frames.codes)
    versus = versus_onnx(build, frames, leaving)
    beats = pack_all(build.dut.inputs, frames.codes)
    expected = pack_all(build.dut.outputs, on_ports(build.network, leaving))
    wrong: dict[Dialect, int] = {}
    first: HlsMismatch | None = None
    for number, dialect in enumerate(dialects):
        run = simulate(build, Form(dialect=dialect, monitor=True), beats)
        differs = np.zeros(len(frames), np.bool_)
        for got, wanted in zip(run.beats, expected, strict=True):
            differs |= (got != wanted).any(axis=(1, 2))
        wrong[dialect] = int(differs.sum())
        first = first or _mismatch(build, dialect, frames.codes, run, expected)
        if progress is not None:
            progress(number + 1, len(dialects))
    return HlsReport(
        frames=len(frames),
        dialects=wrong,
        onnx=versus.mismatches,
        on_borders=versus.on_borders,
        first_on_border=versus.first_on_border,
        departures=frontend.departures(build.model),
        first_mismatch=first or versus.first,
        modified=modified_files(path),
    )


def present(path: Path) -> tuple[Dialect, ...]:
    """The wrappers that a build has.

    Raises:
        BuildError: It has none.
    """
    found = tuple(name for name in DIALECTS if (path / "hls" / name).is_dir())
    if not found:
        raise BuildError(
            f"{path}: must have an HLS form, but has no folder 'hls'", help="compile with --emit hls"
        )
    return found


def simulate(build: Opened, form: Form, beats: Sequence[Beats]) -> hls.Run:
    """Compile one form of a build, if it is not in the cache, and run frames.

    Raises:
        ToolError: A compiler or header is missing, or the simulation stopped.
    """
    program = hls.build(build.path / "hls", form)
    return hls.run(build.dut, program, beats, monitor=form.monitor)


def _mismatch(
    build: Opened, dialect: Dialect, codes: Sequence[Codes], run: hls.Run, expected: Sequence[Beats]
) -> HlsMismatch | None:
    """The first wrong value: of a layer, else of a port."""
    value = layers.first_wrong(build.network, build.engines, codes, run.vectors)
    if value is not None:
        return HlsMismatch(dialect=dialect, port=None, value=value)
    for port, got, wanted in zip(build.dut.outputs, run.beats, expected, strict=True):
        frames = np.flatnonzero((got != wanted).any(axis=(1, 2)))[:1]
        for frame in frames.tolist():
            one = slice(frame, frame + 1)
            is_, should = (unpack(port, beats[one])[0].transpose(1, 2, 0) for beats in (got, wanted))
            y, x, channel = (int(i) for i in np.argwhere(is_ != should)[0])
            value = WrongValue(
                frame=frame,
                layer="",
                channel=channel,
                pixel=(y, x),
                expected=int(should[y, x, channel]),
                got=int(is_[y, x, channel]),
            )
            return HlsMismatch(dialect=dialect, port=port.name, value=value)
    return None
