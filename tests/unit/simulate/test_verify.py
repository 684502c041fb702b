"""`verify` on the stand-in design, whose network adds one to every value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ternc import frontend
from ternc.errors import BuildError, DataError
from ternc.frontend import Crossing
from ternc.frontend.borders import Exact
from ternc.network.layers import IntRange, Linear, Network, Output, Prologue, Staircase, Tensor, Term
from ternc.network.steps import Round
from ternc.schedule.design import ArrayShape
from ternc.schedule.store import StoredEngine
from ternc.simulate import verify as module
from ternc.simulate import verilator
from ternc.simulate.locate import RtlMismatch
from ternc.simulate.model import Dut
from ternc.simulate.opened import Opened, modified_files, open_build
from ternc.simulate.verify import Cycles, VerifyOptions, VerifyReport, run_parts, verify

StandIn = Callable[..., Dut]
Plus = Callable[..., Opened]

SIZE = 5


def network(borders: tuple[str, ...] = ()) -> Network:
    thresholds = np.tile(np.arange(1, 255), (SIZE, 1))
    shape = (SIZE, 2, 2)
    flat = np.arange(SIZE * 4)
    return Network(
        name="stand_in",
        tensors=(
            Tensor(name="in", channels=SIZE, height=2, width=2, range=IntRange(low=0, high=254)),
            Tensor(name="out", channels=SIZE, height=2, width=2, range=IntRange(low=0, high=255)),
        ),
        layers=(
            Linear(
                name="plus",
                kind="identity",
                terms=(Term(source="in", weights=np.eye(SIZE, dtype=np.int32)[:, :, None, None]),),
                target="out",
                activation=Staircase(thresholds=thresholds, low=1, borders=borders),
            ),
        ),
        inputs=(
            Prologue(
                name="x",
                tensor="in",
                shape=shape,
                dtype="float32",
                steps=(Round(mode="even"),),
                gather=flat,
                scale=1.0,
                offset=0.0,
                declared=True,
            ),
        ),
        outputs=(
            Output(
                name="y",
                shape=shape,
                dtype="float32",
                tensor="out",
                scale=np.ones(SIZE),
                offset=np.zeros(SIZE),
                gather=flat,
            ),
        ),
    )


class Exactly:
    """Stands where the float64 evaluation is: x + ``step``, which may be off by ``error``."""

    def __init__(self, crossing: Crossing | None, _: Path, step: int = 1, error: float = 0.0) -> None:
        self.crossing, self.step, self.error = crossing, step, error

    def evaluate(self, x: dict[str, Any], exact: dict[str, Any]) -> Exact:
        assert np.array_equal(x["x"], exact["x"])
        y = exact["x"] + self.step
        return Exact(
            outputs={"y": y},
            errors={"y": np.full(y.shape, self.error)},
            crossing=self.crossing,
            rounded=False,
        )


@pytest.fixture
def plus(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Plus:
    """Puts an opened build in place of the one on disk, and x + 1 in place of onnxruntime."""

    def make(
        *,
        offset: int = 1,
        fault: int = 0,
        cycles: tuple[int, int] = (4, 5),
        execute: Callable[[NDArray[Any]], NDArray[Any]] = lambda x: x + 1,
        borders: tuple[str, ...] = (),
        crossing: Crossing | None = None,
        departures: tuple[str, ...] = (),
    ) -> Opened:
        dut = stand_in(size=SIZE, offset=offset, fault=fault)
        build = Opened(
            path=dut.rtl.parent,
            network=network(borders),
            dut=dut,
            cycles_per_frame=cycles[0],
            latency_cycles=cycles[1],
            engines=(
                StoredEngine(shape=ArrayShape(rows=1, cols=SIZE, lanes=SIZE), value_bits=9, layers=("plus",)),
            ),
        )
        monkeypatch.setattr(module, "open_build", lambda _: build)
        monkeypatch.setattr(frontend, "execute", lambda _, x: {"y": execute(x["x"])})
        monkeypatch.setattr(frontend, "ExactModel", partial(Exactly, crossing))
        monkeypatch.setattr(frontend, "departures", lambda _: departures)
        monkeypatch.setattr(module, "modified_files", lambda _: ())
        return build

    return make


@pytest.mark.parametrize("stalls", [None, 1])
def test_a_right_design_agrees(plus: Plus, stalls: int | None) -> None:
    report = verify(plus().path, VerifyOptions(stalls=stalls))
    assert report.ok
    assert report.to_json() == {
        "frames": 64,
        "mismatches": {"onnx": 0, "rtl": 0},
        "cycles_per_frame": {"predicted": 4, "simulated": 4},
        "latency_cycles": {"predicted": 5, "simulated": 5},
        "first_mismatch": None,
        "on_borders": {"frames": 0, "first": None},
        "departures": [],
    }


def test_padding_that_onnxruntime_does_not_do_by_the_standard_is_a_note(plus: Plus) -> None:
    report = verify(plus(departures=("node 'pool' (MaxPool)",)).path, VerifyOptions(frames=3))
    assert report.ok
    (note,) = report.notes()
    assert note == (
        "node 'pool' (MaxPool): onnxruntime refuses auto_pad=SAME with dilations, or pads too little, so it was given "
        "the pads of the ONNX standard; run as it is, the file gives something else there"
    )
    assert report.to_json()["departures"] == ["node 'pool' (MaxPool)"]


@pytest.mark.parametrize("stalls", [None, 7])
def test_a_wrong_value_is_named(plus: Plus, stalls: int | None) -> None:
    build = plus(fault=7)
    report = verify(build.path, VerifyOptions(frames=5, stalls=stalls))
    assert not report.ok
    assert report.rtl == 1
    assert report.onnx == 0
    first = report.first_mismatch
    assert isinstance(first, RtlMismatch)
    assert (first.frame, first.layer, first.channel, first.pixel) == (2, "plus", 0, (0, 1))
    assert first.expected == 1  # frame 2 is all zero
    assert first.got == 1 ^ 0x20
    if stalls is None:
        assert first.cycle == 2
        sentence = (
            "RTL differs from the golden model first in frame 2 at layer 'plus', channel 0, pixel [0, 1], "
            "cycle 2 of the frame: expected 1, got 33"
        )
        assert report.failures() == (sentence,)


def test_a_wrong_memory_image_is_named(plus: Plus) -> None:
    report = verify(plus(offset=3).path, VerifyOptions(frames=40))
    assert report.rtl == 40
    assert report.to_json()["first_mismatch"] == {
        "frame": 0,
        "layer": "plus",
        "port": None,
        "channel": 0,
        "pixel": [0, 0],
        "cycle": 1,
        "expected": 1,
        "got": 3,
    }


def test_a_hang_is_named_by_what_never_came(plus: Plus) -> None:
    report = verify(plus(fault=4).path, VerifyOptions(frames=3))
    assert report.rtl == 2
    assert report.cycles_per_frame.simulated is None
    first = report.first_mismatch
    assert isinstance(first, RtlMismatch)
    assert (first.frame, first.layer, first.pixel, first.got) == (1, "plus", (1, 0), None)
    assert "nothing came (nothing moved for 50 cycles" in str(first)
    assert report.stopped.startswith("nothing moved for 50 cycles, in frame 1: ")


def test_other_cycles_than_predicted_fail(plus: Plus) -> None:
    report = verify(plus(cycles=(3, 6)).path, VerifyOptions(frames=8))
    assert report.rtl == 0
    assert report.failures() == (
        "cycles per frame: 3 cycles predicted, but 4 simulated",
        "latency: 6 cycles predicted, but 5 simulated",
    )


def test_another_onnx_output_is_named(plus: Plus) -> None:
    def execute(x: NDArray[Any]) -> NDArray[Any]:
        y = x + 1
        y[1, 3, 0, 1] += 1
        return y

    report = verify(plus(execute=execute).path, VerifyOptions(frames=4))
    assert (report.onnx, report.rtl) == (1, 0)
    assert report.to_json()["first_mismatch"] == {
        "frame": 1,
        "output": "y",
        "index": [3, 0, 1],
        "expected": 256.0,
        "got": 255.0,
    }
    assert report.failures()[0].endswith(
        "got 255 (no value that float32 rounds to the other side of a border explains it)"
    )


CROSSING = Crossing(
    value="q",
    op="Round",
    index=(3, 1, 0),
    exact=0.5000000075,
    single=0.5,
    border=0.5,
    shape=(SIZE, 2, 2),
    count=2,
)


def one_more_at_the_top(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(x + 1 + (x == 254))


def test_a_difference_that_float32_explains_is_no_mismatch_but_a_note(plus: Plus) -> None:
    listed = tuple(f"channel {c}, step 253: border 253.99999 at accumulator 254" for c in range(SIZE))
    build = plus(execute=one_more_at_the_top, borders=listed, crossing=CROSSING)
    report = verify(build.path, VerifyOptions(frames=3))
    assert report.ok
    assert (report.onnx, report.on_borders) == (0, 1)
    (note,) = report.notes()
    assert note == (
        "1 frames differ from onnxruntime because its float32 lands on the other side of a rounding border; "
        "in frame 1 first at 'q' (Round) [3, 1, 0]: the exact value is 0.5000000075 (accumulator 254 of layer 'plus', "
        "border at 253.99999), onnxruntime's float32 gives 0.5, and the border is 0.5"
    )
    assert report.to_json()["on_borders"] == {
        "frames": 1,
        "first": {
            "frame": 1,
            "value": "q",
            "op": "Round",
            "index": [3, 1, 0],
            "exact": 0.5000000075,
            "float32": 0.5,
            "border": 0.5,
            "layer": "plus",
            "accumulator": 254,
            "accumulator_border": "253.99999",
        },
    }


def test_a_border_that_the_network_does_not_list_has_no_accumulator(plus: Plus) -> None:
    elsewhere = ("channel 3, step 252: border 252.9999 at accumulator 253",)
    build = plus(execute=one_more_at_the_top, borders=elsewhere, crossing=CROSSING)
    report = verify(build.path, VerifyOptions(frames=3))
    assert report.on_borders == 1
    assert report.first_on_border is not None
    assert report.first_on_border.place is None
    assert "accumulator" not in report.notes()[0]


def test_a_golden_model_that_is_wrong_is_not_excused_by_a_border(
    plus: Plus, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = plus(execute=one_more_at_the_top, crossing=CROSSING)
    monkeypatch.setattr(frontend, "ExactModel", partial(Exactly, CROSSING, step=2))
    report = verify(build.path, VerifyOptions(frames=3))
    assert (report.onnx, report.on_borders) == (1, 0)
    assert report.failures()[0].endswith("got 255 (in float64 the ONNX model gives 256 at 'y' [0, 0, 0])")


@pytest.mark.parametrize(("error", "explained"), [(0.0, False), (1.0, True)])
def test_what_float64_is_off_by_itself_is_no_difference(
    plus: Plus, monkeypatch: pytest.MonkeyPatch, error: float, explained: bool
) -> None:
    build = plus(execute=one_more_at_the_top, crossing=CROSSING)
    monkeypatch.setattr(frontend, "ExactModel", partial(Exactly, CROSSING, step=2, error=error))
    report = verify(build.path, VerifyOptions(frames=3))
    assert (report.onnx, report.on_borders) == ((0, 1) if explained else (1, 0))


def test_given_inputs_are_run(plus: Plus, tmp_path: Path) -> None:
    build = plus()
    np.save(tmp_path / "x.npy", np.full((7, SIZE, 2, 2), 9, np.float32))
    assert verify(build.path, VerifyOptions(input=tmp_path / "x.npy")).frames == 7
    assert verify(build.path, VerifyOptions(input=tmp_path / "x.npy", frames=2)).frames == 2
    with pytest.raises(DataError, match=r"nothing\.npy: no such file$"):
        verify(build.path, VerifyOptions(input=tmp_path / "nothing.npy"))
    (tmp_path / "bad.npy").write_text("text")
    with pytest.raises(DataError, match=r"bad\.npy: must be a \.npy or \.npz file, but it is neither"):
        verify(build.path, VerifyOptions(input=tmp_path / "bad.npy"))


def test_no_frames_are_refused() -> None:
    with pytest.raises(DataError, match=r"^the number of frames must be at least 1, not 0$"):
        verify(Path(), VerifyOptions(frames=0))


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_parts_together_are_all_frames(plus: Plus, jobs: int) -> None:
    build = plus()
    beats = np.random.default_rng(3).integers(0, 256, (50, 4, SIZE), np.uint8)
    seen: list[tuple[int, int]] = []
    parts = run_parts(
        verilator.run,
        build.dut,
        (beats,),
        stalls=5,
        jobs=jobs,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert len(parts) == jobs
    assert np.array_equal(np.concatenate([part.simulation.beats[0] for part in parts]), beats + np.uint8(1))
    assert seen[-1] == (50, 50)
    assert len({part.stalls for part in parts}) == jobs


def test_changed_files_are_a_note() -> None:
    fine = Cycles(predicted=1, simulated=1)
    report = VerifyReport(
        frames=1,
        onnx=0,
        rtl=0,
        on_borders=0,
        first_on_border=None,
        cycles_per_frame=fine,
        latency_cycles=fine,
        first_mismatch=None,
        stopped="",
        modified=("rtl/mem/e0_taps.mem",),
    )
    assert report.ok
    assert report.notes() == ("1 files were changed after the build: rtl/mem/e0_taps.mem",)
    assert not replace(report, latency_cycles=Cycles(predicted=1, simulated=None)).ok


def test_modified_files_compares_with_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("changed")
    digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    (tmp_path / "manifest.json").write_text(
        f'{{"files": {{"a": "{digest}", "b": "{digest}", "c": "{digest}"}}}}'
    )
    assert modified_files(tmp_path) == ("b", "c")
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(BuildError, match=r"manifest\.json: must be the manifest of a ternc build$"):
        modified_files(tmp_path)


def test_what_is_no_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no such build directory"):
        open_build(tmp_path / "nothing")
    with pytest.raises(BuildError, match=r"must be a build directory of ternc, but has no manifest\.json$"):
        open_build(tmp_path)
