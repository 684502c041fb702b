"""The performance report: its keys, its arithmetic and its text."""

import json
from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from ternc import report, target
from ternc.network.layers import Anomaly, Network
from ternc.schedule.design import (
    Array,
    ArrayShape,
    Chip,
    LayerSchedule,
    MemoryUse,
    Outline,
    Resources,
    Rows,
    StreamPort,
)


def design() -> Outline:
    first = Array(
        shape=ArrayShape(rows=2, cols=4, lanes=7),
        layers=(
            layer("conv1", "conv", macs=3_200, cycles=100, density=0.3, utilisation=3_200 / (100 * 56)),
            layer("conv2", "conv", macs=3_200, cycles=75, density=0.3, utilisation=3_200 / (75 * 56)),
        ),
        buffers=(("image", Rows(capacity=4, frame=8, step=1)),),
    )
    second = Array(
        shape=ArrayShape(rows=1, cols=4, lanes=2),
        layers=(
            layer(
                "fc", "dense", macs=640, cycles=200, density=1 / 3, utilisation=640 / (200 * 8), digits=1.25
            ),
        ),
        buffers=(
            ("map", Rows(capacity=8, frame=8, step=2)),
            ("image", Rows(capacity=6, frame=8, step=1)),
        ),
    )
    source, sink = stream("s_axis", "image"), stream("m_axis", "logits")
    return Outline(
        name="net",
        device="unit",
        chip=Chip(vendor="none", family="unit", part="unit"),
        clock_mhz=100.0,
        arrays=(first, second),
        inputs=(source,),
        outputs=(sink,),
        cycles_per_frame=200,
        latency_cycles=331,
        macs_per_frame=7_040,
        resources=Resources(
            logic=5_000,
            registers=1_234,
            block_rams=16,
            dsps=4,
            memories=(
                MemoryUse(
                    name="weights of engine 0", depth_words=2_000, width_bits=14, copies=4, block_rams=16
                ),
                MemoryUse(name="places of engine 1", depth_words=8, width_bits=3, copies=1, block_rams=0),
            ),
        ),
    )


def stream(name: str, value: str) -> StreamPort:
    return StreamPort(
        name=name,
        value=value,
        tensor=value,
        channels=1,
        height=8,
        width=8,
        elements_per_beat=1,
        element_bits=8,
        signed=False,
    )


def network(anomaly: Anomaly | None = None) -> Network:
    """Only what the report reads of it."""
    return Network(name="net", tensors=(), layers=(), inputs=(), outputs=(), anomaly=anomaly)


def layer(
    name: str,
    kind: str,
    *,
    macs: int,
    cycles: int,
    density: float,
    utilisation: float,
    digits: float | None = None,
) -> LayerSchedule:
    return LayerSchedule(
        name=name,
        kind=kind,
        macs=macs,
        density=density,
        digits=density if digits is None else digits,
        taps=24,
        cycles=cycles,
        utilisation=utilisation,
        weight_bits=1_152,
        activation_bits=8,
        accumulator_bits=12,
        requantiser="multiply",
    )


def test_json_has_exactly_the_keys_that_scripts_rely_on() -> None:
    document = json.loads(report.to_json(report.performance(design(), network())))
    assert list(document) == [
        "cycles_per_frame",
        "latency_cycles",
        "clock_mhz",
        "frames_per_second",
        "macs_per_frame",
        "array",
        "utilisation",
        "resources",
        "engines",
        "layers",
        "inputs",
        "outputs",
        "anomaly",
        "host",
    ]
    assert document["array"] == [
        {"rows": 2, "cols": 4, "lanes": 7, "drain": 1, "packed": False},
        {"rows": 1, "cols": 4, "lanes": 2, "drain": 1, "packed": False},
    ]
    assert document["frames_per_second"] == 500_000
    assert document["utilisation"] == 0.55
    assert document["engines"] == [
        {
            "array": {"rows": 2, "cols": 4, "lanes": 7, "drain": 1, "packed": False},
            "layers": ["conv1", "conv2"],
            "busy_cycles": 175,
            "buffers": [{"tensor": "image", "rows": 4, "frame_rows": 8}],
        },
        {
            "array": {"rows": 1, "cols": 4, "lanes": 2, "drain": 1, "packed": False},
            "layers": ["fc"],
            "busy_cycles": 200,
            "buffers": [
                {"tensor": "map", "rows": 8, "frame_rows": 8},
                {"tensor": "image", "rows": 6, "frame_rows": 8},
            ],
        },
    ]
    assert [layer["engine"] for layer in document["layers"]] == [0, 0, 1]
    assert document["layers"][2] == {
        "name": "fc",
        "engine": 1,
        "kind": "dense",
        "macs": 640,
        "density": 0.333333,
        "cycles": 200,
        "utilisation": 0.4,
        "weight_bits": 1152,
        "activation_bits": 8,
        "accumulator_bits": 12,
        "digits": 1.25,
        "taps": 24,
        "requantiser": "multiply",
    }
    assert document["inputs"] == [
        {"name": "s_axis", "value": "image", "beats_per_frame": 64, "data_bytes": 1},
    ]
    assert document["anomaly"] is None
    assert document["host"] == []


ERROR = ceil(100 * target.load_fabric("LUT6").error)
"""Of the model of logic, in per cent: a single digit."""


def test_resources_are_labelled_as_estimates_with_their_basis() -> None:
    resources = json.loads(report.to_json(report.performance(design(), network())))["resources"]
    assert resources["estimate"] is True
    assert resources["basis"] == (
        "logic by a model of synthesis with Yosys, the rest counted in the RTL (docs/hardware.md, 'Costs'); "
        "nothing was synthesised, placed or routed for this design"
    )
    assert resources["logic"] == {
        "unit": "LUT6", "used": 5000, "available": 20000, "share": 0.25, "basis": f"model, ±{ERROR} %",
    }  # fmt: skip
    assert resources["block_rams"] == {
        "unit": "RAM", "used": 16, "available": 64, "share": 0.25, "basis": "counted",
    }  # fmt: skip
    places = {
        "name": "places of engine 1",
        "depth_words": 8,
        "width_bits": 3,
        "copies": 1,
        "block_rams": 0,
    }
    assert resources["memories"][1] == places


def test_the_hosts_part_and_the_outlier_detector_are_named() -> None:
    anomaly = Anomaly(
        tensor="d",
        factor=np.ones(1, np.int64),
        offset=np.zeros(1, np.int64),
        measure="squares",
        unit=0.25,
        error=0.0,
        limit=10,
    )
    found = report.performance(design(), network(anomaly), host=("Sigmoid", "TopK"))
    document = json.loads(report.to_json(found))
    assert document["host"] == ["Sigmoid", "TopK"]
    assert document["anomaly"] == {
        "measure": "squares", "limit": 10, "unit": 0.25, "error": 0.0, "largest_normal": 2.5,
        "normal_up_to": pytest.approx(2.5), "outlier_above": pytest.approx(2.5),
    }  # fmt: skip
    lines = report.to_text(found).splitlines()
    assert "Behind the chip the host runs: Sigmoid, TopK." in lines
    assert any(
        line.startswith("outlier: a sum of squares above ") and line.endswith(" 2.5") for line in lines
    )
    assert any(
        line.startswith("its flag is exact up to, and above ") and line.endswith(" everywhere")
        for line in lines
    )
    loose = report.performance(design(), network(replace(anomaly, error=0.1)))
    assert loose.anomaly is not None
    assert loose.anomaly.normal_up_to == pytest.approx((2.5**0.5 - 0.1) ** 2)
    assert loose.anomaly.outlier_above == pytest.approx((2.5**0.5 + 0.1) ** 2)
    assert "2.19377, 2.82623" in report.to_text(loose)


def test_text_is_a_plain_table_without_trailing_blanks() -> None:
    assert report.to_text(report.performance(design(), network())) == TEXT.replace("±?", f"±{ERROR}")


TEXT = """\
Performance

what                                     value
-------------------------------  -------------
arrays (rows x cols x lanes)     2x4x7 + 1x4x2
cycles per frame                           200
latency, cycles                            331
clock, MHz (assumed)                       100
frames per second at that clock        500,000
MACs per frame                           7,040
utilisation of the arrays               55.0 %

Streams

stream       value   beats per frame  bytes per beat
------  ---  ------  ---------------  --------------
s_axis  in   image                64               1
m_axis  out  logits               64               1

Engines

engine  array  layers               busy cycles     busy  rows held
------  -----  -------------------  -----------  -------  ----------------------------
     0  2x4x7  conv1 ... conv2 (2)          175   87.5 %  4 of 8 (image)
     1  1x4x2  fc                           200  100.0 %  8 of 8 (map), 6 of 8 (image)

busy: share of the cycles per frame in which the engine runs its layers.

Layers

engine  layer  kind    MACs  density  digits  cycles     use  weight bits  act.  acc.
------  -----  -----  -----  -------  ------  ------  ------  -----------  ----  ----
     0  conv1  conv   3,200   30.0 %    0.30     100  57.1 %        1,152     8    12
     0  conv2  conv   3,200   30.0 %    0.30      75  76.2 %        1,152     8    12
     1  fc     dense    640   33.3 %    1.25     200  40.0 %        1,152     8    12

digits: non-zero ternary digits per weight; the density where all weights are ternary.
use: share of the engine's MACs that do work of the layer, its zeros counted as work.
act., acc.: bits of the codes that the layer reads, and of its accumulators.

Resources of unit (estimated)

resource   used  available   share  basis
--------  -----  ---------  ------  -----------
LUT6      5,000     20,000  25.0 %  model, ±? %
register  1,234     40,000   3.1 %  counted
RAM          16         64  25.0 %  counted
MUL           4         32  12.5 %  counted

Basis: logic by a model of synthesis with Yosys, the rest counted in the RTL (docs/hardware.md, 'Costs'); nothing was synthesised, placed or routed for this design.

Memories

memory               words  bits  copies  RAM (estimated)
-------------------  -----  ----  ------  ---------------
weights of engine 0  2,000    14       4               16
places of engine 1       8     3       1            logic
"""
