"""The command ``ternc``: reads arguments, calls the library, prints, and decides the exit code.

Exit codes: 0 done; 1 refused, mismatch, or a bug in ternc (its sentence says which); 2 wrong usage;
130 interrupted. With ``--json`` standard output is exactly one JSON document, also when something goes
wrong: ``{"error": sentence, "help": way out}``.
"""

from __future__ import annotations

import errno
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from ternc import target
from ternc.errors import DataError, InternalError, TerncError
from ternc.npy import read_arrays, write_array, write_arrays
from ternc.report.devices import device_table
from ternc.report.table import Table, columns, count, percent
from ternc.schedule.design import ArrayShape
from ternc.terminal import Detail, Terminal
from ternc.version import __version__

if TYPE_CHECKING:
    from ternc.frontend import AnomalyWish, CheckReport
    from ternc.frontend.input_quant import InputQuant
    from ternc.network.layers import Measure
    from ternc.pipeline import Trial
    from ternc.simulate.ends import Values
    from ternc.simulate.verify import VerifyReport

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULT = "compile"
_FLAGS_OF_ALL = frozenset({"--json", "-q", "--quiet", "-v", "--verbose"})


# ---- arguments ------------------------------------------------------------------------------------------


def positive(text: str) -> float:
    """A finite number above 0, or a usage error."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise click.BadParameter(f"must be a number above 0, not {text!r}")
    return number


def threshold(text: str) -> float:
    """A finite number of at least 0, or a usage error."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise click.BadParameter(f"must be a number of at least 0, not {text!r}")
    return number


def share(text: str) -> float:
    """A number above 0 and at most 1, or a usage error."""
    number = positive(text)
    if number > 1:
        raise click.BadParameter(f"must be a share of the device, above 0 and at most 1, not {text!r}")
    return number


def shape(text: str) -> ArrayShape | Path:
    """``ROWSxCOLSxLANES``, each at least 1, the name of a TOML file, or a usage error."""
    from ternc.schedule.pinned import parse_shape

    if text.endswith(".toml"):
        return Path(text)
    found = parse_shape(text)
    if found is None:
        raise click.BadParameter(f"must be ROWSxCOLSxLANES, for example 4x8x16, not {text!r}")
    return found


def rho(text: str) -> str:
    """A number from 0 to below 1, or a usage error; any other text is the name of a file."""
    from ternc.ternarise import read_rules

    try:
        float(text)
    except ValueError:
        return text
    try:
        read_rules(text)
    except TerncError as error:
        raise click.UsageError(error.sentence) from None
    return text


def input_quant(text: str) -> InputQuant:
    """``TYPE:SCALE``, or a usage error."""
    from ternc.frontend.input_quant import InputQuant

    try:
        return InputQuant.parse(text)
    except TerncError as error:
        raise click.UsageError(error.sentence) from None


input_quant_option = click.option(
    "--input-quant",
    type=input_quant,
    metavar="TYPE:SCALE",
    help="Integer type of an input that the model does not declare: int8:0.0625.",
)


def common(command: F) -> F:
    """``--json``, ``-q`` and ``-v``, handed to the command as one ``terminal``."""

    @wraps(command)
    def with_terminal(*args: Any, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> Any:
        if quiet and verbose:
            raise click.UsageError("-q and -v exclude each other")
        detail = Detail.QUIET if quiet else Detail.VERBOSE if verbose else Detail.NORMAL
        return command(*args, terminal=Terminal(as_json=as_json, detail=detail), **options)

    for option in (
        click.option("-v", "--verbose", is_flag=True, help="Say more; of a bug, the traceback."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
    ):
        with_terminal = option(with_terminal)
    return with_terminal  # type: ignore[return-value]


class Ternc(click.Group):
    """A group whose default command is ``compile``, and which turns every error into a sentence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``ternc model.onnx ...`` means ``ternc compile model.onnx ...``."""
        args = args or ["--help"]
        lead = [arg for arg in args if arg not in _FLAGS_OF_ALL][:1]
        if lead and lead[0] in self.commands:
            args = [lead[0], *args[: args.index(lead[0])], *args[args.index(lead[0]) + 1 :]]
        elif lead and lead[0] not in ("-h", "--help", "--version"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run a command line and exit with its code."""
        arguments = list(sys.argv[1:] if args is None else args)
        detail = Detail.VERBOSE if {"-v", "--verbose"} & set(arguments) else Detail.NORMAL
        terminal = Terminal(as_json="--json" in arguments, detail=detail)
        options["standalone_mode"] = False
        sys.exit(_guarded(lambda: super(Ternc, self).main(arguments, *more, **options), terminal))


# ---- errors ---------------------------------------------------------------------------------------------


def _guarded(run: Callable[[], Any], terminal: Terminal) -> int:
    """The exit code of ``run``: what it returns, else that of the error it raises, which is said."""
    try:
        return int(run() or 0)
    except click.UsageError as error:
        return _usage(error, terminal)
    except (click.Abort, KeyboardInterrupt):
        terminal.error("interrupted", "")
        return 130
    except TerncError as error:
        terminal.error(error.sentence, error.help)
    except OSError as error:
        if error.errno == errno.EPIPE:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nobody reads on; stay quiet at exit
        else:
            terminal.error(_system_sentence(error), "")
    except Exception as error:  # noqa: BLE001 - whatever is left is a bug of ours, and is called one
        terminal.error(
            _bug_sentence(error), "run it again with -v for the traceback, and report it with the model"
        )
        terminal.trace(error)
    return 1


def _usage(error: click.UsageError, terminal: Terminal) -> int:
    command = error.ctx.command_path if error.ctx else "ternc"
    terminal.error(error.format_message(), f"{command} --help")
    return error.exit_code


def _system_sentence(error: OSError) -> str:
    """What the operating system refused, and where."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _bug_sentence(error: Exception) -> str:
    """Says that it is a bug and in which stage: the last of our modules that the traceback went through."""
    if isinstance(error, InternalError):
        return str(error)
    stage, trace = "cli", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "")).split(".")
        stage = module[1] if module[0] == "ternc" and len(module) > 1 else stage
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"ternc has a bug in its {stage} stage: {type(error).__name__}{': ' if text else ''}{text}"


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to build for which device."""
    for option in reversed(
        (
            click.option(
                "--target", default="arria10", show_default=True, help="Device; see: ternc targets."
            ),
            click.option(
                "--fps", type=positive, metavar="N", help="Smallest design that reaches N frames per second."
            ),
            click.option(
                "--budget", type=share, default=0.7, show_default=True, help="Share of the device to use."
            ),
            click.option(
                "--clock-mhz",
                type=positive,
                metavar="MHZ",
                help="Clock.  [default: the device's planning value]",
            ),
            click.option(
                "--lanes",
                type=click.IntRange(min=1),
                metavar="N",
                help="Most rows x cols x lanes, summed over the arrays.",
            ),
            click.option(
                "--array",
                type=shape,
                metavar="ROWSxCOLSxLANES|ENGINES.toml",
                help="Instead of choosing: one array for all layers, or a TOML file of engines.",
            ),
            input_quant_option,
            click.option(
                "--anomaly",
                type=threshold,
                metavar="THRESHOLD",
                help="Of an autoencoder: flag a frame whose reconstruction error is above it, on the chip.",
            ),
            click.option(
                "--anomaly-measure",
                type=click.Choice(["squares", "absolute"]),
                help="The error: sum of squares or of absolute differences.  [default: squares]",
            ),
        )
    ):
        command = option(command)
    return command


def anomaly_wish(threshold: float | None, measure: Measure | None) -> AnomalyWish | None:
    """The detector that is asked for, or a usage error."""
    from ternc.frontend import AnomalyWish

    if threshold is None and measure is not None:
        raise click.UsageError("--anomaly-measure needs --anomaly")
    return None if threshold is None else AnomalyWish(threshold=threshold, measure=measure or "squares")


# ---- commands -------------------------------------------------------------------------------------------


@click.group(cls=Ternc, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="ternc %(version)s")
def main() -> None:
    r"""Compile a trained ternary network from ONNX to SystemVerilog that computes the same bits.

    \b
    ternc MODEL.onnx --target arria10    compile it (the same as: ternc compile MODEL.onnx ...)
    ternc check MODEL.onnx               only say what it is
    ternc verify build/MODEL             prove golden = RTL = ONNX
    ternc predict build/MODEL x.npy -o y.npy
    """


@main.command(_DEFAULT)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Build directory.  [default: build/MODEL]")
@schedule_options
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
    **options: Any,
) -> int:
    """Compile MODEL into a build directory: rtl/, sim/, report/ and manifest.json."""
    from ternc import pipeline, report
    from ternc.report import exactness
    from ternc.ternarise import wish as ternarise_wish

    wish = anomaly_wish(anomaly, anomaly_measure)
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
    with terminal.progress("reading the model") as bars:
        build = pipeline.compile(
            model,
            out=out,
            options=pipeline.CompileOptions(
                anomaly=wish,
                ternarise=ternarise_wish(ternarise, calibrate, act_bits=act_bits or 8, correct=correct),
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
    terminal.result(document, [*shown, f"\n{exactness.to_sentence(proved)}", f"written: {build.path}"])
    return 0


@main.command("schedule")
@click.argument("model", type=click.Path(path_type=Path))
@schedule_options
@common
def schedule_command(
    terminal: Terminal,
    model: Path,
    anomaly: float | None,
    anomaly_measure: Measure | None,
    **options: Any,
) -> int:
    """Only say which arrays MODEL would get, how fast they are and what they take; nothing is written."""
    from ternc import pipeline, report

    wish = anomaly_wish(anomaly, anomaly_measure)
    with terminal.progress("reading the model") as bars:
        found = pipeline.plan(model, pipeline.CompileOptions(anomaly=wish, **options), bars)
    terminal.result(report.to_dict(found), [*report.to_table(found)])
    return 0


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


@main.command()
@click.argument("model", type=click.Path(path_type=Path))
@input_quant_option
@common
def check(terminal: Terminal, model: Path, input_quant: InputQuant | None) -> int:
    """Say what MODEL is, layer by layer, and whether it can be compiled; nothing is written."""
    from ternc import pipeline
    from ternc.network.text import network_text
    from ternc.report import exactness

    found = pipeline.check(model, input_quant)
    proved = pipeline.proved(found.network) if found.network is not None else None
    shown: list[Table | str] = [_layer_table(found)] if found.layers else []
    if terminal.detail >= Detail.VERBOSE:
        shown.append(_node_table(found))
        shown += exactness.to_table(proved) if proved else []
        shown += ["", network_text(found.network).rstrip()] if found.network else []
    if found.supported:
        shown.append(f"\n{found.file} can be compiled")
    shown += [exactness.to_sentence(proved)] if proved else []
    document = _check_document(found) | {"exactness": exactness.to_dict(proved) if proved else None}
    terminal.result(document, shown)
    if not terminal.as_json:
        for obstacle in found.obstacles:
            terminal.error(obstacle.sentence, obstacle.help)
    return 0 if found.supported else 1


def _check_document(found: CheckReport) -> dict[str, Any]:
    """What ``ternc check --json`` prints; with ``error`` and ``help`` of the first obstacle if there is one."""
    obstacles = [asdict(obstacle) for obstacle in found.obstacles]
    refusal = {"error": obstacles[0]["sentence"], "help": obstacles[0]["help"]} if obstacles else {}
    layers, nodes = ([asdict(row) for row in rows] for rows in (found.layers, found.nodes))
    return refusal | {
        "file": found.file,
        "supported": found.supported,
        "layers": layers,
        "nodes": nodes,
        "obstacles": obstacles,
    }


def _layer_table(found: CheckReport) -> Table:
    unknown = "raw" if found.supported else "?"
    rows = tuple(
        (
            layer.name,
            layer.op,
            "yes" if layer.ternary else "no",
            count(layer.weights),
            percent(layer.density),
            "?" if layer.weight_bits is None else str(layer.weight_bits),
            "?" if layer.input_bits is None else str(layer.input_bits),
            unknown if layer.output_bits is None else str(layer.output_bits),
        )
        for layer in found.layers
    )
    headings = columns("layer", "op", "ternary", ">weights", ">density", ">weight bits", ">in", ">out")
    return Table(
        title=f"Layers of {found.file}", columns=headings, rows=rows, notes=("in, out: bits of a value.",)
    )


def _node_table(found: CheckReport) -> Table:
    rows = tuple((node.name, node.op, node.becomes) for node in found.nodes)
    return Table(title="Nodes", columns=columns("node", "op", "becomes"), rows=rows)


@main.command()
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
@common
def verify(terminal: Terminal, build: Path, input_path: Path | None, **options: Any) -> int:
    """Prove that BUILD's RTL, integer network and ONNX model agree, in values and in cycles."""
    from ternc.simulate.verify import VerifyOptions
    from ternc.simulate.verify import verify as run

    with terminal.progress("building the simulator") as bars:
        found = run(build, VerifyOptions(input=input_path, **options), partial(bars, "simulating"))
    failures = found.failures()
    terminal.result(found.to_json(), [] if failures else [_agreement(found), *found.notes()])
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


@main.command()
@click.argument("build", type=click.Path(path_type=Path))
@click.argument("x", type=click.Path(path_type=Path), metavar="X.npy")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, metavar="Y.npy", help="Where y goes."
)
@click.option(
    "--engine",
    type=click.Choice(["golden", "rtl"]),
    default="golden",
    show_default=True,
    help="The integer network, or the RTL in Verilator.",
)
@common
def predict(terminal: Terminal, build: Path, x: Path, out: Path, engine: Literal["golden", "rtl"]) -> int:
    """Run BUILD on the ONNX inputs in X.npy and write the ONNX outputs.

    Several inputs, and several outputs, are arrays by name in a .npz file.
    """
    from ternc.network.host import FLAG
    from ternc.simulate.predict import outputs
    from ternc.simulate.predict import predict as run

    inputs = read_arrays(x)
    names = outputs(build)
    archive = out.suffix == ".npz"
    if len(names) > 1 and not archive:
        listed = ", ".join(f"'{name}'" for name in names)
        raise DataError(
            f"{out}: must be a .npz file, because the build has {len(names)} outputs: {listed}",
            help=f"write to {out.with_suffix('.npz')}",
        )
    with terminal.progress("running") as bars:
        values = run(build, inputs, engine, partial(bars, "simulating"))
    if archive:
        write_arrays(out, values)
    else:
        write_array(out, values[names[0]])
    flags = values.get(FLAG)
    anomalies = None if flags is None else int(flags.sum())
    document = _prediction_document(values, engine, out, anomalies)
    terminal.result(document, _prediction_lines(values, out, anomalies))
    return 0


def _prediction_document(values: Values, engine: str, out: Path, anomalies: int | None) -> dict[str, Any]:
    """What ``ternc predict --json`` prints; ``shape`` and ``dtype`` are those of the first output."""
    first = next(iter(values.values()))
    document: dict[str, Any] = {
        "frames": len(first),
        "engine": engine,
        "output": str(out),
        "shape": list(first.shape),
        "dtype": str(first.dtype),
    }
    if len(values) > 1:
        document["outputs"] = {
            name: {"shape": list(array.shape), "dtype": str(array.dtype)} for name, array in values.items()
        }
    if anomalies is not None:
        document["anomalies"] = anomalies
    return document


def _prediction_lines(values: Values, out: Path, anomalies: int | None) -> list[str]:
    frames = len(next(iter(values.values())))
    lines = []
    for name, array in values.items():
        size = " x ".join(map(str, array.shape))
        place = str(out) if len(values) == 1 else f"{out}, '{name}'"
        lines.append(f"{place}: {size} values of {array.dtype} from {count(frames)} frames")
    if anomalies is not None:
        lines.append(f"{count(anomalies)} of {count(frames)} frames are outliers")
    return lines


@main.command()
@common
def targets(terminal: Terminal) -> int:
    """List the devices that --target takes, with their resources."""
    devices = [target.load(name) for name in target.names()]
    terminal.result({"targets": [asdict(device) for device in devices]}, [device_table(devices)])
    return 0
