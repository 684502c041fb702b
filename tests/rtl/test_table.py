"""Unit regression of ternc_table."""

import random
from pathlib import Path

import pytest
from rtl_bench import Bench, Parameters


@pytest.mark.parametrize(
    ("code_bits", "value_bits", "tables", "simulator"),
    [(4, 11, 3, "verilator"), (1, 2, 1, "icarus"), (3, 4, 4, "icarus"), (6, 20, 1, "icarus")],
)
def test_table(
    bench: Bench, tmp_path: Path, code_bits: int, value_bits: int, tables: int, simulator: str
) -> None:
    rng = random.Random(value_bits)
    image = tmp_path / "tables.hex"
    image.write_text("".join(f"{rng.getrandbits(code_bits):x}\n" for _ in range(tables << code_bits)))
    parameters: Parameters = {
        "CodeBits": code_bits,
        "ValueBits": value_bits,
        "Tables": tables,
        "InitFile": str(image),
    }
    bench.run("table", parameters, simulator=simulator)
