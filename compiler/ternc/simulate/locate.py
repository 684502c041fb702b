"""Where a simulation first leaves the golden model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ternc.errors import InternalError
from ternc.network import golden
from ternc.network.layers import Network, Tensor
from ternc.schedule.design import Event
from ternc.schedule.events import frame_events, wire_form
from ternc.simulate.ends import Codes, on_ports
from ternc.simulate.model import Beats, Progress, Simulation, Simulator, Trace, Window
from ternc.simulate.opened import Opened
from ternc.simulate.streams import unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class RtlMismatch:
    """The first wrong value that the hardware computes.

    Attributes:
        frame: Number of the frame in the verification, from 0.
        layer: Name of the layer that computed it; None where every layer is right and the value went
            wrong between the last layer and an output port.
        port: Name of that port where ``layer`` is None, else None.
        channel, pixel: Place in the layer's output (after its pool), pixel = (y, x); in the port's map
            where ``layer`` is None.
        cycle: Cycle in which it was finished, counted from the frame's first input beat; None if unknown.
        expected, got: Integers of the network (``x``, not the unsigned code); ``got`` is None where the value
            never came.
        reason: Why the simulation stopped early; empty if it did not.
    """

    frame: int
    layer: str | None
    port: str | None
    channel: int
    pixel: tuple[int, int]
    cycle: int | None
    expected: int
    got: int | None
    reason: str = ""

    def __str__(self) -> str:
        place = f"layer '{self.layer}'" if self.layer is not None else f"output port '{self.port}'"
        got = "nothing came" if self.got is None else f"got {self.got}"
        cycle = "" if self.cycle is None else f", cycle {self.cycle} of the frame"
        reason = f" ({self.reason})" if self.reason else ""
        return (
            f"RTL differs from the golden model first in frame {self.frame} at {place}, "
            f"channel {self.channel}, pixel [{self.pixel[0]}, {self.pixel[1]}]{cycle}: "
            f"expected {self.expected}, {got}{reason}"
        )


def locate(
    build: Opened,
    simulator: Simulator,
    codes: Sequence[Codes],
    beats: Sequence[Beats],
    *,
    stalls: int | None,
    first_frame: int,
    progress: Progress | None = None,
) -> RtlMismatch:
    """Run frames again in the monitor form of the design and find the first wrong value of the last one.

    Args:
        build: The build.
        simulator: What runs it.
        codes: Network inputs of the failing frame, int64 ``[1, C, H, W]`` each.
        beats: Of each input port, from a reset up to the failing frame, which is the last.
        stalls: The seed with which it failed.
        first_frame: Number of the first of these frames in the verification.
        progress: Told about frames done.
    """
    index = len(beats[0]) - 1
    events = [frame_events(build.network, engine.layers, engine.shape) for engine in build.engines]
    windows = [
        Window(engine=number, first=index * len(own), count=len(own)) for number, own in enumerate(events)
    ]
    run = simulator(build.dut, beats, stalls=stalls, windows=windows, progress=progress)
    start = int(run.starts[index]) if len(run.starts) > index else None
    expected = golden.run(build.network, codes)
    traced = list(zip(events, run.traces, strict=True))
    place = (
        _first_wrong(build.network, traced, expected, start)
        or _first_missing(build.network, traced, expected)
        or _first_output(build, on_ports(build.network, expected.leaving), run, index, start)
    )
    layer, port, channel, pixel, cycle, value, got = place
    return RtlMismatch(
        frame=first_frame + index,
        layer=layer,
        port=port,
        channel=channel,
        pixel=pixel,
        cycle=cycle,
        expected=value,
        got=got,
        reason=run.stopped,
    )


_Place = tuple[str | None, str | None, int, tuple[int, int], int | None, int, int | None]


_Traced = Sequence[tuple[tuple[Event, ...], Trace]]
"""Of each engine, in order, the vectors that a frame makes and those that it finished."""


def _first_wrong(
    network: Network, traced: _Traced, expected: golden.Trace, start: int | None
) -> _Place | None:
    """The first finished value that is not golden's, of the first engine that has one; None if all are right.

    An engine reads only what engines before it made, so the first one with a wrong value is where it went wrong.
    """
    forms = {layer.name: wire_form(network, layer) for layer in network.layers}
    targets = _targets(network)
    for events, trace in traced:
        for event, cycle, vector in zip(events, trace.cycles, trace.values, strict=False):
            values = _expected(targets, event, expected)
            if values is None:
                continue
            channels = slice(event.first_channel, event.first_channel + event.channels)
            factor, addend = (part[channels] for part in forms[event.layer])
            got = vector[: len(event.columns), : event.channels]
            wrong = np.argwhere(got != values * factor + addend)
            if wrong.size:
                n, at = wrong[0].tolist()
                since = int(cycle) - start if start is not None else None
                value = int((got[n, at] - addend[at]) // factor[at])
                pixel = (event.y, event.columns[n])
                return event.layer, None, event.first_channel + at, pixel, since, int(values[n, at]), value
    return None


def _first_missing(network: Network, traced: _Traced, expected: golden.Trace) -> _Place | None:
    """The first value that never came, of the first engine that lacks one; None if all came."""
    targets = _targets(network)
    for events, trace in traced:
        for event in events[len(trace.cycles) :]:
            values = _expected(targets, event, expected)
            if values is not None:
                pixel = (event.y, event.columns[0])
                return event.layer, None, event.first_channel, pixel, None, int(values[0, 0]), None
    return None


def _targets(network: Network) -> dict[str, Tensor]:
    """Of each layer, by name, the tensor that it makes."""
    return {layer.name: network.tensor(layer.target) for layer in network.layers}


def _expected(targets: dict[str, Tensor], event: Event, expected: golden.Trace) -> NDArray[np.int64] | None:
    """Golden's values for an event, int64 ``[columns, channels]``; None for a spare row, which nobody reads."""
    tensor = targets[event.layer]
    if event.y >= tensor.height:
        return None
    channels = slice(event.first_channel, event.first_channel + event.channels)
    return np.asarray(expected[tensor.name][0, channels, event.y][:, list(event.columns)].T)


def _first_output(
    build: Opened, expected: Sequence[Codes], run: Simulation, index: int, start: int | None
) -> _Place:
    """The first wrong value of the output ports: the first port that has one, in raster order."""
    missing: _Place | None = None
    for port, maps, beats, ends in zip(build.dut.outputs, expected, run.beats, run.last_out, strict=True):
        wanted = maps[0].transpose(1, 2, 0)
        if len(beats) <= index:
            missing = missing or (None, port.name, 0, (0, 0), None, int(wanted[0, 0, 0]), None)
            continue
        got = unpack(port, beats[index : index + 1])[0].transpose(1, 2, 0)
        wrong = np.argwhere(got != wanted)
        if wrong.size:
            y, x, channel = (int(i) for i in wrong[0])
            cycle = int(ends[index]) - start if start is not None else None
            return (
                None,
                port.name,
                channel,
                (y, x),
                cycle,
                int(wanted[y, x, channel]),
                int(got[y, x, channel]),
            )
    if missing is None:
        raise InternalError("simulate", "a frame that differed is right when it runs again")
    return missing
