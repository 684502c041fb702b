"""A plan with its program and all its widths: what a design is made of, before any memory image."""

from __future__ import annotations

from dataclasses import dataclass

from ternc.network.layers import Network
from ternc.numeric import address_bits, clog2, signed_bits, unsigned_bits
from ternc.schedule.design import ArrayShape, Geometry, InputBuffer, OutputBuffer
from ternc.schedule.plan import Numbers, Plan, Planner
from ternc.schedule.ports import output_buffer
from ternc.schedule.program import Program, assemble
from ternc.schedule.sums import Sums
from ternc.schedule.timing import dot_latency, drain_period, flush_cycles
from ternc.schedule.words import Depths


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """One plan, worked out.

    Attributes:
        sums: Corrections and widths of the accumulators.
        geometry: Every parameter of the engine's modules.
        depths: Words of its ROMs.
    """

    plan: Plan
    program: Program
    sums: Sums
    geometry: Geometry
    depths: Depths


def draft(planner: Planner, plan: Plan) -> Draft:
    """Assemble the program of a plan."""
    program, sums = assemble(planner, plan.shape), planner.sums(plan.shape)
    return Draft(
        plan=plan,
        program=program,
        sums=sums,
        geometry=_geometry(planner.network, planner.numbers, plan, program, sums),
        depths=Depths.of(program),
    )


def _geometry(network: Network, numbers: Numbers, plan: Plan, program: Program, sums: Sums) -> Geometry:
    """Every parameter of the engine's modules."""
    shape, widths = plan.shape, numbers.widths
    inputs, outputs = _buffers(network, numbers, program, shape)
    q, limit, dy, shift = (program.taps[:, n] for n in (2, 3, 4, 6))
    furthest = max(
        int(abs(q).max()),
        int(limit.max()),
        max(layer.groups for layer in program.layers) * shape.rows,
    )
    steps = max(layer.rows for layer in program.layers)
    tallest = max(
        int(abs(dy).max()) + steps * max(1, *(term.y_stride for term in program.terms)),
        max(term.height for term in program.terms),
    )
    read_words = max(program.feature_words, *(2 * buffer.half_words for buffer in inputs))
    write_words = max(program.feature_words, *(buffer.half_words for buffer in outputs), 1)
    return Geometry(
        shape=shape,
        act_bits=numbers.act_bits,
        acc_bits=max(sums.acc_bits, numbers.act_bits + clog2(shape.lanes)),
        drain_period=drain_period(shape),
        slices=max(1, shape.lanes // shape.cols),
        slice_lanes=shape.cols if shape.cols <= shape.lanes else shape.lanes,
        inputs=inputs,
        outputs=outputs,
        score=numbers.score,
        feature_bits=numbers.feature_bits,
        feature_words=program.feature_words,
        value_bits=numbers.value_bits,
        mul_bits=widths.mul_bits,
        add_bits=sums.add_bits,
        shift=widths.shift,
        code_bits=widths.code_bits,
        threshold_levels=widths.threshold_levels,
        tables=len(numbers.tables),
        params=program.params,
        threshold_params=plan.threshold_params,
        terms=len(program.terms),
        digits=bool(shift.any()),
        rd_bits=address_bits(read_words),
        wr_bits=address_bits(write_words),
        x_bits=signed_bits(-2 * furthest, 2 * furthest),
        y_bits=signed_bits(-2 * tallest, 2 * tallest),
        count_bits=unsigned_bits(max(max(p.interval, p.tap_count) for p in program.passes)),
        dot_latency=dot_latency(shape.lanes),
        requant_latency=numbers.requant_latency,
        flush_cycles=flush_cycles(shape, numbers.requant_latency),
    )


def _buffers(
    network: Network, numbers: Numbers, program: Program, shape: ArrayShape
) -> tuple[tuple[InputBuffer, ...], tuple[OutputBuffer, ...]]:
    """The memories of the input and output streams."""
    inputs = tuple(
        InputBuffer(
            bits=bits,
            offset=-tensor.range.low,
            lanes=min(tensor.channels, shape.lanes),
            width=tensor.width,
            height=tensor.height,
            stride=layout.stride,
            phase_words=layout.phase_words,
            plane_words=layout.plane,
            chunks=layout.lanes.chunks,
            half_words=layout.words,
        )
        for tensor, bits, layout in zip(
            network.input_tensors, numbers.input_bits, program.inputs, strict=True
        )
    )
    outputs = tuple(
        output_buffer(network, output, rows, shape)
        for output, rows in zip(network.outputs, program.output_rows, strict=True)
    )
    return inputs, outputs
