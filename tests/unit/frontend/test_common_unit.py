"""Values side by side whose scales are multiples of a common unit but for roundings of float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from golden_check import Judgement, judge
from onnx_writer import DIALECTS, Dialect, Format, Writer, quantised, weights
from ternc.network.compare import differences
from ternc.network.layers import Proof

SEVEN, TEN = 0.0875, 0.125
MANY = tuple(0.0125 * (n + 1) for n in range(20))
RNG = np.random.default_rng(5)
INPUTS = {"x": np.asarray(RNG.integers(-30, 31, (200, 4, 2, 2)) * 0.25, np.float32)}


def joined(dialect: Dialect, scales: tuple[float, ...], bits: int = 2, end: str = "codes") -> onnx.ModelProto:
    """Two channels for each scale, read by one layer; its codes have borders at ties of the unit 0.0125."""
    w, rng = Writer(), np.random.default_rng(3)
    x = quantised(w, w.input("x", (1, 4, 2, 2)), Format(bits=5, signed=True, scale=0.5), dialect)

    def layer(v: str, shape: tuple[int, ...], bits: int, scale: float) -> str:
        top = 2 ** (bits - 1) - 1
        codes = rng.integers(-top, top + 1, shape)
        f = Format(bits=bits, signed=True, scale=scale, axis=0)
        return w.node("Conv", v, weights(w, codes, f, dialect))

    parts = [
        quantised(w, layer(x, (2, 4, 1, 1), 2, 0.5), Format(bits=4, signed=True, scale=s), dialect)
        for s in scales
    ]
    v = layer(w.node("Concat", *parts, axis=1), (3, 2 * len(scales), 1, 1), bits, 0.25)
    if end == "codes":
        v = quantised(w, v, Format(bits=8, signed=True, scale=0.0125 * 0.25 * 2 ** (bits - 1)), dialect)
    w.output(
        v if end != "largest" else w.node("ArgMax", v, axis=1),
        "y",
        onnx.TensorProto.FLOAT if end != "largest" else 7,
    )
    return w.model(17)


def judged(folder: Path, model: onnx.ModelProto, name: str = "m") -> Judgement:
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    found = judge(path, INPUTS)
    assert (found.kind, found.text) == ("passed", "")
    return found


def proof(found: Judgement) -> Proof:
    assert found.network is not None
    activation = found.network.layers[-1].activation
    assert activation is not None
    assert activation.proof is not None
    return activation.proof


def widest(found: Judgement) -> int:
    assert found.network is not None
    return max(int(np.abs(term.weights).max()) for term in found.network.layers[-1].terms)


@pytest.mark.parametrize("bits", [2, 4])
def test_two_scales_get_multipliers_that_tell_their_ties_apart(tmp_path: Path, bits: int) -> None:
    found = judged(tmp_path, joined("qonnx", (SEVEN, TEN), bits))
    assert proof(found).unsettled == 0
    assert widest(found) > 10 * (2 ** (bits - 1) - 1)


def test_more_scales_than_are_searched_take_the_unit_and_the_ties_are_listed(tmp_path: Path) -> None:
    found = judged(tmp_path, joined("qonnx", MANY))
    assert 0 < proof(found).unsettled < proof(found).values / 2
    assert proof(found).codes == 1
    assert found.borders > 0
    assert widest(found) <= len(MANY)


@pytest.mark.parametrize("end", ["sums", "largest"])
def test_sums_that_leave_the_chip_take_the_unit(tmp_path: Path, end: str) -> None:
    found = judged(tmp_path, joined("qonnx", (SEVEN, TEN), end=end))
    assert widest(found) == 10
    assert found.network is not None
    assert 0 < found.network.outputs[0].deviation < 1e-6


@pytest.mark.parametrize("scales", [(SEVEN, TEN), MANY], ids=["two", "many"])
@pytest.mark.parametrize("bits", [2, 4])
def test_all_dialects_give_one_network(tmp_path: Path, scales: tuple[float, ...], bits: int) -> None:
    networks = []
    for dialect in DIALECTS:
        found = judged(tmp_path, joined(dialect if dialect != "qdq" else "qcdq", scales, bits), dialect)
        assert found.network is not None
        networks.append(found.network)
    for other in networks[1:]:
        assert differences(networks[0], other) == ()


def test_weights_near_a_grid_beside_weights_on_it(tmp_path: Path) -> None:
    w = Writer()
    x = quantised(w, w.input("x", (1, 4, 2, 2)), Format(bits=5, signed=True, scale=0.5), "qonnx")
    near = np.array([0.5, -0.176, 0.176, -0.5], np.float32)  # 125 and 44 times 0.004, which is no float32
    one = w.node("Conv", x, w.const(near.reshape(1, 4, 1, 1)))
    other = w.node("Conv", x, w.const(np.full((1, 4, 1, 1), 0.5, np.float32)))
    v = quantised(w, w.node("Add", one, other), Format(bits=4, signed=True, scale=0.5), "qonnx")
    w.output(v, "y")
    assert proof(judged(tmp_path, w.model(17))).unsettled == 0
