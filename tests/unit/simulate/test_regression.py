"""The regression that a build carries, on the stand-in design in Icarus Verilog."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ternc.emit.simulation import Vectors, emit
from ternc.errors import InternalError
from ternc.schedule.design import Chip, Design, Resources
from ternc.simulate.model import Dut

StandIn = Callable[..., Dut]

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None and "CI" not in os.environ, reason="Icarus Verilog is not installed"
)


def design_of(dut: Dut, interval: int = 4) -> Design:
    return Design(
        name=dut.top,
        device="unit",
        chip=Chip(vendor="none", family="unit", part="unit"),
        clock_mhz=100.0,
        arrays=(),
        cell="portable",
        engines=(),
        inputs=dut.inputs,
        outputs=dut.outputs,
        streams=(),
        buffers=(),
        score=None,
        cycles_per_frame=interval,
        latency_cycles=5,
        macs_per_frame=1,
        resources=Resources(logic=1, registers=1, block_rams=1, dsps=1),
    )


def vectors(frames: int = 6, sizes: tuple[int, ...] = (5,)) -> Vectors:
    rng = np.random.default_rng(0)
    beats = tuple(rng.integers(0, 256, (frames, 4, size), np.uint8) for size in sizes)
    return Vectors(inputs=beats, outputs=tuple(data + np.uint8(1) for data in beats))


def regression(
    dut: Dut, design: Design, data: Vectors, simulator: str = "icarus"
) -> tuple[int, str, dict[str, str]]:
    """Exit code, what was printed, and each failed test with its message."""
    sim = dut.rtl.parent / "sim"
    (sim / "vectors").mkdir(parents=True)
    for name, content in emit(design, data).items():
        (sim / name).write_bytes(content)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")}
    run = subprocess.run(
        ["make", "-C", str(sim), f"SIM={simulator}", f"PYTHON={sys.executable}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = {}
    for case in ElementTree.parse(sim / "results.xml").iter("testcase"):
        failure = case.find("failure")
        if failure is not None:
            failed[case.attrib["name"]] = failure.attrib.get("error_msg", "") or failure.attrib.get(
                "message", ""
            )
    return run.returncode, run.stdout, failed


@needs_icarus
def test_a_right_design_passes(stand_in: StandIn) -> None:
    dut = stand_in()
    code, printed, failed = regression(dut, design_of(dut), vectors())
    assert failed == {}
    assert code == 0
    assert "6 of 6 tests passed" in printed


@needs_icarus
def test_a_wrong_value_fails_and_is_named(stand_in: StandIn) -> None:
    dut = stand_in(fault=7)
    code, printed, failed = regression(dut, design_of(dut), vectors())
    assert code != 0
    assert "test_frames_back_to_back" in " ".join(failed)
    assert "m_axis frame 2, output beat 1, cycle 10: pixel [0, 1], channel 0: expected" in printed


@needs_icarus
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (1, "m_axis changed before tready took the beat"),
        (2, "m_axis_tvalid fell before tready took the beat"),
        (3, "m_axis_tlast must be 0, but is 1"),
        (4, "nothing moved for"),
        (6, "a beat came after the last frame"),
        (8, "m_axis_tdata has undefined bits"),
    ],
)
def test_a_broken_rule_fails_and_is_named(fault: int, message: str, stand_in: StandIn) -> None:
    dut = stand_in(fault=fault)
    code, printed, failed = regression(dut, design_of(dut), vectors(3))
    assert code != 0
    assert failed
    assert message in printed


@needs_icarus
def test_other_cycles_than_predicted_fail(stand_in: StandIn) -> None:
    dut = stand_in()
    code, printed, failed = regression(dut, design_of(dut, interval=3), vectors())
    assert code != 0
    assert len(failed) == 1
    assert "simulated {'latency_cycles': 5, 'cycles_per_frame': 4}" in printed


def test_the_same_arguments_give_the_same_bytes(stand_in: StandIn) -> None:
    dut = stand_in()
    files = emit(design_of(dut), vectors())
    assert files == emit(design_of(dut), vectors())
    assert sorted(files) == [
        "Makefile",
        "README.md",
        "axi_stream.py",
        "design.json",
        "run.py",
        "scoreboard.py",
        "test_network.py",
        "vectors/m_axis.npy",
        "vectors/s_axis.npy",
    ]
    assert json.loads(files["design.json"])["top"] == "stand_in"


def test_nothing_in_it_needs_ternc(stand_in: StandIn) -> None:
    files = emit(design_of(stand_in()), vectors())
    for name, content in files.items():
        if name.endswith(".py"):
            imports = [line for line in content.decode().splitlines() if "import" in line]
            assert not [line for line in imports if "ternc" in line], name
    assert Path("run.py").name in files


def test_vectors_of_another_shape_are_a_bug(stand_in: StandIn) -> None:
    data = vectors()
    design = design_of(stand_in())
    for wrong in (
        Vectors(inputs=(data.inputs[0][:, :3],), outputs=data.outputs),
        Vectors(inputs=(data.inputs[0][:3],), outputs=data.outputs),
        Vectors(inputs=data.inputs, outputs=data.outputs * 2),
    ):
        with pytest.raises(InternalError, match="emit stage"):
            emit(design, wrong)


# ---- several streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("simulator", [pytest.param("icarus", marks=needs_icarus), "verilator"])
def test_a_right_design_with_several_streams_passes(simulator: str, two_lanes: StandIn) -> None:
    dut = two_lanes()
    code, printed, failed = regression(dut, design_of(dut), vectors(sizes=(3, 9)), simulator)
    assert failed == {}
    assert code == 0
    assert "6 of 6 tests passed" in printed


@needs_icarus
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (7, "m_axis_v_ frame 2, output beat 1, cycle 10: pixel [0, 1], channel 0: expected"),
        (4, "6 frames and 0 beats came out of m_axis_u, 1 frames and 2 beats came out of m_axis_v_"),
        (1, "m_axis_v_ changed before tready took the beat"),
    ],
)
def test_the_stream_with_a_fault_is_named(fault: int, message: str, two_lanes: StandIn) -> None:
    dut = two_lanes(fault=fault)
    code, printed, failed = regression(dut, design_of(dut), vectors(sizes=(3, 9)))
    assert code != 0
    assert failed
    assert message in printed
