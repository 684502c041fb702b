"""A second reading of docs/program.md: runs the bits of a Design's memory images, without clock or RTL.

It decodes the packed words with its own field tables, keeps real banked memories and circular buffers, lets any engine
execute its next row as soon as rows and room are there, and shares no code with the scheduler that filled the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ternc.schedule.design import (
    BankedMemory,
    Design,
    Engine,
    LineBuffer,
    Link,
    OutputBuffer,
    Rows,
    ToBuffer,
    ToOutput,
    ToScore,
)

NOTHING = -(10**6)


def bits_of(words: int) -> int:
    """Address width of a memory of so many words."""
    return max(1, (words - 1).bit_length())


def trits(word: int, lanes: int) -> list[int]:
    """A word of plain weights; the code 2 does not exist."""
    return [{0: 0, 1: 1, 3: -1}[word >> 2 * k & 3] for k in range(lanes)]


def packed_trits(word: int, lanes: int) -> list[int]:
    """A word of packed weights."""
    found: list[int] = []
    while len(found) < lanes:
        left = lanes - len(found)
        if left >= 5:
            code, word = word & 255, word >> 8
            escape = code >> 2 & 7 == 7
            triple, pair = (code >> 5 << 2 | code & 3, None) if escape else (code & 31, code >> 5)
            found += [*_three(triple), *_two(pair)]
        elif left >= 3:
            found, word = found + _three(word & 31), word >> 5
        else:
            found += trits(word, left)
    return found


def _three(code: int) -> list[int]:
    assert code < 28
    third, pair = (code & 7, None) if code >> 3 == 3 else (code >> 3, code & 7)
    return [*_two(pair), (0, 1, -1)[third]]


def _two(code: int | None) -> tuple[int, int]:
    if code is None:
        return -1, -1
    return ((0, 0), (1, 0), (0, 1), (1, 1), (-1, 0), (-1, 1), (0, -1), (1, -1))[code]


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


class Counts:
    """What ternc_rows counts."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        assert rows.capacity % rows.step == 0
        assert rows.frame % rows.step == 0
        self.used = self.have = self.write_row = self.read_row = 0

    @property
    def room(self) -> bool:
        return self.used + self.rows.step <= self.rows.capacity

    def claim(self) -> None:
        assert self.room, "a step is claimed without room"
        self.used += self.rows.step

    def arrive(self) -> None:
        self.have += self.rows.step
        self.write_row = (self.write_row + self.rows.step) % self.rows.capacity

    def take(self) -> None:
        self.have -= self.rows.frame
        assert self.have >= 0, "a frame ends that has not arrived"
        self.read_row = (self.read_row + self.rows.frame) % self.rows.capacity

    def free(self, rows: int) -> None:
        self.used -= rows
        assert self.used >= 0, "more rows are freed than were claimed"


class Banks:
    """What ternc_feature_memory holds: ``[bank, piece RAM, wide word, lane of the piece]``."""

    def __init__(self, memory: BankedMemory, rows: int) -> None:
        self.cols, self.lanes, self.bits = memory.cols, memory.lanes, memory.bits
        self.piece = gcd(self.cols, self.lanes)
        self.per_word = self.lanes // self.piece
        self.parts = -(-self.cols // self.lanes)
        self.pieces = self.parts * self.per_word
        self.data = np.full((rows, self.pieces, memory.depth_words, self.piece), NOTHING, np.int64)

    def write(self, bank: int, address: int, following: int, first: int, codes: NDArray[np.int64]) -> None:
        for k in range(self.cols // self.piece):
            at, where = first + k, address
            if at >= self.pieces:
                at, where = at - self.pieces, following
            if where < self.data.shape[2]:
                self.data[bank, at, where] = codes[k * self.piece : (k + 1) * self.piece]

    def read(self, bank: int, address: int, part: int, lanes: int) -> NDArray[np.int64]:
        """All lanes; those that are not stored are 0."""
        found = np.zeros(lanes, np.int64)
        word = self.data[bank, part * self.per_word : (part + 1) * self.per_word, address]
        found[: self.lanes] = word.reshape(-1)
        return found


class Lines(Counts):
    """A line buffer."""

    def __init__(self, buffer: LineBuffer, rows: int, place: Sequence[int]) -> None:
        super().__init__(buffer.rows)
        self.buffer, self.banks = buffer, Banks(buffer.memory, rows)
        pixels = buffer.bundles.pixels
        names = ["offset", "bank", "valid"] if pixels > 1 else ["offset", "bank"]
        widths = {"offset": bits_of(buffer.pitch_words), "bank": bits_of(rows), "valid": 1}
        fields = {f"{name}{i}": widths[name] for i in range(pixels) for name in names}
        self.place = [unpack(word, fields) for word in place]
        self.beats = 0

    def put(self, row: int, x: int, tile: int, values: NDArray[np.int64]) -> None:
        """A beat: bundle x of a row, ``values`` are ``[pixels, cols]``."""
        b, banks = self.buffer, self.banks
        wide, piece = divmod(tile * (banks.cols // banks.piece), banks.pieces)
        place, used = self.place[x], set()
        assert len(values) == b.bundles.pixels
        for i, vector in enumerate(values):
            if not place.get(f"valid{i}", 1):
                continue
            address = (self.write_row + row) * b.pitch_words + place[f"offset{i}"] + wide * b.plane_words
            codes = vector[: banks.cols] & ((1 << banks.bits) - 1)
            banks.write(place[f"bank{i}"], address, address + b.plane_words, piece, codes)
            assert place[f"bank{i}"] not in used, "two pixels are written into one bank at once"
            used.add(place[f"bank{i}"])
        self.beats += 1
        if self.beats == len(self.place) * b.tiles * b.rows.step:
            self.beats = 0
            self.arrive()


class Sent(Counts):
    """An output buffer, from which whole frames are taken."""

    def __init__(self, buffer: OutputBuffer) -> None:
        super().__init__(buffer.rows)
        self.width, self.tiles, self.height = buffer.width, buffer.tiles, buffer.height
        self.pixels, self.phases = buffer.bundles.pixels, buffer.bundles.phases
        block = self.pixels * self.phases
        self.bundles = sum(min(self.phases, self.width - x) for x in range(0, self.width, block))
        self.words: dict[tuple[int, int, int], NDArray[np.int64]] = {}
        self.vectors = 0
        self.frame: list[NDArray[np.int64]] = []
        self.frames: list[NDArray[np.int64]] = []

    def put(self, row: int, x: int, tile: int, values: NDArray[np.int64]) -> None:
        for i, vector in enumerate(values):
            column = (x // self.phases * self.pixels + i) * self.phases + x % self.phases
            if column < self.width:
                self.words[self.write_row + row, column, tile] = vector
        self.vectors += 1
        if self.vectors == self.bundles * self.tiles * self.rows.step:
            self.vectors = 0
            self.arrive()
            while self.have > 0 and self.send_row():
                pass

    def send_row(self) -> bool:
        """One row leaves, if it is there."""
        if self.have <= len(self.frame):
            return False
        row = (self.read_row + len(self.frame)) % self.rows.capacity
        self.frame.append(
            np.array([[self.words[row, x, t] for t in range(self.tiles)] for x in range(self.width)])
        )
        if len(self.frame) < self.height:
            self.free(1)
            return True
        if self.have < self.rows.frame:
            raise AssertionError("a frame's spare rows arrive with its last ones")
        self.free(1 + self.rows.frame - self.height)
        self.take()
        self.frames.append(np.array(self.frame))
        self.frame = []
        return True


@dataclass
class Runner:
    """One engine, row by row."""

    machine: Machine
    number: int
    engine: Engine
    vectors: list[NDArray[np.int64]] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        engine = self.engine
        self.g = g = engine.geometry
        self.shape = g.shape
        self.rom = rom = {memory.name: memory.words for memory in engine.programs}
        rows = g.shape.rows
        self.features = Banks(g.features, rows) if g.features else None
        self.lines = [
            Lines(buffer, rows, place.words) for buffer, place in zip(g.buffers, engine.places, strict=True)
        ]
        pass_bits, bank_bits, inputs = bits_of(g.depths.passes), bits_of(rows), len(g.buffers)
        self.row_fields = {
            "pass_start": pass_bits, "pass_count": pass_bits + 1, "groups": g.x_bits, "row": g.y_bits,
            "write": g.wr_bits, "plane": g.wr_bits, "to_feature": 1, "links": max(1, len(g.links)),
            **{f"need{k}": g.y_bits for k in range(inputs)}, **{f"free{k}": g.y_bits for k in range(inputs)},
            "takes": inputs, "flush": 1, "last": 1,
        }  # fmt: skip
        self.pass_fields = {
            "tap": bits_of(g.depths.taps), "tap_count": g.count_bits, "interval": g.count_bits,
            "weight": bits_of(g.depths.weights), "param": bits_of(g.params), "write": g.wr_bits,
            "xmap": bits_of(g.depths.xmap), "tile": g.tile_bits, "step_row": g.step_bits,
            "piece": g.piece_bits, "row_low": g.y_bits, "row_high": g.y_bits, "x_low": g.x_bits,
            "x_high": g.x_bits, "first_window": 1, "last_window": 1,
        }  # fmt: skip
        self.tap_fields = {
            "offset": g.rd_bits, "part": g.part_bits, "rot": bank_bits, "q": g.x_bits, "limit": g.x_bits,
            "dy": g.y_bits, "term": bits_of(g.depths.terms), "shift": 1,
        }  # fmt: skip
        term_fields = {
            "pitch": g.rd_bits, "y_stride": g.y_bits, "height": g.y_bits, "pad": g.act_bits,
            "source": bits_of(inputs + 1),
        }  # fmt: skip
        self.xmap_fields = {"x": g.x_bits}
        for i in range(self.shape.drain):
            self.xmap_fields |= {f"offset{i}": g.wr_bits, f"bank{i}": bank_bits, f"valid{i}": 1}
        requant_fields = {
            "add": g.add_bits, "mul": g.mul_bits, "limit": g.code_bits, "raw": 1, "thr": 1, "min": 1,
            **({"use_table": 1, "table": bits_of(g.tables)} if g.tables else {}),
        }  # fmt: skip
        assert all(
            len(rom[name]) <= getattr(g.depths, name) for name in ("rows", "passes", "taps", "terms", "xmap")
        )
        self.terms = [unpack(word, term_fields) for word in rom["terms"]]
        self.rows = [unpack(word, self.row_fields) for word in rom["rows"]]
        assert [row["last"] for row in self.rows] == [0] * (len(self.rows) - 1) + [1]
        read = packed_trits if g.shape.packed else trits
        # [cols, depth, lanes]
        self.weights = np.array(
            [[read(word, g.shape.lanes) for word in m.words] for m in engine.weights], dtype=np.int64
        )
        self.requant = [[unpack(word, requant_fields) for word in m.words] for m in engine.requant]
        assert all(
            len(m.words) <= g.threshold_params << n
            for column in engine.thresholds
            for n, m in enumerate(column)
        )
        self.thresholds = [[m.words for m in column] for column in engine.thresholds]
        self.best: dict[int, NDArray[np.int64]] = {}

    def step(self) -> bool:
        """The next row, if it may start."""
        row = self.rows[self.at]
        keepers = [self.g.links[n] for n in flags(row["links"])]
        if any(line.have < row[f"need{k}"] for k, line in enumerate(self.lines)):
            return False
        if not all(self.machine.room(keeper) for keeper in keepers):
            return False
        for keeper in keepers:
            self.machine.claim(keeper)
        for group in range(row["groups"]):
            for number in range(row["pass_count"]):
                passed = unpack(self.rom["passes"][row["pass_start"] + number], self.pass_fields)
                beats, drain = self.shape.rows // self.shape.drain, self.shape.drain
                assert passed["interval"] >= max(passed["tap_count"], beats)
                sums = self.accumulate(passed, row["row"], group)
                for k in range(beats):
                    found = [
                        self.pooled(row, passed, group, r, sums[r]) for r in range(k * drain, (k + 1) * drain)
                    ]
                    if passed["last_window"]:
                        self.finish(row, passed, group * beats + k, np.array(found), keepers)
        for k, line in enumerate(self.lines):
            line.free(row[f"free{k}"])
            if row["takes"] >> k & 1:
                line.take()
        self.at = (self.at + 1) % len(self.rows)
        return True

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
            self.machine.taps_executed += 1
            if tap["shift"]:
                assert g.digits
                assert k > 0
                sums *= 2
            y = row * term["y_stride"] + signed(tap["dy"], g.y_bits)
            for r in range(rows):
                i = group * rows + signed(tap["q"], g.x_bits) + r
                if 0 <= y < term["height"] and 0 <= i < tap["limit"]:
                    x = self.read(term, tap, y, group, r)
                    assert (x[used] >= 0).all(), "a tap reads what nobody wrote"
                else:
                    x = np.full(self.shape.lanes, term["pad"])
                sums[r] += np.where(weight == 1, x, 0).sum(axis=1) + np.where(weight == -1, peak - x, 0).sum(
                    axis=1
                )
            assert (sums >= 0).all()
            assert (sums < 1 << g.acc_bits).all()
        return sums

    def read(
        self, term: dict[str, int], tap: dict[str, int], y: int, group: int, r: int
    ) -> NDArray[np.int64]:
        """The word that array row r reads."""
        rows, z = self.shape.rows, y
        if term["source"]:
            line = self.lines[term["source"] - 1]
            assert y < line.have, "a row is read that has not arrived"
            z, capacity = line.read_row + y, line.rows.capacity
            if capacity & (capacity - 1) == 0:
                z &= capacity - 1
            else:
                assert capacity >= line.rows.frame
                z -= capacity if z >= capacity else 0
            banks = line.banks
        else:
            assert self.features is not None
            banks = self.features
        bank = (r + tap["rot"]) % rows
        address = (z * term["pitch"] + group + tap["offset"] + (bank < tap["rot"])) % (1 << self.g.rd_bits)
        return banks.read(bank, address, tap["part"], self.shape.lanes)

    def requantise(self, column: int, param: int, value: int) -> tuple[int, bool]:
        """(value, keep the minimum) of one column's sum."""
        g, word = self.g, self.requant[column][param]
        if word["thr"]:
            code = 0
            for level, rom in enumerate(self.thresholds[column]):
                code = 2 * code + (value >= rom[(param << level) | code])
        else:
            scaled = (value * signed(word["mul"], g.mul_bits) + signed(word["add"], g.add_bits)) >> g.shift
            code = scaled if word["raw"] else min(max(scaled, 0), word["limit"])
        if word.get("use_table"):
            code = self.rom["tables"][(word["table"] << g.code_bits) | code]
        assert -(1 << (g.value_bits - 1)) <= code < 1 << (g.value_bits - 1)
        return code, bool(word["min"])

    def pooled(
        self, row: dict[str, int], passed: dict[str, int], group: int, r: int, sums: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Requantiser and pool of one pixel's vector."""
        g, cols = self.g, self.shape.cols
        found = [self.requantise(c, passed["param"], int(sums[c])) for c in range(cols)]
        values = np.array([value for value, _ in found])
        least = np.array([keep for _, keep in found])
        j = group * self.shape.rows + r
        taken = (
            passed["row_low"] <= row["row"] < passed["row_high"] and passed["x_low"] <= j < passed["x_high"]
        )
        if not taken:
            end = 1 << (g.value_bits - 1)
            values = np.where(least, end - 1, -end)
        if not passed["first_window"]:
            values = np.where(least, np.minimum(values, self.best[r]), np.maximum(values, self.best[r]))
        self.best[r] = values
        return values

    def finish(
        self,
        row: dict[str, int],
        passed: dict[str, int],
        at: int,
        values: NDArray[np.int64],
        keepers: list[Link],
    ) -> None:
        """Feature memory and links of the vectors ``[drain, cols]`` that leave in one cycle."""
        place, used = unpack(self.rom["xmap"][passed["xmap"] + at], self.xmap_fields), set()
        valid = [bool(place[f"valid{i}"]) for i in range(len(values))]
        assert valid == sorted(valid, reverse=True)
        if not valid[0]:
            return
        self.vectors.extend(values[valid])
        for i in range(sum(valid) if row["to_feature"] else 0):
            assert self.features is not None
            address = passed["write"] + row["write"] + place[f"offset{i}"]
            codes = values[i] & ((1 << self.features.bits) - 1)
            self.features.write(place[f"bank{i}"], address, address + row["plane"], passed["piece"], codes)
            assert place[f"bank{i}"] not in used, "two pixels are written into one bank at once"
            used.add(place[f"bank{i}"])
        for keeper in keepers:
            self.machine.put(keeper, passed["step_row"], place["x"], passed["tile"], values)


@dataclass
class Machine:
    """All engines. ``runners[n].vectors`` is every finished vector of engine n since the start, in order."""

    design: Design
    taps_executed: int = 0

    def __post_init__(self) -> None:
        self.runners = [
            Runner(machine=self, number=n, engine=engine) for n, engine in enumerate(self.design.engines)
        ]
        self.outputs = [Sent(buffer) for buffer in self.design.buffers]
        self.score, self.score_vectors = 0, 0
        self.scores: list[tuple[int, int]] = []

    @property
    def vectors(self) -> list[NDArray[np.int64]]:
        """Of a design with one engine."""
        (runner,) = self.runners
        return runner.vectors

    def keeper(self, link: Link) -> Lines | Sent | None:
        match link:
            case ToBuffer(engine=n, buffer=k):
                return self.runners[n].lines[k]
            case ToOutput(output=n):
                return self.outputs[n]
            case ToScore():
                return None

    def room(self, link: Link) -> bool:
        keeper = self.keeper(link)
        return keeper is None or keeper.room

    def claim(self, link: Link) -> None:
        keeper = self.keeper(link)
        if keeper is not None:
            keeper.claim()

    def put(self, link: Link, row: int, x: int, tile: int, values: NDArray[np.int64]) -> None:
        keeper, unit = self.keeper(link), self.design.score
        if keeper is not None:
            keeper.put(row, x, tile, values)
            return
        assert unit is not None
        self.score += int((values * values if unit.squares else abs(values)).sum())
        self.score_vectors += 1
        if self.score_vectors == unit.frame_vectors:
            self.scores.append((self.score, self.score > unit.limit))
            self.score, self.score_vectors = 0, 0

    def run(self, codes: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], ...]:
        """One frame of every input, ``[C, H, W]`` integers, to what leaves each port (`leaving`)."""
        self.feed([frame[None] for frame in codes])
        return self.leaving(-1)

    def feed(self, codes: Sequence[NDArray[np.int64]]) -> None:
        """Frames ``[N, C, H, W]`` of every input, as far as anything moves."""
        waiting = [[(n, y) for n in range(len(frames)) for y in range(frames.shape[2])] for frames in codes]
        moving = True
        while moving:
            moving = False
            for number, stream in enumerate(self.design.streams):
                while waiting[number] and all(self.room(link) for link in stream.links):
                    self.beat_row(number, codes[number], *waiting[number].pop(0))
                    moving = True
            for runner in self.runners:
                while runner.step():
                    moving = True
        state = [(runner.at, [(line.have, line.used) for line in runner.lines]) for runner in self.runners]
        assert not any(waiting), f"a deadlock: an input is not accepted; engines {state}"
        assert all(runner.at == 0 for runner in self.runners), (
            f"a deadlock: a frame is not finished; engines {state}"
        )

    def beat_row(self, number: int, frames: NDArray[np.int64], n: int, y: int) -> None:
        """What ternc_input does with a row."""
        stream = self.design.streams[number]
        for link in stream.links:
            self.claim(link)
        for x in range(0, stream.width, stream.pixels):
            for chunk in range(stream.chunks):
                codes = np.zeros((stream.pixels, stream.lanes), np.int64)
                channels = slice(chunk * stream.lanes, (chunk + 1) * stream.lanes)
                part = frames[n, channels, y, x : x + stream.pixels].T
                codes[:, : part.shape[1]] = part + stream.offset
                for link in stream.links:
                    self.put(link, 0, x // stream.pixels, chunk, codes)

    def leaving(self, frame: int) -> tuple[NDArray[np.int64], ...]:
        """What ternc_output, ternc_argmax and ternc_score made of a frame.

        Integers ``[C, H, W]``, indices ``[H, W]`` of an argmax, or ``[2]``, the score and its flag.
        """
        found = []
        for buffer, sent in zip(self.design.buffers, self.outputs, strict=True):
            values = sent.frames[frame].reshape(buffer.height, buffer.width, -1)[..., : buffer.channels]
            assert (values >= -(1 << (buffer.bits - 1))).all()
            assert (values < 1 << (buffer.bits - 1)).all()
            if buffer.argmax:
                found.append(values.argmax(axis=-1))
            else:
                found.append(np.moveaxis(values, -1, 0) + buffer.offset)
        if self.design.score:
            score = self.scores[frame]
            assert score[0] < 1 << self.design.score.score_bits
            found.append(np.array(score, dtype=np.int64))
        return tuple(found)
