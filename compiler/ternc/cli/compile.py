"""``ternc compile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ternc.cli.arguments import anomaly_wish, common, rho, schedule_options
from ternc.cli.terminal import Detail, Terminal
from ternc.dialects import DIALECTS, Dialect
from ternc.report.table import Table, columns, count, percent

if TYPE_CHECKING:
    from ternc.network.layers import Measure
    from ternc.pipeline import HardwareForm, Trial


@click.command("compile")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Build directory.  [default: build/MODEL]")
@schedule_options
@click.option(
    "--reload-of",
    type=click.Path(path_type=Path),
    metavar="BUILD",
    help="Put the network on the hardware of a --reloadable build, and write the image that loads it there.",
)
@click.option(
    "--ternarise",
    type=rho,
    metavar="RHO|RULES.toml",
    help="Make a float model ternary: w = sign(w) if |w| > RHO * max|w| else 0; or a TOML file with RHO per layer.",
)
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    metavar="DATA.npz",
    help="Inputs (and labels) on which --ternarise chooses the activations' scales and measures accuracy.",
)
@click.option(
    "--act-bits", type=click.IntRange(2, 8), help="With --ternarise: bits of activations.  [default: 8]"
)
@click.option(
    "--correct", is_flag=True, help="With --ternarise: fit scales and biases to the float model's outputs."
)
@click.option(
    "--emit",
    type=click.Choice(["rtl", "hls"]),
    multiple=True,
    help="Only this form of the hardware: SystemVerilog or HLS C++.  [default: both]",
)
@click.option(
    "--hls",
    type=click.Choice(DIALECTS),
    multiple=True,
    help="Only this tool's wrapper of the HLS form.  [default: all of them]",
)
@common
def compile_command(
    terminal: Terminal,
    model: Path,
    out: Path | None,
    anomaly: float | None,
    anomaly_measure: Measure | None,
    ternarise: str | None,
    calibrate: Path | None,
    act_bits: int | None,
    correct: bool,
    emit: tuple[HardwareForm, ...],
    hls: tuple[Dialect, ...],
    **options: Any,
) -> int:
    """Compile MODEL into a build directory: rtl/, hls/, sim/, report/ and manifest.json."""
    from ternc import pipeline, report
    from ternc.report import exactness
    from ternc.ternarise import wish as ternarise_wish

    wish = anomaly_wish(anomaly, anomaly_measure)
    if options["reload_of"] is not None:
        keep_hardware()
    if ternarise is None:
        given = {
            "--calibrate": calibrate is not None,
            "--act-bits": act_bits is not None,
            "--correct": correct,
        }
        for option in (name for name, there in given.items() if there):
            raise click.UsageError(f"{option} needs --ternarise")
    elif calibrate is None:
        raise click.UsageError(
            "--ternarise needs --calibrate DATA.npz, data to choose the activations' scales on"
        )
    if hls and emit and "hls" not in emit:
        raise click.UsageError("--hls needs --emit hls")
    with terminal.progress("reading the model") as bars:
        build = pipeline.compile(
            model,
            out=out,
            options=pipeline.CompileOptions(
                anomaly=wish,
                ternarise=ternarise_wish(ternarise, calibrate, act_bits=act_bits or 8, correct=correct),
                emit=emit or pipeline.HARDWARE_FORMS,
                hls=hls or DIALECTS,
                **options,
            ),
            progress=bars,
        )
    performance = pipeline.measured(build.network, build.design)
    proved = pipeline.proved(build.network)
    document = {
        "build": str(build.path),
        **report.to_dict(performance),
        "exactness": exactness.to_dict(proved),
    }
    shown: list[Table | str] = [*report.to_table(performance)]
    if terminal.detail >= Detail.VERBOSE:
        shown += exactness.to_table(proved)
    if build.trial is not None:
        document["ternarise"] = build.trial.to_dict()
        shown += _trial_tables(build.trial, terminal.detail, corrected=correct)
    ends = [f"\n{exactness.to_sentence(proved)}", f"written: {build.path}"]
    if build.image is not None:
        document["image"] = str(build.image)
        ends.append(
            f"image: {build.image}, {count(build.image.stat().st_size)} bytes for the hardware's load stream"
        )
    terminal.result(document, [*shown, *ends])
    return 0


def keep_hardware() -> None:
    """A usage error where --reload-of comes with an option that asks for other hardware."""
    from ternc.pipeline import HARDWARE_OPTIONS

    context = click.get_current_context()
    for name in HARDWARE_OPTIONS:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--reload-of keeps the hardware that there is, so that --{name.replace('_', '-')} cannot be given"
            )


def _trial_tables(trial: Trial, detail: Detail, *, corrected: bool) -> list[Table]:
    """The float network beside the ternary one; with ``-v`` its layers and quantisers too."""
    from ternc.report import accuracy

    advice = (
        "" if corrected else "--correct would fit each channel's scale and bias to the float model's outputs."
    )
    tables = [accuracy.to_table(trial.comparison, trial.made.data.file, advice)]
    if detail >= Detail.VERBOSE:
        layers = tuple(
            (
                row.node,
                row.op,
                row.rule,
                count(row.weights),
                percent(row.zeros / row.weights),
                f"{row.error:.3f}",
            )
            for row in trial.made.layers
        )
        headings = columns("layer", "op", ">rule", ">weights", ">zeros", ">weight error")
        tables.append(Table(title="Weights made ternary", columns=headings, rows=layers))
        quantisers = tuple(
            (row.value, f"{row.low} .. {row.high}", f"{row.scale:.6g}") for row in trial.made.quantisers
        )
        tables.append(
            Table(title="Quantisers", columns=columns("value", ">codes", ">scale"), rows=quantisers)
        )
    return tables
