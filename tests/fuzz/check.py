"""What is demanded of each drawn network: ONNX = golden = RTL, in the cycles that were promised.

The golden model is judged first, because it is cheap; only what passes is built and simulated. Refusals must be of the
kinds that the generator is known to run into, each a sentence that a user can act on.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

import ternc
from fuzz.graphs import Case
from golden_check import judge
from ternc.errors import InternalError, ModelError, ScheduleError, TerncError
from ternc.pipeline import Build
from ternc.schedule.design import ArrayShape

REFUSALS = (
    "arrangement that is not made of straight lines",
    "whose channels each mix values of different scales",
    "it mixes values of different scales in one channel",
    "part of a tensor with another scale in each channel or with an offset",
    "have no exact integer form",
    "whose activation has no integer form",
    "too many to prove an integer form",
    "whose activation turns behind a max pool",
    "is joined along height or width, which a max pool cannot cross",
    "needs a table of more than",
    "levels, all channels together",
    "no value of its quantiser, whose steps",
    "and makes another number of that in each channel",
    "whose real value 0 is no integer",
    "an unquantised activation: it must be quantised to 1..8 bits",
    "it must be quantised to 1..8 bits",
    "behind a clip or rounding that forms no integers",
    "must be one number per channel, but differs inside a channel",
    "a division by, or a product with, the computed value",
    "a product of two computed values",
    "have no common unit",
    "need integer weights of",
    "no exact integer form of",
    "counts fewer pixels, which one divisor cannot express",
    "choose different ones",
    "rearranged, with another scale in each channel",
    "does not depend on the network's input",
    "all readers must share one",
    "more than the 64 times that are read",
)
"""Parts of the refusals that a drawn network may meet: limits of the product, not of the generator."""

UNDRAINED = ("which must lie in different ones of the", "but the anomaly's score takes one pixel")
"""Parts of the refusals of a drawn drain: limits of the product as well."""

BROKEN = (TerncError, InternalError, ArithmeticError, LookupError, TypeError, ValueError, AssertionError)
"""What is never to happen."""

FRAMES = 8
"""Frames that the RTL runs; the first ones are the corners of the input's range."""

Kind: TypeAlias = Literal["golden", "RTL"]


class Failure(AssertionError):  # noqa: N818 - what is found, not an error of the tests
    """A network that is not what it should be."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a network that is in order.

    Attributes:
        refused: The sentence, or empty.
        constant: Whether some output is the same number everywhere, in every frame.
        borders: Frames in which float32's rounding explains a difference.
    """

    refused: str = ""
    constant: bool = False
    borders: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The array and the stalls that a network is simulated with.

    Attributes:
        stalls: Their seed, or None.
    """

    array: ArrayShape
    stalls: int | None

    @staticmethod
    def of(seed: int) -> Hardware:
        """That of a network."""
        dice = random.Random(seed)
        rows, cols, lanes = (dice.randint(1, most) for most in (4, 7, 7))
        stalls = dice.choice((None, seed))
        drain = dice.choice([drain for drain in (1, 2, 4) if rows % drain == 0])
        array = ArrayShape(rows=rows, cols=cols, lanes=lanes, drain=drain, packed=dice.random() < 0.5)
        return Hardware(array=array, stalls=stalls)

    @property
    def options(self) -> tuple[str, str]:
        """As options of ``ternc`` and of ``ternc verify``."""
        verify = f"--frames {FRAMES}" + (f" --stalls {self.stalls}" if self.stalls is not None else "")
        return f"--array {self.array}", verify


def golden(case: Case, path: Path) -> Verdict:
    """Write the model and compare its golden execution with onnxruntime's.

    Raises:
        Failure: A difference, a refusal of an unknown kind, or any other exception.
    """
    path.write_bytes(case.model.SerializeToString())
    try:
        found = judge(path, case.inputs)
    except BROKEN as error:
        raise Failure("golden", f"{type(error).__name__}: {error}") from error
    if found.kind == "wrong":
        raise Failure("golden", found.text)
    if found.kind == "refused":
        if not any(part in found.text for part in REFUSALS):
            raise Failure("golden", f"refused in an unexpected way: {found.text}")
        return Verdict(refused=found.text)
    constant = any(np.all(array == array.flat[0]) for array in found.outputs.values() if array.size)
    return Verdict(constant=constant, borders=found.borders)


def rtl(path: Path, scratch: Path, hardware: Hardware) -> None:
    """Compile the model, simulate it, and compare.

    Raises:
        Failure: A difference in values or cycles, or any other exception.
    """
    out = scratch / "build"
    try:
        build = _compiled(path, out, hardware.array)
        report = build.verify(frames=FRAMES, stalls=hardware.stalls)
    except ModelError as error:
        raise Failure("RTL", f"refused though the front end took it: {error.sentence}") from error
    except BROKEN as error:
        raise Failure("RTL", f"{type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(out, ignore_errors=True)
    if not report.ok:
        raise Failure("RTL", "; ".join(report.failures()))


def _compiled(path: Path, out: Path, array: ArrayShape) -> Build:
    """On the array; with a drain of one sum where its network cannot be read several pixels at a time."""
    try:
        return ternc.compile(path, out=out, array=array)
    except ScheduleError as error:
        if array.drain == 1 or not any(reason in error.sentence for reason in UNDRAINED):
            raise
        return ternc.compile(path, out=out, array=replace(array, drain=1))
