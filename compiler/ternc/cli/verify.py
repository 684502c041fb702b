"""``ternc verify``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ternc.cli.arguments import common
from ternc.cli.terminal import Terminal
from ternc.dialects import DIALECTS, Dialect
from ternc.report.table import count

if TYPE_CHECKING:
    from ternc.simulate.verify import VerifyReport


@click.command("verify")
@click.argument("build", type=click.Path(path_type=Path))
@click.option("--frames", type=click.IntRange(min=1), metavar="N", help="How many frames to run.")
@click.option(
    "--input",
    "input_path",
    type=click.Path(path_type=Path),
    metavar="X.npy",
    help="Run these ONNX inputs; several by name in a .npz file.",
)
@click.option("--stalls", type=click.IntRange(min=0), metavar="SEED", help="Stall all streams at random.")
@click.option(
    "--simulator", type=click.Choice(["verilator", "icarus"]), default="verilator", show_default=True
)
@click.option(
    "--handoff",
    is_flag=True,
    help="Instead of that, check everything written for vendor tools (Tcl, constraints, wrappers) against the RTL.",
)
@click.option(
    "--engine",
    type=click.Choice(["rtl", "hls"]),
    default="rtl",
    show_default=True,
    help="hls: the C++ for high-level synthesis, compiled and run here, every layer compared.",
)
@click.option(
    "--hls",
    type=click.Choice(DIALECTS),
    multiple=True,
    help="With --engine hls: only this tool's wrapper.  [default: all that the build has]",
)
@common
def verify_command(
    terminal: Terminal,
    build: Path,
    input_path: Path | None,
    handoff: bool,
    engine: str,
    hls: tuple[Dialect, ...],
    **options: Any,
) -> int:
    """Prove that BUILD's RTL, integer network and ONNX model agree, in values and in cycles."""
    if handoff:
        given = [f"--{name}" for name in ("frames", "stalls") if options[name] is not None]
        if given or input_path is not None:
            raise click.UsageError(f"--handoff runs no frames, so it excludes {(*given, '--input')[0]}")
        return _handoff(terminal, build)
    if engine == "hls":
        if options["stalls"] is not None:
            raise click.UsageError("--stalls excludes --engine hls: C simulation has no time")
        if click.get_current_context().get_parameter_source("simulator") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--simulator excludes --engine hls: a C++ compiler runs it")
        return _verify_hls(terminal, build, input_path, options["frames"], hls)
    if hls:
        raise click.UsageError("--hls needs --engine hls")
    from ternc.simulate.verify import VerifyOptions
    from ternc.simulate.verify import verify as run

    with terminal.progress("building the simulator") as bars:
        found = run(build, VerifyOptions(input=input_path, **options), partial(bars, "simulating"))
    failures = found.failures()
    terminal.result(found.to_json(), [] if failures else [_agreement(found), *found.notes()])
    for sentence in failures:
        terminal.complain(sentence)
    return 1 if failures else 0


def _handoff(terminal: Terminal, build: Path) -> int:
    """What is handed to vendor tools against the RTL."""
    from ternc.handoff.check import check

    found = check(build)
    agreement = (
        f"{len(found.files)} files for other tools: ports, widths, directions and files agree with the RTL"
    )
    terminal.result(found.to_json(), [] if found.findings else [agreement])
    for sentence in found.findings:
        terminal.complain(sentence)
    return 1 if found.findings else 0


def _verify_hls(
    terminal: Terminal, build: Path, input_path: Path | None, frames: int | None, hls: tuple[Dialect, ...]
) -> int:
    """The HLS form instead of the RTL."""
    from ternc.simulate.verify_hls import HlsOptions, verify_hls

    options = HlsOptions(frames=frames, input=input_path, dialects=hls)
    with terminal.progress("compiling the C simulation") as bars:
        found = verify_hls(build, options, partial(bars, "simulating"))
    wrappers = ", ".join(found.dialects)
    agreement = f"{count(found.frames)} frames: golden = HLS C++ in every layer ({wrappers}) = ONNX"
    failures = found.failures()
    terminal.result(found.to_json(), [] if failures else [agreement, *found.notes()])
    for sentence in failures:
        terminal.complain(sentence)
    return 1 if failures else 0


def _agreement(found: VerifyReport) -> str:
    """The sentence of a verification in which nothing differs."""
    interval, latency = found.cycles_per_frame.predicted, found.latency_cycles.predicted
    return (
        f"{count(found.frames)} frames: golden = RTL = ONNX; {count(interval)} cycles per frame "
        f"and a latency of {count(latency)} cycles, as predicted"
    )
