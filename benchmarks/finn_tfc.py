"""TFC_2W2A at the intervals of FINN's own estimates: LUTs after Yosys, block RAM and latency beside them.

    python -m benchmarks.finn_tfc

Ours are the whole design's after ``synth_xilinx`` (7 series), flattened, memories included, and cycles that simulation
confirms (``ternc verify``). FINN's are its analytical estimates (finn-plus 1.6.1, an estimate-only build for xc7z020 at
100 MHz), which leave out what lies between its layers' streams. Neither was placed or routed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.synthesis import area, drafted, synthesise, write

from ternc import target
from ternc.report.table import Table, columns, count
from ternc.schedule.build import design_of

MODEL = Path(__file__).parents[1] / "tests" / "models" / "TFC_2W2A" / "TFC_2W2A.onnx"
DEVICE = "zynq-7020"
PEERS = {784: (3_524, 4_036, 11), 98: (11_539, 522, 38)}
"""FINN's LUTs, latency in cycles and BRAM18, by cycles a frame."""
ENGINES = {784: ((4, "1x2x49"),), 98: ((1, "1x6x98"), (3, "1x4x64"))}


def main() -> None:
    """Measure both, and print them."""
    device, rows = target.load(DEVICE), []
    for interval, (luts, latency, blocks) in PEERS.items():
        made = drafted(MODEL, device, ENGINES[interval])
        design = design_of(made, device, device.clock.mhz)
        if design.cycles_per_frame > interval:
            raise SystemExit(f"{design.cycles_per_frame} cycles a frame are more than {interval}")
        with tempfile.TemporaryDirectory() as folder:
            write(design, Path(folder))
            (cells,) = synthesise(Path(folder), design.name, device.fabric).values()
        used = area(cells, device.fabric)
        arrays = " + ".join(map(str, made.lines.shapes))
        rows += [
            ("FINN (estimate)", "", count(interval), count(latency), count(luts), count(blocks), ""),
            (
                "ternc (Yosys)",
                arrays,
                count(design.cycles_per_frame),
                count(design.latency_cycles),
                count(round(used.logic)),
                count(round(2 * used.blocks)),
                count(round(used.dsps)),
            ),
        ]
    headings = columns("design", "arrays", ">cycles/frame", ">latency", ">LUT", ">BRAM18", ">DSP")
    print(Table(title="TFC_2W2A on an XC7Z020", columns=headings, rows=tuple(rows)).to_text())


if __name__ == "__main__":
    main()
