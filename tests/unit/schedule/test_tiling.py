"""Tiles of a layer, whatever tiles of it were looked at before."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Knobs, networks

from ternc.network.layers import Network
from ternc.schedule.axes import walks
from ternc.schedule.design import ArrayShape
from ternc.schedule.plan import LayerTiling
from ternc.schedule.stage import Stage


@settings(max_examples=60, deadline=None)
@given(networks(Knobs(layers=2)), st.permutations([1, 2, 3, 4, 6, 8, 12]))
def test_tiles_joined_from_narrower_ones_are_those_of_the_weights(network: Network, order: list[int]) -> None:
    stage = Stage(network=network, first=0, end=len(network.layers))
    for layer, walk in zip(stage.layers, walks(stage).layers, strict=True):
        tiling = LayerTiling(layer, walk)
        for cols in order:
            shape = ArrayShape(rows=1, cols=cols, lanes=2)
            for found, wanted in zip(tiling.words(shape), LayerTiling(layer, walk).words(shape), strict=True):
                np.testing.assert_array_equal(found.planes, wanted.planes)
