"""What the logic of each module grows with: amounts that a fabric's table has a price for (`ternc.target.fabric`).

The modules are those that an engine's and the top module instantiate. Every amount is a sum over all their instances,
so that logic is the sum over modules and terms of price times amount. `column_terms` and those below it also take
arrays of shapes, for the search.
"""

from __future__ import annotations

from collections import Counter
from math import gcd
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.numeric import address_bits, ceil_div, clog2, unsigned_bits
from ternc.schedule.design import BankedMemory, Geometry, OutputBuffer
from ternc.schedule.draft import Draft
from ternc.schedule.instances import collector_registers, sequencer_registers

Number: TypeAlias = float | NDArray[np.float64]
Terms: TypeAlias = dict[str, dict[str, float]]
"""By module, by term."""


def tree_bits(lanes: int, bits: int) -> tuple[int, int]:
    """A dot product behind its first level: bits that are added, without carries, and bits that pass a level alone."""
    nodes, added, passed = ceil_div(lanes, 2), 0, 0
    for level in range(2, clog2(lanes) + 1):
        added += (nodes // 2) * (bits + level - 1)
        passed += (nodes % 2) * (bits + level - 1)
        nodes = ceil_div(nodes, 2)
    return added, passed


def column_terms(
    form: str,
    rows: Number,
    cols: Number,
    lanes: Number,
    drain: Number,
    tree: tuple[Number, Number],
    act_bits: int,
    acc_bits: int,
    digits: bool,
) -> dict[str, Number]:
    """An array's columns; ``tree`` is `tree_bits` of its lanes."""
    cells = rows * cols
    pairs = cells * (lanes // 2)
    return {
        f"bits of gates ({form})": pairs * act_bits,
        # One bit: adders too short for a carry chain.
        f"pairs of one bit ({form})": pairs if act_bits == 1 else 0,
        f"pairs of few bits ({form})": pairs if 2 <= act_bits <= 3 else 0,
        "bits of single lanes": cells * (lanes % 2) * act_bits,
        "bits of adders": cells * tree[0],
        "bits that pass": cells * tree[1],
        "adders": cells * (lanes - 1),
        "bits of accumulators": cells * acc_bits,
        "bits of doubled accumulators": cells * acc_bits if digits else 0,
        "bits of drains": (rows - drain) * cols * acc_bits,
        f"lanes of weights ({form})": cols * lanes,
        "columns": cols,
    }


def unpack_terms(cols: Number, lanes: Number) -> dict[str, Number]:
    """What unpacks the weights of columns."""
    return {"lanes": cols * lanes}


def requantiser_terms(count: Number, acc_bits: int, mul_bits: int, value_bits: int) -> dict[str, Number]:
    """Requantisers: the product's bits are added to, shifted and compared."""
    return {
        "bits of products": count * (acc_bits + 1 + mul_bits),
        "bits of values": count * value_bits,
        "units": count,
    }


def threshold_terms(count: Number, acc_bits: int) -> dict[str, Number]:
    """Comparators of the threshold search, one for each level and requantiser."""
    return {"bits of sums": count * acc_bits}


def memory_terms(
    rows: Number, lanes: Number, bits: int, parts: Number, pieces: Number, placed: Number
) -> dict[str, Number]:
    """A banked memory's rotators.

    Args:
        lanes, bits: Codes of a word that is read, and their width.
        parts: Words of a wide word.
        pieces: RAMs of a bank.
        placed: Bits of a wide word, times the levels of choice among the pieces of a vector that is written.
    """
    return {
        "bits turned": rows * lanes * bits * (rows - 1),
        "bits of parts": rows * lanes * bits * (parts - 1),
        "bits placed": placed,
        "RAMs": rows * pieces,
    }


def operand_terms(rows: Number, lanes: Number, act_bits: int, sources: int) -> dict[str, Number]:
    """Choice between sources and the padding."""
    return {"bits": rows * lanes * act_bits, "bits of sources": rows * lanes * act_bits * sources}


def argmax_terms(cols: int, bits: int, index_bits: int) -> dict[str, Number]:
    """A comparison of keys, and a choice of key and index, for each element of a beat."""
    return {"bits of keys": cols * bits, "bits of indices": cols * index_bits}


def score_terms(cols: int, value_bits: int, score_bits: int, squares: bool) -> dict[str, Number]:
    """Absolute values or products (a multiplier's, where the fabric has one), and their tree."""
    part = 2 * value_bits if squares else value_bits
    return {"bits of parts": cols * part, "bits of scores": score_bits}


def table_terms(count: Number, value_bits: int) -> dict[str, Number]:
    """Choice between a value and what its table says; the table is counted as a memory."""
    return {"bits of values": count * value_bits}


def logic_terms(made: Draft, form: str) -> Terms:
    """All of a design, with cells of some form (`CELLS`)."""
    found: dict[str, Counter[str]] = {}

    def add(module: str, terms: dict[str, Number]) -> None:
        found.setdefault(module, Counter()).update({name: float(value) for name, value in terms.items()})

    for one in made.engines:
        for module, terms in engine_terms(one.geometry, form).items():
            add(module, terms)
    for stream in made.streams:
        shifted = stream.offset % (1 << (stream.bits - 1)) != 0  # else at most the highest bit is inverted
        add(
            "ternc_input",
            {"bits of offsets": stream.pixels * stream.lanes * stream.bits * shifted, "ports": 1},
        )
    for output in made.outputs:
        add("ternc_output", _output_terms(output))
        if output.argmax:
            add("ternc_argmax", argmax_terms(output.cols, output.bits, unsigned_bits(output.channels - 1)))
    if made.score:
        unit = made.score
        add("ternc_score", score_terms(unit.cols, unit.value_bits, unit.score_bits, unit.squares))
    return {module: dict(terms) for module, terms in found.items()}


def engine_terms(g: Geometry, form: str) -> dict[str, dict[str, Number]]:
    """Of one engine."""
    rows, cols, lanes = g.shape.rows, g.shape.cols, g.shape.lanes
    sums = cols * g.shape.drain  # at once
    sequencer: dict[str, Number] = {
        "registers": sequencer_registers(g),
        "bits of positions": rows * g.x_bits,
    }
    found: dict[str, dict[str, Number]] = {
        "ternc_column": column_terms(
            form,
            rows,
            cols,
            lanes,
            g.shape.drain,
            tree_bits(lanes, g.act_bits),
            g.act_bits,
            g.acc_bits,
            g.digits,
        ),
        "ternc_requant": requantiser_terms(sums, g.acc_bits, g.mul_bits, g.value_bits),
        "ternc_operand": operand_terms(rows, lanes, g.act_bits, len(g.buffers) + bool(g.features)),
        "ternc_sequencer": sequencer,
        "ternc_collector": {
            "registers": collector_registers(g),
            "bits of vectors": sums * g.value_bits,
        },
        "ternc_delay": {
            "bits of columns": sums * (g.value_bits + 1) + cols * address_bits(g.params),
            "bits of links": sum(b.memory.pixels * b.memory.cols * b.memory.bits for b in g.buffers),
        },
    }
    if g.shape.packed:
        found["ternc_unpack"] = unpack_terms(cols, lanes)
    if g.threshold_levels:
        found["ternc_threshold_level"] = threshold_terms(sums * g.threshold_levels, g.acc_bits)
    if g.tables:
        found["ternc_table"] = table_terms(sums, g.value_bits)
    banked: Counter[str] = Counter()
    for memory in (*(buffer.memory for buffer in g.buffers), *([g.features] if g.features else [])):
        banked.update(_banked(memory, rows))
    found["ternc_feature_memory"] = dict(banked)
    steps = sum(buffer.rows.step * g.y_bits for buffer in g.buffers)
    found["ternc_line_buffer"] = {"bits of rows": steps, "buffers": len(g.buffers)}
    return found


def _banked(memory: BankedMemory, rows: int) -> dict[str, float]:
    count = memory.cols // memory.piece
    placed = memory.pieces * memory.piece * memory.bits * clog2(count // gcd(count, memory.pieces))
    terms = memory_terms(rows, memory.lanes, memory.bits, memory.parts, memory.pieces, placed)
    # A bank takes one of the pixels that come.
    terms["bits turned"] += rows * memory.cols * memory.bits * (memory.pixels - 1)
    return {name: float(value) for name, value in terms.items()}


def _output_terms(output: OutputBuffer) -> dict[str, Number]:
    return {"bits": output.bundles.pixels * output.cols * output.bits, "ports": 1}
