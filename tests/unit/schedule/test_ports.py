"""Names and widths of a design's streams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from networks import assemble, output_of

from ternc import target
from ternc.network.layers import Anomaly, IntRange, Linear, Network, Tensor, Term
from ternc.schedule.build import schedule
from ternc.schedule.design import ArrayShape
from ternc.schedule.ports import input_ports, output_ports, port_names, score_unit
from ternc.schedule.store import load, save
from ternc.schedule.wish import Wish

SHAPE = ArrayShape(rows=2, cols=4, lanes=4)


def test_a_port_that_is_alone_has_the_plain_name() -> None:
    assert port_names("s_axis", ["input.1"]) == ("s_axis",)


def test_several_ports_have_their_values_as_identifiers() -> None:
    found = port_names("s_axis", ["left/image:0", "left_image_0", "Left.image.0", "7"])
    assert found == ("s_axis_left_image_0", "s_axis_left_image_0_2", "s_axis_Left_image_0_3", "s_axis_7")


def test_no_output_takes_the_name_of_the_anomaly() -> None:
    assert port_names("m_axis", ["anomaly", "y"], reserved=("anomaly",)) == ("m_axis_anomaly_2", "m_axis_y")


def two_inputs(limit: int = 1000, measure: str = "squares") -> Network:
    """``x0 - x1`` is judged, ``x0 + x1`` leaves."""
    inputs = [
        Tensor(name="a", channels=2, height=3, width=5, range=IntRange(low=-8, high=7)),
        Tensor(name="b", channels=2, height=3, width=5, range=IntRange(low=0, high=3)),
    ]
    eye = np.eye(2, dtype=np.int32)[:, :, None, None]
    terms = Term(source="a", weights=eye), Term(source="b", weights=eye)
    layers = [
        Linear(name="sum", kind="add", terms=terms, target="plus"),
        Linear(
            name="difference",
            kind="sub",
            terms=(terms[0], Term(source="b", weights=-eye)),
            target="minus",
        ),
    ]
    judge = Anomaly(
        tensor="minus",
        factor=np.array([1, 3]),
        offset=np.array([0, -4]),
        measure="squares" if measure == "squares" else "absolute",
        unit=1.0,
        error=0.0,
        limit=limit,
    )
    return assemble(inputs, layers, anomaly=judge)


def test_the_score_holds_the_largest_one_of_a_frame() -> None:
    squares, absolute = (
        score_unit(two_inputs(measure=measure), 3, 1, 7) for measure in ("squares", "absolute")
    )
    assert squares is not None
    assert absolute is not None
    # differences lie in -11..7, of channel 1 three times that less 4; 15 pixels
    assert squares.value_bits == absolute.value_bits == 7
    assert squares.score_bits == (15 * (11**2 + 37**2)).bit_length()
    assert absolute.score_bits == (15 * (11 + 37)).bit_length()
    assert (squares.frame_vectors, squares.frame_steps) == (30, 3)  # a channel each
    never = score_unit(two_inputs(limit=10**12), 3, 4, 7)
    assert never is not None
    assert never.limit == 15 * (11**2 + 37**2)
    assert never.frame_vectors == 15


def test_an_anomaly_is_a_port_of_its_own_beside_the_only_output() -> None:
    network = two_inputs()
    inputs = input_ports(network, (2, 2), (1, 1))
    assert [(port.name, port.value, port.tensor) for port in inputs] == [
        ("s_axis_x0", "x0", "a"),
        ("s_axis_x1", "x1", "b"),
    ]
    assert [(port.element_bits, port.signed) for port in inputs] == [(4, True), (2, False)]
    outputs = output_ports(network, [SHAPE.cols], score_unit(network, 1, SHAPE.cols, 16))
    assert [(port.name, port.value, port.tensor) for port in outputs] == [
        ("m_axis", "y", "plus"),
        ("m_axis_anomaly", "anomaly", "minus"),
    ]
    last = outputs[1]
    assert (last.channels, last.elements_per_beat, last.beats_per_frame) == (2, 2, 1)
    assert (last.element_bits, last.data_bytes, last.signed) == (16, 4, False)


def test_an_input_leaves_the_name_of_the_stream_for_images_free() -> None:
    network = two_inputs()
    first, second = network.inputs
    network = replace(network, inputs=(replace(first, name="load"), second))
    assert [port.name for port in input_ports(network, (2, 2), (1, 1))] == ["s_axis_load_2", "s_axis_x1"]


def test_an_argmax_sends_one_index_a_pixel() -> None:
    network = two_inputs()
    network = replace(network, outputs=(output_of(network.tensor("plus"), "y", argmax=True),))
    port = output_ports(network, [SHAPE.cols], None)[0]
    assert (port.channels, port.elements_per_beat, port.element_bits, port.beats_per_frame) == (1, 1, 8, 15)


def test_design_json_keeps_every_port(tmp_path: Path) -> None:
    wish = Wish(fps=None, budget=1.0, clock_mhz=100.0, array=SHAPE)
    design = schedule(two_inputs(), target.load("arria10"), wish)
    (tmp_path / "design.json").write_bytes(save(design))
    stored = load(tmp_path)
    assert (stored.inputs, stored.outputs) == (design.inputs, design.outputs)
    assert (stored.cycles_per_frame, stored.latency_cycles) == (
        design.cycles_per_frame,
        design.latency_cycles,
    )
    (engine,) = stored.engines
    assert (engine.shape, engine.layers, stored.name) == (SHAPE, ("sum", "difference"), "random")
