"""Whether float32 alone explains that onnxruntime's result differs from the integer network's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from ternc.frontend import Crossing, Exact, ExactModel
from ternc.network import golden
from ternc.network.analysis import accumulator_range, hull, sources, sum_size
from ternc.network.layers import Linear, Network, Staircase, Tensor
from ternc.network.stairs.borders import listed
from ternc.simulate.close import aligned, different
from ternc.simulate.ends import Codes, Values, real_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value of the integer network that lies next to a border.

    Attributes:
        layer: Name of the layer.
        accumulator: Its exact sum, an integer.
        border: Where the real border lies, in units of the sum, as a decimal.
    """

    layer: str
    accumulator: int
    border: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBorder:
    """A frame whose ONNX outputs differ because float32 lands on the other side of a border.

    Attributes:
        frame: Number of the frame, from 0.
        crossing: The first such element in the ONNX model.
        place: The same element in the integer network, where it is known.
        listed: Whether the network puts it on the border, which the exactness report lists as a deviation.
    """

    frame: int
    crossing: Crossing
    place: Place | None
    listed: bool = False

    def __str__(self) -> str:
        c = self.crossing
        here = (
            f" (accumulator {self.place.accumulator} of layer '{self.place.layer}', border at {self.place.border})"
            if self.place
            else ""
        )
        known = "; the network puts it on the border, as report/exactness.txt says" if self.listed else ""
        border = "its rival" if c.op in ("ArgMax", "TopK") else "the border"
        return (
            f"in frame {self.frame} first at '{c.value}' ({c.op}) {list(c.index)}: the exact value is "
            f"{c.exact!r}{here}, onnxruntime's float32 gives {c.single!r}, and {border} is {c.border!r}{known}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A frame whose ONNX outputs are those of the network up to float32's rounding of numbers that cancel out."""


def explain(
    network: Network, model: ExactModel, frame: int, x: Values, codes: Sequence[Codes], got: Values
) -> OnBorder | Cancelled | str:
    """Why the golden model's outputs of one frame are not those of onnxruntime.

    It is float32's doing where the golden model's outputs are those of the ONNX model evaluated in float64, and the
    first discrete value in which onnxruntime leaves that evaluation lies within float32's error of a border. Where the
    network is not exact (a scale or a weight was moved onto a grid), the evaluation may put values onto a border that
    lie as near to it as the move explains.

    Args:
        network: The integer network.
        model: The ONNX model.
        frame: Number of the frame, for the answer.
        x: Its ONNX inputs, ``[1, ...]`` by name.
        codes: Its integers, ``[1, C, H, W]`` each.
        got: The golden model's outputs, ``[1, ...]`` by name; the graph's outputs first, in their order.
    Returns:
        The place, or the reason why float32 does not explain it.
    Raises:
        ToolError: The model cannot be evaluated in float64.
    """
    exact = {
        prologue.name: real_codes(prologue, array)
        if prologue.declared and x[prologue.name].dtype.kind == "f"
        else x[prologue.name]
        for prologue, array in zip(network.inputs, codes, strict=True)
    }
    found = model.evaluate(x, exact)
    unlike, loose = _unlike(found, got), _deviating(network)
    if unlike and loose:
        found = model.evaluate(x, exact, loose)
        unlike = _unlike(found, got) and unlike
    else:
        loose = ()
    if unlike:
        return unlike
    if found.rounded:
        return Cancelled()
    if found.crossing is None:
        return "no value that float32 rounds to the other side of a border explains it"
    place = _place(network, codes, found.crossing)
    return OnBorder(frame=frame, crossing=found.crossing, place=place, listed=bool(loose))


def _deviating(network: Network) -> tuple[str, ...]:
    """The ONNX values whose codes may differ from the graph's real numbers."""
    proofs = {
        layer.target: layer.activation.proof for layer in network.layers if layer.activation is not None
    }
    return tuple(target for target, proof in proofs.items() if proof is not None and proof.unsettled)


def _unlike(exact: Exact, got: Values) -> str:
    """The first output of the ONNX model in float64 that the golden model does not have; empty if there is none."""
    for name, expected in exact.outputs.items():
        batch = (None,) * (expected.ndim < got[name].ndim)  # no batch axis in the model
        exactly, computed = aligned(expected[batch], got[name])
        wrong = different(exactly, computed)
        if computed.dtype.kind == "f":  # what is left where numbers cancel out
            wrong &= ~(np.abs(exactly - computed) <= aligned(exact.errors[name][batch], computed)[0])
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            return f"in float64 the ONNX model gives {float(exactly[at]):.9g} at '{name}' {list(at[1:])}"
    return ""


def _place(network: Network, codes: Sequence[Codes], crossing: Crossing) -> Place | None:
    """The only sum of the network that lies at a listed border and has the crossing's flat index in its map."""
    trace = golden.run(network, codes)
    flat = int(np.ravel_multi_index(crossing.index, crossing.shape))
    found = []
    for layer in network.layers:
        if layer.activation is None or not layer.activation.borders:
            continue
        sums = _sums(network, layer, trace)[0]
        if sums.size == math.prod(crossing.shape):
            channel, value = flat // sums[0].size, int(sums.flat[flat])
            border = _listed(layer.activation, channel, value)
            found += [Place(layer=layer.name, accumulator=value, border=border)] if border else []
    return found[0] if len(found) == 1 else None


def _listed(staircase: Staircase, channel: int, value: int) -> str | None:
    """The border listed for a value of a channel's sum.

    The list has the sums of the ONNX model; where a channel's weights were negated, the network's have the other sign.
    """
    lines = [border for border in listed(staircase) if border.channel == channel]
    thresholds = set(staircase.thresholds[channel].tolist())
    for sign in (1, -1):
        near = [sign * border.accumulator for border in lines]
        if value in near and all(n in thresholds or n + 1 in thresholds for n in near):
            border = lines[near.index(value)].border
            return border if sign > 0 else str(-Decimal(border))
    return None


def _sums(network: Network, layer: Linear, trace: golden.Trace) -> Codes:
    """The sums of one layer, before its activation and pool: ``[1, O, H, W]``."""
    tensors = {tensor.name: tensor for tensor in sources(network, layer)}
    height, width = sum_size(layer, sources(network, layer))
    reach = hull(accumulator_range(layer, sources(network, layer)))
    sums = Tensor(name=layer.target, channels=layer.channels, height=height, width=width, range=reach)
    alone = replace(
        network,
        tensors=(*tensors.values(), sums),
        layers=(replace(layer, activation=None, pool=None),),
        inputs=(network.inputs[0],) * len(tensors),
        outputs=(),
        anomaly=None,
    )
    return golden.run(alone, [trace[name] for name in tensors])[sums.name]
