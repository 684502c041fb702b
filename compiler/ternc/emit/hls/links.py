"""The links of a design as streams: their types, names and depths."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.emit.env import comment
from ternc.emit.links import keeper_name
from ternc.numeric import address_bits
from ternc.schedule.design import Design, Engine, InputStream, Link, ToBuffer, ToOutput, ToScore

VECTORS_DEPTH = 4
"""Of a link's vectors: what was claimed for is accepted at once, but for the processes' own latency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkType:
    """What a maker puts on its links (`ternc_vector`)."""

    name: str
    note: str
    cols: int
    pixels: int
    x_bits: int
    tile_bits: int
    step_bits: int
    element_bits: int
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """A stream between two processes; ``depth`` words of ``type``."""

    name: str
    type: str
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A keeper's end of a link.

    Attributes:
        type: Of the link's numbers.
        streams: Its vectors and its claims.
    """

    type: str
    streams: tuple[StreamView, StreamView]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """All links of a design.

    Attributes:
        types: One for each maker, inputs first.
        keepers: The other end of each link.
    """

    types: tuple[LinkType, ...]
    keepers: dict[Link, End]


def vectors(end: str) -> str:
    """Name of a link's stream of vectors."""
    return f"{end}_vectors"


def claims(end: str) -> str:
    """Name of a link's stream of claims."""
    return f"{end}_claims"


def ends(design: Design) -> Ends:
    """The links of a design; every keeper has exactly one maker."""
    inputs = [_from_stream(design, n, stream) for n, stream in enumerate(design.streams)]
    engines = [_from_engine(n, engine) for n, engine in enumerate(design.engines)]
    keepers: dict[Link, End] = {}
    makers: list[tuple[Link, ...]] = [stream.links for stream in design.streams]
    makers += [engine.geometry.links for engine in design.engines]
    types = (*inputs, *engines)
    for made, links in zip(types, makers, strict=True):
        maker = made.name.removesuffix("_link")
        for number, link in enumerate(links):
            keepers[link] = _end(design, f"{maker}_link_{number}", made, link)
    return Ends(types=types, keepers=keepers)


def _end(design: Design, name: str, made: LinkType, link: Link) -> End:
    return End(
        type=made.name,
        streams=(
            StreamView(name=vectors(name), type=f"ternc_vector<{made.name}>", depth=VECTORS_DEPTH),
            StreamView(name=claims(name), type="ternc_claim", depth=_steps(design, link)),
        ),
    )


def _steps(design: Design, link: Link) -> int:
    """Steps of rows that a keeper has room for; of the score, those of a frame."""
    match link:
        case ToBuffer(engine=engine, buffer=buffer):
            rows = design.engines[engine].geometry.buffers[buffer].rows
            return rows.capacity // rows.step
        case ToOutput(output=output):
            rows = design.buffers[output].rows
            return rows.capacity // rows.step
        case ToScore():
            return design.score.frame_steps if design.score else 1


def _from_stream(design: Design, number: int, stream: InputStream) -> LinkType:
    return LinkType(
        name=f"input_{number}_link",
        note=_note(design, design.inputs[number].name, stream.links),
        cols=stream.lanes,
        pixels=stream.pixels,
        x_bits=address_bits(stream.bundles),
        tile_bits=address_bits(stream.chunks),
        step_bits=1,
        element_bits=stream.bits,
        signed=False,
    )


def _from_engine(number: int, engine: Engine) -> LinkType:
    g = engine.geometry
    return LinkType(
        name=f"engine_{number}_link",
        note=f"the links of engine {number}",
        cols=g.shape.cols,
        pixels=g.shape.drain,
        x_bits=g.x_bits,
        tile_bits=g.tile_bits,
        step_bits=g.step_bits,
        element_bits=g.value_bits,
        signed=True,
    )


def _note(design: Design, maker: str, links: tuple[ToBuffer, ...]) -> str:
    return comment(f"{maker} to " + ", ".join(keeper_name(design, link) for link in links))
