"""The careful simulator: Icarus Verilog and ``sim/icarus_bench.sv``.

Slow, but it sees undefined values, and it runs the RTL exactly as it is synthesised (without the fast form of the
array that Verilator gets).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ToolError
from ternc.resources import folder
from ternc.simulate import tools
from ternc.simulate.model import Beats, Dut, Progress, Simulation, Trace, Window, check_beats, signed_elements


def run(
    dut: Dut,
    beats: Beats,
    *,
    stalls: int | None = None,
    window: Window | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """`Simulator` in Icarus Verilog; see there."""
    check_beats(dut, beats)
    if beats.shape[0] == 0:
        none = np.zeros(0, np.int64)
        shape = (0, dut.output_port.beats_per_frame, dut.output_port.data_bytes)
        return Simulation(beats=np.zeros(shape, np.uint8), first_in=none, last_out=none, cycles=0)
    for program in ("iverilog", "vvp"):
        if shutil.which(program) is None:
            raise ToolError(
                f"'{program}' was not found", help="install Icarus Verilog, or use --simulator verilator"
            )
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch_name:
        scratch = Path(scratch_name)
        _write_hex(scratch / "input.hex", beats)
        _compile(dut, scratch / "bench.vvp", beats.shape[0], stalls, monitor=window is not None)
        printed = _execute(dut, scratch, beats.shape[0], progress)
        return _collect(dut, _read_log(scratch / "log.txt"), window, printed)


def _write_hex(path: Path, beats: Beats) -> None:
    """One beat a line, most significant byte first."""
    rows = beats.reshape(-1, beats.shape[2])[:, ::-1]
    path.write_text("".join(row.tobytes().hex() + "\n" for row in rows))


def _compile(dut: Dut, program: Path, frames: int, stalls: int | None, *, monitor: bool) -> None:
    macros = {
        "TERNC_TOP": dut.top,
        "TERNC_IN_BYTES": dut.input_port.data_bytes,
        "TERNC_IN_BEATS": dut.input_port.beats_per_frame,
        "TERNC_OUT_BYTES": dut.output_port.data_bytes,
        "TERNC_OUT_BEATS": dut.output_port.beats_per_frame,
        "TERNC_FRAMES": frames,
        "TERNC_WATCHDOG": dut.watchdog_cycles,
        "TERNC_STALLS": int(stalls is not None),
        "TERNC_STRETCH": dut.stretch_cycles,
        "TERNC_SEED": (stalls or 0) % 2**31,
    }
    if monitor:
        macros |= {"TERNC_MONITOR": 1, "TERNC_MON_BITS": dut.cols * dut.value_bits}
    tools.rtl_text(dut.rtl)  # says so if there is no RTL here
    defines = [f"-D{name}={value}" for name, value in macros.items()]
    command = ["iverilog", "-g2012", "-s", "ternc_bench", *defines, "-o", str(program), "-c", "files.f"]
    tools.call(
        "Icarus Verilog refused the RTL", [*command, str(folder("sim") / "icarus_bench.sv")], cwd=dut.rtl
    )


def _execute(dut: Dut, scratch: Path, frames: int, progress: Progress | None) -> str:
    """Run the compiled bench; what it printed."""
    log = scratch / "log.txt"
    command = ["vvp", "-n", str(scratch / "bench.vvp"), f"+input={scratch / 'input.hex'}", f"+log={log}"]
    with subprocess.Popen(
        command, cwd=dut.rtl, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        while True:
            try:
                printed, _ = process.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if progress is not None and log.exists():
                    done = log.read_bytes().count(b"\nO ") // dut.output_port.beats_per_frame
                    progress(min(done, frames), frames)
    if progress is not None:
        progress(frames, frames)
    return printed


@dataclass(slots=True, kw_only=True)
class _Log:
    """The bench's log, by kind of line."""

    inputs: list[int] = field(default_factory=list)
    outputs: list[tuple[int, str, str]] = field(default_factory=list)
    monitor: list[tuple[int, str]] = field(default_factory=list)
    stopped: str = ""


def _read_log(path: Path) -> _Log:
    log = _Log()
    for line in path.read_text().splitlines() if path.exists() else ():
        kind, cycle, *rest = line.split(maxsplit=3 if line.startswith("O") else 2)
        match kind:
            case "I":
                log.inputs.append(int(cycle))
            case "O":
                log.outputs.append((int(cycle), rest[0], rest[1]))
            case "M":
                log.monitor.append((int(cycle), rest[0]))
            case _:
                log.stopped = log.stopped or f"protocol violation in cycle {cycle}: {rest[0]}"
    return log


def _collect(dut: Dut, log: _Log, window: Window | None, printed: str) -> Simulation:
    """The log as a `Simulation`: frames up to the first thing that is wrong."""
    port = dut.output_port
    per_frame = port.beats_per_frame
    stopped, good = log.stopped, len(log.outputs)
    for index, (cycle, last, data) in enumerate(log.outputs):
        where = f"cycle {cycle}, frame {index // per_frame}, output beat {index % per_frame}"
        if "x" in data.lower() or "z" in data.lower():
            stopped, good = f"m_axis_tdata has undefined bits in {where}", index
            break
        if last != str(int(index % per_frame == per_frame - 1)):
            stopped, good = f"protocol violation in {where}: m_axis_tlast is {last}", index
            break
    frames = good // per_frame
    expected = len(log.inputs) // dut.input_port.beats_per_frame
    complete = stopped == "" and frames == expected and good == len(log.outputs)
    if not complete and not stopped:
        stopped = f"the simulator ended in frame {frames}: {tools.first_line(printed)}"
    taken = log.outputs[: frames * per_frame]
    raw = bytes.fromhex("".join(data for _, _, data in taken))
    beats = np.frombuffer(raw, np.uint8).reshape(frames, per_frame, port.data_bytes)[..., ::-1]
    return Simulation(
        beats=np.ascontiguousarray(beats),
        first_in=np.array(log.inputs[:: dut.input_port.beats_per_frame], np.int64),
        last_out=np.array([cycle for cycle, _, _ in taken[per_frame - 1 :: per_frame]], np.int64),
        cycles=log.outputs[-1][0] + 1 if log.outputs else 0,
        stopped=stopped,
        trace=_trace(dut, log, window) if window is not None else None,
    )


def _trace(dut: Dut, log: _Log, window: Window) -> Trace:
    """The monitor lines inside the window; an undefined digit counts as 0."""
    lines = log.monitor[window.first : window.first + window.count]
    size = -(-dut.cols * dut.value_bits // 8)
    words: NDArray[np.uint8] = np.zeros((len(lines), size), np.uint8)
    for row, (_, digits) in enumerate(lines):
        value = int("".join(d if d in "0123456789abcdef" else "0" for d in digits.lower()), 16)
        words[row] = np.frombuffer(value.to_bytes(size, "little"), np.uint8)
    cycles = np.array([cycle for cycle, _ in lines], np.int64)
    return Trace(cycles=cycles, values=signed_elements(words, dut.cols, dut.value_bits))
