"""The performance report: its keys, its arithmetic and its text."""

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from ternc import report
from ternc.network.layers import Anomaly, Network
from ternc.schedule.design import (
    ArrayShape,
    Design,
    Engine,
    Geometry,
    LayerSchedule,
    MemoryUse,
    Resources,
    StreamPort,
)

MEMORIES = (
    MemoryUse(name="weights", depth_words=1_024, width_bits=16, copies=4, block_rams=16),
    MemoryUse(name="terms", depth_words=3, width_bits=40, copies=1, block_rams=0),
)


def design() -> Design:
    shape = ArrayShape(rows=2, cols=4, lanes=8)
    unused: dict[str, Any] = {field.name: 1 for field in fields(Geometry) if field.name != "shape"}
    geometry = Geometry(shape=shape, **unused)
    layers = (
        layer("conv1", "conv", macs=6_400, cycles=150, density=0.3, utilisation=6_400 / (150 * 64)),
        layer("fc", "dense", macs=640, cycles=50, density=1 / 3, utilisation=640 / (50 * 64), digits=1.25),
    )
    engine = Engine(geometry=geometry, layers=layers, programs=(), weights=(), requant=(), thresholds=())
    source, sink = stream("s_axis", "image"), stream("m_axis", "logits")
    return Design(
        name="net",
        device="unit",
        clock_mhz=100.0,
        engines=(engine,),
        inputs=(source,),
        outputs=(sink,),
        cycles_per_frame=200,
        latency_cycles=331,
        macs_per_frame=7_040,
        resources=Resources(logic=5_000, registers=1_234, block_rams=16, dsps=4, memories=MEMORIES),
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
        "layers",
        "inputs",
        "outputs",
        "anomaly",
        "host",
    ]
    assert document["array"] == [{"rows": 2, "cols": 4, "lanes": 8}]
    assert document["frames_per_second"] == 500_000
    assert document["utilisation"] == 0.55
    assert document["layers"][1] == {
        "name": "fc",
        "kind": "dense",
        "macs": 640,
        "density": 0.333333,
        "cycles": 50,
        "utilisation": 0.2,
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


def test_resources_are_labelled_as_estimates_with_their_basis() -> None:
    resources = json.loads(report.to_json(report.performance(design(), network())))["resources"]
    assert resources["estimate"] is True
    assert resources["basis"] == (
        "first estimate from the cost model in docs/hardware.md; nothing was synthesised, placed or routed for it"
    )
    assert resources["logic"] == {"unit": "LUT6", "used": 5000, "available": 20000, "share": 0.25}
    assert resources["block_rams"] == {"unit": "RAM", "used": 16, "available": 64, "share": 0.25}
    terms = {"name": "terms", "depth_words": 3, "width_bits": 40, "copies": 1, "block_rams": 0}
    assert resources["memories"][1] == terms


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
    assert report.to_text(report.performance(design(), network())) == TEXT


TEXT = """\
Performance

what                               value
-------------------------------  -------
array (rows x cols x lanes)        2x4x8
cycles per frame                     200
latency, cycles                      331
clock, MHz (assumed)                 100
frames per second at that clock  500,000
MACs per frame                     7,040
utilisation of the array          55.0 %

Streams

stream       value   beats per frame  bytes per beat
------  ---  ------  ---------------  --------------
s_axis  in   image                64               1
m_axis  out  logits               64               1

Layers

layer  kind    MACs  density  digits  cycles     use  weight bits  act.  acc.
-----  -----  -----  -------  ------  ------  ------  -----------  ----  ----
conv1  conv   6,400   30.0 %    0.30     150  66.7 %        1,152     8    12
fc     dense    640   33.3 %    1.25      50  20.0 %        1,152     8    12

digits: non-zero ternary digits per weight; the density where all weights are ternary.
use: share of the array's MACs that do work of the layer, its zeros counted as work.
act., acc.: bits of the codes that the layer reads, and of its accumulators.

Resources of unit (estimated)

resource   used  available   share
--------  -----  ---------  ------
LUT6      5,000     20,000  25.0 %
register  1,234     40,000   3.1 %
RAM          16         64  25.0 %
MUL           4         32  12.5 %

Basis: first estimate from the cost model in docs/hardware.md; nothing was synthesised, placed or routed for it.

Memories

memory   words  bits  copies  RAM (estimated)
-------  -----  ----  ------  ---------------
weights  1,024    16       4               16
terms        3    40       1            logic
"""
