"""Stored networks: what is loaded is what was saved, bytes and text depend on the network alone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks
from strategies import chains

from ternc.network.layers import Network
from ternc.network.steps import Function
from ternc.network.store import equal, load, save
from ternc.network.text import network_text
from ternc.passes import run


def written(network: Network) -> dict[str, bytes]:
    """File name to bytes."""
    with tempfile.TemporaryDirectory() as directory:
        save(network, Path(directory))
        return {path.name: path.read_bytes() for path in sorted(Path(directory).iterdir())}


@settings(max_examples=40, deadline=None)
@given(networks(), st.data())
def test_store_gives_back_an_equal_network_and_equal_bytes(network: Network, data: st.DataObject) -> None:
    steps, _, _ = data.draw(chains(network.input_tensors[0].channels))
    steps = (*steps, Function(kind="leaky", alpha=np.array([data.draw(st.floats(0, 1))])))
    prologue = replace(network.inputs[0], steps=steps, scale=data.draw(st.floats(allow_nan=False)))
    network = replace(
        run(network), inputs=(prologue, *network.inputs[1:]), epilogue=data.draw(st.binary(max_size=20))
    )
    with tempfile.TemporaryDirectory() as directory:
        save(network, Path(directory))
        loaded = load(Path(directory))
    assert equal(loaded, network)
    assert written(loaded) == written(network)
    assert network_text(loaded) == network_text(network)


@settings(max_examples=40, deadline=None)
@given(networks(), st.data())
def test_text_changes_with_any_weight_threshold_or_table_entry(network: Network, data: st.DataObject) -> None:
    layer = network.layers[0]
    which = data.draw(st.integers(0, len(layer.terms) - 1))
    terms = list(layer.terms)
    weights = terms[which].weights.copy()
    weights.flat[data.draw(st.integers(0, weights.size - 1))] ^= 1
    terms[which] = replace(terms[which], weights=weights)
    changed = replace(network, layers=(replace(layer, terms=tuple(terms)), *network.layers[1:]))
    assert network_text(changed) != network_text(network)
    assert not equal(changed, network)
    if layer.activation is not None:
        thresholds = layer.activation.thresholds.copy()
        thresholds.flat[data.draw(st.integers(0, thresholds.size - 1))] += 1
        moved = replace(layer, activation=replace(layer.activation, thresholds=thresholds))
        changed = replace(network, layers=(moved, *network.layers[1:]))
        assert network_text(changed) != network_text(network)
        assert not np.array_equal(thresholds, layer.activation.thresholds)
        if layer.activation.table is not None:
            table = layer.activation.table.copy()
            table.flat[data.draw(st.integers(0, table.size - 1))] += 1
            other = replace(layer, activation=replace(layer.activation, table=table))
            assert network_text(replace(network, layers=(other, *network.layers[1:]))) != network_text(
                network
            )
