"""A folder of models with reference outputs: each one compiled, compared with them, and simulated.

    python -m benchmarks.zoo DIRECTORY [--out FOLDER] [--frames N] [--input-quant MODEL=TYPE:SCALE ...]

Below the folder stand models, ``NAME.onnx`` or ``NAME.FORM.onnx`` for each form of one model, and beside them
``NAME.ref.npz`` with ``y`` and either ``x_code`` and ``x_scale`` or ``x`` (tests/models/README.md). For each file: the
golden model and the RTL give ``y``; golden = RTL = ONNX on further frames, in the cycles predicted; and its Network is
that of the model's first form. What is done is remembered, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.options import add_input_quant
from numpy.typing import NDArray

from ternc import frontend, pipeline, target
from ternc.errors import TerncError
from ternc.frontend import InputQuant
from ternc.network import store
from ternc.network.compare import differences, on_borders
from ternc.network.layers import Network
from ternc.report.table import Table, columns
from ternc.schedule.build import design_of
from ternc.schedule.wish import Wish
from ternc.simulate.close import different

ROOT = Path(__file__).parents[1]
TARGET, BUDGET = "arria10", 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one file; the file of `Row` is JSON with these keys.

    Attributes:
        model, form: ``digits_cnn`` and ``qdq_int4``, for example.
        reference: Frames whose outputs are the stored ones, of golden and RTL each, of how many; None where the
            stored inputs are not on the network's grid (then they count as frames, rounded to it).
        error: Largest difference to them, relative to the largest output.
        frames, rtl, onnx: Of the verification: how many, RTL unlike golden, golden unlike ONNX.
        borders: Frames excused because a value lies on a border of float32.
        array, cycles, simulated: The design; cycles a frame as predicted and as simulated.
        same: Of its Network, what is unlike that of the first form; empty if nothing is.
        moved: Thresholds on float32's borders that differ from those of the first form.
        seconds: To compile, and in all.
        refused: A sentence, where anything was refused or failed.
    """

    model: str
    form: str
    reference: tuple[int, int, int] | None = None
    error: float = 0.0
    frames: int = 0
    rtl: int = 0
    onnx: int = 0
    borders: int = 0
    array: str = ""
    cycles: int = 0
    simulated: int | None = None
    same: tuple[str, ...] = ()
    moved: int = 0
    seconds: tuple[float, float] = (0.0, 0.0)
    refused: str = ""

    @property
    def ok(self) -> bool:
        """Everything agrees."""
        agree = self.reference is None or self.reference[0] == self.reference[1] == self.reference[2]
        equal = not (self.rtl or self.onnx or self.same or self.refused)
        return agree and equal and self.simulated == self.cycles


def sources_digest() -> str:
    """Of everything that a result depends on, but the model."""
    files = [p for folder in ("compiler", "hw", "templates", "sim") for p in (ROOT / folder).rglob("*.*")]
    text = hashlib.sha256()
    for path in sorted(p for p in files if p.is_file() and p.suffix != ".pyc"):
        text.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return text.hexdigest()[:16]


def inputs(network: Network, stored: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The stored inputs as the model takes them, and their outputs; None where the inputs are off its grid."""
    with np.load(stored) as arrays:
        prologue = network.inputs[0]
        tensor = network.input_tensors[0]
        if "x_code" in arrays.files:
            code, scale = arrays["x_code"].astype(np.float32), float(arrays["x_scale"])
            x = code / np.float32(255) if abs(scale * 255 - 1) < 1e-6 else code * np.float32(scale)
            return x.astype(prologue.dtype), arrays["y"]
        codes = np.rint((arrays["x"] - prologue.offset) / prologue.scale)
        codes = np.clip(codes, tensor.range.low, tensor.range.high)
        return (codes * prologue.scale + prologue.offset).astype(prologue.dtype), None


def build(model: Path, name: str, out: Path, quant: InputQuant | None) -> pipeline.Build:
    """A build of a file as that of the model ``name``, so that all its forms share one simulator."""
    device = target.load(TARGET)
    wish = Wish(fps=None, budget=BUDGET, clock_mhz=device.clock.mhz, array=None)
    read = replace(frontend.read(model, input_quant=quant), name=name)
    _, draft = pipeline.chosen(read, device, wish)
    network, design = draft.lines.network, design_of(draft, device, wish.clock_mhz)
    options = pipeline.CompileOptions(target=TARGET, budget=BUDGET, input_quant=quant, emit=("rtl",))
    files = pipeline.build_files(model, network, design, options)
    pipeline.write_whole(out, network, files, pipeline.options_document(model, options))
    return pipeline.Build(path=out, design=design, network=network)


def against_reference(made: pipeline.Build, x: NDArray[Any], y: NDArray[Any]) -> dict[str, Any]:
    """Frames in which golden and RTL give the stored outputs, and the largest difference."""
    right, error = [], 0.0
    for engine in ("golden", "rtl"):
        got = made.predict(x, engine="golden" if engine == "golden" else "rtl")
        assert isinstance(got, np.ndarray)
        wrong = different(y.reshape(got.shape), got).reshape(len(got), -1).any(axis=1)
        right.append(int(np.sum(~wrong)))
        error = max(error, float(np.abs(y.reshape(got.shape) - got).max() / np.abs(y).max()))
    return {"reference": (*right, len(x)), "error": error}


def measure(
    row: Row, model: Path, out: Path, quant: InputQuant | None, frames: int, first: Path | None
) -> Row:
    """The row of one file, filled; ``first`` is the build of the model's first form."""
    start = time.perf_counter()
    try:
        made = build(model, row.model, out, quant)
        compiled = time.perf_counter() - start
        x, y = inputs(made.network, model.with_name(f"{row.model}.ref.npz"))
        row = replace(
            row,
            array=" + ".join(str(engine.geometry.shape) for engine in made.design.engines),
            cycles=made.design.cycles_per_frame,
        )
        if first is not None:
            base = store.load(first / "model")
            same = differences(base, made.network)
            row = replace(row, same=same, moved=0 if same else on_borders(base, made.network))
        if y is not None:
            row = replace(row, **against_reference(made, x, y))
            report = made.verify(frames=frames)
        else:
            given = out.with_suffix(".x.npy")
            np.save(given, x)
            report = made.verify(input=given)
        row = replace(
            row,
            frames=report.frames,
            rtl=report.rtl,
            onnx=report.onnx,
            borders=report.on_borders,
            simulated=report.cycles_per_frame.simulated,
            refused="; ".join(report.failures()),
        )
    except TerncError as error:
        return replace(row, refused=str(error))
    return replace(row, seconds=(round(compiled, 1), round(time.perf_counter() - start, 1)))


def files(directory: Path) -> Iterator[tuple[Path, str, str]]:
    """Every model with its name and form, the forms of one model together."""
    for path in sorted(directory.rglob("*.onnx")):
        name, _, form = path.name.removesuffix(".onnx").partition(".")
        if path.with_name(f"{name}.ref.npz").is_file():
            yield path, name, form or "-"


def run(directory: Path, out: Path, frames: int, quants: dict[str, InputQuant]) -> list[Row]:
    """All rows; each file's is kept below ``out`` and taken from there if nothing has changed since."""
    rows, firsts = [], dict[str, Path]()
    sources = sources_digest()
    for path, name, form in files(directory):
        place = out / f"{name}.{form}"
        key = hashlib.sha256(
            path.read_bytes() + f"{sources} {frames} {quants.get(name)}".encode()
        ).hexdigest()
        stored = place.with_name(f"{place.name}.row.json")
        row = _remembered(stored, key)
        if row is None:
            print(f"{name}.{form} ...", file=sys.stderr, flush=True)
            row = Row(model=name, form=form)
            row = measure(row, path, place, quants.get(name), frames, firsts.get(name))
            stored.write_text(json.dumps({"key": key, "row": asdict(row)}, indent=1) + "\n", encoding="utf-8")
            print(f"  {'agrees' if row.ok else 'DIFFERS'}, {row.seconds[1]} s", file=sys.stderr, flush=True)
        if not row.refused:
            firsts.setdefault(name, place)
        rows.append(row)
    return rows


def _remembered(stored: Path, key: str) -> Row | None:
    if not stored.is_file():
        return None
    document = json.loads(stored.read_text(encoding="utf-8"))
    if document["key"] != key:
        return None
    row = document["row"]
    listed = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    return Row(**(row | listed))


def table(rows: list[Row]) -> Table:
    """The rows as text."""

    def cells(row: Row) -> tuple[str, ...]:
        reference = "-" if row.reference is None else "{}, {} of {}".format(*row.reference)
        network = "; ".join(row.same) or ("same" + f", {row.moved} on borders" * bool(row.moved))
        return (
            f"{row.model}.{row.form}",
            row.array,
            f"{row.cycles:,}",
            "-" if row.simulated is None else f"{row.simulated:,}",
            reference,
            "-" if row.reference is None else f"{row.error:.0e}",
            f"{row.frames}",
            f"{row.rtl}",
            f"{row.onnx} + {row.borders}",
            network,
            f"{row.seconds[1]:.0f}",
            "yes" if row.ok else f"NO {row.refused}",
        )

    headings = (
        "model",
        "array",
        ">cycles",
        ">simulated",
        ">golden, RTL = stored",
        ">error",
        ">frames",
        ">RTL",
    )
    more = (">ONNX + on borders", "Network", ">s", "agrees")
    good, spent = sum(row.ok for row in rows), sum(row.seconds[1] for row in rows)
    notes = (
        "frames: corners and random ones; RTL: frames unlike golden; ONNX: frames unlike onnxruntime",
        f"{good} of {len(rows)} agree; {spent / 60:.1f} minutes",
    )
    title = f"every file, fastest design within {BUDGET:.0%} of {TARGET}"
    return Table(title=title, columns=columns(*headings, *more), rows=tuple(map(cells, rows)), notes=notes)


def main() -> None:
    """Run, print, write JSON; exit code 1 where something does not agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/zoo"), help="builds, rows and zoo.json")
    parser.add_argument("--frames", type=int, default=64, help="further frames of each file")
    add_input_quant(parser)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = run(options.directory, options.out, options.frames, dict(options.input_quant))
    document = json.dumps([asdict(row) for row in rows], indent=1)
    (options.out / "zoo.json").write_text(document + "\n", encoding="utf-8")
    text = table(rows).to_text()
    (options.out / "zoo.txt").write_text(text, encoding="utf-8")
    print(text, end="")
    sys.exit(0 if rows and all(row.ok for row in rows) else 1)


if __name__ == "__main__":
    main()
