"""One ONNX model: is its Network's golden execution what onnxruntime computes, or is the model refused?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.errors import ModelError, ToolError
from ternc.frontend import ExactModel, execute, read
from ternc.network import golden
from ternc.network.check import verify_network
from ternc.network.layers import Network
from ternc.simulate import ends
from ternc.simulate.borders import Cancelled, OnBorder, explain
from ternc.simulate.close import different

Values: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """What became of a model.

    Attributes:
        kind: ``"passed"``; ``"refused"`` by the front end; ``"wrong"`` where an output differs and float32's rounding
            does not explain it.
        text: The refusal's sentence, or which value is wrong.
        help: The refusal's way out.
        borders: Frames that differ because onnxruntime's float32 lands on the other side of a rounding border.
        outputs: The golden model's, ``[N, ...]`` by name; empty unless passed.
        network: The Network, or None where the model is refused.
    """

    kind: Literal["passed", "refused", "wrong"]
    text: str = ""
    help: str = ""
    borders: int = 0
    outputs: Values
    network: Network | None = None


def judge(path: Path, inputs: Values) -> Judgement:
    """Read the model, run golden and onnxruntime on ``[N, ...]`` inputs, and compare.

    Raises:
        TerncError: Anything but a refusal; so does every other exception.
    """
    try:
        network = read(path)
    except ModelError as error:
        return Judgement(kind="refused", text=error.sentence, help=error.help, outputs={})
    verify_network(network)
    codes = ends.encode(network, {p.name: inputs[p.name] for p in network.inputs})
    got = ends.decode(network, golden.predict(network, codes))
    wanted = execute(path, inputs)
    text, borders = _compared(network, path, inputs, codes, wanted, got)
    return Judgement(
        kind="wrong" if text else "passed", text=text, borders=borders, outputs=got, network=network
    )


def _compared(
    network: Network,
    path: Path,
    inputs: Values,
    codes: tuple[ends.Codes, ...],
    wanted: Values,
    got: ends.Values,
) -> tuple[str, int]:
    """The first difference that float32 does not explain, and how many frames it explains."""
    if list(wanted) != list(got)[: len(wanted)]:
        return f"the outputs are {list(got)}, but must be {list(wanted)}", 0
    wrong: set[int] = set()
    for name, values in wanted.items():
        if values.shape != got[name].shape or values.dtype != got[name].dtype:
            made_as, must = ((a.dtype, list(a.shape)) for a in (got[name], values))
            return f"output '{name}' is {made_as[0]} {made_as[1]}, but must be {must[0]} {must[1]}", 0
        flags = different(values, got[name])
        wrong.update(np.flatnonzero(flags.reshape(len(flags), -1).any(axis=1)).tolist())
    exact = ExactModel(path) if wrong else None
    for frame in sorted(wrong):
        assert exact is not None
        one = {name: array[frame : frame + 1] for name, array in inputs.items()}
        made = {name: array[frame : frame + 1] for name, array in got.items()}
        try:
            found = explain(network, exact, frame, one, [c[frame : frame + 1] for c in codes], made)
        except ToolError as error:
            return error.sentence, 0
        if not isinstance(found, OnBorder | Cancelled):
            return f"frame {frame}, {_first(wanted, got, frame)} ({found})", 0
    return "", len(wrong)


def _first(wanted: Values, got: Values, frame: int) -> str:
    """The first wrong value of a frame."""
    for name, values in wanted.items():
        places = np.argwhere(different(values, got[name])[frame])
        if places.size:
            at = (frame, *places[0].tolist())
            return (
                f"output '{name}' {list(at[1:])} is {got[name][at]!r}, but onnxruntime gives {values[at]!r}"
            )
    return "nothing is wrong"
