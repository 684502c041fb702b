"""Every memory and every register of a design, module by module, as `hw/rtl` instantiates them.

The functions follow the modules line by line; a test elaborates emitted tops with Yosys and finds the same memories
and as many flip-flops.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ternc.numeric import address_bits, ceil_div, clog2, unsigned_bits
from ternc.schedule.design import (
    ArrayShape,
    BankedMemory,
    Geometry,
    InputStream,
    LineBuffer,
    OutputBuffer,
    Rows,
    ScoreUnit,
)
from ternc.schedule.draft import Draft
from ternc.schedule.images import requant_bits
from ternc.schedule.loading import BUS_BITS
from ternc.schedule.timing import (
    REQUANT_LATENCY,
    THRESHOLD_LATENCY,
    UNPACK_LATENCY,
    code_delay,
    extra_delay,
    info_log2,
    start_delay,
)
from ternc.schedule.words import (
    info_bits,
    issue_widths,
    link_count,
    loop_widths,
    pass_widths,
    place_widths,
    source_bits,
    tap_widths,
    term_widths,
    xmap_widths,
)

ROW_QUEUE_LOG2, PASS_QUEUE_LOG2, OUTPUT_QUEUE_LOG2, SCORE_QUEUE_LOG2 = 2, 3, 3, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryShape:
    """One kind of memory in the design and how many copies of it there are.

    Attributes:
        read_registers: Stages behind its read port: inside a block, where it takes one.
        in_logic: It is never a block: it is read in the same cycle, or tiny by nature.
        loaded: It is filled from a file, and in a reloadable design over the load bus.
    """

    name: str
    depth_words: int
    width_bits: int
    copies: int
    read_registers: int = 2
    in_logic: bool = False
    loaded: bool = False


def memories(made: Draft) -> tuple[MemoryShape, ...]:
    """All of a design: of each engine in the order of the data's way, of the outputs, of the score."""
    found = [memory for n, one in enumerate(made.engines) for memory in _engine_memories(one.geometry, n)]
    for n, output in enumerate(made.outputs):
        width, pixels = output.cols * output.bits, output.bundles.pixels
        depth = output.rows.capacity * output.bundles.count(output.width) * output.tiles
        found.append(MemoryShape(name=f"output {n}", depth_words=depth, width_bits=width, copies=pixels))
        found.append(_small(f"queue of output {n}", 1 << OUTPUT_QUEUE_LOG2, width + 2))
    if made.score:
        found.append(_small("queue of the score", 1 << SCORE_QUEUE_LOG2, made.score.score_bits + 1))
    if made.score and made.reloadable:
        limit = _small("limit of the score", 1, made.score.score_bits + 1, read_registers=2)
        found.append(replace(limit, loaded=True))
    return tuple(found)


def _engine_memories(g: Geometry, number: int) -> list[MemoryShape]:
    def rom(name: str, depth: int, width: int, copies: int = 1, read_registers: int = 2) -> MemoryShape:
        return MemoryShape(
            name=f"{name} of engine {number}",
            depth_words=depth,
            width_bits=width,
            copies=copies,
            read_registers=read_registers,
            loaded=True,
        )

    def small(name: str, depth: int, width: int, copies: int = 1, read_registers: int = 0) -> MemoryShape:
        return _small(f"{name} of engine {number}", depth, width, copies, read_registers)

    cols, drain, depths = g.shape.cols, g.shape.drain, g.depths
    found = []
    for n, buffer in enumerate(g.buffers):
        bundles = buffer.bundles.count(buffer.width)
        found.append(rom(f"places {n}", bundles, sum(place_widths(buffer, g.shape.rows))))
        found.append(_banks(f"lines {n} of engine {number}", buffer.memory, g.shape.rows))
    found += [
        rom("rows", depths.rows, 1 + sum(issue_widths(g)) + sum(loop_widths(g))),
        small("row queue", 1 << ROW_QUEUE_LOG2, sum(issue_widths(g))),
        small("loop queue", 1 << ROW_QUEUE_LOG2, sum(loop_widths(g))),
        rom("passes", depths.passes, sum(pass_widths(g))),
        small("pass queue", 1 << PASS_QUEUE_LOG2, pass_bits(g)),
        rom("taps", depths.taps, sum(tap_widths(g))),
        replace(small("terms", depths.terms, sum(term_widths(g)), read_registers=1), loaded=True),
    ]
    if g.features:
        found.append(_banks(f"features of engine {number}", g.features, g.shape.rows))
    found.append(rom("weights", depths.weights, g.shape.weight_bits, cols))
    found.append(rom("requantisers", g.params, requant_bits(g), cols))
    for level in range(g.threshold_levels):
        copies = cols * (drain if level else 1)
        found.append(rom(f"thresholds {level}", g.threshold_params << level, g.acc_bits + 1, copies))
    if g.tables:
        found.append(rom("tables", g.tables << g.code_bits, g.code_bits, cols * drain, read_registers=1))
    found += [
        small("pass places", 1 << info_log2(g), info_bits(g)),
        rom("x-maps", depths.xmap, sum(xmap_widths(g))),
    ]
    if g.shape.drain_cycles > 2:
        found.append(small("pools", g.shape.drain_cycles, cols * g.value_bits, copies=drain))
    return found


def _banks(name: str, memory: BankedMemory, rows: int) -> MemoryShape:
    """The RAMs of a banked memory."""
    return MemoryShape(
        name=name,
        depth_words=memory.depth_words,
        width_bits=memory.piece * memory.bits,
        copies=rows * memory.pieces,
    )


def _small(name: str, depth: int, width: int, copies: int = 1, read_registers: int = 0) -> MemoryShape:
    return MemoryShape(
        name=name,
        depth_words=depth,
        width_bits=width,
        copies=copies,
        read_registers=read_registers,
        in_logic=True,
    )


def registers(made: Draft, cell: str) -> dict[str, int]:
    """Flip-flops by module, but for those at the read ports of `memories`, with cells of some form (`CELLS`)."""
    found: Counter[str] = Counter()
    for one in made.engines:
        found.update(_engine_registers(one.geometry, cell))
        if cell == "alm":
            found["ternc_pair_code"] += one.geometry.shape.cols * pair_gates(one.geometry.shape.lanes)
    found["ternc_input"] = sum(map(_input, made.streams))
    found["ternc_output"] = sum(map(_output, made.outputs))
    if made.score:
        found["ternc_score"] = _score(made.score)
    if made.reloadable:
        width = max(memory.width_bits for memory in memories(made) if memory.loaded)
        stages = sum(1 + one.geometry.shape.cols for one in made.engines)
        found["ternc_load_stage"] = stages * (BUS_BITS + width)
        found["ternc_loader"] = _loader(width)
    return dict(found)


def _loader(width: int) -> int:
    """ternc_loader: what outlives a reset, the word, the record, and what is known of them."""
    status = 128 + 32 + 3 + 4
    word, header = 2 * 32 + 1 + 4, 3 + 4 + 128
    record = 2 * 32 + 3 * 16 + 24 + 32 * ceil_div(width, 32)
    return status + word + 32 + header + record + 6


def _engine_registers(g: Geometry, cell: str) -> dict[str, int]:
    cols, sums = g.shape.cols, g.shape.cols * g.shape.drain
    rows, words = _is_inside(g.y_bits, g.y_bits, cell), _is_inside(g.y_bits, g.rd_bits, cell)
    return {
        "ternc_line_buffer": sum(_line_buffer(buffer, g) for buffer in g.buffers),
        "ternc_sequencer": sequencer_registers(g) - rows * g.y_bits - words * g.rd_bits,
        "ternc_feature_memory": _feature_memory(g.features, g) if g.features else 0,
        "ternc_operand": g.shape.rows * g.shape.lanes * g.act_bits,
        "ternc_unpack": cols * unpack_registers(g.shape.lanes) if g.shape.packed else 0,
        "ternc_column": cols * _column(g),
        "ternc_requant": sums * _requant(g, cell),
        "ternc_threshold_level": sums * _levels(g),
        "ternc_table": sums * (2 * g.value_bits + 3) if g.tables else 0,
        "alignment": cols * (cols - 1) // 2 * (g.shape.drain * g.value_bits + 1),
        "ternc_collector": collector_registers(g),
    }


def adder_tree(lanes: int, bits: int) -> int:
    """ternc_dot: a register behind each adder."""
    total, nodes = 0, lanes
    for level in range(1, max(1, clog2(lanes)) + 1):
        nodes = ceil_div(nodes, 2)
        total += nodes * (bits + (level if lanes > 1 else 0))
    return total


def pair_gates(lanes: int) -> int:
    """ternc_pair_code of a column: a register for each pair of lanes; of fewer than three there is none."""
    return lanes // 2 if lanes > 2 else 0


def unpack_registers(lanes: int) -> int:
    """ternc_unpack of a column: a bit more than the word for every five lanes, and the weights."""
    return lanes // 5 + ArrayShape(rows=1, cols=1, lanes=lanes, packed=True).weight_bits + 2 * lanes


def _column(g: Geometry) -> int:
    late = g.dot_latency + 1
    param, address = address_bits(g.params), address_bits(g.depths.weights)
    control = late + (late + 1) + (late if g.digits else 0)
    chain = g.shape.rows * g.shape.lanes * g.act_bits + param + address
    cells = g.shape.rows * (adder_tree(g.shape.lanes, g.act_bits) + 2 * g.acc_bits)
    return chain + control + cells + param * (late + 1)


def _is_inside(one: int, other: int, cell: str) -> bool:
    """Whether the register behind a product (ternc_multiply) is in the multiplier."""
    return cell == "ccu2c" and min(one, other) > 2 and max(one, other) <= 18


def _requant(g: Geometry, cell: str) -> int:
    product, flags = g.acc_bits + 1 + g.mul_bits, g.code_bits + 3
    held = 0 if _is_inside(g.acc_bits, g.mul_bits, cell) else product
    scaled = max(product, g.add_bits) + 1
    late = extra_delay(g) * (g.value_bits + 2) + g.value_bits + 1
    code = g.code_bits * code_delay(g) if g.threshold_levels else 0
    table = (1 + address_bits(g.tables)) * (REQUANT_LATENCY - 2 + extra_delay(g)) if g.tables else 0
    return 2 * g.acc_bits + held + g.add_bits + 2 * flags + scaled + late + code + table


def _levels(g: Geometry) -> int:
    param = address_bits(max(1, g.threshold_params))
    return g.threshold_levels * THRESHOLD_LATENCY * (g.acc_bits + param + g.threshold_levels)


def _feature_memory(memory: BankedMemory, g: Geometry) -> int:
    return g.shape.rows * memory.lanes * memory.bits + 2 * (address_bits(g.shape.rows) + g.part_bits)


def _rows(rows: Rows, row_bits: int, base_bits: int) -> int:
    """ternc_rows: counts of rows, the reader's first row, a base for each row of a step."""
    return 2 * row_bits + (row_bits if rows.frame % rows.capacity else 0) + rows.step * base_bits


def _line_buffer(buffer: LineBuffer, g: Geometry) -> int:
    memory, step, pixels = buffer.memory, buffer.rows.step, buffer.bundles.pixels
    bundles = buffer.bundles.count(buffer.width)
    address, bank, piece = map(address_bits, (memory.depth_words, g.shape.rows, memory.pieces))
    found = clog2(bundles * buffer.tiles * step + 1) + 2 + _rows(buffer.rows, g.y_bits, address)
    found += (piece + 2 * address + address_bits(step)) + 2 * address + 3
    found += pixels * (bank + 2 * address + (1 if pixels > 1 else 0))
    return found + 3 * pixels * memory.cols * memory.bits + 2 * piece + _feature_memory(memory, g)


def _place_bits(g: Geometry) -> int:
    return 1 + 2 * g.x_bits


def pass_bits(g: Geometry) -> int:
    """Of a pass on its way through the sequencer's queue."""
    return sum(pass_widths(g)) + _place_bits(g) + g.count_bits + 2


def queue_registers(log2: int) -> int:
    """ternc_fifo: two addresses, how many words, whether any."""
    return 3 * log2 + 2


def sequencer_registers(g: Geometry) -> int:
    """ternc_sequencer."""
    x, y, rd, wr, rows, place = g.x_bits, g.y_bits, g.rd_bits, g.wr_bits, g.shape.rows, _place_bits(g)
    inputs, links, d = len(g.buffers), link_count(g), g.depths
    row, loop, one_pass = (sum(widths(g)) for widths in (issue_widths, loop_widths, pass_widths))
    pass_addr, source = address_bits(d.passes), source_bits(g)
    fetcher = 2 + (ROW_QUEUE_LOG2 + 1) + address_bits(d.rows) + 2 * queue_registers(ROW_QUEUE_LOG2)
    walker = 1 + 2 + 3 + (PASS_QUEUE_LOG2 + 1) + loop + 2 * pass_addr + 1 + 3 * x
    walker += 2 * place + queue_registers(PASS_QUEUE_LOG2)
    issuer = 3 + 4 + clog2(g.flush_cycles + 1) + links + inputs + 5 + 5 * inputs * y
    issuer += 2 * row + inputs * y + one_pass + place + address_bits(d.taps) + 2 * g.count_bits + 1
    kind = 2 + links + 1 + g.piece_bits + g.step_bits + g.tile_bits + address_bits(d.xmap)
    told = 2 * (x + 1) + 1 + 2 * kind + 4 * wr + rows + 2
    taps = 2 * place + 2 * y + 3 * inputs * y  # on their way to cycle 3
    taps += 2 * y + (3 * y + source) + (4 * y + 1) + (1 + y) + 2 * y
    reads = rd + 2 * x + (2 * x + 1) + rows + 2 * (clog2(rows) + 1) + 4 + 2 * rd + 3 * rd + 4 * rd
    delays = 6 * (address_bits(rows) + g.part_bits) + 5 * rows + 8 * (source + g.act_bits) + 10
    delays += (
        (11 - UNPACK_LATENCY * g.shape.packed) * address_bits(d.weights)
        + 12 * address_bits(g.params)
        + 2 * 12
    )
    return fetcher + walker + issuer + told + taps + reads + delays


def collector_registers(g: Geometry) -> int:
    """ternc_collector with its pool."""
    info, bank, links, drain = info_bits(g), address_bits(g.shape.rows), link_count(g), g.shape.drain
    beat, vector = address_bits(g.shape.drain_cycles), g.shape.cols * g.value_bits
    place = g.piece_bits + g.step_bits + g.x_bits + g.tile_bits + links
    found = start_delay(g) + queue_registers(info_log2(g)) + info + 1 + beat
    found += 2 * (beat + info) + 2 + (1 + place) + place
    each = bank + 2 * g.wr_bits + 1  # and whether it is there
    kept = 0 if g.shape.drain_cycles == 1 else vector if g.shape.drain_cycles == 2 else vector + 1
    return found + drain * (beat + vector + 1 + kept + 2 * each + vector)


def _input(stream: InputStream) -> int:
    place = address_bits(stream.bundles) + address_bits(stream.chunks)
    return 5 + 1 + place + 1 + place + stream.pixels * stream.lanes * stream.bits


def _output(output: OutputBuffer) -> int:
    rows, pixels, phases = output.rows, output.bundles.pixels, output.bundles.phases
    words, beats = output.bundles.count(output.width) * output.tiles, output.width * output.tiles
    address = address_bits(rows.capacity * words)
    row_bits = clog2(rows.capacity + rows.frame + 1)
    write = clog2(words * rows.step + 1) + 2 + 2 + 3 * address + 2 * pixels * output.cols * output.bits
    write += 3 * clog2(pixels) + clog2(phases + 1) if pixels > 1 else 0  # which pixel is read
    read = row_bits + clog2(beats + 1) + clog2(output.tiles + 1) + address + 2 + (OUTPUT_QUEUE_LOG2 + 1)
    queue = 2 * 2 + queue_registers(OUTPUT_QUEUE_LOG2)
    return write + read + queue + _rows(rows, row_bits, address) + (_argmax(output) if output.argmax else 0)


def _argmax(output: OutputBuffer) -> int:
    """ternc_argmax and ternc_last."""
    index = unsigned_bits(output.channels - 1)
    found = 2 * index + output.bits + 2 + clog2(output.width * output.height + 1)
    for level in range(1, clog2(output.cols) + 1):
        found += ceil_div(output.cols, 1 << level) * (1 + index + output.bits) + 2
    return found


def _score(unit: ScoreUnit) -> int:
    part, levels = 2 * unit.value_bits - 1 if unit.squares else unit.value_bits, clog2(unit.cols)
    tree = sum(ceil_div(unit.cols, 1 << level) * (part + level) for level in range(1, levels + 1))
    counts = clog2(unit.frame_vectors + 1) + clog2(unit.frame_steps + 1)
    queue = queue_registers(SCORE_QUEUE_LOG2) + 2
    return counts + unit.cols * part + tree + 2 * (levels + 1) + 2 * unit.score_bits + 3 + queue
