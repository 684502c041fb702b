"""The speeds that README states, measured: ``make bench``. Comparisons are ratios taken in one run.

Times marked "CPU" are processor seconds of this process, all threads; the others are seconds on the wall.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from ternc.frontend import inspect, read
from ternc.network import golden, host
from ternc.report.table import Table, columns

MODELS = Path(__file__).parents[1] / "tests" / "models"
TFC = MODELS / "TFC_2W2A" / "TFC_2W2A.onnx"
MNIST = MODELS / "mnist_cnn_a4" / "mnist_cnn_a4.qonnx.onnx"

GOLDEN_FRAMES = 8192
QONNX_FRAMES = 128
RTL_FRAMES = 256


def reference(model: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The stored inputs and outputs of a model."""
    with np.load(model.with_name(f"{model.name.split('.')[0]}.ref.npz")) as stored:
        return (stored["x_code"] * stored["x_scale"]).astype(np.float32), stored["y"]


def cpu_seconds(run: Callable[[], Any], at_least: float = 2.0) -> float:
    """CPU seconds of one call, the mean of as many as fill ``at_least`` seconds, after one to warm up."""
    run()
    calls, start = 0, time.process_time()
    while (spent := time.process_time() - start) < at_least:
        run()
        calls += 1
    return spent / calls


def golden_against_qonnx(model: Path) -> dict[str, float]:
    """Frames per CPU second, float input to float output, of the golden model and of qonnx's execution."""
    x, y = reference(model)
    network = read(model)
    many = np.resize(x, (GOLDEN_FRAMES, *x.shape[1:]))

    def ours(frames: NDArray[np.float32]) -> NDArray[Any]:
        codes = host.encode(network.prologue, network.input, frames)
        return host.decode(
            network.output, network.tensor(network.output.tensor), golden.predict(network, codes)
        )

    # qonnx makes one-node models of onnx's newest version, which onnxruntime refuses.
    vars(onnx)["IR_VERSION"] = 10
    wrapper = cleanup_model(ModelWrapper(str(model)))
    name_in, name_out = wrapper.graph.input[0].name, wrapper.graph.output[0].name

    def theirs() -> NDArray[Any]:
        frames = np.resize(x, (QONNX_FRAMES, *x.shape[1:]))
        outputs = [execute_onnx(wrapper, {name_in: frame[None]})[name_out] for frame in frames]
        return np.concatenate(outputs)

    for outputs in (ours(x), theirs()[: len(x)]):
        np.testing.assert_allclose(outputs, y, rtol=1e-4, atol=1e-5)
    fast = GOLDEN_FRAMES / cpu_seconds(lambda: ours(many))
    slow = QONNX_FRAMES / cpu_seconds(theirs)
    return {
        "golden_per_cpu_s": round(fast, 1),
        "qonnx_per_cpu_s": round(slow, 1),
        "ratio": round(fast / slow, 1),
    }


def ternc(*arguments: str, cache: Path) -> tuple[float, Any]:
    """Seconds and JSON result of one command in its own process, start-up included."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", "from ternc.cli import main; main()", *arguments, "--json"],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(done.stdout)
    if done.returncode != 0:
        sys.exit(f"ternc {' '.join(arguments)}: {document.get('error', 'failed')}")
    return round(time.perf_counter() - start, 2), document


def models() -> list[Path]:
    """One form of each model that can be compiled, the QONNX one where there is one."""
    forms = (
        sorted(folder.glob("*.onnx"), key=lambda path: (".qonnx." not in path.name, path.name))
        for folder in sorted(MODELS.iterdir())
        if folder.is_dir()
    )
    return [files[0] for files in forms if inspect(files[0]).supported]


def measure(scratch: Path) -> dict[str, Any]:
    """All measurements, in a scratch folder with an empty cache."""
    compile_seconds = {}
    for model in models():
        place = str(scratch / model.stem)
        compile_seconds[model.stem], _ = ternc(str(model), "-o", place, cache=scratch)
    cold, verified = ternc("verify", str(scratch / MNIST.stem), "--frames", str(RTL_FRAMES), cache=scratch)
    warm, _ = ternc("verify", str(scratch / MNIST.stem), "--frames", str(RTL_FRAMES), cache=scratch)
    return {
        "golden_against_qonnx": golden_against_qonnx(TFC),
        "compile_s": compile_seconds,
        "verilator": {
            "model": MNIST.stem,
            "frames": verified["frames"],
            "mismatches": verified["mismatches"],
            "build_and_verify_s": cold,
            "verify_again_s": warm,
        },
    }


def table(found: dict[str, Any]) -> Table:
    """The measurements as rows."""
    speed, rtl = found["golden_against_qonnx"], found["verilator"]
    slowest = max(found["compile_s"], key=found["compile_s"].__getitem__)
    rows = (
        (f"golden model, {TFC.stem}, frames per CPU second", f"{speed['golden_per_cpu_s']:,}"),
        (f"qonnx's own execution, {TFC.stem}, frames per CPU second", f"{speed['qonnx_per_cpu_s']:,}"),
        ("ratio", f"{speed['ratio']:,}x"),
        *((f"compile {name}, s", f"{seconds:.2f}") for name, seconds in found["compile_s"].items()),
        (f"slowest compile: {slowest}, s", f"{found['compile_s'][slowest]:.2f}"),
        (
            f"Verilator build + {rtl['frames']} frames of {rtl['model']}, s",
            f"{rtl['build_and_verify_s']:.2f}",
        ),
        ("the same again, built already, s", f"{rtl['verify_again_s']:.2f}"),
    )
    return Table(title="ternc benchmarks", columns=columns("what", ">measured"), rows=rows)


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(Path(scratch))
    print(table(found).to_text(), end="")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
