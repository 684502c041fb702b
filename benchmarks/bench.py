"""The speeds that README states, measured: ``make bench``. Comparisons are ratios taken in one run.

Times marked "CPU" are processor seconds of this process, all threads; the others are seconds on the wall.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from ternc import passes, target
from ternc.frontend import inspect, read
from ternc.network import golden
from ternc.network.layers import IntRange
from ternc.network.stairs.combine import integer_form
from ternc.network.stairs.thresholds import derive
from ternc.network.steps import Add, Clamp, Divide, Function, Multiply, Round
from ternc.passes import Realise
from ternc.report.table import Table, columns
from ternc.schedule.choose import choose
from ternc.schedule.wish import Wish
from ternc.simulate import ends

MODELS = Path(__file__).parents[1] / "tests" / "models"
TFC = MODELS / "TFC_2W2A" / "TFC_2W2A.onnx"
MNIST = MODELS / "mnist_cnn_a4" / "mnist_cnn_a4.qonnx.onnx"

WRITERS: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("networks.py")))

LARGE, LARGE_LANES = "yolov2", 40_960
"""The network, of benchmarks/networks.py, whose search is measured: 23 convolutions and 51 million weights."""
MEASURED = (
    "import atexit, resource, sys; from ternc.cli import main; "
    "atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); main()"
)
"""A program like ``ternc`` whose last line on standard error is its peak memory, in KiB."""
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
        codes = ends.encode(network, {network.inputs[0].name: frames})
        (y,) = ends.decode(network, golden.predict(network, codes)).values()
        return y

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


CHANNELS = 512


def exact_forms() -> dict[str, float]:
    """CPU seconds for the integer forms of 512 channels of 255 steps, each with its proof.

    A sigmoid of sums of 4,608 products, the proof that it has no multiply-shift form, and a sum of two tensors' sums
    with scales of their own, of 8,192 by 256 values.
    """
    rng = np.random.default_rng(0)

    def singles(low: float, high: float) -> NDArray[np.float64]:
        return rng.uniform(low, high, CHANNELS).astype(np.float32).astype(np.float64)

    quantiser = (Round(mode="even"), Clamp(low=np.array([0.0]), high=np.array([255.0])))
    sigmoid = (
        Multiply(factor=singles(0.0005, 0.002)),
        Add(addend=singles(-1, 1)),
        Function(kind="sigmoid"),
        Divide(divisor=np.array([1 / 255])),
        *quantiser,
    )
    sums = (IntRange(low=-13_824, high=13_824),) * CHANNELS
    scales = [[Fraction(s) for s in singles(0.001, 0.003).tolist()], [Fraction(7, 511)] * CHANNELS]
    ranges = [[IntRange(low=-4096, high=4095)] * CHANNELS, [IntRange(low=-128, high=127)] * CHANNELS]
    relu = (Divide(divisor=np.array([0.0213])), *quantiser)
    stairs = derive(sigmoid, sums, low=0, high=255).staircase
    found = {
        "sigmoid_s": cpu_seconds(lambda: derive(sigmoid, sums, low=0, high=255)),
        "no_multiply_shift_s": cpu_seconds(lambda: Realise().find(stairs, sums)),
        "sum_of_scales_s": cpu_seconds(lambda: integer_form(scales, ranges, relu, low=0, high=255)),
    }
    return {name: round(seconds, 4) for name, seconds in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One command in its own process, start-up included.

    Attributes:
        wall_s, cpu_s: Seconds on the wall, and of all processors together (a busy machine changes the former).
        peak_mib: Memory, at most.
        document: What it printed.
    """

    wall_s: float
    cpu_s: float
    peak_mib: int
    document: dict[str, Any]

    def seconds(self) -> dict[str, float]:
        """Both times, for the JSON file."""
        return {"wall_s": self.wall_s, "cpu_s": self.cpu_s}


def children_cpu_s() -> float:
    """CPU seconds of all finished child processes so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def ternc(*arguments: str, cache: Path) -> Run:
    """Run one command with ``--json``; stop with its sentence where it fails."""
    start, cpu = time.perf_counter(), children_cpu_s()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments, "--json"],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(done.stdout)
    if done.returncode != 0:
        sys.exit(f"ternc {' '.join(arguments)}: {document.get('error', 'failed')}")
    wall = time.perf_counter() - start
    return Run(
        wall_s=round(wall, 2),
        cpu_s=round(children_cpu_s() - cpu, 2),
        peak_mib=int(done.stderr.split()[-1]) // 1024,
        document=document,
    )


def search(scratch: Path) -> dict[str, Any]:
    """The schedule of a large network: the whole command with its peak memory, and the search alone."""
    model = WRITERS["save"](LARGE, scratch / f"{LARGE}.onnx")
    arguments = ("schedule", str(model), "--target", "arria10", "--lanes", str(LARGE_LANES))
    whole = ternc(*arguments, cache=scratch)
    network, device = passes.run(read(model)), target.load("arria10")
    wish = Wish(budget=0.7, clock_mhz=device.clock.mhz, lanes=LARGE_LANES, fit=False)
    cpu = time.process_time()
    choose(network, device, wish)
    alone = time.process_time() - cpu
    return {**whole.seconds(), "peak_mib": whole.peak_mib, "search_cpu_s": round(alone, 2)}


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
    compiled = {
        model.stem: ternc(str(model), "-o", str(scratch / model.stem), cache=scratch).seconds()
        for model in models()
    }
    again = ("verify", str(scratch / MNIST.stem), "--frames", str(RTL_FRAMES))
    cold, warm = ternc(*again, cache=scratch), ternc(*again, cache=scratch)
    return {
        "golden_against_qonnx": golden_against_qonnx(TFC),
        "exact_forms": exact_forms(),
        "search": search(scratch),
        "compile": compiled,
        "verilator": {
            "model": MNIST.stem,
            "frames": cold.document["frames"],
            "mismatches": cold.document["mismatches"],
            "build_and_verify": cold.seconds(),
            "verify_again": warm.seconds(),
        },
    }


def table(found: dict[str, Any]) -> Table:
    """The measurements as rows."""
    speed, rtl, forms = found["golden_against_qonnx"], found["verilator"], found["exact_forms"]
    large = found["search"]

    def seconds(what: str, run: dict[str, float]) -> tuple[str, str]:
        return what, f"{run['wall_s']:.2f} ({run['cpu_s']:.2f})"

    rows = (
        (f"golden model, {TFC.stem}, frames per CPU second", f"{speed['golden_per_cpu_s']:,}"),
        (f"qonnx's own execution, {TFC.stem}, frames per CPU second", f"{speed['qonnx_per_cpu_s']:,}"),
        ("ratio", f"{speed['ratio']:,}x"),
        (f"thresholds of a sigmoid, {CHANNELS} x 255, proved, CPU s", f"{forms['sigmoid_s']:.2f}"),
        ("that it has no multiply-shift form, CPU s", f"{forms['no_multiply_shift_s']:.3f}"),
        (f"sum of two scales, {CHANNELS} x 255, proved, CPU s", f"{forms['sum_of_scales_s']:.2f}"),
        seconds(f"schedule {LARGE} on {LARGE_LANES:,} lanes, s (CPU s)", large),
        ("of that the search, CPU s", f"{large['search_cpu_s']:.2f}"),
        ("peak memory, MiB", f"{large['peak_mib']:,}"),
        *(seconds(f"compile {name}, s (CPU s)", run) for name, run in found["compile"].items()),
        seconds(
            f"Verilator build + {rtl['frames']} frames of {rtl['model']}, s (CPU s)", rtl["build_and_verify"]
        ),
        seconds("the same again, built already, s (CPU s)", rtl["verify_again"]),
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
