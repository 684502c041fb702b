"""The HLS form of whole designs: every wrapper gives golden's values in every layer, and what is wrong is found."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ternc
from ternc.dialects import DIALECTS, Dialect
from ternc.errors import BuildError, ToolError
from ternc.pipeline import Build
from ternc.schedule.design import Bundles
from ternc.schedule.events import frame_events
from ternc.simulate import frames, hls, verilator
from ternc.simulate.hls import Form, Types
from ternc.simulate.layers import first_wrong
from ternc.simulate.model import Simulation, Window
from ternc.simulate.opened import open_build
from ternc.simulate.streams import pack_all
from ternc.simulate.verify_hls import HlsOptions, verify_hls
from unit.frontend.onnx_models import Graph
from zoo import MODELS, chained, shape

if importlib.util.find_spec("hls4ml") is None and "CI" not in os.environ:
    pytest.skip("hls4ml, whose package has the integer types, is not installed", allow_module_level=True)

COSIMULATED = 8
STRICT = ("-Werror",)
SANITISED = ("-O0", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Three engines, no two alike; not to be changed."""
    engines = [(1, "3x4x5"), (1, "2x6x4"), (1, "1x3x8p")]
    return chained("digits_cnn.qonnx", tmp_path_factory.mktemp("chain"), engines)


def run(build: Build, form: Form, count: int, extra: tuple[str, ...] = STRICT) -> hls.Run:
    """So many frames through one form, compiled with every warning an error."""
    opened = open_build(build.path)
    codes = frames.integers(opened.network, count, 5)
    program = hls.build(build.path / "hls", form, extra)
    return hls.run(opened.dut, program, pack_all(opened.dut.inputs, codes), monitor=form.monitor)


def test_a_chain_of_engines_agrees_in_every_wrapper(chain: Build) -> None:
    report = verify_hls(chain.path, HlsOptions(frames=64))
    assert report.ok, report.failures()
    assert report.dialects == dict.fromkeys(DIALECTS, 0)
    assert (report.frames, report.onnx, report.modified) == (64, 0, ())


@pytest.fixture(scope="module")
def simulated(chain: Build) -> Simulation:
    """The RTL on `COSIMULATED` frames, with every vector that is finished."""
    opened = open_build(chain.path)
    beats = pack_all(opened.dut.inputs, frames.integers(opened.network, COSIMULATED, 5))
    events = [len(frame_events(opened.network, one.layers, one.shape)) for one in opened.engines]
    windows = [Window(engine=n, first=0, count=COSIMULATED * own) for n, own in enumerate(events)]
    return verilator.run(replace(opened.dut, quick=True), beats, windows=windows)


@pytest.mark.parametrize("types", ["fast", "exact"])
def test_c_simulation_and_rtl_finish_the_same_values(
    chain: Build, simulated: Simulation, types: Types
) -> None:
    found, rtl = run(chain, Form(dialect="vitis", types=types, monitor=True), COSIMULATED), simulated
    for trace, vectors in zip(rtl.traces, found.vectors, strict=True):
        assert len(vectors) > 0
        np.testing.assert_array_equal(vectors, trace.values[:, 0])  # one pixel at a time
    for got, wanted in zip(found.beats, rtl.beats, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_several_sums_a_clock_and_pixels_a_beat_agree(tmp_path: Path) -> None:
    """Bundles into line buffers, a feature memory, and an output whose layer has two phases."""
    graph = Graph(3)
    weights = graph.const(graph.trits(2, 3, 2, 2))
    enlarged = graph.node("ConvTranspose", graph.quant("x", 0.25, 4), weights, strides=[2, 2])
    model = graph.save(tmp_path / "wide.onnx", {"x": [1, 2, 4, 16]}, [enlarged])
    wide = ternc.compile(model, out=tmp_path / "wide", array=shape("16x3x2/8"))
    assert wide.design.inputs[0].pixels_per_beat == 2
    assert wide.design.buffers[0].bundles == Bundles(pixels=8, phases=2)
    for build in (wide, chained("digits_cnn.qonnx", tmp_path, [(2, "8x8x4/2"), (1, "2x3x8/2")])):
        report = verify_hls(build.path, HlsOptions(frames=4, dialects=("vitis",)))
        assert report.ok, report.failures()
        assert not build.verify(frames=4, stalls=1).failures()


def test_an_anomaly_s_score_and_a_residual_network_agree(tmp_path: Path) -> None:
    folder = MODELS / "ecg_ae_dense"
    model = folder / "ecg_ae_dense.qonnx.onnx"
    score = ternc.compile(model, out=tmp_path / "score", target="arria10", anomaly=5.0)
    residual = chained("kws_resnet.qonnx", tmp_path, [(3, "4x8x12"), (2, "2x6x8p"), (4, "3x8x12")])
    for build in (score, residual):
        report = verify_hls(build.path, HlsOptions(frames=4, dialects=("catapult",)))
        assert report.ok, report.failures()


@pytest.mark.parametrize("form", [Form(dialect="vitis", types="fast"), Form(dialect="catapult")])
def test_nothing_is_undefined(chain: Build, form: Form) -> None:
    found = run(chain, form, 4, (*STRICT, *SANITISED))
    assert found.beats[0].shape[0] == 4


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_text_that_is_synthesised_gives_the_same(
    chain: Build, simulated: Simulation, dialect: Dialect
) -> None:
    """Pragmas and attributes mean nothing to this compiler, but have to be where they may; ROMs are of exact integers."""
    unknown = ("-DTERNC_SYNTHESIS", "-O0", "-Wno-unknown-pragmas", "-Wno-attributes")
    found = run(chain, Form(dialect=dialect), COSIMULATED, (*STRICT, *unknown))
    for got, wanted in zip(found.beats, simulated.beats, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.skipif(shutil.which("clang++-14") is None, reason="clang 14 is not installed")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_clang_has_nothing_to_warn_of(chain: Build, dialect: Dialect) -> None:
    options = hls.command(chain.path / "hls", Form(dialect=dialect, types="exact", monitor=True))
    done = subprocess.run(
        ["clang++-14", *options[1:], "-Werror", "-fsyntax-only"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("rom", "layer"), [("engine_1_weights", 1), ("engine_0_taps", 0)])
def test_a_wrong_bit_is_found_in_its_layer(chain: Build, tmp_path: Path, rom: str, layer: int) -> None:
    copy = Path(shutil.copytree(chain.path, tmp_path / "build"))
    path = copy / "hls" / "design" / "rom" / f"{rom[:8]}.h"
    head, line, rest = _first_word(path.read_text(), rom)
    path.write_text(head + f"0x{int(line, 16) ^ 1:x}" + rest)
    report = verify_hls(copy, HlsOptions(frames=8, dialects=("catapult",)))
    assert report.dialects["catapult"]
    assert report.to_json()["first_mismatch"]["layer"] == chain.network.layers[layer].name
    (sentence,) = report.failures()
    assert sentence.startswith("HLS C++ (catapult) differs from the golden model first in frame ")


def _first_word(text: str, rom: str) -> tuple[str, str, str]:
    """What is before, in and behind the first number of a ROM's initialiser."""
    start = text.index("0x", text.index(f" {rom}["))
    end = next(n for n in range(start + 2, len(text)) if text[n] not in "0123456789abcdef")
    return text[:start], text[start:end], text[end:]


def test_make_csim_needs_nothing_of_ternc(chain: Build) -> None:
    command = ["make", "-C", str(chain.path / "hls"), "csim"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (
        "12 frames: every output as expected\n2 frames: every value of 3 layers as expected\n" in done.stdout
    )


def test_make_csim_names_a_wrong_layer(chain: Build, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(chain.path, tmp_path / "build"))
    path = copy / "hls" / "csim" / "layers.txt"
    text = path.read_text()
    at = text.index("digests", text.index("engine 1")) + len("digests ")
    path.write_text(f"{text[:at]}1{text[at:]}")
    command = ["make", "-C", str(copy / "hls"), "csim"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    name = chain.network.layers[1].name
    assert f"frame 0: layer '{name}' differs from the golden model\n" in done.stderr


def test_first_wrong_names_what_never_came(chain: Build) -> None:
    opened = open_build(chain.path)
    codes = frames.integers(opened.network, 2, 5)
    found = run(chain, Form(dialect="vitis", types="fast", monitor=True), 2)
    assert first_wrong(opened.network, opened.engines, codes, found.vectors) is None
    short = [*found.vectors[:-1], found.vectors[-1][:-1]]
    place = first_wrong(opened.network, opened.engines, codes, short)
    assert place is not None
    assert (place.frame, place.layer, place.got) == (1, opened.engines[2].layers[0], None)


def test_a_build_without_the_form_is_refused(chain: Build, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(chain.path, tmp_path / "build"))
    shutil.rmtree(copy / "hls" / "sycl")
    with pytest.raises(BuildError, match="the build has no HLS form of this name"):
        verify_hls(copy, HlsOptions(dialects=("sycl",)))
    shutil.rmtree(copy / "hls")
    with pytest.raises(BuildError, match="must have an HLS form, but has no folder 'hls'"):
        verify_hls(copy, HlsOptions())


def test_a_missing_package_of_types_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError) as refused:
        hls.headers("vitis")
    assert refused.value.help == "pip install 'ternc[hls]'"
