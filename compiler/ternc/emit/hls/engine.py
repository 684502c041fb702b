"""Every value in the generated header of an engine and in that of its ROMs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ternc.emit.env import comment
from ternc.emit.hls.links import Ends, claims, vectors
from ternc.emit.hls.roms import Rom, column_rom, rom
from ternc.emit.links import buffer_note, engine_notes
from ternc.numeric import address_bits
from ternc.schedule.design import BankedMemory, Design, Engine, Geometry, Memory, ToBuffer
from ternc.schedule.words import link_count, source_bits
from ternc.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryView:
    """A banked memory."""

    stored_lanes: int
    cols: int
    code_bits: int
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferView:
    """One line buffer.

    Attributes:
        source: Its number for taps.
        link: Type of its link; wrapped: row z of its circle, as an expression.
    """

    index: int
    source: int
    name: str
    note: str
    link: str
    memory: MemoryView
    capacity: int
    wrapped: str
    frame_rows: int
    step_rows: int
    bundles: int
    tiles: int
    pitch: int
    plane: int
    place: Rom


@dataclass(frozen=True, slots=True, kw_only=True)
class RomsView:
    """The header of an engine's ROMs."""

    title: str
    version: str
    roms: tuple[Rom, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineView:
    """The whole header.

    Attributes:
        makes: Numbers of the links on which it puts vectors; stream_names: streams of its process behind the passes.
        thresholds: Names of the levels' ROMs; table_rom: of the code tables.
        feature_distance: Cycles from a write of the feature memory to the first read that may want it.
    """

    title: str
    version: str
    notes: tuple[str, ...]
    geometry: Geometry
    name: str
    number: int
    buffers: tuple[BufferView, ...]
    features: MemoryView | None
    makes: range
    stream_names: tuple[str, ...]
    link_count: int
    roms: tuple[Rom, ...]
    thresholds: tuple[str, ...]
    table_rom: str
    feature_distance: int
    bank_bits: int
    source_bits: int
    pass_addr_bits: int
    tap_addr_bits: int
    term_addr_bits: int
    xmap_addr_bits: int
    weight_addr_bits: int
    param_bits: int
    feature_bits: int
    table_bits: int


_PROGRAM = ("rows", "passes", "taps", "terms", "xmap")
_CHUNK_NAMES = {
    "rows": "RowChunk",
    "passes": "PassChunk",
    "taps": "TapChunk",
    "terms": "TermChunk",
    "xmap": "XmapChunk",
}


def engine_name(number: int) -> str:
    """Of an engine's structure and header."""
    return f"engine_{number}"


def engine_view(design: Design, number: int, ends: Ends) -> EngineView:
    """The view of engine ``number``."""
    engine, name = design.engines[number], engine_name(number)
    g, d = engine.geometry, engine.geometry.depths
    makes = range(len(g.links))
    buffers = tuple(_buffer(n, number, engine, ends) for n in range(len(g.buffers)))
    return EngineView(
        title=comment(f"{design.name}: engine {number}, an array of {g.shape} (rows x cols x lanes)"),
        version=__version__,
        notes=engine_notes(design, engine),
        geometry=g,
        name=name,
        number=number,
        buffers=buffers,
        features=_memory(g.features) if g.features else None,
        makes=makes,
        stream_names=stream_names(len(buffers), len(makes)),
        link_count=link_count(g),
        roms=_main_roms(name, engine),
        thresholds=tuple(one.name for one in _threshold_roms(name, engine)),
        table_rom=f"{name}_tables",
        feature_distance=g.flush_cycles + 1 - g.shape.rows,
        bank_bits=address_bits(g.shape.rows),
        source_bits=source_bits(g),
        pass_addr_bits=address_bits(d.passes),
        tap_addr_bits=address_bits(d.taps),
        term_addr_bits=address_bits(d.terms),
        xmap_addr_bits=address_bits(d.xmap),
        weight_addr_bits=address_bits(d.weights),
        param_bits=address_bits(g.params),
        feature_bits=g.features.bits if g.features else 1,
        table_bits=address_bits(max(1, g.tables)),
    )


def roms_view(design: Design, number: int) -> RomsView:
    """The view of the header with all ROMs of engine ``number``."""
    engine, name = design.engines[number], engine_name(number)
    places = (_place(name, n, memory) for n, memory in enumerate(engine.places))
    tables = [rom(f"{name}_tables", memory) for memory in engine.programs if memory.name == "tables"]
    return RomsView(
        title=comment(f"{design.name}: ROMs of engine {number}"),
        version=__version__,
        roms=(*_main_roms(name, engine), *places, *tables, *_threshold_roms(name, engine)),
    )


def stream_names(buffers: int, links: int) -> tuple[str, ...]:
    """Streams of an engine's process behind its passes: those of its line buffers, then of its links."""
    ends = [f"buffer_{n}" for n in range(buffers)] + [f"link_{n}" for n in range(links)]
    return tuple(stream for end in ends for stream in (vectors(end), claims(end)))


def _main_roms(name: str, engine: Engine) -> tuple[Rom, ...]:
    """Program, weights and requantisers."""
    images = {memory.name: memory for memory in engine.programs}
    program = (
        rom(f"{name}_{kind}", images[kind], accessor=kind, chunk_name=_CHUNK_NAMES[kind]) for kind in _PROGRAM
    )
    granule = 8 if engine.geometry.shape.packed else 2
    weights = column_rom(
        f"{name}_weights", engine.weights, granule=granule, accessor="weights", chunk_name="WeightChunk"
    )
    requant = column_rom(f"{name}_requant", engine.requant, accessor="requant", chunk_name="RequantChunk")
    return (*program, weights, requant)


def _threshold_roms(name: str, engine: Engine) -> tuple[Rom, ...]:
    """One for each level, with the images of all columns."""
    levels: Sequence[Sequence[Memory]] = list(zip(*engine.thresholds, strict=True))
    return tuple(column_rom(f"{name}_thresholds_{level}", column) for level, column in enumerate(levels))


def _place(name: str, index: int, memory: Memory) -> Rom:
    return rom(f"{name}_place_{index}", memory)


def _memory(memory: BankedMemory) -> MemoryView:
    return MemoryView(
        stored_lanes=memory.lanes, cols=memory.cols, code_bits=memory.bits, depth=memory.depth_words
    )


def _buffer(index: int, number: int, engine: Engine, ends: Ends) -> BufferView:
    g: Geometry = engine.geometry
    buffer, capacity = g.buffers[index], g.buffers[index].rows.capacity
    power = capacity & (capacity - 1) == 0
    return BufferView(
        index=index,
        source=index + 1,
        name=f"{engine_name(number)}_buffer_{index}",
        note=buffer_note(index, buffer),
        link=ends.keepers[ToBuffer(engine=number, buffer=index)].type,
        memory=_memory(buffer.memory),
        capacity=capacity,
        wrapped=f"z & {capacity - 1}" if power else f"z >= {capacity} ? z - {capacity} : z",
        frame_rows=buffer.rows.frame,
        step_rows=buffer.rows.step,
        bundles=buffer.bundles.count(buffer.width),
        tiles=buffer.tiles,
        pitch=buffer.pitch_words,
        plane=buffer.plane_words,
        place=_place(engine_name(number), index, engine.places[index]),
    )
