"""ternc_avalon_sink, ternc_avalon_source and ternc_avalon_mm."""

import pytest
from rtl_bench import Bench


@pytest.mark.parametrize(("unit", "size"), [("sink", 3), ("sink", 1), ("source", 4), ("source", 1)])
def test_avalon(bench: Bench, unit: str, size: int) -> None:
    bench.run(f"avalon_{unit}", {"Bytes": size}, simulator="icarus")


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (2, 3)])
def test_avalon_mm(bench: Bench, inputs: int, outputs: int) -> None:
    parameters = {
        "Inputs": inputs,
        "Outputs": outputs,
        "Version": 0x010203,
        "Hash": 0x80000000_00000000_00000000_09ABCDEF,
        "Structure": 0x55667788,
    }
    bench.run("avalon_mm", parameters, simulator="icarus")
