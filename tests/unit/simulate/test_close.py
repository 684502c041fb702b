"""When two results count as equal."""

from __future__ import annotations

import numpy as np
import pytest

from ternc.simulate.close import different


@pytest.mark.parametrize(("off", "wrong"), [(0.0001, False), (0.0006, False), (0.002, True)])
def test_results_in_half_precision_may_lie_a_few_of_its_steps_apart(off: float, wrong: bool) -> None:
    expected = np.array([[0.1855, 0.25]])
    got = expected + off
    assert different(expected.astype(np.float16), got.astype(np.float16)).any() == wrong
    assert different(expected.astype(np.float32), got.astype(np.float32)).any()
