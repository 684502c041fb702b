"""A second reading of docs/program.md: runs the bits of a Design's memory images, without clock or RTL.

It decodes the packed words with its own field tables, keeps real banked memories, and shares no code with the
scheduler that filled them.
"""

from __future__ import annotations

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


def signed(value: int, width: int) -> int:
    """Two's complement."""
    return value - (1 << width) if value >> (width - 1) else value


@dataclass
class Machine:
    """One engine. ``reads`` counts how often each tap was executed, ``vectors`` is every finished vector."""

    design: Design
    vectors: list[NDArray[np.int64]] = field(default_factory=list)
    taps_executed: int = 0

    def __post_init__(self) -> None:
        engine = self.design.engines[0]
        self.g = g = engine.geometry
        self.shape = g.shape
        rom = {memory.name: memory.words for memory in engine.programs}
        self.rom = rom
        pass_bits, tap_bits = bits_of(len(rom["passes"])), bits_of(len(rom["taps"]))
        xmap_bits, weight_bits = bits_of(len(rom["xmap"])), bits_of(len(engine.weights[0].words))
        bank_bits, slice_bits, param_bits = bits_of(g.shape.rows), bits_of(g.slices), bits_of(g.params)
        flags = (
            "from_input",
            "to_output",
            "wait_input",
            "release_input",
            "wait_output",
            "finish_output",
            "last_layer",
        )
        self.layer_fields = {
            "pass_start": pass_bits, "pass_count": pass_bits + 1, "groups": g.x_bits, "rows": g.y_bits,
            "y_step": g.rd_bits, "y_stride": g.y_bits, "row_step": g.wr_bits, "plane": g.wr_bits,
            "height": g.y_bits, "pad": g.act_bits, **dict.fromkeys(flags, 1),
        }  # fmt: skip
        self.pass_fields = {
            "tap": tap_bits, "tap_count": g.count_bits, "interval": g.count_bits, "weight": weight_bits,
            "param": param_bits, "write": g.wr_bits, "xmap": xmap_bits, "slice": slice_bits,
            "first_window": 1, "last_window": 1,
        }  # fmt: skip
        self.tap_fields = {
            "offset": g.rd_bits, "rot": bank_bits, "q": g.x_bits, "limit": g.x_bits, "dy": g.y_bits,
        }  # fmt: skip
        self.xmap_fields = {"offset": g.wr_bits, "bank": bank_bits, "valid": 1}
        self.requant_fields = {
            "add": g.add_bits, "mul": g.mul_bits, "limit": g.code_bits, "raw": 1, "thr": 1, "min": 1,
        }  # fmt: skip
        lanes = range(g.shape.lanes)
        self.weights = np.array(
            [
                [[(0, 1, None, -1)[word >> 2 * k & 3] for k in lanes] for word in m.words]
                for m in engine.weights
            ],
            dtype=np.int64,
        )  # [cols, depth, lanes]; the code 2 does not exist
        self.requant = [[unpack(word, self.requant_fields) for word in m.words] for m in engine.requant]
        self.thresholds = [[m.words for m in column] for column in engine.thresholds]

    def run(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """One frame ``[C, H, W]`` of input integers to the port's output integers ``[C, H, W]``."""
        g, (rows, lanes) = self.g, (self.shape.rows, self.shape.lanes)
        self.input = np.full((rows, g.input_half_words, lanes), -(10**6), dtype=np.int64)
        self.features = np.full((rows, g.feature_words, lanes), -(10**6), dtype=np.int64)
        self.output = np.full((g.output_half_words, self.shape.cols), -(10**6), dtype=np.int64)
        self.load(codes)
        done = False
        for word in self.rom["layers"]:
            assert not done, "a layer behind the last"
            layer = unpack(word, self.layer_fields)
            self.layer(layer)
            done = bool(layer["last_layer"])
        assert done, "no last layer"
        port = self.design.output_port
        tiles = -(-g.output_channels // self.shape.cols)
        values = self.output[: port.height * port.width * tiles].reshape(port.height, port.width, -1)
        values = values[..., : g.output_channels]
        if g.argmax:
            values = values.argmax(axis=-1)[..., None]
        frame: NDArray[np.int64] = np.moveaxis(values, -1, 0) + g.output_offset
        return frame

    def load(self, codes: NDArray[np.int64]) -> None:
        """What ternc_input does."""
        g, rows = self.g, self.shape.rows
        channels, height, width = codes.shape
        for y in range(height):
            for x in range(width):
                index, phase = divmod(x, g.input_stride)
                for c in range(channels):
                    chunk, lane = divmod(c, g.input_lanes)
                    address = (
                        chunk * g.input_plane_words
                        + (y * g.input_stride + phase) * g.input_phase_words
                        + index // rows
                    )
                    self.input[index % rows, address, lane] = codes[c, y, x] + g.input_offset

    def layer(self, layer: dict[str, int]) -> None:
        """All passes at all positions of one layer."""
        best: dict[int, NDArray[np.int64]] = {}
        for row in range(layer["rows"]):
            for group in range(layer["groups"]):
                for number in range(layer["pass_count"]):
                    passed = unpack(self.rom["passes"][layer["pass_start"] + number], self.pass_fields)
                    assert passed["interval"] >= max(
                        passed["tap_count"], self.shape.rows * self.g.drain_period
                    )
                    sums = self.accumulate(layer, passed, row, group)
                    for r in range(self.shape.rows):
                        self.finish(layer, passed, row, group, r, sums[r], best)

    def accumulate(
        self, layer: dict[str, int], passed: dict[str, int], row: int, group: int
    ) -> NDArray[np.int64]:
        """The array: unsigned sums ``[rows, cols]``."""
        g, rows = self.g, self.shape.rows
        memory = self.input if layer["from_input"] else self.features
        peak = (1 << g.act_bits) - 1
        sums = np.zeros((rows, self.shape.cols), dtype=np.int64)
        for k in range(passed["tap_count"]):
            tap = unpack(self.rom["taps"][passed["tap"] + k], self.tap_fields)
            weight = self.weights[:, passed["weight"] + k]  # [cols, lanes]
            used = (weight != 0).any(axis=0)
            self.taps_executed += 1
            y = row * layer["y_stride"] + signed(tap["dy"], g.y_bits)
            for r in range(rows):
                i = group * rows + signed(tap["q"], g.x_bits) + r
                if 0 <= y < layer["height"] and 0 <= i < tap["limit"]:
                    bank = (r + tap["rot"]) % rows
                    address = (row * layer["y_step"] + group + tap["offset"] + (bank < tap["rot"])) % (
                        1 << g.rd_bits
                    )
                    x = memory[bank, address]
                    assert (x[used] >= 0).all(), "a tap reads what nobody wrote"
                else:
                    x = np.full(self.shape.lanes, layer["pad"])
                sums[r] += np.where(weight == 1, x, 0).sum(axis=1) + np.where(weight == -1, peak - x, 0).sum(
                    axis=1
                )
        assert (sums >= 0).all()
        assert (sums < 1 << g.acc_bits).all()
        return sums

    def requantise(self, column: int, param: int, value: int) -> tuple[int, bool]:
        """(value, keep the minimum) of one column's sum."""
        g, word = self.g, self.requant[column][param]
        if word["thr"]:
            code = 0
            for level, rom in enumerate(self.thresholds[column]):
                code = 2 * code + (value >= rom[(param << level) | code])
            return code, bool(word["min"])
        scaled = (value * signed(word["mul"], g.mul_bits) + signed(word["add"], g.add_bits)) >> g.shift
        return (scaled if word["raw"] else min(max(scaled, 0), word["limit"])), bool(word["min"])

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
        found = [self.requantise(c, passed["param"], int(sums[c])) for c in range(cols)]
        values = np.array([value for value, _ in found])
        least = np.array([keep for _, keep in found])
        if not passed["first_window"]:
            values = np.where(least, np.minimum(values, best[r]), np.maximum(values, best[r]))
        best[r] = values
        place = unpack(self.rom["xmap"][passed["xmap"] + group * self.shape.rows + r], self.xmap_fields)
        if not passed["last_window"] or not place["valid"]:
            return
        self.vectors.append(values)
        address = passed["write"] + row * layer["row_step"] + place["offset"]
        if layer["to_output"]:
            self.output[address] = values
            return
        assert (values >= 0).all()
        assert (values < 1 << g.feature_bits).all()
        if g.drain_period == 1:
            first = passed["slice"] * g.slice_lanes
            self.features[place["bank"], address, first : first + cols] = values
            return
        for k in range(g.drain_period):
            part = values[k * self.shape.lanes : (k + 1) * self.shape.lanes]
            self.features[place["bank"], address + k * layer["plane"], : len(part)] = part
