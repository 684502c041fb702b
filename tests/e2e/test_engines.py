"""A chain of engines from end to end, and what is wrong in one of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ternc.pipeline import Build
from ternc.simulate.verify import VerifyOptions, verify
from zoo import chained


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A small convolutional network, each layer on an engine of its own, no two alike; not to be changed."""
    engines = [(1, "3x4x5"), (1, "2x6x4"), (1, "1x3x8p")]
    return chained("digits_cnn.qonnx", tmp_path_factory.mktemp("chain"), engines)


@pytest.mark.parametrize("stalls", [None, 2, 3])
def test_golden_and_rtl_agree_to_the_cycle(chain: Build, stalls: int | None) -> None:
    assert len(chain.design.engines) == 3
    report = chain.verify(frames=16, stalls=stalls)
    assert not report.failures()


@pytest.mark.parametrize(
    ("image", "layer"),
    [("e1_weights_0", 1), ("e1_place_0", 1), ("e2_requant_0", 2), ("e0_taps", 0)],
)
def test_a_wrong_bit_is_found_in_its_engine(chain: Build, tmp_path: Path, image: str, layer: int) -> None:
    copy = Path(shutil.copytree(chain.path, tmp_path / "build"))
    path = copy / "rtl" / "mem" / f"{image}.mem"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([f"{int(first, 16) ^ 1:0{len(first)}x}", *others]) + "\n")
    report = verify(copy, VerifyOptions(frames=16))
    assert report.rtl
    assert report.to_json()["first_mismatch"]["layer"] == chain.network.layers[layer].name
