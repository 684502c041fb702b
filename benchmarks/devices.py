"""Every model below some folders on some devices: the fastest design that fits, or what is short and what would do.

    python -m benchmarks.devices FOLDER ... [--target NAME ...] [--json FILE]

Nothing is built. A model that the front end refuses is listed once with its sentence.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.options import add_input_quant

from ternc import frontend, pipeline, target
from ternc.errors import ScheduleError, TerncError
from ternc.frontend import InputQuant
from ternc.report.table import Table, columns
from ternc.schedule.costs import resources
from ternc.schedule.wish import Wish

TARGETS = ("arria10", "ecp5-85k", "zynq-7020", "ecp5-25k")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model on one device.

    Attributes:
        array: The design's arrays; empty where none fits.
        cycles, latency: Of a frame.
        use: Largest share of the device's resources.
        seconds: To answer, the model once read.
        refused: A sentence and its way out, where there is no design.
    """

    model: str
    target: str
    seconds: float
    array: str = ""
    cycles: int = 0
    latency: int = 0
    use: float = 0.0
    refused: str = ""


def rows(folders: list[Path], targets: list[str], quants: dict[str, InputQuant]) -> Iterator[Row]:
    """All of them, model by model."""
    for path in sorted(file for folder in folders for file in folder.rglob("*.onnx")):
        try:
            network = frontend.read(path, input_quant=quants.get(path.name.split(".")[0]))
        except TerncError as error:
            yield Row(model=path.stem, target="-", seconds=0.0, refused=error.sentence)
            continue
        for name in targets:
            device, start = target.load(name), time.perf_counter()
            try:
                _, made = pipeline.chosen(network, device, Wish(budget=0.7, clock_mhz=device.clock.mhz))
            except ScheduleError as error:
                seconds = time.perf_counter() - start
                yield Row(model=path.stem, target=name, seconds=seconds, refused=str(error))
                continue
            seconds, need = time.perf_counter() - start, resources(made, device)
            yield Row(
                model=path.stem,
                target=name,
                seconds=seconds,
                array=" + ".join(map(str, made.lines.shapes)),
                cycles=made.lines.timing.cycles_per_frame,
                latency=made.lines.timing.latency_cycles,
                use=max(
                    need.logic / device.logic.count,
                    need.registers / device.registers.count,
                    need.block_rams / device.block_ram.count,
                    need.dsps / max(1, device.dsp.count),
                ),
            )


def table(found: list[Row]) -> Table:
    """As text."""
    headings = columns(
        "model", "target", ">s", ">cycles", ">latency", ">use", "arrays, or why there are none"
    )
    cells = tuple(
        (
            row.model,
            row.target,
            f"{row.seconds:.1f}",
            f"{row.cycles:,}" if row.array else "-",
            f"{row.latency:,}" if row.array else "-",
            f"{row.use:.0%}" if row.array else "-",
            row.array or row.refused,
        )
        for row in found
    )
    return Table(title="Fastest design within 70 % of each device", columns=headings, rows=cells)


def main() -> None:
    """Print the table; exit code 1 where a model on a device got neither a design nor a resource that is short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--target", action="append", choices=target.names())
    parser.add_argument("--json", type=Path, metavar="FILE")
    add_input_quant(parser)
    given = parser.parse_args()
    found = []
    for row in rows(given.folders, given.target or list(TARGETS), dict(given.input_quant)):
        print(f"{row.model} {row.target} {row.seconds:.1f} s", file=sys.stderr, flush=True)
        found.append(row)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n", encoding="utf-8")
    print(table(found).to_text(), end="")
    vague = [row for row in found if row.target != "-" and row.refused and "more than the" not in row.refused]
    sys.exit(1 if vague else 0)


if __name__ == "__main__":
    main()
