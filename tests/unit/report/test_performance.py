"""The performance report: its keys, its arithmetic and its text."""

import json
from dataclasses import fields
from typing import Any

from ternc import report
from ternc.schedule.design import ArrayShape, Design, Engine, Geometry, LayerSchedule, Resources, StreamPort


def design() -> Design:
    shape = ArrayShape(rows=2, cols=4, lanes=8)
    unused: dict[str, Any] = {field.name: 1 for field in fields(Geometry) if field.name != "shape"}
    geometry = Geometry(shape=shape, **unused)
    layers = (
        layer("conv1", "conv", macs=6_400, cycles=150, density=0.3, utilisation=6_400 / (150 * 64)),
        layer("fc", "dense", macs=640, cycles=50, density=1 / 3, utilisation=640 / (50 * 64)),
    )
    engine = Engine(geometry=geometry, layers=layers, programs=(), weights=(), requant=(), thresholds=())
    port = StreamPort(channels=1, height=8, width=8, elements_per_beat=1, element_bits=8, signed=False)
    return Design(
        name="net",
        device="unit",
        clock_mhz=100.0,
        engines=(engine,),
        input_port=port,
        output_port=port,
        cycles_per_frame=200,
        latency_cycles=331,
        macs_per_frame=7_040,
        resources=Resources(logic=5_000, registers=1_234, block_rams=16, dsps=4),
    )


def layer(
    name: str, kind: str, *, macs: int, cycles: int, density: float, utilisation: float
) -> LayerSchedule:
    return LayerSchedule(
        name=name,
        kind=kind,
        macs=macs,
        density=density,
        cycles=cycles,
        utilisation=utilisation,
        weight_bits=1_152,
        activation_bits=8,
        accumulator_bits=12,
        requantiser="multiply",
    )


def test_json_has_exactly_the_keys_that_scripts_rely_on() -> None:
    document = json.loads(report.to_json(report.performance(design())))
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
    }


def test_resources_are_labelled_as_estimates_with_their_basis() -> None:
    resources = json.loads(report.to_json(report.performance(design())))["resources"]
    assert resources["estimate"] is True
    assert resources["basis"] == (
        "first estimate from the cost model in docs/hardware.md; nothing was synthesised, placed or routed for it"
    )
    assert resources["logic"] == {"unit": "LUT6", "used": 5000, "available": 20000, "share": 0.25}
    assert resources["block_rams"] == {"unit": "RAM", "used": 16, "available": 64, "share": 0.25}


def test_text_is_a_plain_table_without_trailing_blanks() -> None:
    assert report.to_text(report.performance(design())) == TEXT


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

Layers

layer  kind    MACs  density  cycles     use  weight bits  act.  acc.
-----  -----  -----  -------  ------  ------  -----------  ----  ----
conv1  conv   6,400   30.0 %     150  66.7 %        1,152     8    12
fc     dense    640   33.3 %      50  20.0 %        1,152     8    12

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
"""
