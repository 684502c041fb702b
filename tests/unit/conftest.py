"""Small hand-written designs in a build's layout: see stand_in.sv."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ternc.schedule.design import StreamPort
from ternc.simulate.model import Dut, MonitorPort

TEXT = (Path(__file__).parent / "stand_in.sv").read_text()

StandIn = Callable[..., Dut]


def port(name: str, size: int) -> StreamPort:
    """2 x 2 pixels of ``size`` bytes, one pixel a beat."""
    return StreamPort(
        name=name,
        value=name,
        tensor=name,
        channels=size,
        height=2,
        width=2,
        elements_per_beat=size,
        element_bits=8,
        signed=False,
    )


def rtl_folder(tmp_path: Path, offset: int, fault: int) -> Path:
    rtl = tmp_path / "rtl"
    (rtl / "mem").mkdir(parents=True, exist_ok=True)
    (rtl / "mem" / "setup.hex").write_text(f"{offset:02x}\n{fault:02x}\n")
    return rtl


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """Makes the design: ``size`` bytes a beat, 2 x 2 beats a frame, every byte plus ``offset``."""

    def make(*, size: int = 5, offset: int = 1, fault: int = 0, extra: str = "") -> Dut:
        rtl = rtl_folder(tmp_path, offset, fault)
        (rtl / "stand_in.sv").write_text(TEXT.replace("`BYTES", str(size)).replace("`BEATS", "4") + extra)
        (rtl / "files.f").write_text("stand_in.sv\n")
        return Dut(
            rtl=rtl,
            top="stand_in",
            inputs=(port("s_axis", size),),
            outputs=(port("m_axis", size),),
            monitors=(MonitorPort(cols=size, value_bits=9),),
            watchdog_cycles=50,
            stretch_cycles=40,
            quick=True,
        )

    return make


LANES = (("s_axis_a", "m_axis_u", 3), ("s_axis_b__2_", "m_axis_v_", 9))


@pytest.fixture
def two_lanes(tmp_path: Path) -> StandIn:
    """Makes a design of two stand-ins side by side, whose second one may have a fault; awkward stream names."""

    def make(*, offset: int = 1, fault: int = 0) -> Dut:
        rtl = rtl_folder(tmp_path, offset, fault)
        healthy = TEXT.replace("module stand_in", "module healthy").replace(
            "fault  = setup[1]", "fault  = 8'd0"
        )
        text = TEXT + healthy
        (rtl / "stand_in.sv").write_text(text.replace("`BYTES", "1").replace("`BEATS", "4"))
        (rtl / "lanes.sv").write_text(lanes_text())
        (rtl / "files.f").write_text("stand_in.sv\nlanes.sv\n")
        return Dut(
            rtl=rtl,
            top="lanes",
            inputs=tuple(port(name, size) for name, _, size in LANES),
            outputs=tuple(port(name, size) for _, name, size in LANES),
            monitors=tuple(MonitorPort(cols=size, value_bits=9) for _, _, size in LANES),
            watchdog_cycles=50,
            stretch_cycles=40,
            quick=True,
        )

    return make


def lanes_text() -> str:
    """The top module of two lanes, which shows both as engines of one design do."""
    ports, shown, instances = [], [], []
    for number, (source, sink, size) in enumerate(LANES):
        kind = "stand_in" if number else "healthy"
        monitor = f".mon_0_valid_o(mon_{number}_valid_o), .mon_0_value_o(mon_{number}_value_o)"
        shown += [
            f"  output logic mon_{number}_valid_o",
            f"  output logic [{9 * size - 1}:0] mon_{number}_value_o",
        ]
        pins = [".clk_i(clk_i), .rst_ni(rst_ni)"]
        for name, prefix, forward, backward in (
            (source, "s_axis", "input", "output"),
            (sink, "m_axis", "output", "input"),
        ):
            for signal, side, width in (
                ("tdata", forward, f"[{8 * size - 1}:0] "),
                ("tvalid", forward, ""),
                ("tready", backward, ""),
                ("tlast", forward, ""),
            ):
                ports.append(f"  {side} logic {width}{name}_{signal}")
                pins.append(f".{prefix}_{signal}({name}_{signal})")
        instances.append(
            f"  {kind} #(.Bytes({size})) u_{kind} ({', '.join(pins)}\n`ifdef TERNC_MONITOR\n  , {monitor}\n`endif\n  );"
        )
    listed, seen = ",\n".join(ports), ",\n".join(shown)
    return (
        "module lanes (\n  input logic clk_i, input logic rst_ni,\n"
        f"{listed}\n`ifdef TERNC_MONITOR\n  ,\n{seen}\n`endif\n);\n" + "\n".join(instances) + "\nendmodule\n"
    )
