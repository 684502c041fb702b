"""Unit regression of ternc_column: the pipelined form and the fast one, on the same stimulus."""

import random

import pytest
from rtl_bench import Bench, Parameters

SETS: list[Parameters] = [
    {
        "Rows": 3,
        "Lanes": 5,
        "ActBits": 4,
        "AccBits": 15,
        "ParamBits": 5,
        "WeightAddrBits": 7,
        "Digits": 1,
    },
    {
        "Rows": 2,
        "Lanes": 17,
        "ActBits": 8,
        "AccBits": 14,
        "ParamBits": 3,
        "WeightAddrBits": 9,
        "Digits": 0,
        "Cell": 1,
    },
    {
        "Rows": 6,
        "Lanes": 3,
        "ActBits": 4,
        "AccBits": 13,
        "ParamBits": 3,
        "WeightAddrBits": 2,
        "Digits": 1,
        "Drain": 2,
    },
]
MORE: list[Parameters] = [
    {
        "Rows": 1,
        "Lanes": 1,
        "ActBits": 1,
        "AccBits": 8,
        "ParamBits": 1,
        "WeightAddrBits": 1,
        "Digits": 1,
    },
    {
        "Rows": 4,
        "Lanes": 3,
        "ActBits": 2,
        "AccBits": 20,
        "ParamBits": 6,
        "WeightAddrBits": 4,
        "Digits": 0,
        "Cell": 1,
    },
    {
        "Rows": 8,
        "Lanes": 2,
        "ActBits": 3,
        "AccBits": 9,
        "ParamBits": 2,
        "WeightAddrBits": 1,
        "Digits": 0,
        "Drain": 4,
    },
]


@pytest.mark.parametrize("parameters", SETS, ids=str)
@pytest.mark.parametrize("fast", [False, True], ids=["pipelined", "fast"])
def test_column_under_verilator(bench: Bench, parameters: Parameters, fast: bool) -> None:
    bench.run("column", parameters, fast=fast)


@pytest.mark.parametrize("parameters", [*SETS[:1], *MORE], ids=str)
@pytest.mark.parametrize("fast", [False, True], ids=["pipelined", "fast"])
def test_column_under_icarus(bench: Bench, parameters: Parameters, fast: bool) -> None:
    bench.run("column", parameters, simulator="icarus", fast=fast)


def drawn(seed: int) -> Parameters:
    """A column of any size."""
    rng = random.Random(seed)
    drain = rng.randint(1, 3)
    return {
        "Rows": drain * rng.randint(1, 3),
        "Lanes": rng.randint(1, 20),
        "ActBits": rng.randint(1, 9),
        "AccBits": rng.randint(10, 30),
        "ParamBits": rng.randint(1, 8),
        "WeightAddrBits": rng.randint(1, 8),
        "Digits": 1,
        "Cell": seed % 2,
        "Drain": drain,
    }


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("fast", [False, True], ids=["pipelined", "fast"])
def test_column_of_any_size(bench: Bench, seed: int, fast: bool) -> None:
    bench.run("column", drawn(seed), simulator="icarus", fast=fast)
