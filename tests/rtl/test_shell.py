"""ternc_shell."""

import pytest
from rtl_bench import Bench


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (13, 7)])
def test_shell(bench: Bench, inputs: int, outputs: int) -> None:
    bench.run("shell", {"Inputs": inputs, "Outputs": outputs}, simulator="icarus")
