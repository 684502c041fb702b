"""Where a run goes wrong first, in a design of two engines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc.network.layers import IntRange, Linear, Network, Output, Prologue, Staircase, Tensor, Term
from ternc.network.steps import Round
from ternc.schedule.design import ArrayShape, StreamPort
from ternc.schedule.store import StoredEngine
from ternc.simulate.locate import RtlMismatch, locate
from ternc.simulate.model import Beats, Dut, MonitorPort, Progress, Simulation, Trace, Window
from ternc.simulate.opened import Opened

CHANNELS, SIZE, FRAMES = 3, 2, 4


def network() -> Network:
    """Two layers that add 1 each."""
    tensors = tuple(
        Tensor(name=name, channels=CHANNELS, height=SIZE, width=SIZE, range=IntRange(low=low, high=low + 9))
        for low, name in enumerate(("x", "one", "two"))
    )
    layers = tuple(
        Linear(
            name=f"to {target}",
            kind="identity",
            terms=(Term(source=source, weights=np.eye(CHANNELS, dtype=np.int32)[:, :, None, None]),),
            target=target,
            activation=Staircase(
                thresholds=np.tile(np.arange(low + 1, low + 10), (CHANNELS, 1)), low=low + 1
            ),
        )
        for low, (source, target) in enumerate((("x", "one"), ("one", "two")))
    )
    shape, gather = (CHANNELS, SIZE, SIZE), np.arange(CHANNELS * SIZE * SIZE)
    source = Prologue(
        name="x",
        tensor="x",
        shape=shape,
        dtype="float32",
        steps=(Round(mode="even"),),
        gather=gather,
        scale=1.0,
        offset=0.0,
        declared=True,
    )
    sink = Output(
        name="y",
        shape=shape,
        dtype="float32",
        tensor="two",
        scale=np.ones(CHANNELS),
        offset=np.zeros(CHANNELS),
        gather=gather,
    )
    return Network(name="net", tensors=tensors, layers=layers, inputs=(source,), outputs=(sink,))


def port(name: str) -> StreamPort:
    return StreamPort(
        name=name,
        value=name,
        tensor=name,
        channels=CHANNELS,
        height=SIZE,
        width=SIZE,
        elements_per_beat=CHANNELS,
        element_bits=8,
        signed=False,
    )


def build() -> Opened:
    """Layer by layer on an engine of its own: two columns, so two vectors a pixel; one row; the second has three."""
    shapes = ArrayShape(rows=1, cols=2, lanes=3), ArrayShape(rows=1, cols=3, lanes=3)
    dut = Dut(
        rtl=Path("rtl"),
        top="net",
        inputs=(port("s_axis"),),
        outputs=(port("m_axis"),),
        monitors=tuple(MonitorPort(cols=shape.cols, value_bits=5) for shape in shapes),
        watchdog_cycles=100,
        stretch_cycles=100,
    )
    engines = tuple(
        StoredEngine(shape=shape, value_bits=5, layers=(layer.name,))
        for shape, layer in zip(shapes, network().layers, strict=True)
    )
    return Opened(
        path=Path(), network=network(), dut=dut, cycles_per_frame=50, latency_cycles=60, engines=engines
    )


CODES = np.arange(CHANNELS * SIZE * SIZE).reshape(1, CHANNELS, SIZE, SIZE) % 9


def right() -> list[NDArray[np.int64]]:
    """What the engines finish in the last frame: codes of both layers are those of the input."""
    pixels = CODES[0].transpose(1, 2, 0).reshape(-1, CHANNELS)
    padded = np.concatenate([pixels, np.zeros((len(pixels), 1), np.int64)], axis=1)
    return [padded.reshape(-1, 2), pixels.copy()]


def located(values: Sequence[NDArray[np.int64]], stopped: str = "") -> RtlMismatch:
    """What `locate` says if the engines finish these vectors in the last frame, one in each cycle from 1000 on."""
    opened = build()

    def simulator(
        dut: Dut,
        beats: Sequence[Beats],
        *,
        stalls: int | None = None,
        windows: Sequence[Window] = (),
        progress: Progress | None = None,
    ) -> Simulation:
        assert [window.engine for window in windows] == [0, 1]
        assert [window.count for window in windows] == [8, 4]
        assert [window.first for window in windows] == [(FRAMES - 1) * 8, (FRAMES - 1) * 4]
        return Simulation(
            beats=(np.zeros((FRAMES - 1, SIZE * SIZE, CHANNELS), np.uint8),),
            first_in=(np.arange(FRAMES) * 300,),
            last_out=(np.arange(FRAMES - 1) * 300 + 60,),
            cycles=1300,
            stopped=stopped,
            traces=tuple(
                Trace(cycles=1000 + np.arange(len(found)), values=found[:, None]) for found in values
            ),
        )

    beats = (np.zeros((FRAMES, SIZE * SIZE, CHANNELS), np.uint8),)
    return locate(opened, simulator, (CODES,), beats, stalls=None, first_frame=10)


def place(found: RtlMismatch) -> tuple[object, ...]:
    return found.layer, found.channel, found.pixel, found.expected, found.got


def test_a_wrong_value_of_the_second_engine_is_named() -> None:
    values = right()
    values[1][3, 1] += 2
    found = located(values)
    wanted = int(CODES[0, 1, 1, 1]) + 2
    assert place(found) == ("to two", 1, (1, 1), wanted, wanted + 2)
    assert found.frame == 10 + FRAMES - 1
    assert found.cycle == 1003 - 900


def test_the_first_engine_is_named_though_a_later_one_was_wrong_earlier() -> None:
    values = right()
    values[0][7, 0] += 1
    values[1][0, 0] += 1
    wanted = int(CODES[0, 2, 1, 1]) + 1
    assert place(located(values)) == ("to one", 2, (1, 1), wanted, wanted + 1)


def test_a_wrong_value_is_named_rather_than_one_that_never_came() -> None:
    values = right()
    values[0] = values[0][:6]
    values[1] = values[1][:2]
    values[1][1, 2] ^= 1
    assert located(values).layer == "to two"


@pytest.mark.parametrize(
    ("counts", "layer", "pixel"), [((6, 2), "to one", (1, 1)), ((8, 2), "to two", (1, 0))]
)
def test_of_what_never_came_the_first_engine_is_named(
    counts: tuple[int, int], layer: str, pixel: tuple[int, int]
) -> None:
    values = [found[:count] for found, count in zip(right(), counts, strict=True)]
    found = located(values, stopped="nothing moved")
    assert (found.layer, found.pixel, found.got, found.reason) == (layer, pixel, None, "nothing moved")
    assert found.cycle is None
