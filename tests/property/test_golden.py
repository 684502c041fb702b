"""Golden execution equals the layers' definition, whatever the block sizes and kernels."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import meaning, networks

from ternc.network import golden
from ternc.network.golden import predict, run
from ternc.network.host import random_codes
from ternc.network.layers import Network


@settings(max_examples=250, deadline=None)
@given(networks(), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_golden_equals_triple_loop(network: Network, frames: int, seed: int) -> None:
    codes = random_codes(network.input, frames, seed)
    found = run(network, codes)
    for name, expected in meaning(network, codes).items():
        if frames:
            np.testing.assert_array_equal(found[name], expected, err_msg=name)
    last = found[network.output.tensor]
    if network.output.argmax:
        assert found.indices is not None
        np.testing.assert_array_equal(found.indices, last.argmax(axis=1))
        np.testing.assert_array_equal(predict(network, codes), found.indices)
    else:
        assert found.indices is None
        np.testing.assert_array_equal(predict(network, codes), last)


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 4000), st.integers(1, 4000), st.sampled_from((0, 1 << 20)))
def test_golden_does_not_depend_on_block_sizes(
    network: Network, patch_bytes: int, block: int, table: int
) -> None:
    codes = random_codes(network.input, 5, 1)
    whole = run(network, codes)
    with (
        patch.object(golden, "PATCH_BYTES", patch_bytes),
        patch.object(golden, "BLOCK_BYTES", block),
        patch.object(golden, "TABLE_ENTRIES", table),
    ):
        pieces = run(network, codes)
    for name, expected in whole.tensors.items():
        np.testing.assert_array_equal(pieces[name], expected, err_msg=name)
