"""What logic costs in a fabric: prices from Yosys, written by ``benchmarks/calibrate.py`` into ``fabrics/*.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FABRICS = Path(__file__).parent / "fabrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """A kind of logic.

    Attributes:
        unit: As in `Logic`, or the name of a fabric whose units cost otherwise.
        error, mean_error: Largest and mean relative error of the logic of designs that were not in the fit.
        register_error: Largest share by which a tool's registers were fewer than those of the RTL, or more.
        source: What was measured.
        prices: Units of logic by module and term (`ternc.schedule.terms`).
    """

    unit: str
    error: float
    mean_error: float
    register_error: float
    source: str
    prices: Mapping[str, Mapping[str, float]]

    def logic(self, terms: Mapping[str, Mapping[str, Any]]) -> Any:
        """Logic of amounts by module and term; of arrays of amounts an array.

        Raises:
            KeyError: A term has no price: the table is older than the terms.
        """
        return sum(
            amount * self.prices[module][name] for module, of in terms.items() for name, amount in of.items()
        )


@cache
def load_fabric(name: str) -> Fabric:
    """The fabric that `Device.fabric` names.

    Raises:
        OSError: There is no table for it (every device's fabric has one).
    """
    return Fabric(**tomllib.loads((FABRICS / f"{name.lower()}.toml").read_text(encoding="utf-8")))
