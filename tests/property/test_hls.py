"""Drawn networks on drawn engines: the C simulation of the HLS form gives golden's values in every layer."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from cuts import cuts, designed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from networks import networks

from ternc.emit import hls as emitter
from ternc.network import golden
from ternc.network.layers import Network
from ternc.schedule.design import Design
from ternc.schedule.store import stored
from ternc.simulate import hls, layers
from ternc.simulate.ends import on_ports
from ternc.simulate.frames import integers
from ternc.simulate.hls import Form
from ternc.simulate.model import Dut, MonitorPort
from ternc.simulate.streams import pack_all

EXAMPLES = int(os.environ.get("TERNC_HLS_EXAMPLES", "3"))
"""Each takes a few seconds of the compiler."""


def dut_of(design: Design, folder: Path) -> Dut:
    """What a simulation has to know of a design that was not built whole."""
    return Dut(
        rtl=folder,
        top=design.name,
        inputs=design.inputs,
        outputs=design.outputs,
        monitors=tuple(
            MonitorPort(cols=one.geometry.shape.cols, value_bits=one.geometry.value_bits)
            for one in design.engines
        ),
        watchdog_cycles=1,
        stretch_cycles=1,
    )


def check(network: Network, design: Design, folder: Path) -> None:
    """Three frames through the plain form, each layer and each port."""
    for name, data in emitter.emit(design, ("vitis",)).items():
        path = folder / "hls" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    codes = integers(network, 3, 1)
    dut = dut_of(design, folder)
    program = hls.build(folder / "hls", Form(dialect="vitis", types="fast", monitor=True), ("-O0", "-Werror"))
    run = hls.run(dut, program, pack_all(dut.inputs, codes), monitor=True)
    wrong = layers.first_wrong(network, [stored(engine) for engine in design.engines], codes, run.vectors)
    assert wrong is None, wrong
    expected = pack_all(dut.outputs, on_ports(network, golden.predict(network, codes)))
    for got, wanted in zip(run.beats, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


@settings(
    max_examples=EXAMPLES,
    derandomize="TERNC_HLS_EXAMPLES" not in os.environ,
    deadline=None,
    phases=(Phase.generate,),  # shrinking would compile for minutes
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_a_drawn_design_agrees_in_every_layer(data: st.DataObject) -> None:
    network = data.draw(networks())
    design = designed(network, data.draw(cuts(network)))
    with TemporaryDirectory() as folder:
        check(network, design, Path(folder))
