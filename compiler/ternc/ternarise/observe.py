"""Running models on calibration data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc.frontend.lower import load_for_execution
from ternc.frontend.runtime import Session, Values, run_frames

Inputs: TypeAlias = Mapping[str, NDArray[Any]]
"""``[N, ...]`` by ONNX name."""
Done: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) now and then."""

CHUNK_FRAMES = 64
CALIBRATION_FRAMES = 512
"""Frames that scales are chosen from, spread evenly over all."""
SAMPLES = 1 << 15
"""Values of each kind that are kept for choosing a scale, besides the smallest and the largest."""


def chosen(inputs: Inputs, most: int) -> Inputs:
    """At most so many of the frames, spread evenly."""
    frames = len(next(iter(inputs.values())))
    places = np.unique(np.linspace(0, frames - 1, min(frames, most)).astype(np.int64))
    return {name: array[places] for name, array in inputs.items()}


def run(model: bytes, file: str, inputs: Inputs) -> Iterator[Values]:
    """The outputs of a model (ONNX of any dialect, called ``file`` in messages), a chunk of frames at a time.

    Raises:
        ToolError: onnxruntime cannot run the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.write_bytes(model)
        single = Session(load_for_execution(path, dynamic=False), file)
        loaded = load_for_execution(path)
    made: list[Session] = []

    def whole() -> Session:
        if not made:
            made.append(Session(loaded, file))
        return made[0]

    for first in range(0, len(next(iter(inputs.values()))), CHUNK_FRAMES):
        part = {name: array[first : first + CHUNK_FRAMES] for name, array in inputs.items()}
        yield run_frames(single, whole, part)


def outputs(model: bytes, file: str, inputs: Inputs, progress: Done | None = None) -> Values:
    """All outputs for all frames, ``[N, ...]`` by name."""
    frames = len(next(iter(inputs.values())))
    parts: list[Values] = []
    for values in run(model, file, inputs):
        parts.append(values)
        if progress:
            progress(min(len(parts) * CHUNK_FRAMES, frames), frames)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Sampler:
    """A fair sample of the numbers that a value takes, with the smallest and the largest."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._rng = np.random.default_rng(0)
        self._parts: list[NDArray[np.float64]] = []

    def add(self, values: NDArray[Any]) -> None:
        """The value for some of the frames, ``[n, ...]``."""
        flat = values.astype(np.float64).ravel()
        count = min(flat.size, int(np.ceil(SAMPLES * len(values) / self._frames)))
        kept = flat if count == flat.size else self._rng.choice(flat, count, replace=False)
        self._parts.append(np.concatenate([kept, [flat.min(), flat.max()]]))

    def values(self) -> NDArray[np.float64]:
        """The sample, float64 ``[n]``."""
        return np.concatenate(self._parts)


def sampled(
    model: bytes, file: str, inputs: Inputs, names: Sequence[str], progress: Done | None = None
) -> dict[str, NDArray[np.float64]]:
    """A sample of each named value: an input, or an output of the model."""
    inputs = chosen(inputs, CALIBRATION_FRAMES)
    frames = len(next(iter(inputs.values())))
    found = {name: Sampler(frames) for name in names}
    for name in names:
        if name in inputs:
            found[name].add(inputs[name])
    if any(name not in inputs for name in names):
        for number, values in enumerate(run(model, file, inputs), start=1):
            for name in values:
                found[name].add(values[name])
            if progress:
                progress(min(number * CHUNK_FRAMES, frames), frames)
    return {name: sampler.values() for name, sampler in found.items()}
