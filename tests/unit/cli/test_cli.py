"""The command line: defaults, exit codes, sentences, and one JSON document whatever happens."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import ternc
from ternc import cli, frontend, pipeline
from ternc.errors import BuildError, InternalError, ModelError
from ternc.frontend.inspect import Obstacle
from ternc.handoff import check as handing_over
from ternc.handoff.check import HandoffReport
from ternc.schedule.design import ArrayShape
from ternc.simulate import predict as predicting
from ternc.simulate import verify as verifying
from ternc.simulate.locate import RtlMismatch
from ternc.simulate.verify import Cycles, VerifyOptions, VerifyReport


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments), prog_name="ternc")


class Compiler:
    """Stands where `pipeline.compile` is: records what the command line asks for, then refuses or breaks."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.outcome: BaseException = ModelError("net.onnx: no such file")

    def __call__(self, model: Path, **asked: Any) -> None:
        self.asked.append({"model": model, **asked})
        raise self.outcome


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    fake = Compiler()
    monkeypatch.setattr(pipeline, "compile", fake)
    return fake


# ---- which command, which options -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["net.onnx", "--fps", "30"],
        ["--fps", "30", "net.onnx"],
        ["compile", "net.onnx", "--fps", "30"],
        ["-q", "net.onnx", "--fps", "30"],
    ],
)
def test_a_model_as_first_argument_means_compile(arguments: list[str], compiler: Compiler) -> None:
    assert run(*arguments).exit_code == 1
    (asked,) = compiler.asked
    assert asked["model"] == Path("net.onnx")
    assert asked["options"].fps == 30.0


def test_compile_options_reach_the_pipeline(compiler: Compiler) -> None:
    run(
        *["net.onnx", "--target", "unit", "-o", "there", "--budget", "0.25", "--clock-mhz", "150"],
        *["--array", "2x4X8", "--input-quant", "int8:0.0625"],
    )
    (asked,) = compiler.asked
    options = asked["options"]
    assert asked["out"] == Path("there")
    assert (options.target, options.fps, options.budget, options.clock_mhz) == ("unit", None, 0.25, 150.0)
    assert options.array == ArrayShape(rows=2, cols=4, lanes=8)
    assert (options.input_quant.type, options.input_quant.scale) == ("INT8", 0.0625)


@pytest.mark.parametrize(
    ("arguments", "measure"),
    [([], "squares"), (["--anomaly-measure", "absolute"], "absolute")],
)
def test_an_outlier_detector_reaches_the_pipeline(
    arguments: list[str], measure: str, compiler: Compiler
) -> None:
    run("net.onnx", "--anomaly", "0.5", *arguments)
    (asked,) = compiler.asked
    wish = asked["options"].anomaly
    assert (wish.threshold, wish.measure) == (0.5, measure)
    document = pipeline.options_document(Path("net.onnx"), asked["options"])
    assert document["anomaly"] == {"threshold": 0.5, "measure": measure}


def test_compile_defaults(compiler: Compiler) -> None:
    run("net.onnx")
    (asked,) = compiler.asked
    assert asked["out"] is None
    assert asked["options"] == pipeline.CompileOptions()


def test_version() -> None:
    assert run("--version").output == f"ternc {ternc.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_shows_every_command(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    for command in ("activity", "check", "compile", "predict", "targets", "verify"):
        assert command in result.output


def test_flags_may_stand_before_a_command() -> None:
    assert json.loads(run("--json", "targets").output)["targets"][0]["name"] == "agilex7-i027"


# ---- wrong usage: exit code 2 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--array", "4x8"],
            (
                "Invalid value for '--array': must be ROWSxCOLSxLANES[/DRAIN][p], the drain a power of two that divides "
                "the rows, for example 4x8x16, 4x8x16/2 or 4x8x16p, not '4x8'"
            ),
        ),
        (
            ["--array", "0x8x8"],
            (
                "Invalid value for '--array': must be ROWSxCOLSxLANES[/DRAIN][p], the drain a power of two that divides "
                "the rows, for example 4x8x16, 4x8x16/2 or 4x8x16p, not '0x8x8'"
            ),
        ),
        (["--fps", "nan"], "Invalid value for '--fps': must be a number above 0, not 'nan'"),
        (["--clock-mhz", "-1"], "Invalid value for '--clock-mhz': must be a number above 0, not '-1'"),
        (
            ["--budget", "1.5"],
            "Invalid value for '--budget': must be a share of the device, above 0 and at most 1, not '1.5'",
        ),
        (["--anomaly", "-1"], "Invalid value for '--anomaly': must be a number of at least 0, not '-1'"),
        (["--anomaly-measure", "squares"], "--anomaly-measure needs --anomaly"),
        (["-q", "-v"], "-q and -v exclude each other"),
        (["more.onnx"], "Got unexpected extra argument (more.onnx)"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], sentence: str, compiler: Compiler) -> None:
    result = run("net.onnx", *arguments)
    assert result.exit_code == 2
    assert result.stderr == f"error: {sentence}\n  help: ternc compile --help\n"
    assert result.stdout == ""
    assert compiler.asked == []


def test_input_quant_of_another_form_is_wrong_usage(compiler: Compiler) -> None:
    result = run("net.onnx", "--input-quant", "float:1")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --input-quant must be TYPE:SCALE")


def test_wrong_usage_as_json(compiler: Compiler) -> None:
    result = run("net.onnx", "--fps", "0", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "error": "Invalid value for '--fps': must be a number above 0, not '0'",
        "help": "ternc compile --help",
    }


# ---- refusals and bugs: exit code 1 ---------------------------------------------------------------------


def test_a_refusal_is_a_sentence_and_the_way_out(compiler: Compiler) -> None:
    compiler.outcome = ModelError(
        "net.onnx: node 'a' (Foo): must be known, but is not", help="export it again"
    )
    result = run("net.onnx")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "error: net.onnx: node 'a' (Foo): must be known, but is not\n  help: export it again\n"
    )


def test_a_refusal_as_json(compiler: Compiler) -> None:
    compiler.outcome = BuildError("there: must be a build", help="compile first")
    result = run("net.onnx", "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    assert json.loads(result.stdout) == {"error": "there: must be a build", "help": "compile first"}


def test_a_broken_promise_says_that_it_is_a_bug(compiler: Compiler) -> None:
    compiler.outcome = InternalError("schedule", "two layers share a bank")
    result = run("net.onnx")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: ternc has a bug in its schedule stage: two layers share a bank\n"
        "  help: run it again with -v for the traceback, and report it with the model\n"
    )


def test_any_other_exception_is_a_bug_of_the_stage_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(depth: object) -> None:
        ArrayShape(rows=1, cols=1, lanes=1).__format__(depth)  # type: ignore[arg-type]

    monkeypatch.setattr(verifying, "open_build", broken)
    result = run("verify", "there")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ternc has a bug in its simulate stage: TypeError: ")
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("verify", "there", "-v").stderr


def test_the_operating_systems_refusal_names_the_place(compiler: Compiler) -> None:
    compiler.outcome = PermissionError(13, "Permission denied", "/somewhere")
    result = run("net.onnx")
    assert (result.exit_code, result.stderr) == (1, "error: /somewhere: Permission denied\n")


def test_interrupting_is_no_bug(compiler: Compiler) -> None:
    compiler.outcome = KeyboardInterrupt()
    result = run("net.onnx")
    assert (result.exit_code, result.stderr) == (130, "\nerror: interrupted\n")


# ---- check ----------------------------------------------------------------------------------------------


MNIST = Path(__file__).parents[2] / "models" / "mnist_cnn_a4" / "mnist_cnn_a4.qonnx.onnx"


def test_check_shows_the_layers_of_a_model() -> None:
    result = run("check", str(MNIST))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == CHECKED


CHECKED = """\
Layers of mnist_cnn_a4.qonnx.onnx

layer          op    ternary  weights  density  weight bits  in  out
-------------  ----  -------  -------  -------  -----------  --  ---
node_Conv_130  Conv  yes          144   58.3 %            2   8    4
node_Conv_131  Conv  yes        2,304   30.0 %            2   4    4
node_Conv_132  Conv  yes        4,608   30.0 %            2   4    4
node_Conv_134  Conv  yes        9,216   30.0 %            2   4    4
node_linear    Gemm  yes       15,680   30.0 %            2   4  raw

in, out: bits of a value.

mnist_cnn_a4.qonnx.onnx can be compiled
exact: 4 of 4 activations, proved for all 94,116 sums in reach
"""


def test_check_verbosely_adds_nodes_and_the_network() -> None:
    lines = run("check", "-v", str(MNIST)).output.splitlines()
    assert "Nodes" in lines
    assert any(line.startswith("network mnist_cnn_a4") for line in lines)
    assert any(line.startswith("node_Conv_130  exact  ") for line in lines)


def test_check_as_json() -> None:
    document = json.loads(run("check", str(MNIST), "--json").stdout)
    assert list(document) == ["file", "supported", "layers", "nodes", "obstacles", "exactness"]
    assert document["exactness"]["exact"] is True
    assert document["supported"] is True
    assert document["layers"][1]["nonzeros"] == 692
    assert document["layers"][4]["output_bits"] is None


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = frontend.CheckReport(
        file="net.onnx",
        supported=False,
        nodes=(),
        layers=(),
        obstacles=(Obstacle(sentence="one", help="do this"), Obstacle(sentence="two", help="")),
        network=None,
    )
    monkeypatch.setattr(pipeline, "check", lambda *_: found)


@pytest.mark.usefixtures("refused")
def test_check_lists_every_obstacle_and_exits_with_1() -> None:
    result = run("check", "net.onnx")
    assert result.exit_code == 1
    assert result.stderr == "error: one\n  help: do this\nerror: two\n"


@pytest.mark.usefixtures("refused")
def test_check_as_json_names_the_first_obstacle_as_the_error() -> None:
    result = run("check", "net.onnx", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["error"], document["help"]) == (1, "one", "do this")
    assert [obstacle["sentence"] for obstacle in document["obstacles"]] == ["one", "two"]


# ---- verify ---------------------------------------------------------------------------------------------


def verified(**changes: Any) -> VerifyReport:
    same: dict[str, Any] = {
        "frames": 256,
        "onnx": 0,
        "rtl": 0,
        "on_borders": 0,
        "first_on_border": None,
        "cycles_per_frame": Cycles(predicted=1_200, simulated=1_200),
        "latency_cycles": Cycles(predicted=2_000, simulated=2_000),
        "first_mismatch": None,
        "stopped": "",
        "modified": (),
    }
    return VerifyReport(**(same | changes))


@pytest.fixture
def verify_asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, VerifyOptions]]:
    asked: list[tuple[Path, VerifyOptions]] = []

    def fake(path: Path, options: VerifyOptions, progress: object) -> VerifyReport:
        asked.append((path, options))
        return verified()

    monkeypatch.setattr(verifying, "verify", fake)
    return asked


def test_verify_options_reach_the_library(verify_asked: list[tuple[Path, VerifyOptions]]) -> None:
    run("verify", "b", "--frames", "9", "--input", "x.npy", "--stalls", "3", "--simulator", "icarus")
    assert verify_asked == [
        (Path("b"), VerifyOptions(frames=9, input=Path("x.npy"), stalls=3, simulator="icarus"))
    ]


def test_verify_agreement(verify_asked: list[tuple[Path, VerifyOptions]]) -> None:
    result = run("verify", "b")
    assert result.exit_code == 0
    assert result.output == (
        "256 frames: golden = RTL = ONNX; 1,200 cycles per frame and a latency of 2,000 cycles, as predicted\n"
    )
    assert run("verify", "b", "-q").output == ""
    assert json.loads(run("verify", "b", "--json").stdout) == {
        "frames": 256,
        "mismatches": {"onnx": 0, "rtl": 0},
        "cycles_per_frame": {"predicted": 1200, "simulated": 1200},
        "latency_cycles": {"predicted": 2000, "simulated": 2000},
        "first_mismatch": None,
        "on_borders": {"frames": 0, "first": None},
        "departures": [],
    }


@pytest.fixture
def differing(monkeypatch: pytest.MonkeyPatch) -> None:
    mismatch = RtlMismatch(
        frame=3, layer="conv1", port=None, channel=2, pixel=(4, 5), cycle=678, expected=7, got=6, reason=""
    )
    monkeypatch.setattr(verifying, "verify", lambda *_: verified(rtl=1, first_mismatch=mismatch))


@pytest.mark.usefixtures("differing")
def test_verify_mismatch_is_one_sentence_and_exit_code_1() -> None:
    result = run("verify", "b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: RTL differs from the golden model first in frame 3 at layer 'conv1', channel 2, pixel [4, 5], "
        "cycle 678 of the frame: expected 7, got 6\n"
    )


@pytest.mark.usefixtures("differing")
def test_verify_mismatch_as_json_keeps_its_keys() -> None:
    result = run("verify", "b", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["mismatches"] == {"onnx": 0, "rtl": 1}
    assert document["first_mismatch"]["layer"] == "conv1"


def test_verify_of_no_build_is_refused(tmp_path: Path) -> None:
    result = run("verify", str(tmp_path / "none"))
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: {tmp_path / 'none'}: no such build directory\n  help: compile the model first: ternc MODEL.onnx\n",
    )


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands where `ternc.handoff.check.check` is; what it finds may be changed."""
    findings: list[str] = []
    report = lambda build: HandoffReport(files=("net.core", "synth/net.ys"), findings=tuple(findings))  # noqa: E731
    monkeypatch.setattr(handing_over, "check", report)
    return findings


def test_verify_handoff_agreement(handed_over: list[str]) -> None:
    result = run("verify", "b", "--handoff")
    assert (result.exit_code, result.output) == (
        0,
        "2 files for other tools: ports, widths, directions and files agree with the RTL\n",
    )
    document = json.loads(run("verify", "b", "--handoff", "--json").stdout)
    assert document == {"files": ["net.core", "synth/net.ys"], "findings": []}


def test_verify_handoff_says_every_finding(handed_over: list[str]) -> None:
    handed_over += ["net.core: one", "net.core: two"]
    result = run("verify", "b", "--handoff")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: net.core: one\nerror: net.core: two\n"


def test_verify_handoff_runs_no_frames(handed_over: list[str]) -> None:
    result = run("verify", "b", "--handoff", "--frames", "3")
    assert result.exit_code == 2
    assert "--handoff runs no frames, so it excludes --frames" in result.stderr


# ---- predict --------------------------------------------------------------------------------------------


@pytest.fixture
def doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "outputs", lambda path: ("y",))
    monkeypatch.setattr(predicting, "predict", lambda path, x, engine, progress: {"y": 2 * x})


@pytest.mark.usefixtures("doubled")
def test_predict_writes_what_the_library_returns(tmp_path: Path) -> None:
    x, y = tmp_path / "x.npy", tmp_path / "y.out"
    np.save(x, np.ones((3, 5), np.float32))
    result = run("predict", "b", str(x), "-o", str(y))
    assert (result.exit_code, result.output) == (0, f"{y}: 3 x 5 values of float32 from 3 frames\n")
    assert np.array_equal(np.load(y), np.full((3, 5), 2, np.float32))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.npy", "y.out"]


@pytest.mark.usefixtures("doubled")
def test_predict_as_json(tmp_path: Path) -> None:
    x, y = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, np.ones((3, 5), np.float32))
    document = json.loads(run("predict", "b", str(x), "-o", str(y), "--engine", "rtl", "--json").stdout)
    assert document == {"frames": 3, "engine": "rtl", "output": str(y), "shape": [3, 5], "dtype": "float32"}


@pytest.mark.usefixtures("doubled")
def test_predict_leaves_nothing_where_it_cannot_write(tmp_path: Path) -> None:
    x, y = tmp_path / "x.npy", tmp_path / "none" / "y.npy"
    np.save(x, np.ones(3))
    result = run("predict", "b", str(x), "-o", str(y))
    assert result.exit_code == 1
    assert result.stderr.endswith(": No such file or directory\n")


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two inputs, two outputs and an outlier flag."""

    def fake(path: Path, x: dict[str, Any], engine: str, progress: object) -> dict[str, Any]:
        total = x["a"] + x["b"]
        flags = np.array([True, False, True])
        return {"sum": total, "max": total.max(axis=1), "anomaly_score": np.zeros(3), "anomaly": flags}

    monkeypatch.setattr(predicting, "outputs", lambda path: ("sum", "max", "anomaly_score", "anomaly"))
    monkeypatch.setattr(predicting, "predict", fake)


@pytest.mark.usefixtures("detector")
def test_predict_with_several_ends_reads_and_writes_arrays_by_name(tmp_path: Path) -> None:
    x, y = tmp_path / "x.npz", tmp_path / "y.npz"
    np.savez(x, a=np.ones((3, 5), np.float32), b=np.ones((3, 5), np.float32))
    result = run("predict", "b", str(x), "-o", str(y))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.output.splitlines() == [
        f"{y}, 'sum': 3 x 5 values of float32 from 3 frames",
        f"{y}, 'max': 3 values of float32 from 3 frames",
        f"{y}, 'anomaly_score': 3 values of float64 from 3 frames",
        f"{y}, 'anomaly': 3 values of bool from 3 frames",
        "2 of 3 frames are outliers",
    ]
    with np.load(y) as stored:
        assert sorted(stored) == ["anomaly", "anomaly_score", "max", "sum"]
    document = json.loads(run("predict", "b", str(x), "-o", str(y), "--json").stdout)
    assert document["frames"] == 3
    assert document["outputs"]["max"] == {"shape": [3], "dtype": "float32"}
    assert document["anomalies"] == 2


@pytest.mark.usefixtures("detector")
def test_several_outputs_do_not_fit_into_one_array_file(tmp_path: Path) -> None:
    x, y = tmp_path / "x.npz", tmp_path / "y.npy"
    np.savez(x, a=np.ones((3, 5)), b=np.ones((3, 5)))
    result = run("predict", "b", str(x), "-o", str(y))
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {y}: must be a .npz file, because the build has 4 outputs: 'sum', 'max', 'anomaly_score', 'anomaly'\n"
        f"  help: write to {tmp_path / 'y.npz'}\n"
    )
    assert not y.exists()


@pytest.mark.usefixtures("doubled")
def test_one_output_may_go_into_an_archive_too(tmp_path: Path) -> None:
    x, y = tmp_path / "x.npy", tmp_path / "y.npz"
    np.save(x, np.ones((3, 5), np.float32))
    assert run("predict", "b", str(x), "-o", str(y)).exit_code == 0
    with np.load(y) as stored:
        assert stored["y"].shape == (3, 5)


# ---- targets --------------------------------------------------------------------------------------------


def test_targets_lists_every_device_with_its_resources() -> None:
    lines = run("targets").output.splitlines()
    assert lines[0].split() == [
        "target",
        "device",
        "logic",
        "registers",
        "block",
        "RAM",
        "multipliers",
        "MHz",
    ]
    assert lines[3] == (
        "arria10         Intel Arria 10 GX 1150               427,200 ALM  1,708,800    2,713 M20K       1,518 DSP  300"
    )
    assert lines[-1].split()[:1] + lines[-1].split()[-3:] == [
        "zcu104",
        "zu7ev",
        "xczu7ev-ffvc1156-2-e",
        "125",
    ]
    assert len(lines) == 36


def test_nothing_is_written_to_a_pipe_but_the_result() -> None:
    result = run("targets", "--json")
    assert result.stderr == ""
    assert all(device["logic"]["source"] for device in json.loads(result.stdout)["targets"])


# ---- the real thing -------------------------------------------------------------------------------------


DIGITS = MNIST.parents[1] / "digits_cnn" / "digits_cnn.qonnx.onnx"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("build") / "digits"
    return out, run(str(DIGITS), "--target", "unit", "--array", "2x4x4", "-o", str(out), "--json")


def test_compile_as_json_is_the_reports_and_the_place(compiled: tuple[Path, Result]) -> None:
    out, result = compiled
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document.pop("build") == str(out)
    exactness = json.loads((out / "report" / "exactness.json").read_text(encoding="utf-8"))
    assert document.pop("exactness") == exactness
    assert [row["proof"] for row in exactness["activations"]] == ["every", "every"]
    assert document == json.loads((out / "report" / "performance.json").read_text(encoding="utf-8"))
    assert document["array"] == [{"rows": 2, "cols": 4, "lanes": 4, "drain": 1, "packed": False}]
    assert [port["name"] for port in (*document["inputs"], *document["outputs"])] == ["s_axis", "m_axis"]


def test_compile_says_where_the_build_is(tmp_path: Path) -> None:
    out = tmp_path / "digits"
    result = run(str(DIGITS), "--target", "unit", "--array", "1x1x1", "-o", str(out))
    assert result.output.endswith(f"\nwritten: {out}\n")
    shown, _, rest = result.output.partition("\nexact: ")
    assert (out / "report" / "performance.txt").read_text(encoding="utf-8").startswith(shown)
    assert "Resources of unit (estimated)" in shown
    assert rest.startswith("2 of 2 activations")


def test_predict_gives_the_reference_outputs(compiled: tuple[Path, Result], tmp_path: Path) -> None:
    out, _ = compiled
    with np.load(DIGITS.with_name("digits_cnn.ref.npz")) as stored:
        np.save(tmp_path / "x.npy", (stored["x_code"] * stored["x_scale"]).astype(np.float32))
        expected = stored["y"]
    assert run("predict", str(out), str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy")).exit_code == 0
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-4, atol=1e-6)


def test_predict_refuses_an_input_of_another_shape(compiled: tuple[Path, Result], tmp_path: Path) -> None:
    out, _ = compiled
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 8, 8), np.float32))
    result = run("predict", str(out), str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy"))
    assert result.exit_code == 1
    assert not (tmp_path / "y.npy").exists()
    assert "[2, 3, 8, 8]" in result.stderr
