"""Every value in the generated module of an engine (module parameters: docs/hardware.md)."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.env import comment, packed_range
from ternc.emit.links import Bus, Buses, buffer_note, engine_notes
from ternc.emit.roms import Roms, RomView
from ternc.emit.top import module_name
from ternc.numeric import address_bits
from ternc.schedule.design import CELLS, BankedMemory, Design, Engine, Geometry, ToBuffer
from ternc.schedule.images import requant_bits
from ternc.schedule.timing import UNPACK_LATENCY, code_delay, extra_delay, info_log2, start_delay
from ternc.schedule.words import info_bits, source_bits
from ternc.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryView:
    """A banked memory; ``stored_lanes`` are the codes of a word, ``depth`` the wide words of a bank."""

    stored_lanes: int
    cols: int
    piece: int
    code_bits: int
    depth: int
    addr_bits: int
    pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferView:
    """One line buffer.

    Attributes:
        note: What it holds.
        link_cols: Elements of a vector on its link.
        bus: What its maker drives.
        word_at, count_at: Lowest bit of its words among all sources', of its row counts among all line buffers'.
    """

    index: int
    note: str
    bus: Bus
    memory: MemoryView
    link_cols: int
    element_bits: int
    capacity: int
    frame_rows: int
    step_rows: int
    bundles: int
    tiles: int
    pitch: int
    plane: int
    place: RomView
    word_at: int
    count_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """One threshold level behind a column: its ROM, and the names of the wires it reads and of the threshold.

    Attributes:
        own_rom: Whether the ROM is its own, else that of the column's first sum.
        addr_bits: Of the level's address, of which the ROM needs the low ``rom_bits``: a parameter beyond the
            ROM's needs no threshold, whatever it reads.
    """

    index: int
    rom: RomView
    addr_bits: int
    rom_bits: int
    sum: str
    param: str
    code: str
    own_rom: bool
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainView:
    """One of the sums that a column drains at once, and its requantiser.

    Attributes:
        name: Of its wires: the column's number, and where there are several, its own.
        sum: The wire it comes on.
        value_at: Lowest bit of its value in the aligned vectors.
        code: The wire with the finished threshold code; last_level: index of the level that drives it.
        first: Whether it is the column's first, whose minimum flag is that of all.
    """

    name: str
    sum: str
    value_at: int
    last_level: int
    levels: tuple[LevelView, ...]
    code: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """One column.

    Attributes:
        align: Delay that lines its values up with the last column's.
        drains: The sums that it drains at once; values, aligned: their wires together, before and behind that delay.
        load: What drives its memories' load ports.
    """

    index: int
    next: int
    align: int
    weights: RomView
    requant: RomView
    drains: tuple[DrainView, ...]
    values: str
    aligned: str
    load: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineView:
    """The whole module.

    Attributes:
        notes: One line about each line buffer and each link.
        bus: What it drives.
        features: The feature memory, or None; feature_bits: of a code there, 1 where there is none.
        capacities: SystemVerilog literal, ``y_bits`` for each line buffer.
        table_rom: The code tables, None where there are none.
        reloadable: With a load bus of ``load_bits``, ``load_width`` of which are data.
        load: What drives the load ports of the memories outside the columns.
    """

    title: str
    version: str
    notes: tuple[str, ...]
    geometry: Geometry
    module: str
    buffers: tuple[BufferView, ...]
    bus: Bus
    columns: tuple[ColumnView, ...]
    features: MemoryView | None
    source_count: int
    sums_bits: int
    digits: int
    cell: int
    bank_bits: int
    banks_bits: int
    feature_bits: int
    feature_vector_bits: int
    writes_bits: int
    param_bits: int
    weight_addr_bits: int
    xmap_bits: int
    row_rom: RomView
    pass_rom: RomView
    tap_rom: RomView
    term_rom: RomView
    xmap_rom: RomView
    table_rom: RomView | None
    capacities: str
    info_bits: int
    info_log2: int
    start_delay: int
    requant_bits: int
    extra_delay: int
    table_bits: int
    threshold_param_bits: int
    threshold_bits: int
    code_delay: int
    aligned_bits: int
    weight_bits: int
    weight_lead: int
    trits_bits: int
    act_vector_bits: int
    sources_bits: int
    source_bits: int
    counts_bits: int
    reloadable: bool
    load: str
    load_width: int
    load_bits: int


def engine_view(design: Design, number: int, wires: Buses, roms: Roms) -> EngineView:
    """The view of engine ``number``."""
    engine, bus = design.engines[number], wires.engines[number]
    g = engine.geometry
    programs = {memory.name: roms.of(number, memory) for memory in engine.programs}
    vector = g.shape.rows * g.shape.lanes * g.act_bits
    feature_bits = g.features.bits if g.features else 1
    return EngineView(
        title=comment(f"{design.name}: engine {number}, an array of {g.shape} (rows x cols x lanes)"),
        version=__version__,
        notes=engine_notes(design, engine),
        geometry=g,
        module=module_name(design, number),
        buffers=tuple(_buffer(n, number, engine, wires, roms) for n in range(len(g.buffers))),
        bus=bus,
        columns=tuple(_column(c, number, engine, roms) for c in range(g.shape.cols)),
        features=_memory(g.features) if g.features else None,
        source_count=len(g.buffers) + 1,
        sums_bits=g.shape.drain * g.acc_bits,
        digits=int(g.digits),
        cell=CELLS.index(design.cell),
        bank_bits=address_bits(g.shape.rows),
        banks_bits=g.shape.drain * address_bits(g.shape.rows),
        feature_bits=feature_bits,
        feature_vector_bits=g.shape.drain * g.shape.cols * feature_bits,
        writes_bits=g.shape.drain * g.wr_bits,
        param_bits=address_bits(g.params),
        weight_addr_bits=address_bits(g.depths.weights),
        xmap_bits=address_bits(g.depths.xmap),
        row_rom=programs["rows"],
        pass_rom=programs["passes"],
        tap_rom=programs["taps"],
        term_rom=programs["terms"],
        xmap_rom=programs["xmap"],
        table_rom=programs["tables"] if g.tables else None,
        capacities=_capacities(g),
        info_bits=info_bits(g),
        info_log2=info_log2(g),
        start_delay=start_delay(g),
        requant_bits=requant_bits(g),
        extra_delay=extra_delay(g),
        table_bits=address_bits(max(1, g.tables)),
        threshold_param_bits=address_bits(max(1, g.threshold_params)),
        threshold_bits=g.acc_bits + 1,
        code_delay=code_delay(g),
        aligned_bits=g.shape.drain * g.value_bits + 1,
        weight_bits=g.shape.weight_bits,
        weight_lead=UNPACK_LATENCY if g.shape.packed else 0,
        trits_bits=2 * g.shape.lanes,
        act_vector_bits=vector,
        sources_bits=(len(g.buffers) + 1) * vector,
        source_bits=source_bits(g),
        counts_bits=len(g.buffers) * g.y_bits,
        reloadable=design.reloadable,
        load="load_0" if roms.load_width else f"{roms.load_bits}'d0",
        load_width=roms.load_width,
        load_bits=roms.load_bits,
    )


def _capacities(g: Geometry) -> str:
    """Rows of each line buffer, the first one lowest."""
    value = sum(buffer.rows.capacity << n * g.y_bits for n, buffer in enumerate(g.buffers))
    return f"{len(g.buffers) * g.y_bits}'h{value:x}"


def _memory(memory: BankedMemory) -> MemoryView:
    return MemoryView(
        stored_lanes=memory.lanes,
        cols=memory.cols,
        piece=memory.piece,
        code_bits=memory.bits,
        depth=memory.depth_words,
        addr_bits=address_bits(memory.depth_words),
        pixels=memory.pixels,
    )


def _buffer(index: int, number: int, engine: Engine, wires: Buses, roms: Roms) -> BufferView:
    g = engine.geometry
    buffer = g.buffers[index]
    return BufferView(
        index=index,
        note=buffer_note(index, buffer),
        bus=wires.keepers[ToBuffer(engine=number, buffer=index)].bus,
        memory=_memory(buffer.memory),
        link_cols=wires.keepers[ToBuffer(engine=number, buffer=index)].bus.cols,
        element_bits=buffer.element_bits,
        capacity=buffer.rows.capacity,
        frame_rows=buffer.rows.frame,
        step_rows=buffer.rows.step,
        bundles=buffer.bundles.count(buffer.width),
        tiles=buffer.tiles,
        pitch=buffer.pitch_words,
        plane=buffer.plane_words,
        place=roms.of(number, engine.places[index]),
        word_at=(index + 1) * g.shape.rows * g.shape.lanes * g.act_bits,
        count_at=index * g.y_bits,
    )


def _column(c: int, number: int, engine: Engine, roms: Roms) -> ColumnView:
    g = engine.geometry
    drains = tuple(_drain(c, d, number, engine, roms) for d in range(g.shape.drain))
    values = [f"value_{one.name}" for one in drains]
    parts = [f"value[{one.value_at} +: {g.value_bits}]" for one in drains]
    return ColumnView(
        index=c,
        next=c + 1,
        align=g.shape.cols - 1 - c,
        weights=roms.of(number, engine.weights[c]),
        requant=roms.of(number, engine.requant[c]),
        drains=drains,
        values=", ".join(reversed(values)),
        aligned=", ".join(reversed(parts)),
        load=f"load_{c + 1}" if roms.load_width else f"{roms.load_bits}'d0",
    )


def _drain(c: int, d: int, number: int, engine: Engine, roms: Roms) -> DrainView:
    """Sum d of those that column c drains at once."""
    g = engine.geometry
    levels, params = g.threshold_levels, address_bits(max(1, g.threshold_params))
    single = g.shape.drain == 1
    name = f"{c}" if single else f"{c}_{d}"
    first = f"sum_{c}" if single else f"sum_{c}[{d * g.acc_bits} +: {g.acc_bits}]"
    views = []
    for level in range(levels):
        before, rom = f"_{name}_{level - 1}", roms.of(number, engine.thresholds[c][level])
        own = level > 0 or d == 0  # all sums of a column have the same first threshold
        views.append(
            LevelView(
                index=level,
                rom=rom,
                addr_bits=params + level,
                rom_bits=address_bits(rom.depth),
                sum=f"level_sum{before}" if level else first,
                param=f"level_param{before}" if level else f"sum_param_{c}{packed_range(params)}",
                code=f"level_code{before}" if level else f"{levels}'d0",
                own_rom=own,
                data=f"level_data_{name}_{level}" if own else f"level_data_{c}_0_{level}",
            )
        )
    code = f"level_code_{name}_{levels - 1}"
    return DrainView(
        name=name,
        sum=first,
        value_at=(d * g.shape.cols + c) * g.value_bits,
        last_level=levels - 1,
        levels=tuple(views),
        code=code if g.code_bits == levels else f"{g.code_bits}'({code})",
        first=d == 0,
    )
