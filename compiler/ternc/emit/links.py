"""The links of a design as buses: names and widths of the wires between a maker of values and those who keep them."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.env import comment
from ternc.numeric import address_bits
from ternc.schedule.design import Design, Engine, InputStream, LineBuffer, Link, ToBuffer, ToOutput, ToScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """What a maker (an engine or an input stream) drives, all its keepers together.

    Attributes:
        name: Prefix of its wires in the top module.
        note: Who keeps what it carries.
        links: Keepers, numbered from 0.
        signals: Bits of its claim and valid: one for each keeper, or one for all.
        cols: Elements of a vector; a beat has one vector or more.
        row_bits, x_bits, tile_bits, data_bits: Of its fields.
    """

    name: str
    note: str
    links: int
    signals: int
    cols: int
    row_bits: int
    x_bits: int
    tile_bits: int
    data_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """One end of a bus: the wires of its own."""

    bus: Bus
    claim: str
    room: str
    valid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buses:
    """All links of a design.

    Attributes:
        inputs, engines: The bus of each input stream and of each engine.
        keepers: The other end of each link.
    """

    inputs: tuple[Bus, ...]
    engines: tuple[Bus, ...]
    keepers: dict[Link, Keeper]


def buses(design: Design) -> Buses:
    """The buses of a design; every keeper has exactly one maker."""
    inputs = tuple(_from_stream(design, n, stream) for n, stream in enumerate(design.streams))
    engines = tuple(_from_engine(design, n, engine) for n, engine in enumerate(design.engines))
    keepers: dict[Link, Keeper] = {}
    for bus, stream in zip(inputs, design.streams, strict=True):
        keepers |= {link: _keeper(bus, n) for n, link in enumerate(stream.links)}
    for bus, engine in zip(engines, design.engines, strict=True):
        keepers |= {link: _keeper(bus, n) for n, link in enumerate(engine.geometry.links)}
    return Buses(inputs=inputs, engines=engines, keepers=keepers)


def _keeper(bus: Bus, number: int) -> Keeper:
    signal = min(number, bus.signals - 1)
    return Keeper(
        bus=bus,
        claim=f"{bus.name}_claim[{signal}]",
        room=f"{bus.name}_room[{number}]",
        valid=f"{bus.name}_valid[{signal}]",
    )


def _from_stream(design: Design, number: int, stream: InputStream) -> Bus:
    return Bus(
        name=f"input_{number}",
        note=_note(design, design.inputs[number].name, stream.links),
        links=len(stream.links),
        signals=1,
        cols=stream.lanes,
        row_bits=1,
        x_bits=address_bits(stream.bundles),
        tile_bits=address_bits(stream.chunks),
        data_bits=stream.pixels * stream.lanes * stream.bits,
    )


def _from_engine(design: Design, number: int, engine: Engine) -> Bus:
    g = engine.geometry
    return Bus(
        name=f"engine_{number}",
        note=_note(design, f"engine {number}", g.links),
        links=len(g.links),
        signals=len(g.links),
        cols=g.shape.cols,
        row_bits=g.step_bits,
        x_bits=g.x_bits,
        tile_bits=g.tile_bits,
        data_bits=g.shape.drain * g.shape.cols * g.value_bits,
    )


def _note(design: Design, maker: str, links: tuple[Link, ...]) -> str:
    return comment(f"{maker} to " + ", ".join(keeper_name(design, link) for link in links))


def keeper_name(design: Design, link: Link) -> str:
    """What is at the end of a link, in words."""
    match link:
        case ToBuffer(engine=engine, buffer=buffer):
            tensor = design.engines[engine].geometry.buffers[buffer].tensor
            return f"line buffer {buffer} of engine {engine} ({tensor})"
        case ToOutput(output=output):
            return f"the output buffer of {design.outputs[output].name}"
        case ToScore():
            return "the score"


def engine_notes(design: Design, engine: Engine) -> tuple[str, ...]:
    """One line about an engine's layers, and one about each of its links."""
    layers = ", ".join(engine.layers)
    links = (f"link {n}: {keeper_name(design, link)}" for n, link in enumerate(engine.geometry.links))
    return tuple(map(comment, (f"layers: {layers}", *links)))


def buffer_note(index: int, buffer: LineBuffer) -> str:
    """What a line buffer holds, in one line."""
    return comment(
        f"line buffer {index}: {buffer.tensor}, {buffer.rows.capacity} rows of {buffer.width} pixels, "
        f"{buffer.tiles} vectors of {buffer.memory.cols} elements each"
    )
