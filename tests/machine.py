"""A second reading of docs/program.md: runs the bits of a Design's memory images, without clock or RTL.

It decodes the packed words with its own field tables, keeps real banked memories, and shares no code with the
scheduler that filled them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ternc.schedule.design import Design


def bits_of(words: int) -> int:
    """Address width of a memory of so many words."""
    return max(1, (words - 1).bit_length())


def unpack(word: int, widths: dict[str, int]) -> dict[str, int]:
    """Fields from bit 0 up."""
    found = {}
    for name, width in widths.items():
        found[name] = word & ((1 << width) - 1)
        word >>= width
    assert word == 0, "bits beyond the last field"
    return found


def flags(value: int) -> list[int]:
    """Numbers of the bits that are set."""
    return [n for n in range(value.bit_length()) if value >> n & 1]


def signed(value: int, width: int) -> int:
    """Two's complement."""
    return value - (1 << width) if value >> (width - 1) else value


@dataclass
class Machine:
    """One engine. ``vectors`` is every finished vector of the last frame, in order."""

    design: Design
    vectors: list[NDArray[np.int64]] = field(default_factory=list)
    taps_executed: int = 0

    def __post_init__(self) -> None:
        engine = self.design.engines[0]
        self.g = g = engine.geometry
        self.shape = g.shape
        self.rom = rom = {memory.name: memory.words for memory in engine.programs}
        pass_bits, tap_bits = bits_of(len(rom["passes"])), bits_of(len(rom["taps"]))
        xmap_bits, weight_bits = bits_of(len(rom["xmap"])), bits_of(len(engine.weights[0].words))
        bank_bits, slice_bits, param_bits = bits_of(g.shape.rows), bits_of(g.slices), bits_of(g.params)
        inputs, outputs = len(g.inputs), max(1, len(g.outputs))
        self.layer_fields = {
            "pass_start": pass_bits, "pass_count": pass_bits + 1, "groups": g.x_bits, "rows": g.y_bits,
            "row_step": g.wr_bits, "plane": g.wr_bits, "table": bits_of(g.tables), "use_table": 1,
            "to_output": outputs, "to_score": 1, "wait_input": inputs, "release_input": inputs,
            "last_layer": 1,
        }  # fmt: skip
        self.term_fields = {
            "y_step": g.rd_bits, "y_stride": g.y_bits, "height": g.y_bits, "pad": g.act_bits,
            "source": bits_of(inputs + 1),
        }  # fmt: skip
        self.pass_fields = {
            "tap": tap_bits, "tap_count": g.count_bits, "interval": g.count_bits, "weight": weight_bits,
            "param": param_bits, "write": g.wr_bits, "xmap": xmap_bits, "slice": slice_bits,
            "row_low": g.y_bits, "row_high": g.y_bits, "x_low": g.x_bits, "x_high": g.x_bits,
            "first_window": 1, "last_window": 1,
        }  # fmt: skip
        self.tap_fields = {
            "offset": g.rd_bits, "rot": bank_bits, "q": g.x_bits, "limit": g.x_bits, "dy": g.y_bits,
            "term": bits_of(g.terms), "shift": 1,
        }  # fmt: skip
        self.xmap_fields = {"offset": g.wr_bits, "bank": bank_bits, "valid": 1}
        self.requant_fields = {
            "add": g.add_bits, "mul": g.mul_bits, "limit": g.code_bits, "raw": 1, "thr": 1, "min": 1,
        }  # fmt: skip
        assert len(rom["terms"]) == g.terms
        self.terms = [unpack(word, self.term_fields) for word in rom["terms"]]
        lanes = range(g.shape.lanes)
        self.weights = np.array(
            [
                [[(0, 1, None, -1)[word >> 2 * k & 3] for k in lanes] for word in m.words]
                for m in engine.weights
            ],
            dtype=np.int64,
        )  # [cols, depth, lanes]; the code 2 does not exist
        self.requant = [[unpack(word, self.requant_fields) for word in m.words] for m in engine.requant]
        assert all(
            len(m.words) == g.threshold_params << n
            for column in engine.thresholds
            for n, m in enumerate(column)
        )
        self.thresholds = [[m.words for m in column] for column in engine.thresholds]

    def run(self, codes: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], ...]:
        """One frame of every input, ``[C, H, W]`` integers, to what leaves each port, in order.

        Integers ``[C, H, W]``, indices ``[H, W]`` of an argmax, or ``[2]``, the score and its flag.
        """
        g, (rows, lanes) = self.g, (self.shape.rows, self.shape.lanes)
        nothing = -(10**6)
        self.vectors = []
        self.memories = [np.full((rows, g.feature_words, lanes), nothing, dtype=np.int64)]
        self.memories += [np.full((rows, b.half_words, lanes), nothing, dtype=np.int64) for b in g.inputs]
        self.outputs = [np.full((b.half_words, self.shape.cols), nothing, dtype=np.int64) for b in g.outputs]
        self.score = 0
        for number, frame in enumerate(codes):
            self.load(number, frame)
        self.present: set[int] = set()
        self.finished: list[int | str] = []
        done = False
        for word in self.rom["layers"]:
            assert not done, "a layer behind the last"
            layer = unpack(word, self.layer_fields)
            self.present |= {1 + n for n in flags(layer["wait_input"])}
            self.layer(layer)
            released = {1 + n for n in flags(layer["release_input"])}
            assert released <= self.present, "an input is released that was not waited for"
            self.present -= released
            self.finished += flags(layer["to_output"]) + ["score"] * layer["to_score"]
            done = bool(layer["last_layer"])
        assert done, "no last layer"
        assert not self.present, "an input is never released"
        ends = [*range(len(g.outputs)), *(["score"] if g.score else [])]
        assert sorted(map(str, self.finished)) == sorted(map(str, ends)), "every output is written once"
        return self.leaving()

    def leaving(self) -> tuple[NDArray[np.int64], ...]:
        """What ternc_output, ternc_argmax and ternc_score make of their memories."""
        found = []
        for buffer, port, words in zip(self.g.outputs, self.design.outputs, self.outputs, strict=False):
            tiles = -(-buffer.channels // self.shape.cols)
            values = words[: buffer.pixels * tiles].reshape(port.height, port.width, -1)
            values = values[..., : buffer.channels]
            assert (values >= -(1 << (buffer.bits - 1))).all()
            assert (values < 1 << (buffer.bits - 1)).all()
            if buffer.argmax:
                found.append(values.argmax(axis=-1))
            else:
                found.append(np.moveaxis(values, -1, 0) + buffer.offset)
        if self.g.score:
            assert self.score < 1 << self.g.score.score_bits
            found.append(np.array([self.score, self.score > self.g.score.limit], dtype=np.int64))
        return tuple(found)

    def load(self, number: int, codes: NDArray[np.int64]) -> None:
        """What ternc_input does."""
        b, rows = self.g.inputs[number], self.shape.rows
        channels, height, width = codes.shape
        for y in range(height):
            for x in range(width):
                index, phase = divmod(x, b.stride)
                for c in range(channels):
                    chunk, lane = divmod(c, b.lanes)
                    address = chunk * b.plane_words + (y * b.stride + phase) * b.phase_words + index // rows
                    self.memories[1 + number][index % rows, address, lane] = codes[c, y, x] + b.offset

    def layer(self, layer: dict[str, int]) -> None:
        """All passes at all positions of one layer."""
        best: dict[int, NDArray[np.int64]] = {}
        rows = self.shape.rows
        for row in range(layer["rows"]):
            for group in range(layer["groups"]):
                for number in range(layer["pass_count"]):
                    passed = unpack(self.rom["passes"][layer["pass_start"] + number], self.pass_fields)
                    assert passed["interval"] >= max(passed["tap_count"], rows * self.g.drain_period)
                    sums = self.accumulate(passed, row, group)
                    for r in range(rows):
                        self.finish(layer, passed, row, group, r, sums[r], best)

    def accumulate(self, passed: dict[str, int], row: int, group: int) -> NDArray[np.int64]:
        """The array: unsigned sums ``[rows, cols]``."""
        g, rows = self.g, self.shape.rows
        peak = (1 << g.act_bits) - 1
        sums = np.zeros((rows, self.shape.cols), dtype=np.int64)
        for k in range(passed["tap_count"]):
            tap = unpack(self.rom["taps"][passed["tap"] + k], self.tap_fields)
            term = self.terms[tap["term"]]
            weight = self.weights[:, passed["weight"] + k]  # [cols, lanes]
            used = (weight != 0).any(axis=0)
            self.taps_executed += 1
            if tap["shift"]:
                assert g.digits
                assert k > 0
                sums *= 2
            y = row * term["y_stride"] + signed(tap["dy"], g.y_bits)
            for r in range(rows):
                i = group * rows + signed(tap["q"], g.x_bits) + r
                if 0 <= y < term["height"] and 0 <= i < tap["limit"]:
                    bank = (r + tap["rot"]) % rows
                    address = (row * term["y_step"] + group + tap["offset"] + (bank < tap["rot"])) % (
                        1 << g.rd_bits
                    )
                    x = self.memories[term["source"]][bank, address]
                    assert term["source"] == 0 or term["source"] in self.present, "an input is not there"
                    assert (x[used] >= 0).all(), "a tap reads what nobody wrote"
                else:
                    x = np.full(self.shape.lanes, term["pad"])
                sums[r] += np.where(weight == 1, x, 0).sum(axis=1) + np.where(weight == -1, peak - x, 0).sum(
                    axis=1
                )
            assert (sums >= 0).all()
            assert (sums < 1 << g.acc_bits).all()
        return sums

    def requantise(self, column: int, param: int, value: int, table: int | None) -> tuple[int, bool]:
        """(value, keep the minimum) of one column's sum."""
        g, word = self.g, self.requant[column][param]
        if word["thr"]:
            code = 0
            for level, rom in enumerate(self.thresholds[column]):
                code = 2 * code + (value >= rom[(param << level) | code])
        else:
            scaled = (value * signed(word["mul"], g.mul_bits) + signed(word["add"], g.add_bits)) >> g.shift
            code = scaled if word["raw"] else min(max(scaled, 0), word["limit"])
        if table is not None:
            code = self.rom["tables"][(table << g.code_bits) | code]
        assert -(1 << (g.value_bits - 1)) <= code < 1 << (g.value_bits - 1)
        return code, bool(word["min"])

    def finish(
        self,
        layer: dict[str, int],
        passed: dict[str, int],
        row: int,
        group: int,
        r: int,
        sums: NDArray[np.int64],
        best: dict[int, NDArray[np.int64]],
    ) -> None:
        """Requantiser, pool and memory write of one pixel's vector."""
        g, cols = self.g, self.shape.cols
        table = layer["table"] if layer["use_table"] else None
        found = [self.requantise(c, passed["param"], int(sums[c]), table) for c in range(cols)]
        values = np.array([value for value, _ in found])
        least = np.array([keep for _, keep in found])
        j = group * self.shape.rows + r
        taken = passed["row_low"] <= row < passed["row_high"] and passed["x_low"] <= j < passed["x_high"]
        if not taken:
            end = 1 << (g.value_bits - 1)
            values = np.where(least, end - 1, -end)
        if not passed["first_window"]:
            values = np.where(least, np.minimum(values, best[r]), np.maximum(values, best[r]))
        best[r] = values
        place = unpack(self.rom["xmap"][passed["xmap"] + j], self.xmap_fields)
        if not passed["last_window"] or not place["valid"]:
            return
        self.vectors.append(values)
        address = passed["write"] + row * layer["row_step"] + place["offset"]
        if layer["to_score"]:
            assert g.score is not None
            self.score += int((values * values if g.score.squares else abs(values)).sum())
        elif layer["to_output"]:
            (output,) = flags(layer["to_output"])
            self.outputs[output][address] = values
        else:
            self.write(layer, passed, place["bank"], address, values)

    def write(
        self,
        layer: dict[str, int],
        passed: dict[str, int],
        bank: int,
        address: int,
        values: NDArray[np.int64],
    ) -> None:
        """A vector into the feature memory, which keeps the low bits."""
        g, features = self.g, self.memories[0]
        values = values & ((1 << g.feature_bits) - 1)
        if g.drain_period == 1:
            first = passed["slice"] * g.slice_lanes
            features[bank, address, first : first + self.shape.cols] = values
            return
        for k in range(g.drain_period):
            part = values[k * self.shape.lanes : (k + 1) * self.shape.lanes]
            features[bank, address + k * layer["plane"], : len(part)] = part
