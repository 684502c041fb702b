"""Integer types by name, and the ``--input-quant`` option."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ternc.errors import ModelError
from ternc.network.steps import Clamp, Divide, Multiply, Round, Step


def parse_type(text: str) -> tuple[int, int] | None:
    """Range of a QONNX integer type: INT1..8, UINT1..8, BINARY, BIPOLAR, TERNARY; None for any other name."""
    name = text.strip().upper()
    named = {"BIPOLAR": (-1, 1), "TERNARY": (-1, 1), "BINARY": (0, 1)}
    if name in named:
        return named[name]
    match = re.fullmatch(r"(U?)INT([1-8])", name)
    if match is None:
        return None
    bits = int(match[2])
    return (0, 2**bits - 1) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputQuant:
    """The integers of a network's input, where the model itself does not say.

    Attributes:
        type: INTn or UINTn (n = 1..8), BINARY, BIPOLAR or TERNARY.
        scale: Real value of code 1, above 0.
    """

    type: str
    scale: float

    @classmethod
    def parse(cls, text: str) -> InputQuant:
        """From ``type:scale``, for example ``int8:0.0625``; the scale is 1 where it is left out.

        Raises:
            ModelError: The text is not of this form.
        """
        kind, _, scale = text.partition(":")
        try:
            value = float(np.float32(scale)) if scale else 1.0
        except ValueError:
            value = float("nan")
        if parse_type(kind) is None or not (np.isfinite(value) and value > 0):
            raise ModelError(
                f"--input-quant must be TYPE:SCALE with a type such as INT8, UINT4, BIPOLAR or TERNARY "
                f"(1 to 8 bits) and a scale above 0, not '{text}'"
            )
        return cls(type=kind.strip().upper(), scale=value)

    def steps(self) -> tuple[Step, ...]:
        """Divide by the scale, round, clip, and multiply by the scale again."""
        bounds = parse_type(self.type)
        assert bounds is not None
        scale = np.array([self.scale])
        clamp = Clamp(low=np.array([float(bounds[0])]), high=np.array([float(bounds[1])]))
        return (Divide(divisor=scale), Round(mode="even"), clamp, Multiply(factor=scale))
