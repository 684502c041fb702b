"""Both simulators on a small design: the same results, the same cycles, the same complaints."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ternc.errors import BuildError, DataError, ToolError
from ternc.simulate import icarus, tools, verilator
from ternc.simulate.model import Beats, Dut, SimulationError, Simulator, Window
from ternc.simulate.streams import pack, unpack

StandIn = Callable[..., Dut]

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None and "CI" not in os.environ, reason="Icarus Verilog is not installed"
)
BOTH = [
    pytest.param(verilator.run, id="verilator"),
    pytest.param(icarus.run, id="icarus", marks=needs_icarus),
]


def random_beats(dut: Dut, frames: int) -> tuple[Beats, ...]:
    rng = np.random.default_rng(0)
    return tuple(
        rng.integers(0, 256, (frames, p.beats_per_frame, p.data_bytes), np.uint8) for p in dut.inputs
    )


@pytest.mark.parametrize("simulator", BOTH)
@pytest.mark.parametrize("size", [1, 3, 5, 9, 17])
def test_any_port_width_with_and_without_stalls(simulator: Simulator, size: int, stand_in: StandIn) -> None:
    dut = stand_in(size=size)
    beats = random_beats(dut, 12)
    free = simulator(dut, beats).complete()
    assert np.array_equal(free.beats[0], beats[0] + np.uint8(1))
    assert free.starts.tolist() == [4 * frame for frame in range(12)]
    assert free.ends.tolist() == [4 * frame + 4 for frame in range(12)]
    assert free.cycles == 49
    runs = [simulator(dut, beats, stalls=seed).complete() for seed in (1, 2, 3)]
    assert all(np.array_equal(run.beats[0], free.beats[0]) for run in runs)
    assert len({run.cycles for run in runs}) == 3
    assert min(run.cycles for run in runs) > 49


def test_a_simulator_that_is_built_quickly_is_the_same(two_lanes: StandIn) -> None:
    dut = two_lanes()
    beats = random_beats(dut, 6)
    quick, fast = (verilator.run(replace(dut, quick=q), beats, stalls=4).complete() for q in (True, False))
    assert verilator.build(dut) != verilator.build(replace(dut, quick=False))
    assert all(np.array_equal(a, b) for a, b in zip(quick.beats, fast.beats, strict=True))
    assert quick.cycles == fast.cycles


@pytest.mark.parametrize("simulator", BOTH)
@pytest.mark.parametrize(
    ("fault", "stalls", "reason"),
    [
        (1, 3, "m_axis_tdata changed before "),
        (2, 3, "m_axis_tvalid fell before "),
        (3, None, "frame 0, output beat 0: m_axis_tlast is"),
        (6, None, "a beat is on offer after the last frame"),
        (4, None, "nothing moved"),
        (4, 3, "nothing moved"),
        (5, None, "stand_in: frame 1 is not wanted"),
    ],
)
def test_a_broken_rule_stops_the_run_and_is_named(
    simulator: Simulator, fault: int, stalls: int | None, reason: str, stand_in: StandIn
) -> None:
    dut = stand_in(fault=fault)
    run = simulator(dut, random_beats(dut, 3), stalls=stalls)
    assert reason in run.stopped
    with pytest.raises(SimulationError, match=r"^simulation stopped: "):
        run.complete()


@pytest.mark.parametrize("simulator", BOTH)
def test_frames_before_a_hang_are_kept(simulator: Simulator, stand_in: StandIn) -> None:
    dut = stand_in(fault=4)
    beats = random_beats(dut, 3)
    run = simulator(dut, beats)
    assert np.array_equal(run.beats[0], beats[0][:1] + np.uint8(1))
    assert run.starts.tolist() == [0, 4]
    assert run.ends.tolist() == [4]
    assert run.frames == 1


def test_the_watchdog_names_frame_and_beats(stand_in: StandIn) -> None:
    dut = stand_in(fault=4)
    assert verilator.run(dut, random_beats(dut, 3)).stopped == (
        "nothing moved for 50 cycles, in frame 1: 2 beats of frame 1 went into s_axis, "
        "2 beats of frame 1 came out of m_axis"
    )


@needs_icarus
def test_icarus_sees_an_undefined_bit(stand_in: StandIn) -> None:
    dut = stand_in(fault=8)
    run = icarus.run(dut, random_beats(dut, 3))
    assert run.stopped == "m_axis_tdata has undefined bits in cycle 5, frame 1, output beat 0"
    assert run.frames == 1


@pytest.mark.parametrize("simulator", BOTH)
def test_the_monitor_records_a_window_of_values(simulator: Simulator, stand_in: StandIn) -> None:
    dut = stand_in()
    beats = random_beats(dut, 4)
    (trace,) = simulator(dut, beats, windows=[Window(engine=0, first=5, count=3)]).traces
    assert trace.cycles.tolist() == [6, 7, 8]
    assert np.array_equal(trace.values[:, 0], (beats[0] + np.uint8(1)).reshape(-1, 5)[5:8])


@pytest.mark.parametrize("simulator", BOTH)
def test_no_frames_is_a_run_too(simulator: Simulator, stand_in: StandIn) -> None:
    dut = stand_in()
    run = simulator(dut, random_beats(dut, 0)).complete()
    assert run.beats[0].shape == (0, 4, 5)
    assert run.starts.size == run.ends.size == 0


@pytest.mark.parametrize("simulator", BOTH)
def test_progress_ends_at_the_last_frame(simulator: Simulator, stand_in: StandIn) -> None:
    dut = stand_in()
    seen: list[tuple[int, int]] = []
    simulator(dut, random_beats(dut, 9), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (9, 9)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("simulator", BOTH)
def test_wrong_beats_are_refused(simulator: Simulator, stand_in: StandIn) -> None:
    wide = np.zeros((1, 4, 6), np.uint8)
    sentence = r"^beats of input port 's_axis' must be uint8 \[frames, 4, 5\], but are uint8 \[1, 4, 6\]$"
    with pytest.raises(DataError, match=sentence):
        simulator(stand_in(), (wide,))
    with pytest.raises(DataError, match=r"^there must be beats for 1 input ports, but are for 2$"):
        simulator(stand_in(), (wide, wide))


@pytest.mark.parametrize("simulator", BOTH)
def test_refused_rtl_is_one_sentence(simulator: Simulator, stand_in: StandIn) -> None:
    dut = stand_in(extra="module broken (;\n")
    with pytest.raises(ToolError, match=r"^(Verilator|Icarus Verilog) refused the RTL: .*rror") as error:
        simulator(dut, random_beats(dut, 1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("simulator", BOTH)
def test_a_directory_without_rtl_is_refused(simulator: Simulator, stand_in: StandIn, tmp_path: Path) -> None:
    dut = replace(stand_in(), rtl=tmp_path)
    with pytest.raises(BuildError, match=r"must hold a ternc build's RTL, but has no file 'files\.f'"):
        simulator(dut, random_beats(dut, 1))


def test_a_memory_image_needs_no_new_simulator(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    dut = stand_in()
    beats = random_beats(dut, 2)
    verilator.run(dut, beats)

    def refuse(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(verilator, "_verilate", refuse)
    assert np.array_equal(verilator.run(dut, beats).beats[0], beats[0] + np.uint8(1))
    assert np.array_equal(verilator.run(stand_in(offset=7), beats).beats[0], beats[0] + np.uint8(7))
    with pytest.raises(AssertionError, match="built again"):
        verilator.run(stand_in(extra="// another text\n"), beats)


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    tools.compiler.cache_clear()
    try:
        with pytest.raises(ToolError, match=r"^the C\+\+ compiler 'no-such-compiler' was not found"):
            tools.compiler()
    finally:
        tools.compiler.cache_clear()


def test_maps_go_through(stand_in: StandIn) -> None:
    dut = stand_in()
    maps = np.random.default_rng(1).integers(0, 256, (3, 5, 2, 2))
    run = verilator.run(dut, (pack(dut.inputs[0], maps),)).complete()
    assert np.array_equal(unpack(dut.outputs[0], run.beats[0]), (maps + 1) % 256)


# ---- several streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("simulator", BOTH)
def test_several_streams_run_at_once_with_stalls_of_their_own(
    simulator: Simulator, two_lanes: StandIn
) -> None:
    dut = two_lanes()
    beats = random_beats(dut, 12)
    free = simulator(dut, beats).complete()
    stalled = simulator(dut, beats, stalls=4).complete()
    for run in (free, stalled):
        assert all(
            np.array_equal(got, sent + np.uint8(1)) for got, sent in zip(run.beats, beats, strict=True)
        )
    assert free.cycles == 49
    assert all(cycles.tolist() == [4 * frame for frame in range(12)] for cycles in free.first_in)
    a, b = stalled.first_in
    assert not np.array_equal(a, b)
    assert np.array_equal(stalled.starts, np.minimum(a, b))
    u, v = stalled.last_out
    assert not np.array_equal(u, v)
    assert np.array_equal(stalled.ends, np.maximum(u, v))
    assert stalled.cycles == stalled.ends[-1] + 1


@pytest.mark.parametrize("simulator", BOTH)
def test_a_stream_that_hangs_stops_the_run_but_not_the_others(
    simulator: Simulator, two_lanes: StandIn
) -> None:
    dut = two_lanes(fault=4)
    run = simulator(dut, random_beats(dut, 3))
    assert "nothing moved" in run.stopped
    assert [len(beats) for beats in run.beats] == [3, 1]
    assert run.frames == 1
    assert run.starts.tolist() == [0, 4, 8]
    assert run.ends.tolist() == [4]


@pytest.mark.parametrize("simulator", BOTH)
@pytest.mark.parametrize(
    ("fault", "stalls", "reason"),
    [
        (1, 3, "m_axis_v__tdata changed before "),
        (3, None, "frame 0, output beat 0: m_axis_v__tlast is"),
        (6, None, "m_axis_v_: a beat is on offer after the last frame"),
    ],
)
def test_the_stream_that_breaks_a_rule_is_named(
    simulator: Simulator, fault: int, stalls: int | None, reason: str, two_lanes: StandIn
) -> None:
    dut = two_lanes(fault=fault)
    assert reason in simulator(dut, random_beats(dut, 3), stalls=stalls).stopped


@pytest.mark.parametrize("simulator", BOTH)
def test_streams_with_other_numbers_of_frames_are_refused(simulator: Simulator, two_lanes: StandIn) -> None:
    dut = two_lanes()
    a, b = random_beats(dut, 3)
    with pytest.raises(DataError, match=r"^all input ports must get as many frames, but get \[2, 3\]$"):
        simulator(dut, (a[:2], b))


@pytest.mark.parametrize("simulator", BOTH)
def test_windows_of_several_engines_are_recorded_in_one_run(simulator: Simulator, two_lanes: StandIn) -> None:
    dut = two_lanes()
    beats = random_beats(dut, 4)
    windows = [
        Window(engine=1, first=5, count=3),
        Window(engine=0, first=2, count=6),
        Window(engine=1, first=14, count=9),
    ]
    traces = simulator(dut, beats, windows=windows).traces
    assert [len(trace.cycles) for trace in traces] == [3, 6, 2]
    for window, trace in zip(windows, traces, strict=True):
        size, number = (3, 9)[window.engine], window.engine
        made = (beats[number] + np.uint8(1)).reshape(-1, size)
        assert np.array_equal(trace.values[:, 0], made[window.first : window.first + window.count])
