"""The memory images of any network on any array compute what the network means."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import networks
from numpy.typing import NDArray

from machine import Machine, unpack
from ternc import passes, target
from ternc.errors import ScheduleError
from ternc.network import golden
from ternc.network.host import random_codes
from ternc.network.layers import Network
from ternc.schedule.build import schedule
from ternc.schedule.design import ArrayShape, Design
from ternc.schedule.events import frame_events, wire_form
from ternc.schedule.search import Wish

shapes = st.builds(ArrayShape, rows=st.integers(1, 6), cols=st.integers(1, 9), lanes=st.integers(1, 9))


def designed(network: Network, shape: ArrayShape) -> Design:
    device = target.load("arria10")
    try:
        return schedule(network, device, Wish(fps=None, budget=1.0, clock_mhz=100.0, array=shape))
    except ScheduleError as error:
        assume("ArgMax over quantised values" not in str(error))
        raise


@settings(max_examples=120, deadline=None)
@given(networks(), shapes, st.booleans(), st.integers(0, 2**16))
def test_images_compute_the_network_on_any_array(
    network: Network, shape: ArrayShape, realised: bool, seed: int
) -> None:
    network = passes.run(network) if realised else network
    machine = Machine(designed(network, shape))
    codes = random_codes(network, 1, seed)
    expected = golden.run(network, codes)
    found = machine.run([frame[0] for frame in codes])
    for name, one, wanted in zip(network.leaving, found, expected.leaving, strict=True):
        np.testing.assert_array_equal(one, wanted[0], err_msg=name)
    layers = {layer.name: layer for layer in network.layers}
    for event, vector in zip(frame_events(network, shape), machine.vectors, strict=True):
        layer = layers[event.layer]
        tensor = network.tensor(layer.target)
        assert event.y < tensor.height or not network.anomaly or tensor.name != network.anomaly.tensor
        if event.y < tensor.height:
            place = slice(event.first_channel, event.first_channel + event.channels)
            factor, addend = (part[place] for part in wire_form(network, layer))
            wanted = expected[layer.target][0, place, event.y, event.x] * factor + addend
            np.testing.assert_array_equal(vector[: event.channels], wanted, err_msg=str(event))


@settings(max_examples=60, deadline=None)
@given(networks(), shapes)
def test_the_digits_of_every_column_are_the_weights_of_its_channel(
    network: Network, shape: ArrayShape
) -> None:
    """A pass's words, doubled where a tap says so, sum up to the weights; a word of zeros is there to double only."""
    machine = Machine(designed(network, shape))
    for number, layer in enumerate(network.layers):
        sums = [column_sums(machine, one) for one in passes_of(machine, number).values()]
        if all(term.fill == "copies" or max(term.upsample) == 1 for term in layer.terms):
            wanted = sum(term.weights.sum(axis=(1, 2, 3)) for term in layer.terms)
            np.testing.assert_array_equal(np.concatenate(sums)[: layer.channels], wanted)


def passes_of(machine: Machine, number: int) -> dict[int, dict[str, int]]:
    """A pass of layer ``number`` for each of its parameters, which are its tiles where no zeros are inserted."""
    layer = unpack(machine.rom["layers"][number], machine.layer_fields)
    found = {}
    for n in range(layer["pass_start"], layer["pass_start"] + layer["pass_count"]):
        one = unpack(machine.rom["passes"][n], machine.pass_fields)
        found[one["param"]] = one
    return dict(sorted(found.items()))


def column_sums(machine: Machine, one: dict[str, int]) -> NDArray[np.int64]:
    """Sum of the weights of each column that a pass executes."""
    total = np.zeros(machine.shape.cols, np.int64)
    for k in range(one["tap_count"]):
        tap = unpack(machine.rom["taps"][one["tap"] + k], machine.tap_fields)
        word = machine.weights[:, one["weight"] + k]
        assert word.any() or tap["shift"] or one["tap_count"] == 1, "a word of zeros for nothing"
        total = total * (2 if tap["shift"] else 1) + word.sum(axis=1)
    return total
