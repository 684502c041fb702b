"""ternc_sequencer."""

from pathlib import Path

import pytest
from rtl_bench import Bench
from sequencer_program import hex_files, parameters, random_program


@pytest.mark.parametrize(
    ("rows", "flush_cycles", "seeds", "simulator"),
    [
        (3, 21, (1, 2), "verilator"),
        (1, 17, (4, 5), "icarus"),
        (4, 24, (6,), "icarus"),
    ],
)
def test_sequencer(
    bench: Bench, tmp_path: Path, rows: int, flush_cycles: int, seeds: tuple[int, ...], simulator: str
) -> None:
    programs = [random_program(seed, rows) for seed in seeds]
    common = parameters(programs, flush_cycles)
    files = {name: tmp_path / name for name in ("layers.hex", "passes.hex", "taps.hex")}
    roms = zip(("LayerFile", "PassFile", "TapFile"), files.values(), strict=True)
    named = common | {parameter: str(path) for parameter, path in roms}
    for seed, program in zip(seeds, programs, strict=True):
        for name, text in hex_files(program, common).items():
            files[name].write_text(text)
        bench.run("sequencer", named, simulator=simulator, extra={"TERNC_PROGRAM": str(seed)})
