"""What a design costs and how fast it is: ``report/performance.json`` and ``report/performance.txt``.

Cycle counts are exact. Resources are a model and counts, and say so wherever they appear.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from ternc import target
from ternc.network.layers import Anomaly, Network
from ternc.report.table import Table, columns, count, percent
from ternc.schedule.design import Array, ArrayShape, LayerSchedule, MemoryUse, Outline, Resources, StreamPort
from ternc.target import Device

BASIS = (
    "logic by a model of synthesis with Yosys, the rest counted in the RTL (docs/hardware.md, 'Costs'); "
    "nothing was synthesised, placed or routed for this design"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse:
    """One kind of resource.

    Attributes:
        unit: The device's own name for it, for example ``"ALM"`` or ``"M20K"``.
        used: Estimated.
        available: In the whole device.
        share: used / available, 0 where the device has none and none is used.
        basis: Where ``used`` comes from: a model with its error, or a count.
    """

    unit: str
    used: int
    available: int
    share: float
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceEstimate:
    """What the design takes of its device.

    Attributes:
        estimate: Always True in this version: no tool has measured this design.
        basis: Where they come from, one sentence.
        memories: All that the design instantiates: ``name``, ``depth_words``, ``width_bits``, ``copies`` of this shape,
            ``block_rams`` of all copies.
    """

    estimate: bool
    basis: str
    device: str
    logic: ResourceUse
    registers: ResourceUse
    block_rams: ResourceUse
    dsps: ResourceUse
    memories: tuple[MemoryUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferPerformance:
    """One line buffer of an engine.

    Attributes:
        tensor: The Network's tensor.
        rows: Rows that it holds; frame_rows: rows that a frame takes in it.
    """

    tensor: str
    rows: int
    frame_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePerformance:
    """One engine.

    Attributes:
        array: Its shape.
        layers: Names of its layers, in the order in which they run.
        busy_cycles: Cycles a frame in which it runs its layers; otherwise it waits for rows or for room.
        buffers: Its line buffers.
    """

    array: ArrayShape
    layers: tuple[str, ...]
    busy_cycles: int
    buffers: tuple[BufferPerformance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPerformance:
    """One layer; ``engine`` is the number of the engine that runs it, the other fields are those of `LayerSchedule`."""

    name: str
    engine: int
    kind: str
    macs: int
    density: float
    cycles: int
    utilisation: float
    weight_bits: int
    activation_bits: int
    accumulator_bits: int
    digits: float
    taps: int
    requantiser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPerformance:
    """One stream.

    Attributes:
        name: Prefix of its signals.
        value: The ONNX value that it carries.
        beats_per_frame, data_bytes: As in `StreamPort`.
    """

    name: str
    value: str
    beats_per_frame: int
    data_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyPerformance:
    """The outlier detector.

    Attributes:
        limit, unit, error: As in `Anomaly`.
        largest_normal: ``limit * unit``.
        normal_up_to, outlier_above: Real errors up to, and above, which the flag is sure to be off, and on.
    """

    measure: str
    limit: int
    unit: float
    error: float
    largest_normal: float
    normal_up_to: float
    outlier_above: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """The whole report; its field names are the keys of ``performance.json``.

    Attributes:
        cycles_per_frame: Steady state, no stalls: between the last output beats of two frames, on whichever port.
        latency_cycles: One frame alone, first input beat on any port to last output beat on any port.
        clock_mhz: Asked for or the device's planning value; not a timing result.
        frames_per_second: clock / cycles_per_frame.
        macs_per_frame: As the ONNX graph states them, zeros included.
        array: One shape per engine.
        engines: Each reads only the inputs and what engines before it made.
        utilisation: macs_per_frame / (cycles_per_frame * MACs of all arrays).
        inputs, outputs: The streams.
        anomaly: The outlier detector, or None.
        host: ONNX operators behind the last layer that the host runs; none where the chip does all.
    """

    cycles_per_frame: int
    latency_cycles: int
    clock_mhz: float
    frames_per_second: float
    macs_per_frame: int
    array: tuple[ArrayShape, ...]
    utilisation: float
    resources: ResourceEstimate
    engines: tuple[EnginePerformance, ...]
    layers: tuple[LayerPerformance, ...]
    inputs: tuple[PortPerformance, ...]
    outputs: tuple[PortPerformance, ...]
    anomaly: AnomalyPerformance | None
    host: tuple[str, ...]


def performance(design: Outline, network: Network, *, host: Sequence[str] = ()) -> Performance:
    """The report of a design.

    Args:
        design: The design.
        network: What it computes.
        host: ONNX operators of the network's epilogue.
    Raises:
        ScheduleError: The design names a device that is not in the table.
    """
    shapes = tuple(array.shape for array in design.arrays)
    array_macs = sum(shape.macs for shape in shapes)
    return Performance(
        cycles_per_frame=design.cycles_per_frame,
        latency_cycles=design.latency_cycles,
        clock_mhz=design.clock_mhz,
        frames_per_second=round(design.clock_mhz * 1e6 / design.cycles_per_frame, 3),
        macs_per_frame=design.macs_per_frame,
        array=shapes,
        utilisation=round(design.macs_per_frame / (design.cycles_per_frame * array_macs), 6),
        resources=_resources(design.resources, target.load(design.device)),
        engines=tuple(map(_engine, design.arrays)),
        layers=tuple(
            _layer(number, layer) for number, array in enumerate(design.arrays) for layer in array.layers
        ),
        inputs=tuple(map(_port, design.inputs)),
        outputs=tuple(map(_port, design.outputs)),
        anomaly=_anomaly(network.anomaly) if network.anomaly is not None else None,
        host=tuple(host),
    )


def _port(port: StreamPort) -> PortPerformance:
    return PortPerformance(
        name=port.name, value=port.value, beats_per_frame=port.beats_per_frame, data_bytes=port.data_bytes
    )


def _anomaly(anomaly: Anomaly) -> AnomalyPerformance:
    largest, power = anomaly.limit * anomaly.unit, 2 if anomaly.measure == "squares" else 1
    root = largest ** (1 / power)
    return AnomalyPerformance(
        measure=anomaly.measure,
        limit=anomaly.limit,
        unit=anomaly.unit,
        error=anomaly.error,
        largest_normal=largest,
        normal_up_to=(max(0.0, root - anomaly.error)) ** power,
        outlier_above=(root + anomaly.error) ** power,
    )


def _resources(used: Resources, device: Device) -> ResourceEstimate:
    fabric = target.load_fabric(device.fabric)
    model = f"model, ±{ceil(100 * fabric.error)} %"
    return ResourceEstimate(
        estimate=True,
        basis=BASIS,
        device=device.name,
        logic=_use(device.logic.unit, used.logic, device.logic.count, model),
        registers=_use("register", used.registers, device.registers.count, "counted"),
        block_rams=_use(device.block_ram.name, used.block_rams, device.block_ram.count, "counted"),
        dsps=_use(device.dsp.name, used.dsps, device.dsp.count, "counted"),
        memories=used.memories,
    )


def _use(unit: str, used: int, available: int, basis: str) -> ResourceUse:
    share = round(used / max(available, 1), 6)
    return ResourceUse(unit=unit, used=used, available=available, share=share, basis=basis)


def _engine(array: Array) -> EnginePerformance:
    return EnginePerformance(
        array=array.shape,
        layers=tuple(layer.name for layer in array.layers),
        busy_cycles=array.busy_cycles,
        buffers=tuple(
            BufferPerformance(tensor=tensor, rows=rows.capacity, frame_rows=rows.frame)
            for tensor, rows in array.buffers
        ),
    )


def _layer(engine: int, layer: LayerSchedule) -> LayerPerformance:
    return LayerPerformance(
        name=layer.name,
        engine=engine,
        kind=layer.kind,
        macs=layer.macs,
        density=round(layer.density, 6),
        cycles=layer.cycles,
        utilisation=round(layer.utilisation, 6),
        weight_bits=layer.weight_bits,
        activation_bits=layer.activation_bits,
        accumulator_bits=layer.accumulator_bits,
        digits=round(layer.digits, 6),
        taps=layer.taps,
        requantiser=layer.requantiser,
    )


def to_dict(report: Performance) -> dict[str, Any]:
    """Plain dictionaries, lists and numbers, keys in the order of the fields."""
    return asdict(report)


def to_json(report: Performance) -> str:
    """The text of ``performance.json``: two blanks of indentation, newline at the end."""
    return json.dumps(to_dict(report), indent=2) + "\n"


def to_table(report: Performance) -> tuple[Table, ...]:
    """Summary, streams, engines, layers and resources, to be shown one below the other."""
    return (
        _summary(report),
        _streams(report),
        _engines(report),
        _layers(report),
        _resource_table(report.resources),
    )


def to_text(report: Performance) -> str:
    """The text of ``performance.txt``: the tables, and the memories one by one."""
    return "\n".join(table.to_text() for table in (*to_table(report), _memories(report.resources)))


def _summary(report: Performance) -> Table:
    arrays = "array" if len(report.array) == 1 else "arrays"
    rows = [
        (f"{arrays} (rows x cols x lanes)", " + ".join(map(str, report.array))),
        ("cycles per frame", count(report.cycles_per_frame)),
        ("latency, cycles", count(report.latency_cycles)),
        ("clock, MHz (assumed)", f"{report.clock_mhz:g}"),
        ("frames per second at that clock", f"{report.frames_per_second:,.0f}"),
        ("MACs per frame", count(report.macs_per_frame)),
        (f"utilisation of the {arrays}", percent(report.utilisation)),
    ]
    if report.anomaly is not None:
        error = "squares" if report.anomaly.measure == "squares" else "absolute differences"
        rows.append((f"outlier: a sum of {error} above", f"{report.anomaly.largest_normal:.6g}"))
        sure = (
            f"{report.anomaly.normal_up_to:.6g}, {report.anomaly.outlier_above:.6g}"
            if report.anomaly.error
            else "everywhere"
        )
        rows.append(("its flag is exact up to, and above", sure))
    notes = (f"Behind the chip the host runs: {', '.join(report.host)}.",) if report.host else ()
    return Table(title="Performance", columns=columns("what", ">value"), rows=tuple(rows), notes=notes)


def _streams(report: Performance) -> Table:
    rows = tuple(
        (port.name, direction, port.value, count(port.beats_per_frame), count(port.data_bytes))
        for direction, ports in (("in", report.inputs), ("out", report.outputs))
        for port in ports
    )
    headings = columns("stream", "", "value", ">beats per frame", ">bytes per beat")
    return Table(title="Streams", columns=headings, rows=rows)


def _engines(report: Performance) -> Table:
    rows = tuple(
        (
            str(number),
            str(engine.array),
            _run(engine.layers),
            count(engine.busy_cycles),
            percent(engine.busy_cycles / report.cycles_per_frame),
            ", ".join(
                f"{buffer.rows:,} of {buffer.frame_rows:,} ({buffer.tensor})" for buffer in engine.buffers
            ),
        )
        for number, engine in enumerate(report.engines)
    )
    headings = columns(">engine", "array", "layers", ">busy cycles", ">busy", "rows held")
    notes = ("busy: share of the cycles per frame in which the engine runs its layers.",)
    return Table(title="Engines", columns=headings, rows=rows, notes=notes)


def _run(layers: tuple[str, ...]) -> str:
    """The first and the last of an engine's layers, and how many there are."""
    if len(layers) == 1:
        return layers[0]
    return f"{layers[0]} ... {layers[-1]} ({len(layers)})"


def _layers(report: Performance) -> Table:
    headings = columns(
        *(
            ">engine",
            "layer",
            "kind",
            ">MACs",
            ">density",
            ">digits",
            ">cycles",
            ">use",
            ">weight bits",
            ">act.",
            ">acc.",
        ),
    )
    rows = tuple(
        (
            str(layer.engine),
            layer.name,
            layer.kind,
            count(layer.macs),
            percent(layer.density),
            f"{layer.digits:.2f}",
            count(layer.cycles),
            percent(layer.utilisation),
            count(layer.weight_bits),
            str(layer.activation_bits),
            str(layer.accumulator_bits),
        )
        for layer in report.layers
    )
    notes = (
        "digits: non-zero ternary digits per weight; the density where all weights are ternary.",
        "use: share of the engine's MACs that do work of the layer, its zeros counted as work.",
        "act., acc.: bits of the codes that the layer reads, and of its accumulators.",
    )
    return Table(title="Layers", columns=headings, rows=rows, notes=notes)


def _resource_table(resources: ResourceEstimate) -> Table:
    uses = (resources.logic, resources.registers, resources.block_rams, resources.dsps)
    rows = tuple(
        (use.unit, count(use.used), count(use.available), percent(use.share), use.basis) for use in uses
    )
    return Table(
        title=f"Resources of {resources.device} (estimated)",
        columns=columns("resource", ">used", ">available", ">share", "basis"),
        rows=rows,
        notes=(f"Basis: {resources.basis}.",),
    )


def _memories(resources: ResourceEstimate) -> Table:
    rows = tuple(
        (
            memory.name,
            count(memory.depth_words),
            count(memory.width_bits),
            count(memory.copies),
            count(memory.block_rams) if memory.block_rams else "logic",
        )
        for memory in resources.memories
    )
    headings = columns("memory", ">words", ">bits", ">copies", f">{resources.block_rams.unit} (estimated)")
    return Table(title="Memories", columns=headings, rows=rows)
