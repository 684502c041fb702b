"""The table of published networks in README: predicted cycles and rates beside what was published by others.

    python benchmarks/table.py [--folder build/networks] [--only NAME ...]

The networks are those of benchmarks/networks.py, with seeded weights, and models of tests/models. Cycles are exact for
the schedule that is found; frames a second are a prediction at a clock that nothing was placed and routed for.
"""

from __future__ import annotations

import argparse
import runpy
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ternc import frontend, pipeline, target
from ternc.network.analysis import macs, sources
from ternc.network.layers import Network
from ternc.schedule.wish import Wish

WRITERS: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("networks.py")))
MODELS = Path(__file__).parents[1] / "tests" / "models"
TARGET, CLOCK_MHZ = "arria10", 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A row: a network at a cap on lanes.

    Attributes:
        name: In benchmarks/networks.py, or the model's file below tests/models.
        zeros: Share of zero weights where they are seeded.
        peers: What others published, with the source.
    """

    title: str
    name: str
    lanes: int | None
    zeros: float = 0.5
    peers: str = ""


TRIDGELL = "122,000 frames/s, 29 us, unrolled on a VU9P (Tridgell et al. 2019)"
PROST = "27,000 frames/s on a VC709 (Prost-Boucle et al. 2017)"
FINN = "21,906 frames/s, 283 us, binary CNV on a ZC706 (FINN 2017)"
SADA = "429 frames/s on an Arria 10 GX (Sada et al. 2018)"
TFC = "4,036 cycles latency at 784 cycles a frame; 522 at 98 (finn-plus 1.6.1, its own estimates)"

CASES = (
    Case(title="VGG-7-small, CIFAR-10", name="vgg7_small", lanes=16_384, peers=FINN),
    Case(title="VGG-7-small, CIFAR-10", name="vgg7_small", lanes=40_960, peers=PROST),
    Case(title="VGG-7, CIFAR-10", name="vgg7", lanes=40_960, peers=TRIDGELL),
    Case(title="Tiny-YOLOv2, 416x416", name="tiny_yolov2", lanes=16_384),
    Case(title="Tiny-YOLOv2, 416x416", name="tiny_yolov2", lanes=40_960),
    Case(title="YOLOv2, 416x416", name="yolov2", lanes=40_960),
    Case(
        title="AlexNet-style YOLOv2, 90 % zeros", name="alexnet_yolov2", lanes=16_384, zeros=0.9, peers=SADA
    ),
    Case(title="ecg_ae_conv1d", name="ecg_ae_conv1d/ecg_ae_conv1d.qonnx.onnx", lanes=None),
    Case(title="ecg_ae_dense", name="ecg_ae_dense/ecg_ae_dense.qonnx.onnx", lanes=None),
    Case(title="TFC_2W2A", name="TFC_2W2A/TFC_2W2A.onnx", lanes=None, peers=TFC),
)
HEADINGS = (
    "network",
    "MACs a frame",
    "lanes",
    "cycles a frame",
    "utilisation",
    "frames/s at 250 MHz",
    "latency, us",
    "published by others",
)


def network(case: Case, folder: Path) -> Network:
    """The case's network, written first if it is a seeded one."""
    if case.name not in WRITERS["NETWORKS"]:
        return frontend.read(MODELS / case.name)
    path = folder / f"{case.name}_{case.zeros:g}.onnx"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        WRITERS["save"](case.name, path, zeros=case.zeros)
    return frontend.read(path)


def row(case: Case, folder: Path) -> tuple[str, ...]:
    """The case's cells."""
    read = network(case, folder)
    work = sum(macs(layer, sources(read, layer)) for layer in read.layers)
    wish = Wish(budget=0.7, clock_mhz=CLOCK_MHZ, lanes=case.lanes, fit=case.lanes is None)
    lines = pipeline.chosen(read, target.load(TARGET), wish)[1].lines
    lanes, cycles = sum(shape.macs for shape in lines.shapes), lines.timing.cycles_per_frame
    allowed = case.lanes or lanes
    return (
        case.title,
        f"{work / 1e6:,.0f} M" if work >= 1e6 else f"{work:,}",
        f"{allowed:,}",
        f"{cycles:,}",
        f"{work / allowed / cycles:.1%}",
        f"{wish.rate(cycles):,.0f}",
        f"{wish.microseconds(lines.timing.latency_cycles):,.2f}",
        case.peers,
    )


def main() -> None:
    """Print the table in Markdown, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, default=Path("build/networks"), help="where networks are written"
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="rows of these networks")
    given = parser.parse_args()
    print("|", " | ".join(HEADINGS), "|")
    print("|---" * len(HEADINGS) + "|")
    start = time.perf_counter()
    for case in CASES:
        if given.only is None or case.name in given.only:
            print("|", " | ".join(row(case, given.folder)), "|", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
