"""What the whole-flow tests share."""

from __future__ import annotations

import pytest

from ternc.pipeline import Build
from zoo import compiled


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A small convolutional network on a small array; not to be changed."""
    return compiled("digits_cnn.qonnx", tmp_path_factory.mktemp("digits") / "build", "2x4x8")
