"""One wrong bit anywhere in a build makes verification fail and names the place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ternc.pipeline import Build
from ternc.simulate.verify import VerifyOptions, VerifyReport, verify


@pytest.fixture
def copy(digits: Build, tmp_path: Path) -> Path:
    """A build that may be broken."""
    return Path(shutil.copytree(digits.path, tmp_path / "build"))


def flip(path: Path, line: int, bit: int) -> None:
    """Flip one bit of one word of a memory image."""
    lines = path.read_text().splitlines()
    lines[line] = f"{int(lines[line], 16) ^ (1 << bit):0{len(lines[line])}x}"
    path.write_text("\n".join(lines) + "\n")


def replace(path: Path, old: str, new: str) -> None:
    """Change RTL text."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} no longer has this text once: {old}"
    path.write_text(text.replace(old, new))


def failed(build: Path) -> VerifyReport:
    """The report of a verification that must fail."""
    report = verify(build, VerifyOptions(frames=16))
    assert not report.ok
    assert report.failures()
    return report


def test_the_untouched_build_passes(digits: Build) -> None:
    assert digits.verify(frames=16).ok


def test_one_wrong_weight_is_found_in_its_layer_and_channel(copy: Path, digits: Build) -> None:
    # column 1 holds channels 1 and 5 of the first layer; its first word belongs to channel 1
    flip(copy / "rtl/mem/e0_weights_1.mem", 0, 0)
    found = failed(copy).to_json()["first_mismatch"]
    assert found["layer"] == digits.network.layers[0].name
    assert found["channel"] == 1
    assert found["expected"] != found["got"]
    assert {"frame", "pixel", "cycle"} <= found.keys()


def test_one_wrong_threshold_is_found_in_its_layer_and_channel(copy: Path, digits: Build) -> None:
    # two-bit activations: level 0 decides the upper bit; word 2 belongs to the second layer's first tile
    flip(copy / "rtl/mem/e0_thresholds_2_0.mem", 2, 4)
    found = failed(copy).to_json()["first_mismatch"]
    assert found["layer"] == digits.network.layers[1].name
    assert found["channel"] == 2


def test_one_wrong_tap_is_found(copy: Path, digits: Build) -> None:
    flip(copy / "rtl/mem/e0_taps.mem", 0, 0)
    found = failed(copy).to_json()["first_mismatch"]
    assert found["layer"] == digits.network.layers[0].name


def test_one_wrong_addend_is_found_in_the_last_layer(copy: Path, digits: Build) -> None:
    words = (copy / "rtl/mem/e0_requant_0.mem").read_text().splitlines()
    flip(copy / "rtl/mem/e0_requant_0.mem", len(words) - 1, 0)
    found = failed(copy).to_json()["first_mismatch"]
    assert found["layer"] == digits.network.layers[-1].name


def test_a_missing_register_is_found(copy: Path) -> None:
    replace(copy / "rtl/ternc_rom.sv", "data_q <= read_q;", "data_q <= mem[addr_i];")
    failed(copy)


def test_a_wrong_cycle_count_is_found(copy: Path, digits: Build) -> None:
    # one flush before each layer that reads the one before
    engine = next((copy / "rtl").glob("*_engine0.sv"))
    text = engine.read_text()
    flush = text.split(".FlushCycles(")[1].split(")")[0]
    replace(engine, f".FlushCycles({flush})", f".FlushCycles({int(flush) + 1})")
    report = failed(copy)
    assert (report.rtl, report.onnx) == (0, 0)
    assert (
        report.cycles_per_frame.simulated
        == report.cycles_per_frame.predicted + len(digits.network.layers) - 1
    )
