"""Every value in the wrappers: ports, processes and the streams between them."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.dialects import Dialect
from ternc.emit.env import comment
from ternc.emit.hls.engine import engine_name
from ternc.emit.hls.links import Ends, LinkType, StreamView
from ternc.schedule.design import (
    Design,
    InputStream,
    Link,
    OutputBuffer,
    ScoreUnit,
    StreamPort,
    ToBuffer,
    ToOutput,
    ToScore,
)
from ternc.version import __version__

NOTES: dict[Dialect, str] = {
    "vitis": "the wrapper for Vitis HLS, with a configuration file, and a Tcl script for older versions",
    "catapult": "the wrapper for Catapult, with a Tcl script",
    "sycl": "the wrapper for SYCL on FPGAs, with a CMake project",
}

_ROWS_AHEAD, _PASSES_AHEAD = 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PortView:
    """A port; ``bits`` of its TDATA, ``beats`` of a frame."""

    name: str
    note: str
    bits: int
    beats: int
    input: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessView:
    """A process: a structure with a method ``frame`` that takes these streams, some of which may be ports.

    A port's stream has the depth 0.
    """

    name: str
    type: str
    streams: tuple[StreamView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputView:
    """One input; ``keepers`` numbers those who keep its rows, ``beats`` are those of a frame."""

    name: str
    note: str
    stream_bits: int
    bits: int
    offset: int
    bundles: int
    chunks: int
    beats: int
    keepers: range


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputView:
    """One output buffer with its stream."""

    name: str
    note: str
    link: str
    cols: int
    channels: int
    tiles: int
    width: int
    height: int
    capacity: int
    frame_rows: int
    step_rows: int
    bundles: int
    phases: int
    bits: int
    offset: int
    element_bits: int
    stream_bits: int
    argmax: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreView:
    """The score with its stream."""

    note: str
    link: str
    frame_vectors: int
    frame_steps: int
    value_bits: int
    element_bits: int
    stream_bits: int
    squares: bool
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectView:
    """A wrapper's folder and what is in it."""

    name: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """What all generated files but the engines' read."""

    title: str
    version: str
    top: str
    links: tuple[LinkType, ...]
    engines: tuple[str, ...]
    inputs: tuple[InputView, ...]
    outputs: tuple[OutputView, ...]
    score: ScoreView | None
    ports: tuple[PortView, ...]
    streams: tuple[StreamView, ...]
    processes: tuple[ProcessView, ...]
    input_count: int
    output_count: int
    dialects: tuple[DialectView, ...]
    clock_mhz: str
    clock_ns: str


def top_view(design: Design, ends: Ends, dialects: tuple[Dialect, ...]) -> TopView:
    """The view of a design; ``ends`` are its links, ``dialects`` the wrappers that are written."""
    score = design.score
    programs = [_program(n) for n in range(len(design.engines))]
    links = [stream for end in ends.keepers.values() for stream in end.streams]
    return TopView(
        title=comment(f"{design.name}: a ternary network"),
        version=__version__,
        top=design.name,
        links=ends.types,
        engines=tuple(engine_name(n) for n in range(len(design.engines))),
        inputs=tuple(
            _input(n, port, stream)
            for n, (port, stream) in enumerate(zip(design.inputs, design.streams, strict=True))
        ),
        outputs=tuple(
            _output(n, port, buffer, ends)
            for n, (port, buffer) in enumerate(zip(design.outputs, design.buffers, strict=False))
        ),
        score=_score(design.outputs[-1], score, ends) if score else None,
        ports=tuple(
            _port(port, input=number < len(design.inputs))
            for number, port in enumerate((*design.inputs, *design.outputs))
        ),
        streams=(*links, *(stream for program in programs for stream in program)),
        processes=tuple(_processes(design, ends, programs)),
        input_count=len(design.inputs),
        output_count=len(design.outputs),
        dialects=tuple(DialectView(name=name, note=NOTES[name]) for name in dialects),
        clock_mhz=f"{design.clock_mhz:g}",
        clock_ns=f"{1000 / design.clock_mhz:.3f}",
    )


def _processes(
    design: Design, ends: Ends, programs: list[tuple[StreamView, StreamView]]
) -> list[ProcessView]:
    """Makers before keepers: inputs, engines, outputs."""
    found = []
    for number, (port, stream) in enumerate(zip(design.inputs, design.streams, strict=True)):
        name = f"input_{number}"
        streams = (_port_stream(port), *_streams(ends, stream.links))
        found.append(ProcessView(name=name, type=name, streams=streams))
    for number, engine in enumerate(design.engines):
        name, (rows, passes) = engine_name(number), programs[number]
        g = engine.geometry
        mine = tuple(ToBuffer(engine=number, buffer=n) for n in range(len(g.buffers)))
        found += [
            ProcessView(
                name=f"{name}_prefetcher", type=f"ternc_prefetcher<{name}_parameters>", streams=(rows,)
            ),
            ProcessView(
                name=f"{name}_walker", type=f"ternc_walker<{name}_parameters>", streams=(rows, passes)
            ),
            ProcessView(
                name=name, type=name, streams=(passes, *_streams(ends, mine), *_streams(ends, g.links))
            ),
        ]
    for number, port in enumerate(design.outputs[: len(design.buffers)]):
        name = f"output_{number}"
        streams = (*_streams(ends, (ToOutput(output=number),)), _port_stream(port))
        found.append(ProcessView(name=name, type=name, streams=streams))
    if design.score is not None:
        streams = (*_streams(ends, (ToScore(),)), _port_stream(design.outputs[-1]))
        found.append(ProcessView(name="score", type="score", streams=streams))
    return found


def _program(number: int) -> tuple[StreamView, StreamView]:
    """The streams between the parts of an engine's sequencer."""
    name = engine_name(number)
    return (
        StreamView(name=f"{name}_rows", type=f"ternc_row<{name}_parameters>", depth=_ROWS_AHEAD),
        StreamView(name=f"{name}_passes", type=f"ternc_pass<{name}_parameters>", depth=_PASSES_AHEAD),
    )


def _streams(ends: Ends, links: tuple[Link, ...]) -> tuple[StreamView, ...]:
    return tuple(stream for link in links for stream in ends.keepers[link].streams)


def _port_stream(port: StreamPort) -> StreamView:
    return StreamView(name=port.name, type=f"ternc_axis<{8 * port.data_bytes}>", depth=0)


def _port(port: StreamPort, *, input: bool) -> PortView:
    return PortView(
        name=port.name, note=_note(port), bits=8 * port.data_bytes, beats=port.beats_per_frame, input=input
    )


def _note(port: StreamPort) -> str:
    return comment(
        f"{port.name} ({port.value}): {port.height} x {port.width} pixels, {port.channels} channels each, "
        f"{port.elements_per_beat} elements of {port.element_bits} bits a beat"
    )


def _input(number: int, port: StreamPort, stream: InputStream) -> InputView:
    return InputView(
        name=f"input_{number}",
        note=_note(port),
        stream_bits=8 * port.data_bytes,
        bits=stream.bits,
        offset=stream.offset,
        bundles=stream.bundles,
        chunks=stream.chunks,
        beats=port.beats_per_frame,
        keepers=range(len(stream.links)),
    )


def _output(number: int, port: StreamPort, buffer: OutputBuffer, ends: Ends) -> OutputView:
    return OutputView(
        name=f"output_{number}",
        note=_note(port),
        link=ends.keepers[ToOutput(output=number)].type,
        cols=buffer.cols,
        channels=buffer.channels,
        tiles=buffer.tiles,
        width=buffer.width,
        height=buffer.height,
        capacity=buffer.rows.capacity,
        frame_rows=buffer.rows.frame,
        step_rows=buffer.rows.step,
        bundles=buffer.bundles.count(buffer.width),
        phases=buffer.bundles.phases,
        bits=buffer.bits,
        offset=buffer.offset,
        element_bits=port.element_bits,
        stream_bits=8 * port.data_bytes,
        argmax=buffer.argmax,
    )


def _score(port: StreamPort, unit: ScoreUnit, ends: Ends) -> ScoreView:
    return ScoreView(
        note=_note(port),
        link=ends.keepers[ToScore()].type,
        frame_vectors=unit.frame_vectors,
        frame_steps=unit.frame_steps,
        value_bits=unit.value_bits,
        element_bits=port.element_bits,
        stream_bits=8 * port.data_bytes,
        squares=unit.squares,
        limit=max(-1, min(unit.limit, (1 << unit.score_bits) - 1)),
    )
