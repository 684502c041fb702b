"""FPGAs that open tools route: Yosys, nextpnr and a packer, by the build's own scripts in ``synth/`` or a board's."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ternc.emit.bitstream import FAMILIES
from ternc.errors import BuildError, ToolError
from ternc.handoff.build import Build
from ternc.simulate import tools
from ternc.synth.programs import Step, program, yosys
from ternc.synth.report import SynthesisReport, Used


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What is a family's own, besides its programs.

    Attributes:
        extra: Of ternc's package, that brings its tools.
        shown: Of nextpnr's names, those that a design of ours uses, and what the data sheet calls them.
        library: Folder of Yosys that describes the cells' behaviour; files: those of it that do.
        cells: The file in ``sim/`` for cells that it leaves empty; empty if there are none.
        untimed: Of ``shown``, those that nextpnr has no delays of.
    """

    extra: str
    shown: Mapping[str, str]
    library: str
    files: tuple[str, ...]
    cells: str
    untimed: tuple[str, ...] = ()


FLOWS = {
    "ECP5": Flow(
        extra="ecp5",
        shown={
            "TRELLIS_COMB": "LUT4",
            "TRELLIS_FF": "register",
            "TRELLIS_RAMW": "distributed RAM",
            "DP16KD": "EBR",
            "MULT18X18D": "MULT18X18D",
        },
        library="lattice",
        files=("common_sim.vh", "ccu2c_sim.vh"),
        cells="ecp5_cells.sv",
    ),
    "GW2A": Flow(
        extra="gowin",
        shown={
            "LUT4": "LUT4",
            "ALU": "ALU",
            "DFF": "register",
            "RAM16SDP4": "distributed RAM",
            "BSRAM": "BSRAM",
            "MULT9X9": "MULT9X9",
            "MULT18X18": "MULT18X18",
        },
        library="gowin",
        files=("cells_sim.v",),
        cells="gowin_cells.sv",
        untimed=("distributed RAM", "BSRAM", "MULT9X9", "MULT18X18"),
    ),
    "GateMate": Flow(
        extra="gatemate",
        shown={"CPE_LT": "CPE_LT", "CPE_FF": "register", "RAM_HALF": "RAM_HALF"},
        library="gatemate",
        files=("cells_sim.v",),
        cells="",
    ),
}
"""By the device's family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board that the builds have a test for.

    Attributes:
        family: Of its device; folder: of the build; suffix: of the scripts' names in it.
        clock_mhz: Of its oscillator, at which the design runs.
    """

    family: str
    folder: str
    suffix: str
    clock_mhz: float


BOARDS = {"ulx3s": Board(family="ECP5", folder="ecp5", suffix="_ulx3s", clock_mhz=25.0)}
"""By what ``--board`` takes."""


def synthesise(build: Build, seed: int, step: Step, board: str | None = None) -> SynthesisReport:
    """Run a build's scripts: in ``synth/``, or those of a board of `BOARDS`.

    Args:
        build: For a family of `FLOWS`, that of the board.
    Raises:
        BuildError: The build has no test for the board.
        ToolError: A tool is missing or refuses the design.
    """
    family, flow, on = FAMILIES[build.family], FLOWS[build.family], BOARDS[board] if board else None
    folder = build.path / (on.folder if on else "synth")
    top = f"{build.top}{on.suffix}" if on else build.top
    if not (folder / f"{top}.ys").is_file():
        raise BuildError(
            f"{build.path}: has no test for the board '{board}'",
            help=f"{folder.name}/README.md says why; where there is none, compile the model again",
        )
    way_out = f"pip install 'ternc[{flow.extra}]'"
    place = program((family.nextpnr, family.wheel_nextpnr), way_out)
    pack = program((family.pack, family.wheel_pack), way_out)
    step("synthesising")
    tools.call("Yosys refused the design", yosys(f"{top}.ys"), cwd=folder)
    step("placing and routing")
    make = shutil.which("make")
    if make is None:
        raise ToolError("the program 'make' was not found", help="install make")
    # what is made is newer than what it is made from, so make goes on behind Yosys
    settings = [
        f"NEXTPNR={' '.join(place)}",
        f"{family.packer}={' '.join(pack)}",
        f"SEED={seed}",
        "YOSYS=false",
    ]
    for old in (family.placed, family.bitstream):
        (folder / f"{top}{old}").unlink(missing_ok=True)
    tools.call(f"nextpnr or {family.pack} refused the design", [make, *settings], cwd=folder)
    fmax_mhz, resources = routed(flow, folder / "report.json")
    return SynthesisReport(
        tools=("yosys", Path(place[0]).name, Path(pack[0]).name),
        part=build.part,
        seed=seed,
        board=board,
        clock_mhz=on.clock_mhz if on else build.clock_mhz,
        fmax_mhz=fmax_mhz,
        resources=resources,
        bitstream=f"{folder.name}/{top}{family.bitstream}",
        frames=0,
        untimed=tuple(one.name for one in resources if one.used and one.name in flow.untimed),
    )


def routed(flow: Flow, path: Path) -> tuple[float, tuple[Used, ...]]:
    """What nextpnr's report says: the slowest clock in MHz, and what the design takes."""
    report = json.loads(path.read_text())
    used = report["utilization"]
    return min(clock["achieved"] for clock in report["fmax"].values()), tuple(
        Used(name=shown, used=used[name]["used"], available=used[name]["available"])
        for name, shown in flow.shown.items()
        if name in used
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
