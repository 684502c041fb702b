"""The models in tests/models, compiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ternc
from ternc.frontend import InputQuant
from ternc.pipeline import Build
from ternc.schedule.design import ArrayShape
from ternc.schedule.pinned import parse_shape

MODELS = Path(__file__).parent / "models"


def shape(text: str) -> ArrayShape:
    """``ROWSxCOLSxLANES[/DRAIN][p]``."""
    found = parse_shape(text)
    assert found is not None
    return found


def compiled(model: str, out: Path, array: str | None = None, target: str = "arria10") -> Build:
    """Compile ``tests/models/<folder>/<model>.onnx``; KERAS needs its input's type said."""
    folder = model.split(".")[0]
    quant = InputQuant.parse("int8:0.0625") if model.startswith("KERAS") else None
    return ternc.compile(
        MODELS / folder / f"{model}.onnx",
        out=out,
        target=target,
        array=shape(array) if array else None,
        input_quant=quant,
    )


def pinned(folder: Path, engines: Sequence[tuple[int, str]]) -> Path:
    """A file for ``--array``: engines that each run so many layers on such an array."""
    path = folder / "engines.toml"
    path.write_text("".join(f'[[engine]]\nlayers = {count}\narray = "{array}"\n' for count, array in engines))
    return path


def chained(model: str, folder: Path, engines: Sequence[tuple[int, str]]) -> Build:
    """Compile a model into ``folder``, for engines that each run so many layers on such an array."""
    return ternc.compile(
        MODELS / model.split(".")[0] / f"{model}.onnx",
        out=folder / "build",
        target="arria10",
        array=pinned(folder, engines),
    )
