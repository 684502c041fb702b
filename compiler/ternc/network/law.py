"""How the verifier speaks: a place, and the law that does not hold there. What it finds is a bug of ternc."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from ternc.errors import InternalError


def fail(place: str, law: str) -> NoReturn:
    """Raise the `InternalError` of a broken law."""
    raise InternalError("network", f"{place}: {law}")


def require(holds: bool | np.bool_, place: str, law: str) -> None:
    """The same unless the law holds."""
    if not holds:
        fail(place, law)
