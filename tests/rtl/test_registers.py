"""ternc_registers."""

import pytest
from rtl_bench import Bench


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (2, 3)])
def test_registers(bench: Bench, inputs: int, outputs: int) -> None:
    bench.run(
        "registers",
        {
            "Inputs": inputs,
            "Outputs": outputs,
            "Version": 0x010203,
            "Hash": 0x09ABCDEF,
            "Structure": 0x55667788,
        },
        simulator="icarus",
    )
