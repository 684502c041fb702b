"""ternc_avalon_sink and ternc_avalon_source."""

import pytest
from rtl_bench import Bench


@pytest.mark.parametrize(("unit", "size"), [("sink", 3), ("sink", 1), ("source", 4), ("source", 1)])
def test_avalon(bench: Bench, unit: str, size: int) -> None:
    bench.run(f"avalon_{unit}", {"Bytes": size}, simulator="icarus")
