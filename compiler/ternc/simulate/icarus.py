"""The careful simulator: Icarus Verilog and the parts in ``sim/icarus_bench.sv``.

Slow, but it sees undefined values, and it runs the RTL exactly as it is synthesised (without the fast form of the
array that Verilator gets).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ToolError
from ternc.resources import folder
from ternc.schedule.design import StreamPort
from ternc.simulate import tools
from ternc.simulate.model import (
    Beats,
    Dut,
    MonitorPort,
    Progress,
    Simulation,
    Trace,
    Window,
    check_beats,
    nothing,
)

_JOINED = ",\n    "
_LOG = "log.txt"
_PROGRAM = "bench.vvp"


_NO_IMAGE = (
    ".s_axis_load_tdata(32'd0), .s_axis_load_tvalid(1'b0), .s_axis_load_tready(), .s_axis_load_tlast(1'b0), "
    ".load_abort_i(1'b0), .load_status_o()"
)
"""The loader of a reloadable design, to which nothing comes."""


def run(
    dut: Dut,
    beats: Sequence[Beats],
    *,
    stalls: int | None = None,
    windows: Sequence[Window] = (),
    progress: Progress | None = None,
) -> Simulation:
    """`Simulator` in Icarus Verilog; see there."""
    frames = check_beats(dut, beats)
    if frames == 0:
        return nothing(dut)
    for program in ("iverilog", "vvp"):
        if shutil.which(program) is None:
            raise ToolError(
                f"'{program}' was not found", help="install Icarus Verilog, or use --simulator verilator"
            )
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch_name:
        scratch = Path(scratch_name)
        for number, data in enumerate(beats):
            _write_hex(_stimulus(scratch, number), data)
        monitor = bool(windows)
        (scratch / "bench.sv").write_text(bench(dut, scratch, frames, stalls, monitor=monitor))
        _compile(dut, scratch, monitor=monitor)
        printed = _execute(dut, scratch, frames, progress)
        return _collect(dut, _read_log(dut, scratch / _LOG), windows, printed, frames)


def _stimulus(scratch: Path, number: int) -> Path:
    return scratch / f"input_{number}.hex"


def _write_hex(path: Path, beats: Beats) -> None:
    """One beat a line, most significant byte first."""
    rows = beats.reshape(-1, beats.shape[2])[:, ::-1]
    path.write_text("".join(row.tobytes().hex() + "\n" for row in rows))


def bench(dut: Dut, scratch: Path, frames: int, stalls: int | None, *, monitor: bool) -> str:
    """The module ``ternc_bench``: the design, with a source or a sink at each stream.

    Args:
        dut: The design.
        scratch: Where the stimulus is and the log goes.
        frames: How many frames every stream carries.
        stalls: Seed of the stalls, or None.
        monitor: Connect the monitor ports.
    """
    streams = (*dut.inputs, *dut.outputs)
    monitors = tuple(enumerate(dut.monitors)) if monitor else ()
    pins = [".clk_i(clk), .rst_ni(rst_n)"]
    pins += [_NO_IMAGE] if dut.reloadable else []
    pins += [_pins(port, f"{port.name}_{{}}", f"{port.name}_{{}}") for port in streams]
    pins += [f".mon_{n}_valid_o(mon_{n}_valid), .mon_{n}_value_o(mon_{n}_value)" for n, _ in monitors]
    parts = [_stream(dut, number, stalls) for number in range(len(streams))]
    parts += [_source(port, k, frames, _stimulus(scratch, k)) for k, port in enumerate(dut.inputs)]
    parts += [_sink(port, k, len(dut.inputs) + k, frames) for k, port in enumerate(dut.outputs)]
    parts += [_monitor(n, port) for n, port in monitors]
    return f"""\
`timescale 1ns/1ps
module ternc_bench;
  wire clk, rst_n, start, run;
  wire [31:0] log, cycle;
  wire [{len(streams) - 1}:0] blocked, moved, held;
  wire [{len(dut.outputs) - 1}:0] done;
  ternc_bench_control #(
    .Streams({len(streams)}), .Outputs({len(dut.outputs)}), .Watchdog({dut.watchdog_cycles}),
    .LogFile("{scratch / _LOG}")
  ) u_control (
    .clk_o(clk), .rst_no(rst_n), .start_o(start), .run_o(run), .log_o(log), .cycle_o(cycle),
    .moved_i(moved), .held_i(held), .done_i(done)
  );
{"".join(parts)}  {dut.top} u_dut (
    {_JOINED.join(pins)}
  );
endmodule
"""


def _stream(dut: Dut, number: int, stalls: int | None) -> str:
    """A stream's wires and stalls."""
    port = (*dut.inputs, *dut.outputs)[number]
    seed = ((stalls or 0) + 7919 * number) % 2**31
    return f"""\
  wire [{8 * port.data_bytes - 1}:0] {port.name}_tdata;
  wire {port.name}_tvalid, {port.name}_tready, {port.name}_tlast;
  ternc_bench_stalls #(
    .Enabled({int(stalls is not None)}), .Seed({seed}), .Stretch({dut.stretch_cycles})
  ) u_stalls_{number} (.clk_i(clk), .blocked_o(blocked[{number}]));
"""


def _source(port: StreamPort, number: int, frames: int, stimulus: Path) -> str:
    return f"""\
  ternc_bench_source #(
    .Stream({number}), .Bytes({port.data_bytes}), .BeatsPerFrame({port.beats_per_frame}), .Frames({frames}),
    .Name("{port.name}"), .File("{stimulus}")
  ) u_source_{number} (
    .clk_i(clk), .start_i(start), .run_i(run), .log_i(log), .cycle_i(cycle),
    .blocked_i(blocked[{number}]), .moved_o(moved[{number}]), .held_o(held[{number}]),
    {_pins(port, "{}_o", "{}_i")}
  );
"""


def _sink(port: StreamPort, number: int, stream: int, frames: int) -> str:
    return f"""\
  ternc_bench_sink #(
    .Stream({number}), .Bytes({port.data_bytes}), .BeatsPerFrame({port.beats_per_frame}), .Frames({frames}),
    .Name("{port.name}")
  ) u_sink_{number} (
    .clk_i(clk), .start_i(start), .run_i(run), .log_i(log), .cycle_i(cycle),
    .blocked_i(blocked[{stream}]), .moved_o(moved[{stream}]), .held_o(held[{stream}]), .done_o(done[{number}]),
    {_pins(port, "{}_i", "{}_o")}
  );
"""


def _monitor(number: int, port: MonitorPort) -> str:
    """An engine's monitor wires and what logs them."""
    return f"""\
  wire mon_{number}_valid;
  wire [{port.bits - 1}:0] mon_{number}_value;
  ternc_bench_monitor #(.Engine({number}), .Bits({port.bits})) u_monitor_{number} (
    .clk_i(clk), .run_i(run), .log_i(log), .cycle_i(cycle),
    .valid_i(mon_{number}_valid), .value_i(mon_{number}_value)
  );
"""


def _pins(port: StreamPort, forward: str, backward: str) -> str:
    """A stream's connections; ``forward`` and ``backward`` make a pin's name from a signal's."""
    signals = (("tdata", forward), ("tvalid", forward), ("tready", backward), ("tlast", forward))
    return ", ".join(f".{form.format(name)}({port.name}_{name})" for name, form in signals)


def _compile(dut: Dut, scratch: Path, *, monitor: bool) -> None:
    tools.rtl_text(dut.rtl)  # says so if there is no RTL here
    defines = ["-DTERNC_MONITOR=1"] if monitor else []
    parts = [str(folder("sim") / "icarus_bench.sv"), str(scratch / "bench.sv")]
    command = ["iverilog", "-g2012", "-s", "ternc_bench", *defines, "-o", str(scratch / _PROGRAM)]
    tools.call("Icarus Verilog refused the RTL", [*command, "-c", "files.f", *parts], cwd=dut.rtl)


def _execute(dut: Dut, scratch: Path, frames: int, progress: Progress | None) -> str:
    """Run the compiled bench; what it printed."""
    log = scratch / _LOG
    command = ["vvp", "-n", str(scratch / _PROGRAM)]
    with subprocess.Popen(
        command, cwd=dut.rtl, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        while True:
            try:
                printed, _ = process.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if progress is not None and log.exists():
                    text = log.read_bytes()
                    counts = [text.count(f"\nO {k} ".encode()) for k in range(len(dut.outputs))]
                    done = [n // port.beats_per_frame for n, port in zip(counts, dut.outputs, strict=True)]
                    progress(min(*done, frames), frames)
    if progress is not None:
        progress(frames, frames)
    return printed


@dataclass(slots=True, kw_only=True)
class _Log:
    """The bench's log, by kind of line; ``inputs`` and ``outputs`` by stream, ``monitors`` by engine."""

    inputs: list[list[int]]
    outputs: list[list[tuple[int, str, str]]]
    monitors: list[list[tuple[int, str]]]
    stopped: str = ""


def _read_log(dut: Dut, path: Path) -> _Log:
    log = _Log(
        inputs=[[] for _ in dut.inputs],
        outputs=[[] for _ in dut.outputs],
        monitors=[[] for _ in dut.monitors],
    )
    for line in path.read_text().splitlines() if path.exists() else ():
        kind, rest = line[:1], line[2:]
        match kind:
            case "I":
                stream, cycle = rest.split()
                log.inputs[int(stream)].append(int(cycle))
            case "O":
                stream, cycle, last, data = rest.split()
                log.outputs[int(stream)].append((int(cycle), last, data))
            case "M":
                engine, cycle, data = rest.split()
                log.monitors[int(engine)].append((int(cycle), data))
            case _:
                cycle, message = rest.split(maxsplit=1)
                log.stopped = log.stopped or f"protocol violation in cycle {cycle}: {message}"
    return log


def _collect(dut: Dut, log: _Log, windows: Sequence[Window], printed: str, expected: int) -> Simulation:
    """The log as a `Simulation`: frames up to the first thing that is wrong."""
    found = [_port_frames(port, lines) for port, lines in zip(dut.outputs, log.outputs, strict=True)]
    complaints = sorted(complaint for _, _, complaint in found if complaint is not None)
    stopped = complaints[0][1] if complaints else log.stopped
    frames = min(len(beats) for beats, _, _ in found)
    if not stopped and frames != expected:
        stopped = f"the simulator ended in frame {frames}: {tools.first_line(printed)}"
    cycles = [cycle for lines in log.outputs for cycle, _, _ in lines]
    first_in = (lines[:: port.beats_per_frame] for port, lines in zip(dut.inputs, log.inputs, strict=True))
    return Simulation(
        beats=tuple(beats for beats, _, _ in found),
        first_in=tuple(np.array(starts, np.int64) for starts in first_in),
        last_out=tuple(ends for _, ends, _ in found),
        cycles=max(cycles) + 1 if cycles else 0,
        stopped=stopped,
        traces=tuple(
            _trace(dut.monitors[window.engine], log.monitors[window.engine], window) for window in windows
        ),
    )


def _port_frames(
    port: StreamPort, lines: list[tuple[int, str, str]]
) -> tuple[Beats, NDArray[np.int64], tuple[int, str] | None]:
    """Whole frames in front of the first beat that is wrong, their last cycles, and what is wrong in which cycle."""
    per_frame, good, complaint = port.beats_per_frame, len(lines), None
    for index, (cycle, last, data) in enumerate(lines):
        where = f"cycle {cycle}, frame {index // per_frame}, output beat {index % per_frame}"
        if "x" in data.lower() or "z" in data.lower():
            good, complaint = index, (cycle, f"{port.name}_tdata has undefined bits in {where}")
            break
        if last != str(int(index % per_frame == per_frame - 1)):
            good, complaint = index, (cycle, f"protocol violation in {where}: {port.name}_tlast is {last}")
            break
    frames = good // per_frame
    taken = lines[: frames * per_frame]
    raw = bytes.fromhex("".join(data for _, _, data in taken))
    beats = np.frombuffer(raw, np.uint8).reshape(frames, per_frame, port.data_bytes)[..., ::-1]
    ends = np.array([cycle for cycle, _, _ in taken[per_frame - 1 :: per_frame]], np.int64)
    return np.ascontiguousarray(beats), ends, complaint


def _trace(monitor: MonitorPort, logged: list[tuple[int, str]], window: Window) -> Trace:
    """The monitor lines inside the window; an undefined digit counts as 0."""
    lines = logged[window.first : window.first + window.count]
    size = -(-monitor.bits // 8)
    words: NDArray[np.uint8] = np.zeros((len(lines), size), np.uint8)
    for row, (_, digits) in enumerate(lines):
        value = int("".join(d if d in "0123456789abcdef" else "0" for d in digits.lower()), 16)
        words[row] = np.frombuffer(value.to_bytes(size, "little"), np.uint8)
    cycles = np.array([cycle for cycle, _ in lines], np.int64)
    return Trace(cycles=cycles, values=monitor.values(words))
