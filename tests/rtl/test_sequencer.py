"""ternc_sequencer."""

from pathlib import Path

import pytest
from rtl_bench import Bench
from sequencer_program import Shape, hex_files, parameters, random_program

ROMS = {"LayerFile": "layers.hex", "PassFile": "passes.hex", "TapFile": "taps.hex", "TermFile": "terms.hex"}


@pytest.mark.parametrize(
    ("shape", "flush_cycles", "seeds", "simulator"),
    [
        (Shape(rows=3, inputs=2, outputs=3, terms=5), 21, (1, 2), "verilator"),
        (Shape(rows=1, inputs=1, outputs=1, terms=1), 17, (4, 5), "icarus"),
        (Shape(rows=4, inputs=3, outputs=2, terms=4), 24, (6,), "icarus"),
        (Shape(rows=2, inputs=1, outputs=1, terms=2), 19, (7,), "icarus"),
    ],
    ids=str,
)
def test_sequencer(
    bench: Bench, tmp_path: Path, shape: Shape, flush_cycles: int, seeds: tuple[int, ...], simulator: str
) -> None:
    programs = [random_program(seed, shape) for seed in seeds]
    common = parameters(programs, flush_cycles)
    named = common | {parameter: str(tmp_path / name) for parameter, name in ROMS.items()}
    for seed, program in zip(seeds, programs, strict=True):
        for name, text in hex_files(program, common).items():
            (tmp_path / name).write_text(text)
        bench.run("sequencer", named, simulator=simulator, extra={"TERNC_PROGRAM": str(seed)})
