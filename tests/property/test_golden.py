"""Golden execution equals the layers' definition, whatever the block sizes and kernels."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from meaning import leaving_meaning, meaning
from networks import networks

from ternc.network import golden, sums
from ternc.network.golden import predict, run
from ternc.network.host import random_codes
from ternc.network.layers import Network


@settings(max_examples=250, deadline=None)
@given(networks(), st.integers(0, 2), st.integers(0, 2**32 - 1))
def test_golden_equals_triple_loop(network: Network, frames: int, seed: int) -> None:
    codes = random_codes(network, frames, seed)
    found = run(network, codes)
    predicted = predict(network, codes)
    assert len(found.leaving) == len(predicted) == len(network.leaving)
    for a, b in zip(found.leaving, predicted, strict=True):
        assert a.dtype == b.dtype == np.int64
        np.testing.assert_array_equal(a, b)
    if frames:
        expected = meaning(network, codes)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)
        for a, b in zip(predicted, leaving_meaning(network, expected), strict=True):
            np.testing.assert_array_equal(a, b)


@settings(max_examples=60, deadline=None)
@given(
    networks(),
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.sampled_from((0, 1 << 20)),
    st.sampled_from((0, 64)),
    st.sampled_from((0, 40)),
)
def test_golden_does_not_depend_on_block_sizes_and_methods(
    network: Network, patch_bytes: int, block: int, table: int, shifted: int, gather: int
) -> None:
    codes = random_codes(network, 5, 1)
    whole = run(network, codes)
    with (
        patch.object(golden, "PATCH_BYTES", patch_bytes),
        patch.object(golden, "BLOCK_BYTES", block),
        patch.object(golden, "TABLE_ENTRIES", table),
        patch.object(sums, "SHIFTED_TAPS", shifted),
        patch.object(sums, "GATHER_FACTOR", gather),
    ):
        pieces = run(network, codes)
    for name, expected in whole.tensors.items():
        np.testing.assert_array_equal(pieces[name], expected, err_msg=name)
