"""Fixtures of the RTL tests."""

import os

import pytest
from rtl_bench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Builds and runs modules, in a directory shared by the parallel workers of a session."""
    base = tmp_path_factory.getbasetemp()
    work = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "rtl"
    work.mkdir(exist_ok=True)
    return Bench(work)
