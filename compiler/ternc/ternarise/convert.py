"""Float ONNX in, ternary ONNX with quantisers out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ternc.errors import DataError
from ternc.frontend.input_quant import InputQuant, parse_type
from ternc.frontend.runtime import Values
from ternc.ternarise.correct import corrected
from ternc.ternarise.data import Data, read_data
from ternc.ternarise.graph import FloatModel, Quantiser, load, write
from ternc.ternarise.observe import Done, outputs, sampled
from ternc.ternarise.plan import Layer, Plan, Point, plan
from ternc.ternarise.rules import Rule, Rules, read_rules
from ternc.ternarise.scales import Samples, best_scale, grid_scale
from ternc.ternarise.weights import Coded, channels, coded

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (step, done, total) now and then."""

INPUT_BITS = 8
ACTIVATION_BITS = 8
FEWEST_BITS, MOST_BITS = 2, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TernariseWish:
    """How to make a float model ternary.

    Attributes:
        rules: Each layer's threshold.
        calibrate: The calibration data, a ``.npz`` or ``.npy`` file.
        act_bits: Bits of the activations, 2 to 8; inputs have 8.
        correct: Whether each channel's scale and bias are fitted to the float model's outputs.
    """

    rules: Rules
    calibrate: Path
    act_bits: int = ACTIVATION_BITS
    correct: bool = False

    def __post_init__(self) -> None:
        if not FEWEST_BITS <= self.act_bits <= MOST_BITS:
            raise DataError(f"activations must have {FEWEST_BITS} to {MOST_BITS} bits, not {self.act_bits}")

    def document(self) -> dict[str, Any]:
        """The wish as plain data, without its file."""
        return {"rules": self.rules.document(), "act_bits": self.act_bits, "correct": self.correct}


def wish(
    rules: float | str | Path | None,
    calibrate: str | Path | None,
    *,
    act_bits: int = ACTIVATION_BITS,
    correct: bool = False,
) -> TernariseWish | None:
    """What a caller's options mean together; None without rules.

    Args:
        rules: RHO, or a TOML file.
        calibrate: The calibration data.
        act_bits, correct: As in `TernariseWish`.
    Raises:
        DataError: Rules without data or data without rules, or a value that is not allowed.
    """
    if rules is None:
        if calibrate is not None:
            raise DataError(
                "--calibrate says nothing without --ternarise", help="give --ternarise RHO as well"
            )
        return None
    if calibrate is None:
        raise DataError(
            "--ternarise needs data to calibrate the activations on",
            help="give --calibrate DATA.npz with a few hundred inputs, and labels if there are any",
        )
    return TernariseWish(
        rules=read_rules(rules), calibrate=Path(calibrate), act_bits=act_bits, correct=correct
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """What became of one layer's weights.

    Attributes:
        node, op: Its name and operator.
        rule: RHO, or ``int8``.
        weights, zeros: How many there are, and how many of them are 0 now.
        error: Norm of the change, relative to the norm of the weights.
    """

    node: str
    op: str
    rule: str
    weights: int
    zeros: int
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantiserRow:
    """One quantiser: the codes ``low .. high`` of the ONNX value, and what code 1 stands for."""

    value: str
    low: int
    high: int
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ternarised:
    """A ternary model and where it comes from.

    Attributes:
        model: ONNX, self-contained.
        source_digest: SHA-256 of the float model's file.
        data: What it was calibrated on.
        expected: The float model's outputs on all of it, ``[N, ...]`` by name.
        layers, quantisers: In execution order.
    """

    model: bytes
    source_digest: str
    data: Data
    expected: Values
    layers: tuple[LayerRow, ...]
    quantisers: tuple[QuantiserRow, ...]

    def document(self) -> dict[str, Any]:
        """What the manifest says beside the wish."""
        return {
            "model_sha256": self.source_digest,
            "calibrate": self.data.file,
            "calibrate_sha256": self.data.digest,
        }


def ternarise(
    path: Path,
    wish: TernariseWish,
    *,
    input_quant: InputQuant | None = None,
    progress: Progress | None = None,
) -> Ternarised:
    """Make a float model ternary.

    Args:
        path: The ONNX file; a float model.
        wish: How.
        input_quant: The integers of its inputs; chosen from the data if None.
        progress: Told about long steps.
    Raises:
        ModelError: It cannot be read, is quantised already, or has no weights; a rule names no layer.
        DataError: The calibration data do not fit it.
    """
    model = load(path)
    found = plan(model.graph, model.nodes, model.constants)
    names = [layer.node.name for layer in found.layers]
    rules = wish.rules.of(model.graph.file, names)
    data = read_data(wish.calibrate, model.graph.inputs)
    weights = {
        layer.node.name: coded(
            layer.weights, channels(layer.node, layer.weights.shape), rules[layer.node.name]
        )
        for layer in found.layers
    }

    def told(step: str) -> Done | None:
        return partial(progress, step) if progress else None

    source = write(model, {}, {})
    expected = outputs(source, model.graph.file, data.inputs, told("running the float model"))
    if wish.correct:
        weights = corrected(model, found.layers, weights, data.inputs, told("correcting layers"))
    quantisers = _quantisers(model, found, weights, data, wish, input_quant, told("calibrating"))
    return Ternarised(
        model=write(model, weights, quantisers),
        source_digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        data=data,
        expected=expected,
        layers=tuple(_row(layer, rules[layer.node.name], weights[layer.node.name]) for layer in found.layers),
        quantisers=tuple(
            QuantiserRow(value=name, low=q.low, high=q.high, scale=q.scale) for name, q in quantisers.items()
        ),
    )


def _row(layer: Layer, rule: Rule, new: Coded) -> LayerRow:
    old = layer.weights
    size = float(np.linalg.norm(old.astype(np.float64)))
    change = float(np.linalg.norm(new.reals() - old.astype(np.float64)))
    return LayerRow(
        node=layer.node.name,
        op=layer.node.op,
        rule=str(rule),
        weights=old.size,
        zeros=int(np.count_nonzero(new.codes == 0)),
        error=change / size if size else 0.0,
    )


def _quantisers(
    model: FloatModel,
    found: Plan,
    weights: dict[str, Coded],
    data: Data,
    wish: TernariseWish,
    input_quant: InputQuant | None,
    progress: Done | None,
) -> dict[str, Quantiser]:
    """Scales from what the model with its new weights computes."""
    given = _declared(model, input_quant)
    points = [point for point in found.points if point.value not in given]
    names = [point.value for point in points]
    inner = [name for name in names if name not in data.inputs]
    seen = sampled(write(model, weights, given, inner), model.graph.file, data.inputs, names, progress)
    groups: dict[int, list[Point]] = {}
    for point in points:
        groups.setdefault(point.group, []).append(point)
    made: dict[str, Quantiser] = {}
    for group in groups.values():
        samples = [_samples(point, seen[point.value], wish.act_bits) for point in group]
        scale = grid_scale(samples) if all(point.raw for point in group) else None
        scale = scale or best_scale(samples)
        for point, sample in zip(group, samples, strict=True):
            made[point.value] = Quantiser(scale=scale, low=sample.low, high=sample.high)
    return given | {name: made[name] for name in names}


def _samples(point: Point, values: np.ndarray[Any, np.dtype[np.float64]], bits: int) -> Samples:
    bits = INPUT_BITS if point.raw else bits
    unsigned = bool(values.min(initial=0.0) >= 0) if point.raw else point.unsigned
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return Samples(values=values, low=low, high=high)


def _declared(model: FloatModel, wish: InputQuant | None) -> dict[str, Quantiser]:
    """Quantisers of the float inputs where the user says what they are."""
    bounds = parse_type(wish.type) if wish else None
    if wish is None or bounds is None:
        return {}
    names = [source.name for source in model.graph.inputs if source.dtype == "float32"]
    return {name: Quantiser(scale=wish.scale, low=bounds[0], high=bounds[1]) for name in names}
