"""Designs written by hand, for tests of what is generated from them: their programs say nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ternc.numeric import address_bits
from ternc.schedule.design import (
    ArrayShape,
    BankedMemory,
    Chip,
    Depths,
    Design,
    Engine,
    Geometry,
    InputStream,
    LineBuffer,
    Link,
    Memory,
    OutputBuffer,
    Resources,
    Rows,
    ScoreUnit,
    StreamPort,
    ToBuffer,
    ToOutput,
    ToScore,
)
from ternc.schedule.images import requant_bits
from ternc.schedule.timing import dot_latency, requant_latency
from ternc.schedule.words import (
    issue_widths,
    loop_widths,
    pass_widths,
    place_widths,
    tap_widths,
    term_widths,
    xmap_widths,
)

Y_BITS = 5


def port(name: str, channels: int, size: int, elements: int, bits: int) -> StreamPort:
    return StreamPort(
        name=name,
        value=name,
        tensor=name,
        channels=channels,
        height=size,
        width=size,
        elements_per_beat=elements,
        element_bits=bits,
        signed=False,
    )


def memory(name: str, words: int, width: int) -> Memory:
    return Memory(name=name, width_bits=width, words=(0,) * words)


def buffer(
    tensor: str, *, channels: int, size: int, rows: Rows, cols: int, lanes: int, bits: int, element_bits: int
) -> LineBuffer:
    """A square map's, from vectors of ``cols`` elements, for an array of two rows or more."""
    tiles, parts = -(-channels // cols), -(-cols // lanes)
    pitch = -(-size // 2)
    plane = rows.capacity * pitch
    wide = -(-channels // (parts * lanes))
    return LineBuffer(
        tensor=tensor,
        rows=rows,
        memory=BankedMemory(cols=cols, lanes=lanes, bits=bits, depth_words=wide * plane),
        element_bits=element_bits,
        width=size,
        tiles=tiles,
        stride=1,
        pitch_words=pitch,
        plane_words=plane,
    )


def engine(
    shape: ArrayShape,
    buffers: tuple[LineBuffer, ...],
    links: tuple[Link, ...],
    *,
    features: BankedMemory | None = None,
    levels: int = 0,
    tables: int = 0,
    layers: tuple[str, ...] = ("one",),
) -> Engine:
    wr_bits = address_bits(features.depth_words) if features else 1
    memories = [*(b.memory for b in buffers), *([features] if features else [])]
    g = Geometry(
        shape=shape,
        act_bits=max(m.bits for m in memories),
        acc_bits=14,
        features=features,
        buffers=buffers,
        links=links,
        value_bits=9,
        mul_bits=8,
        add_bits=20,
        shift=7,
        code_bits=4,
        threshold_levels=levels,
        tables=tables,
        params=6,
        threshold_params=3 if levels else 0,
        depths=Depths(rows=8, passes=11, taps=30, terms=3, xmap=9, weights=40),
        digits=levels > 0,
        rd_bits=max(address_bits(m.depth_words) for m in memories),
        part_bits=max(address_bits(m.parts) for m in memories),
        wr_bits=wr_bits,
        piece_bits=address_bits(features.pieces) if features else 1,
        x_bits=5,
        y_bits=Y_BITS,
        tile_bits=2,
        step_bits=1,
        count_bits=6,
        dot_latency=dot_latency(shape.lanes),
        requant_latency=requant_latency(levels, tables),
        flush_cycles=40,
    )
    programs = (
        memory("rows", 8, 1 + sum(issue_widths(g)) + sum(loop_widths(g))),
        memory("passes", 11, sum(pass_widths(g))),
        memory("taps", 30, sum(tap_widths(g))),
        memory("terms", 3, sum(term_widths(g))),
        memory("xmap", 9, sum(xmap_widths(g))),
    )
    columns = range(shape.cols)
    return Engine(
        geometry=g,
        layers=layers,
        programs=(*programs, *([memory("tables", tables << 4, g.code_bits)] if tables else [])),
        places=tuple(
            memory(f"place_{n}", b.width, sum(place_widths(b, shape.rows))) for n, b in enumerate(buffers)
        ),
        weights=tuple(memory(f"weights_{c}", 40, 2 * shape.lanes) for c in columns),
        requant=tuple(memory(f"requant_{c}", 6, requant_bits(g)) for c in columns),
        thresholds=tuple(
            tuple(memory(f"thresholds_{c}_{level}", 3 << level, g.acc_bits + 1) for level in range(levels))
            for c in columns
        )
        if levels
        else (),
    )


def design(
    name: str,
    engines: tuple[Engine, ...],
    streams: tuple[InputStream, ...],
    buffers: tuple[OutputBuffer, ...],
    outputs: tuple[StreamPort, ...],
    score: ScoreUnit | None = None,
) -> Design:
    inputs = tuple(
        port(f"s_axis_{n}", stream.lanes * stream.chunks, stream.height, stream.lanes, stream.bits)
        for n, stream in enumerate(streams)
    )
    return Design(
        name=name,
        device="unit",
        chip=Chip(vendor="none", family="unit", part="unit"),
        clock_mhz=100.0,
        arrays=(),
        cell="alm",
        engines=engines,
        inputs=inputs,
        outputs=outputs,
        streams=streams,
        buffers=buffers,
        score=score,
        cycles_per_frame=500,
        latency_cycles=700,
        macs_per_frame=10_000,
        resources=Resources(logic=1, registers=1, block_rams=1, dsps=1),
    )


def branches() -> Design:
    """Two engines with all that there is: a map that both read, one that leaves and goes on, tables, thresholds, an argmax."""
    image = partial(buffer, "image", channels=6, size=8, cols=3, bits=8, element_bits=8)
    middle = partial(buffer, "middle", channels=10, size=8, cols=5, bits=4, element_bits=9)
    three, six = Rows(capacity=6, frame=8, step=2), Rows(capacity=5, frame=8, step=1)
    first = engine(
        ArrayShape(rows=2, cols=5, lanes=4),
        (image(lanes=3, rows=six),),
        (ToBuffer(engine=1, buffer=0), ToOutput(output=0)),
        features=BankedMemory(cols=5, lanes=4, bits=4, depth_words=70),
        levels=2,
        tables=3,
        layers=("conv1", "conv2"),
    )
    second = engine(
        ArrayShape(rows=3, cols=4, lanes=7),
        (middle(lanes=7, rows=three), image(lanes=6, rows=six)),
        (ToOutput(output=1),),
        layers=("conv3",),
    )
    stream = InputStream(
        bits=8,
        offset=-128,
        lanes=3,
        width=8,
        height=8,
        chunks=2,
        links=(ToBuffer(engine=0, buffer=0), ToBuffer(engine=1, buffer=1)),
    )
    largest = OutputBuffer(
        rows=three,
        bits=9,
        offset=0,
        cols=5,
        element_bits=9,
        channels=10,
        width=8,
        height=8,
        argmax=True,
    )
    plain = OutputBuffer(
        rows=Rows(capacity=4, frame=8, step=1),
        bits=9,
        offset=-3,
        cols=4,
        element_bits=9,
        channels=10,
        width=8,
        height=8,
        argmax=False,
    )
    outputs = (port("m_axis_0", 1, 8, 1, 8), port("m_axis_1", 10, 8, 4, 16))
    return design("branches", (first, second), (stream,), (largest, plain), outputs)


def score() -> Design:
    """One engine, whose only output is an anomaly's score."""
    only = engine(
        ArrayShape(rows=1, cols=3, lanes=1),
        tuple(
            buffer(
                name,
                channels=1,
                size=4,
                rows=Rows(capacity=4, frame=4, step=1),
                cols=1,
                lanes=1,
                bits=5,
                element_bits=5,
            )
            for name in ("a", "b")
        ),
        (ToScore(),),
    )
    streams = tuple(
        InputStream(
            bits=5,
            offset=0,
            lanes=1,
            width=4,
            height=4,
            chunks=1,
            links=(ToBuffer(engine=0, buffer=n),),
        )
        for n in range(2)
    )
    unit = ScoreUnit(
        cols=3,
        element_bits=9,
        frame_vectors=16,
        frame_steps=4,
        value_bits=7,
        score_bits=16,
        limit=900,
        squares=True,
    )
    return design("score", (only,), streams, (), (port("m_axis", 2, 1, 2, 16),), unit)


def reloadable() -> Design:
    """`branches` with a stream for images."""
    return replace(branches(), name="reloadable", reloadable=True)


def reloadable_score() -> Design:
    """`score` with a stream for images."""
    return replace(score(), name="reloadable_score", reloadable=True)
