"""How close a network comes to the float one that it was made from: ``report/ternarise.json`` and ``.txt``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ternc.errors import DataError
from ternc.report.table import Table, columns, count

CLASS_AXIS = 1

FAR_ACCURACY, FAR_ERROR = 0.01, 0.1
"""From which loss of accuracy, or relative error where there are no labels, a comparison counts as far off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """How often each network is right.

    Attributes:
        output: The output that was compared with the labels.
        labels: How many there are.
        float_right, ternary_right: How many of them each network gives.
        float_accuracy, ternary_accuracy: Their shares.
        agreement: Share of them for which both networks give the same class.
    """

    output: str
    labels: int
    float_right: int
    ternary_right: int
    float_accuracy: float
    ternary_accuracy: float
    agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far one output is from the float network's.

    Attributes:
        relative_error: Norm of the difference over all frames, relative to the norm of the float network's output.
    """

    output: str
    relative_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The float network beside the ternary one on the same frames.

    Attributes:
        frames: Number of them.
        classes: Accuracies; None without labels.
        differences: One for each output.
        note: Why labels that were given say nothing; empty where they do or there are none.
    """

    frames: int
    classes: Classes | None
    differences: tuple[Difference, ...]
    note: str = ""

    @property
    def far(self) -> bool:
        """Whether the ternary network is noticeably worse than the float one."""
        if self.classes is not None:
            return self.classes.float_accuracy - self.classes.ternary_accuracy > FAR_ACCURACY
        return any(difference.relative_error > FAR_ERROR for difference in self.differences)


def compare(
    expected: Mapping[str, NDArray[Any]],
    found: Mapping[str, NDArray[Any]],
    labels: NDArray[np.int64] | None,
    inputs: Mapping[str, NDArray[Any]],
) -> Comparison:
    """Compare outputs, and both with labels.

    The labels belong to the first output that can be scores of classes along its axis 1, or class numbers.

    Args:
        expected: The float network's outputs, ``[N, ...]`` by name.
        found: The ternary network's, at least the same names and shapes.
        labels: int64, the shape of an output without its class axis; or None.
        inputs: What both read: an output of an input's shape is a reconstruction, not scores.
    Raises:
        DataError: A label is no class of the output.
    """
    frames = len(next(iter(expected.values())))
    shapes = {array.shape[1:] for array in inputs.values()}
    chosen = {name: _classes(array) for name, array in expected.items() if array.shape[1:] not in shapes}
    fitting = [
        name
        for name, choice in chosen.items()
        if labels is not None and choice is not None and choice.shape == labels.shape
    ]
    right, note = None, ""
    if labels is not None and not fitting:
        note = "the labels are not used: no output gives a class for each of them"
    if labels is not None and fitting:
        right = _right(fitting[0], expected[fitting[0]], found[fitting[0]], labels)
    differences = [_difference(name, array, found[name]) for name, array in expected.items()]
    return Comparison(frames=frames, classes=right, differences=tuple(differences), note=note)


def _classes(scores: NDArray[Any]) -> NDArray[np.int64] | None:
    """The class numbers that an output means; None where it means none."""
    if scores.dtype.kind in "iu":
        single = scores.ndim == CLASS_AXIS + 1 and scores.shape[CLASS_AXIS] == 1
        return (scores[:, 0] if single else scores).astype(np.int64)
    if scores.ndim <= CLASS_AXIS or scores.shape[CLASS_AXIS] < 2:
        return None
    choice: NDArray[np.int64] = scores.argmax(axis=CLASS_AXIS).astype(np.int64)
    return choice.ravel() if choice.size == len(choice) else choice


def _right(name: str, expected: NDArray[Any], found: NDArray[Any], labels: NDArray[np.int64]) -> Classes:
    if expected.dtype.kind == "f" and labels.max(initial=0) >= expected.shape[CLASS_AXIS]:
        raise DataError(
            f"the labels must be classes from 0 to {expected.shape[CLASS_AXIS] - 1} of output '{name}', "
            f"but go up to {labels.max()}"
        )
    real, ternary = _classes(expected), _classes(found)
    hits = [int(np.count_nonzero(choice == labels)) for choice in (real, ternary)]
    return Classes(
        output=name,
        labels=labels.size,
        float_right=hits[0],
        ternary_right=hits[1],
        float_accuracy=hits[0] / labels.size,
        ternary_accuracy=hits[1] / labels.size,
        agreement=int(np.count_nonzero(real == ternary)) / labels.size,
    )


def _difference(name: str, expected: NDArray[Any], found: NDArray[Any]) -> Difference:
    wanted = expected.astype(np.float64)
    size = float(np.linalg.norm(wanted))
    off = float(np.linalg.norm(found.astype(np.float64) - wanted))
    return Difference(output=name, relative_error=off / size if size else off)


def to_dict(found: Comparison) -> dict[str, Any]:
    """As plain data."""
    return asdict(found)


def to_table(found: Comparison, file: str, advice: str = "") -> Table:
    """For a person.

    Args:
        found: The comparison.
        file: Name of the data.
        advice: What to try where the ternary network is far off.
    """
    rows = []
    if found.classes is not None:
        c = found.classes
        rows = [
            ("accuracy", _percent(c.float_accuracy), _percent(c.ternary_accuracy)),
            (f"right of {count(c.labels)}", count(c.float_right), count(c.ternary_right)),
            ("same class as float", "", _percent(c.agreement)),
        ]
    for difference in found.differences:
        of = f" of '{difference.output}'" if len(found.differences) > 1 else ""
        rows.append((f"relative output error{of}", "", f"{difference.relative_error:.3f}"))
    title = f"Ternarised: {count(found.frames)} frames of {file}"
    notes = ["ternary: the golden model, whose values the hardware computes."]
    notes += [found.note] if found.note else []
    notes += [advice] if advice and found.far else []
    return Table(title=title, columns=columns("", ">float", ">ternary"), rows=tuple(rows), notes=tuple(notes))


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
