"""A small hand-written design in a build's layout: see stand_in.sv."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ternc.schedule.design import StreamPort
from ternc.simulate.model import Dut

TEXT = (Path(__file__).parent / "stand_in.sv").read_text()

StandIn = Callable[..., Dut]


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """Makes the design: ``size`` bytes a beat, 2 x 2 beats a frame, every byte plus ``offset``."""

    def make(*, size: int = 5, offset: int = 1, fault: int = 0, extra: str = "") -> Dut:
        rtl = tmp_path / "rtl"
        (rtl / "mem").mkdir(parents=True, exist_ok=True)
        (rtl / "stand_in.sv").write_text(TEXT.replace("`BYTES", str(size)).replace("`BEATS", "4") + extra)
        (rtl / "files.f").write_text("stand_in.sv\n")
        (rtl / "mem" / "setup.hex").write_text(f"{offset:02x}\n{fault:02x}\n")
        port = StreamPort(
            channels=size, height=2, width=2, elements_per_beat=size, element_bits=8, signed=False
        )
        return Dut(
            rtl=rtl,
            top="stand_in",
            input_port=port,
            output_port=port,
            cols=size,
            value_bits=9,
            watchdog_cycles=50,
            stretch_cycles=40,
        )

    return make
