"""The memory images of any network on any array compute what the network means."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import networks

from machine import Machine
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
    design = designed(network, shape)
    machine = Machine(design)
    codes = random_codes(network.input, 1, seed)
    expected = golden.run(network, codes)
    found = machine.run(codes[0])
    last = expected.indices[:, None] if expected.indices is not None else expected[network.output.tensor]
    np.testing.assert_array_equal(found, last[0])
    layers = {layer.name: layer for layer in network.layers}
    for event, vector in zip(frame_events(network, shape), machine.vectors, strict=True):
        layer = layers[event.layer]
        tensor = network.tensor(layer.target)
        if event.y < tensor.height:
            place = slice(event.first_channel, event.first_channel + event.channels)
            factor, addend = (part[place] for part in wire_form(network, layer))
            wanted = expected[layer.target][0, place, event.y, event.x] * factor + addend
            np.testing.assert_array_equal(vector[: event.channels], wanted, err_msg=str(event))


@settings(max_examples=60, deadline=None)
@given(networks(), shapes)
def test_every_weight_has_its_place_exactly_once(network: Network, shape: ArrayShape) -> None:
    machine = Machine(designed(network, shape))
    stored = np.abs(machine.weights).sum()
    assert stored == sum(int(np.abs(layer.trits).sum()) for layer in network.layers)
    for n, word in enumerate(machine.weights.transpose(1, 0, 2)):
        lonely = n in {int(p["weight"]) for p in all_passes(machine) if p["tap_count"] == 1}
        assert word.any() or lonely, "an all-zero word is stored though its tile has others"


def all_passes(machine: Machine) -> list[dict[str, int]]:
    from machine import unpack

    return [unpack(word, machine.pass_fields) for word in machine.rom["passes"]]
