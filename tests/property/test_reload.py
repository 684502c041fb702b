"""Any network of a shape runs on hardware that was made for another one of it, and never slower than promised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from cuts import cuts, supported
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import networks

from machine import Machine
from ternc import target
from ternc.errors import ScheduleError
from ternc.network import golden
from ternc.network.analysis import accumulator_range, hull, sources
from ternc.network.check import verify_network
from ternc.network.host import random_codes
from ternc.network.layers import Linear, Network
from ternc.passes import Realise
from ternc.schedule.build import design_of
from ternc.schedule.pinned import resolve
from ternc.schedule.reload import onto, room_for
from ternc.schedule.room import is_path

FRAMES = 2
DEVICE = target.load("arria10")


def retrained(network: Network, rng: np.random.Generator) -> Network:
    """A network of the same shape with other weights, as many or fewer, and other thresholds."""
    for n, layer in enumerate(network.layers):
        terms = tuple(
            term
            if is_path(term)
            else replace(
                term,
                weights=np.where(
                    rng.random(term.weights.shape) < rng.random(), _weights(rng, layer, t), 0
                ).astype(np.int32),
            )
            for t, term in enumerate(layer.terms)
        )
        layer = replace(layer, terms=terms)
        network = replace(network, layers=(*network.layers[:n], layer, *network.layers[n + 1 :]))
        reach = accumulator_range(layer, sources(network, layer))
        if layer.activation is None:
            found = hull(reach)
            ends = replace(found, low=min(found.low, 0), high=max(found.high, 0))
            tensors = tuple(replace(t, range=ends) if t.name == layer.target else t for t in network.tensors)
            network = replace(network, tensors=tensors)
        else:
            stairs = layer.activation
            thresholds = np.sort(
                [rng.integers(r.low, r.high + 2, stairs.thresholds.shape[1]) for r in reach], axis=1
            ).astype(np.int64)
            made = replace(stairs, thresholds=thresholds, form=None, borders=(), proof=None)
            layer = replace(layer, activation=made)
            network = replace(network, layers=(*network.layers[:n], layer, *network.layers[n + 1 :]))
    verify_network(network)
    return network


def _weights(rng: np.random.Generator, layer: Linear, t: int) -> np.ndarray:
    weights = layer.terms[t].weights
    peak = max(1, int(np.abs(weights).max()))
    return rng.integers(-peak, peak + 1, weights.shape)


@settings(max_examples=60, deadline=None)
@given(networks(), st.booleans(), st.data(), st.integers(0, 2**16))
def test_a_retrained_network_runs_on_the_same_hardware(
    network: Network, realised: bool, data: st.DataObject, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    other = retrained(network, rng)
    if realised:
        network, other = Realise()(network), Realise()(other)
    assume(network.anomaly is None)
    with supported():
        room = room_for(network, resolve(data.draw(cuts(network)), network))
    for one in (network, other):
        try:
            made = onto(one, room)
        except ScheduleError as error:
            known = any(
                lack in str(error) for lack in ("factors", "right shift", "without a multiply-shift form")
            )
            if one is network or not known:
                raise
            continue
        assert made.lines.timing.cycles_per_frame <= room.lines.timing.cycles_per_frame
        assert made.lines.timing.latency_cycles <= room.lines.timing.latency_cycles
        assert [e.geometry for e in made.engines] == [e.geometry for e in room.engines]
        machine, codes = Machine(design_of(made, DEVICE, 100.0)), random_codes(one, FRAMES, seed)
        expected = golden.run(one, codes)
        machine.feed(codes)
        for frame in range(FRAMES):
            for name, found, wanted in zip(
                one.leaving, machine.leaving(frame), expected.leaving, strict=True
            ):
                np.testing.assert_array_equal(found, wanted[frame], err_msg=f"frame {frame} of {name}")
