"""``ternc predict``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ternc.cli.arguments import common
from ternc.cli.terminal import Terminal
from ternc.errors import DataError
from ternc.npy import read_arrays, write_array, write_arrays
from ternc.report.table import count

if TYPE_CHECKING:
    from ternc.simulate.ends import Values


@click.command("predict")
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
def predict_command(
    terminal: Terminal, build: Path, x: Path, out: Path, engine: Literal["golden", "rtl"]
) -> int:
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
