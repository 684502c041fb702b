"""Every memory and every register of an engine, module by module, as `hw/rtl` instantiates them.

The functions follow the modules line by line; a test elaborates an emitted top with Yosys and finds the same memories
and as many flip-flops.
"""

from __future__ import annotations

from dataclasses import dataclass

from ternc.numeric import address_bits, ceil_div, clog2
from ternc.schedule.design import ArrayShape, Geometry, InputBuffer, OutputBuffer, ScoreUnit
from ternc.schedule.timing import (
    ISSUE_TO_COLUMN,
    REQUANT_LATENCY,
    TABLE_LATENCY,
    THRESHOLD_LATENCY,
)
from ternc.schedule.words import (
    Depths,
    layer_widths,
    pass_widths,
    requant_bits,
    tap_widths,
    term_widths,
    xmap_widths,
)

OUTPUT_FIFO_WORDS, PASS_FIFO_WORDS, LAYER_FIFO_WORDS, SCORE_FIFO_WORDS = 8, 8, 2, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryShape:
    """One kind of memory in the design and how many copies of it there are.

    Attributes:
        read_registers: Stages behind its read port: inside a block, where it takes one.
        in_logic: It is never a block: it is read in the same cycle, or tiny by nature.
    """

    name: str
    depth_words: int
    width_bits: int
    copies: int
    read_registers: int = 2
    in_logic: bool = False


def memories(g: Geometry, depths: Depths) -> tuple[MemoryShape, ...]:
    """All of them, in the order of the data's way through the engine."""
    shape = g.shape
    info_bits, info_words = _info(g, depths)
    found = [
        MemoryShape(
            name=f"input {n}", depth_words=2 * b.half_words, width_bits=b.lanes * b.bits, copies=shape.rows
        )
        for n, b in enumerate(g.inputs)
    ]
    for name, depth, widths in (
        ("layers", depths.layers, layer_widths(g, depths)),
        ("passes", depths.passes, pass_widths(g, depths)),
        ("taps", depths.taps, tap_widths(g)),
    ):
        found.append(MemoryShape(name=name, depth_words=depth, width_bits=sum(widths), copies=1))
    pass_word = sum(pass_widths(g, depths)) + _place_bits(g)
    found += [
        _small("terms", g.terms, sum(term_widths(g)), read_registers=1),
        _small("layer queue", LAYER_FIFO_WORDS, sum(layer_widths(g, depths))),
        _small("pass queue", PASS_FIFO_WORDS, pass_word),
        MemoryShape(
            name="features",
            depth_words=g.feature_words,
            width_bits=g.slice_lanes * g.feature_bits,
            copies=shape.rows * g.slices,
        ),
        MemoryShape(
            name="weights", depth_words=depths.weights, width_bits=2 * shape.lanes, copies=shape.cols
        ),
        MemoryShape(name="requantisers", depth_words=g.params, width_bits=requant_bits(g), copies=shape.cols),
    ]
    found += [
        MemoryShape(
            name=f"thresholds {level}",
            depth_words=g.threshold_params << level,
            width_bits=g.acc_bits + 1,
            copies=shape.cols,
        )
        for level in range(g.threshold_levels)
    ]
    if g.tables:
        found.append(
            MemoryShape(
                name="tables",
                depth_words=g.tables << g.code_bits,
                width_bits=g.code_bits,
                copies=shape.cols,
                read_registers=1,
            )
        )
    found += [
        _small("pass places", info_words, info_bits),
        MemoryShape(name="x-maps", depth_words=depths.xmap, width_bits=sum(xmap_widths(g)), copies=1),
        _small("pools", shape.rows, shape.cols * g.value_bits),
    ]
    for n, output in enumerate(g.outputs):
        width = shape.cols * output.bits
        found.append(
            MemoryShape(name=f"output {n}", depth_words=2 * output.half_words, width_bits=width, copies=1)
        )
        found.append(_small(f"output queue {n}", OUTPUT_FIFO_WORDS, width + 2))
    if g.score:
        found.append(_small("score queue", SCORE_FIFO_WORDS, g.score.score_bits + 1))
    return tuple(found)


def _small(name: str, depth: int, width: int, read_registers: int = 0) -> MemoryShape:
    return MemoryShape(
        name=name,
        depth_words=depth,
        width_bits=width,
        copies=1,
        read_registers=read_registers,
        in_logic=True,
    )


def array_registers(shape: ArrayShape, act_bits: int) -> int:
    """Activations on their way through the columns, and the adder trees: most of all, and known before a program."""
    return shape.cols * shape.rows * (shape.lanes * act_bits + _tree(shape.lanes, act_bits))


def registers(g: Geometry, depths: Depths) -> dict[str, int]:
    """Flip-flops by module, but for those at the read ports of `memories`."""
    found = {
        "ternc_column": g.shape.cols * _column(g, depths),
        "ternc_requant": g.shape.cols * _requant(g),
        "ternc_threshold_level": g.shape.cols * _levels(g),
        "alignment": g.shape.cols * (g.shape.cols - 1) // 2 * (g.value_bits + 1),
        "ternc_operand": g.shape.rows * g.shape.lanes * g.act_bits,
        "ternc_feature_memory": _feature_memories(g),
        "ternc_sequencer": _sequencer(g, depths),
        "ternc_collector": _collector(g, depths),
        "ternc_input": sum(_input(b, g) for b in g.inputs),
        "ternc_output": sum(_output(b, g) for b in g.outputs),
    }
    if g.tables:
        found["ternc_table"] = g.shape.cols * (2 * g.value_bits + 2)
    if g.score:
        found["ternc_score"] = _score(g.score, g.shape.cols)
    return found


def _tree(lanes: int, bits: int) -> int:
    """ternc_dot: a register behind each adder."""
    total, nodes = 0, lanes
    for level in range(1, max(1, clog2(lanes)) + 1):
        nodes = ceil_div(nodes, 2)
        total += nodes * (bits + (level if lanes > 1 else 0))
    return total


def _column(g: Geometry, depths: Depths) -> int:
    late = g.dot_latency + 1
    param, address = address_bits(g.params), address_bits(depths.weights)
    control = late + (late + 1) + (late if g.digits else 0) + max(1, clog2(g.drain_period))
    chain = g.shape.rows * g.shape.lanes * g.act_bits + param + address
    cells = g.shape.rows * (_tree(g.shape.lanes, g.act_bits) + 2 * g.acc_bits)
    return chain + control + cells + param * (late + 1)


def _requant(g: Geometry) -> int:
    product, flags = g.acc_bits + 1 + g.mul_bits, g.code_bits + 3
    scaled = max(product, g.add_bits) + 1
    code = g.code_bits * code_delay(g) if g.threshold_levels else 0
    late = extra_delay(g) * (g.value_bits + 2) + g.value_bits + 1
    return 2 * g.acc_bits + product + g.add_bits + 2 * flags + scaled + late + code


def extra_delay(g: Geometry) -> int:
    """Of the multiply form, where the thresholds take longer."""
    return g.requant_latency - REQUANT_LATENCY - (TABLE_LATENCY if g.tables else 0)


def code_delay(g: Geometry) -> int:
    """Of the threshold code, where the multiply form takes longer."""
    return REQUANT_LATENCY - 1 + extra_delay(g) - THRESHOLD_LATENCY * g.threshold_levels


def _levels(g: Geometry) -> int:
    param = address_bits(max(1, g.threshold_params))
    return g.threshold_levels * THRESHOLD_LATENCY * (g.acc_bits + param + g.threshold_levels)


def _feature_memories(g: Geometry) -> int:
    words = g.slices * g.slice_lanes * g.feature_bits + sum(b.lanes * b.bits for b in g.inputs)
    return g.shape.rows * words + 2 * address_bits(g.shape.rows) * (1 + len(g.inputs))


def _place_bits(g: Geometry) -> int:
    return 1 + g.y_bits + 2 * g.x_bits + g.wr_bits


def _info(g: Geometry, depths: Depths) -> tuple[int, int]:
    """Width and depth of the collector's queue."""
    bits = g.wr_bits + address_bits(depths.xmap) + address_bits(g.slices) + 2 + g.shape.rows
    return bits, 1 << info_log2(g)


def start_delay(g: Geometry) -> int:
    """Cycles from a pass's last tap at column 0 to its values, but for the collector's own three."""
    return g.shape.cols - 1 + g.dot_latency + g.requant_latency


def info_log2(g: Geometry) -> int:
    """Of the passes that are under way between the sequencer and the collector."""
    return clog2((ISSUE_TO_COLUMN + start_delay(g)) // (g.shape.rows * g.drain_period) + 3)


def _sequencer(g: Geometry, depths: Depths) -> int:
    x, y, rd, wr, rows, place = g.x_bits, g.y_bits, g.rd_bits, g.wr_bits, g.shape.rows, _place_bits(g)
    layer, one_pass = sum(layer_widths(g, depths)), sum(pass_widths(g, depths))
    pass_addr, source = address_bits(depths.passes), address_bits(len(g.inputs) + 1)
    info = _info(g, depths)[0] - rows
    fetcher = (
        4 + address_bits(depths.layers) + layer + 2 * pass_addr + 1 + 3 * x + 2 * y + wr + 4 + 2 + 2 * place
    )
    queues = 2 * 2 + 2 * 4
    issuer = 2 + layer + one_pass + place + address_bits(depths.taps) + 2 * g.count_bits + 1
    issuer += clog2(g.flush_cycles + 1) + len(g.inputs) * rd
    told = 2 * (x + 1) + 1 + 2 + 2 * info + rows
    taps = 2 * place + (y + rd + 2 * x) + (2 * rd + y + 2 * x + 1) + (rd + y + rows) + (1 + rows)
    delays = 4 * y + 3 * address_bits(rows) + 2 * rows + 5 * (source + g.act_bits) + 7
    delays += 8 * address_bits(depths.weights) + 9 * address_bits(g.params) + 18
    return fetcher + queues + issuer + told + taps + delays


def _collector(g: Geometry, depths: Depths) -> int:
    cols, rows = g.shape.cols, g.shape.rows
    row, period = address_bits(rows), max(1, clog2(g.drain_period))
    info, store = _info(g, depths)[0], max(output_address_bits(g), g.wr_bits)
    own = start_delay(g) + 2 * (info_log2(g) + 1) + info + 1 + row + period + 2 * (1 + row + info) + 2
    own += sum(xmap_widths(g)) + address_bits(g.slices) + 2 * store
    pool = row + cols * g.value_bits + 1
    return own + pool + _writer(g)


def _writer(g: Geometry) -> int:
    found = max(1, len(g.outputs)) + output_address_bits(g) + g.shape.cols * g.value_bits
    found += g.slices + address_bits(g.shape.rows) + address_bits(g.feature_words)
    word = g.slice_lanes * g.feature_bits
    if g.drain_period == 1:
        return found + g.slices * word
    return found + clog2(g.drain_period) + g.drain_period * word


def output_address_bits(g: Geometry) -> int:
    """Of the widest output memory."""
    return max((address_bits(2 * buffer.half_words) for buffer in g.outputs), default=1)


def _input(b: InputBuffer, g: Geometry) -> int:
    bank, address = address_bits(g.shape.rows), address_bits(2 * b.half_words)
    counters = sum(clog2(n + 1) for n in (b.chunks, b.width, b.height, b.stride))
    return 9 + counters + bank + 4 * address + 1 + bank + address + b.lanes * b.bits


def _output(b: OutputBuffer, g: Geometry) -> int:
    cols = g.shape.cols
    chunks = ceil_div(b.channels, cols)
    found = 5 + 2 + 4 + clog2(b.pixels * chunks + 1) + clog2(chunks + 1) + address_bits(2 * b.half_words)
    found += 4 + 2 * 4
    return found + (_argmax(b, cols) if b.argmax else 0)


def _argmax(b: OutputBuffer, cols: int) -> int:
    index = max(1, (b.channels - 1).bit_length())
    found = 2 * index + b.bits + 2 + clog2(b.pixels + 1)
    for level in range(1, clog2(cols) + 1):
        found += ceil_div(cols, 1 << level) * (1 + index + b.bits) + 2
    return found


def _score(unit: ScoreUnit, cols: int) -> int:
    part = 2 * unit.value_bits - 1 if unit.squares else unit.value_bits
    tree = sum(ceil_div(cols, 1 << level) * (part + level) for level in range(1, clog2(cols) + 1))
    return cols * part + tree + 2 * (clog2(cols) + 1) + 2 * unit.score_bits + 3 + 2 * 2 + 2
