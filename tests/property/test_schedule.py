"""The memory images of any network, cut anywhere, on any arrays compute what the network means."""

from __future__ import annotations

import numpy as np
from cuts import cuts, designed
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks
from numpy.typing import NDArray

from machine import Machine, Runner, unpack
from ternc import passes
from ternc.network import golden
from ternc.network.host import random_codes
from ternc.network.layers import Network
from ternc.schedule.events import frame_events, wire_form

FRAMES = 2


@settings(max_examples=100, deadline=None)
@given(networks(), st.booleans(), st.data(), st.integers(0, 2**16))
def test_images_compute_the_network_cut_anywhere_on_any_arrays(
    network: Network, realised: bool, data: st.DataObject, seed: int
) -> None:
    network = passes.run(network) if realised else network
    design = designed(network, data.draw(cuts(network)))
    machine = Machine(design)
    codes = random_codes(network, FRAMES, seed)
    expected = golden.run(network, codes)
    machine.feed(codes)
    for frame in range(FRAMES):
        found = machine.leaving(frame)
        for name, one, wanted in zip(network.leaving, found, expected.leaving, strict=True):
            np.testing.assert_array_equal(one, wanted[frame], err_msg=f"frame {frame} of {name}")
    assert [layer for engine in design.engines for layer in engine.layers] == [
        layer.name for layer in network.layers
    ]
    for runner in machine.runners:
        finished_as_expected(network, runner, expected)


def finished_as_expected(network: Network, runner: Runner, expected: golden.Trace) -> None:
    """Every vector that an engine finishes holds the golden values of its place in the network."""
    layers = {layer.name: layer for layer in network.layers}
    found = frame_events(network, runner.engine.layers, runner.shape)
    events = [(event, x) for event in found for x in event.columns]
    assert len(runner.vectors) == FRAMES * len(events)
    for n, vector in enumerate(runner.vectors):
        frame, (event, x) = n // len(events), events[n % len(events)]
        layer = layers[event.layer]
        tensor = network.tensor(layer.target)
        assert event.y < tensor.height or not network.anomaly or tensor.name != network.anomaly.tensor
        if event.y < tensor.height:
            place = slice(event.first_channel, event.first_channel + event.channels)
            factor, addend = (part[place] for part in wire_form(network, layer))
            wanted = expected[layer.target][frame, place, event.y, x] * factor + addend
            np.testing.assert_array_equal(vector[: event.channels], wanted, err_msg=f"{frame} {event} {x}")


@settings(max_examples=60, deadline=None)
@given(networks(), st.data())
def test_the_digits_of_every_column_are_the_weights_of_its_channel(
    network: Network, data: st.DataObject
) -> None:
    """A pass's words, doubled where a tap says so, sum up to the weights; a word of zeros is there to double only."""
    machine = Machine(designed(network, data.draw(cuts(network))))
    layers = {layer.name: layer for layer in network.layers}
    for runner in machine.runners:
        found = passes_of(runner)
        assert len(found) == len(runner.engine.layers)
        for name, tiles in zip(runner.engine.layers, found.values(), strict=True):
            layer, sums = layers[name], [column_sums(runner, one) for one in tiles]
            if all(term.fill == "copies" or max(term.upsample) == 1 for term in layer.terms):
                wanted = sum(term.weights.sum(axis=(1, 2, 3)) for term in layer.terms)
                np.testing.assert_array_equal(np.concatenate(sums)[: layer.channels], wanted)


def passes_of(runner: Runner) -> dict[int, list[dict[str, int]]]:
    """For each layer, by where its passes begin, in order: one pass for each of its parameters.

    Those are its tiles where no zeros are inserted.
    """
    found: dict[int, dict[int, dict[str, int]]] = {}
    for row in runner.rows:
        params = found.setdefault(row["pass_start"], {})
        for n in range(row["pass_start"], row["pass_start"] + row["pass_count"]):
            one = unpack(runner.rom["passes"][n], runner.pass_fields)
            params[one["param"]] = one
    return {start: [params[n] for n in sorted(params)] for start, params in found.items()}


def column_sums(runner: Runner, one: dict[str, int]) -> NDArray[np.int64]:
    """Sum of the weights of each column that a pass executes."""
    total = np.zeros(runner.shape.cols, np.int64)
    for k in range(one["tap_count"]):
        tap = unpack(runner.rom["taps"][one["tap"] + k], runner.tap_fields)
        word = runner.weights[:, one["weight"] + k]
        assert word.any() or tap["shift"] or one["tap_count"] == 1, "a word of zeros for nothing"
        total = total * (2 if tap["shift"] else 1) + word.sum(axis=1)
    return total
