"""Unit regression of ternc_dots_fast: word arithmetic under Verilator, plain loops elsewhere."""

import pytest
from rtl_bench import Bench


@pytest.mark.parametrize(("rows", "lanes", "bits"), [(3, 37, 5), (2, 129, 1), (1, 64, 8)])
def test_dots_fast_under_verilator(bench: Bench, rows: int, lanes: int, bits: int) -> None:
    bench.run("dots_fast", {"Rows": rows, "Lanes": lanes, "ActBits": bits}, fast=True)


@pytest.mark.parametrize(("rows", "lanes", "bits"), [(3, 37, 5), (1, 1, 1)])
def test_dots_fast_under_icarus(bench: Bench, rows: int, lanes: int, bits: int) -> None:
    bench.run("dots_fast", {"Rows": rows, "Lanes": lanes, "ActBits": bits}, simulator="icarus", fast=True)
