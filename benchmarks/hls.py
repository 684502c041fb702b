"""The HLS form of every model in tests/models: golden = C++ in every layer, in every wrapper, and how fast it runs.

    python benchmarks/hls.py [--frames N] [--arrays one|pipeline] [MODEL ...]

For each model one array for all layers and the pipeline that the search chooses; each wrapper with its tool's own
integer types (exact), and the first one with plain integers (fast). Prints processor time, and exits with 1 if any
value differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ternc
from ternc.dialects import DIALECTS
from ternc.frontend import InputQuant
from ternc.network import golden
from ternc.pipeline import Build
from ternc.schedule.design import ArrayShape
from ternc.simulate import frames, hls, layers
from ternc.simulate.ends import on_ports
from ternc.simulate.hls import Form
from ternc.simulate.opened import open_build
from ternc.simulate.streams import pack_all

MODELS = Path(__file__).parents[1] / "tests" / "models"
INPUTS = {"KERAS_3layer_ternary_small": "int8:0.0625", "qkeras_jettagging": "int8:0.0625"}
"""Where a model does not say."""
ARRAY = ArrayShape(rows=4, cols=16, lanes=16)
FORMS = (*(Form(dialect=name, monitor=True) for name in DIALECTS), Form(dialect="vitis", types="fast"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One form of one build."""

    model: str
    arrays: str
    form: str
    agrees: bool
    compile_seconds: float
    frames_per_second: float

    def __str__(self) -> str:
        verdict = "equal" if self.agrees else "DIFFERS"
        return (
            f"{self.model:32} {self.arrays:10} {self.form:16} {verdict:8} {self.compile_seconds:7.1f} s "
            f"{self.frames_per_second:10.0f} frames/s"
        )


def measure(model: str, arrays: str, build: Build, form: Form, count: int) -> Row:
    """Compile and run one form; every finished value where it is recorded, else what leaves, against golden."""
    opened = open_build(build.path)
    codes = frames.chosen(opened.network, count, 0).codes
    beats = pack_all(opened.dut.inputs, codes)
    program = hls.build(build.path / "hls", form)
    found = hls.run(opened.dut, program, beats, monitor=form.monitor)
    if form.monitor:
        agrees = layers.first_wrong(opened.network, opened.engines, codes, found.vectors) is None
    else:
        leaving = pack_all(
            opened.dut.outputs, on_ports(opened.network, golden.predict(opened.network, codes))
        )
        agrees = all((got == wanted).all() for got, wanted in zip(found.beats, leaving, strict=True))
    return Row(
        model=model,
        arrays=arrays,
        form=f"{form.dialect} {form.types}",
        agrees=bool(agrees),
        compile_seconds=program.seconds,
        frames_per_second=count / max(found.seconds, 1e-6),
    )


def main() -> int:
    """Every model, or those named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", help="folders of tests/models; all without")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--arrays", choices=["one", "pipeline"], help="only this form of each model")
    arguments = parser.parse_args()
    wrong = 0
    for folder in sorted(MODELS.iterdir()):
        files = sorted(folder.glob("*.onnx"))
        if not files or (arguments.models and folder.name not in arguments.models):
            continue
        quant = InputQuant.parse(INPUTS[folder.name]) if folder.name in INPUTS else None
        forms = {"one": ARRAY, "pipeline": None}
        for arrays in (arguments.arrays,) if arguments.arrays else tuple(forms):
            with tempfile.TemporaryDirectory() as scratch:
                out = Path(scratch) / "build"
                build = ternc.compile(
                    files[0], out=out, target="arria10", array=forms[arrays], input_quant=quant
                )
                for form in FORMS:
                    row = measure(files[0].stem, arrays, build, form, arguments.frames)
                    print(row, flush=True)
                    wrong += not row.agrees
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
