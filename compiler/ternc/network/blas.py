"""Matrix products on one thread.

Products of a cache's size gain nothing from more threads, which wait for each other and take the processors of others.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


def one_thread() -> AbstractContextManager[None]:
    """While it is open, numpy's matrix products run on one thread."""
    limited: AbstractContextManager[None] = _threads().limit(limits=1, user_api="blas")
    return limited


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()
