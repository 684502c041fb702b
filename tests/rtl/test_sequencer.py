"""ternc_sequencer."""

from pathlib import Path

import pytest
from rtl_bench import Bench
from sequencer_program import Shape, hex_files, parameters, random_program

ROMS = {"RowFile": "rows.hex", "PassFile": "passes.hex", "TapFile": "taps.hex", "TermFile": "terms.hex"}


@pytest.mark.parametrize(
    ("shape", "flush_cycles", "seeds", "simulator"),
    [
        (Shape(rows=3, links=3, terms=6, capacities=(5, 4)), 21, (1, 2), "verilator"),
        (Shape(rows=1, links=1, terms=1, capacities=(1,)), 1, (4, 5), "icarus"),
        (Shape(rows=4, links=2, terms=6, capacities=(8, 3, 2)), 24, (6,), "icarus"),
        (Shape(rows=2, links=1, terms=3, capacities=(7,)), 2, (7,), "icarus"),
        (Shape(rows=1, links=2, terms=4, capacities=(2, 6)), 3, (8, 9), "icarus"),
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
