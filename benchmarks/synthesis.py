"""Yosys on emitted RTL: cells by module, and what they are in a fabric's own units.

A fabric is ``"ALM"`` (synth_intel_alm), ``"LUT6"`` (synth_xilinx), ``"LUT4"`` (synth_ecp5), ``"GW2A"`` (synth_gowin) or
``"CPE_LT"`` (synth_gatemate). Nothing is placed or routed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ternc.emit.rtl import emit
from ternc.frontend import read
from ternc.pipeline import chosen
from ternc.schedule.design import Design
from ternc.schedule.draft import Draft
from ternc.schedule.pinned import PinnedEngine, parse_shape
from ternc.schedule.wish import Wish
from ternc.target.device import Device

RUN = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.stdin.read().splitlines():
    libyosys.run_pass(command, design)
"""
PASSES = {
    "ALM": "synth_intel_alm -noiopad -noclkbuf",
    "LUT6": "synth_xilinx -noiopad -noclkbuf",
    "LUT4": "synth_ecp5",
    "GW2A": "synth_gowin -family gw2a -noiopads",
    "CPE_LT": "synth_gatemate -luttree -nomx8 -noiopad -noclkbuf",
}
FLATTEN = {"ALM": "", "LUT6": "-flatten", "LUT4": "", "GW2A": "", "CPE_LT": ""}
MODELS = {
    "ALM": "+/intel_alm/common/alm_sim.v",
    "LUT6": "+/xilinx/cells_sim.v",
    "LUT4": "-DNO_INCLUDES +/ecp5/cells_sim.v +/ecp5/cells_bb.v",
    "GW2A": "+/gowin/cells_sim.v",
    "CPE_LT": "+/gatemate/cells_sim.v",
}
UNITS: dict[str, dict[str, float]] = {
    "ALM": {"MISTRAL_ALUT6": 1, "MISTRAL_MLAB": 0.5, "MISTRAL_ALUT_ARITH": 0.5}
    | {f"MISTRAL_ALUT{n}": 0.5 for n in (2, 3, 4, 5)},
    "LUT6": {"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "LUT5": 1, "LUT6": 1, "LUT6_2": 1, "SRL16E": 1, "SRLC32E": 1,
             "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32M": 4, "RAM64M": 4},
    "LUT4": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
    "GW2A": {"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "ALU": 1, "RAM16SDP1": 8, "RAM16SDP2": 8, "RAM16SDP4": 8},
    "CPE_LT": {"CC_LUT1": 1, "CC_LUT2": 1, "CC_L2T4": 1, "CC_L2T5": 2, "CC_MX2": 1, "CC_MX4": 2, "CC_ADDF": 1},
}  # fmt: skip
"""Units of logic that a cell takes. ALM: one for six inputs, half for fewer or for a bit of an adder."""
REGISTERS = {"ALM": ("MISTRAL_FF",), "LUT6": ("FDRE", "FDSE", "FDCE", "FDPE"), "LUT4": ("TRELLIS_FF",),
             "GW2A": ("DFF", "DFFE", "DFFS", "DFFSE", "DFFR", "DFFRE", "DFFP", "DFFPE", "DFFC", "DFFCE"),
             "CPE_LT": ("CC_DFF",)}  # fmt: skip
BLOCKS = {
    "ALM": {"MISTRAL_M10K": 1.0},
    "LUT6": {"RAMB18E1": 0.5, "RAMB36E1": 1.0},
    "LUT4": {"DP16KD": 1.0},
    "GW2A": {"SP": 1.0, "SPX9": 1.0, "SDPB": 1.0, "SDPX9B": 1.0},
    "CPE_LT": {"CC_BRAM_20K": 1.0, "CC_BRAM_40K": 2.0},
}
DSPS = {
    "ALM": {"MISTRAL_MUL27X27": 1.0, "MISTRAL_MUL18X18": 0.5, "MISTRAL_MUL9X9": 1 / 3},
    "LUT6": {"DSP48E1": 1.0},
    "LUT4": {"MULT18X18D": 1.0},
    "GW2A": {"MULT9X9": 0.5, "MULT18X18": 1.0, "MULT36X36": 4.0},
    "CPE_LT": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """In the units of a fabric; blocks are BRAM36, M10K or EBR."""

    logic: float
    registers: int
    blocks: float
    dsps: float


def area(cells: Counter[str], fabric: str) -> Area:
    """What cells take."""
    return Area(
        logic=sum(often * UNITS[fabric].get(cell, 0) for cell, often in cells.items()),
        registers=sum(cells[cell] for cell in REGISTERS[fabric]),
        blocks=sum(cells[cell] * share for cell, share in BLOCKS[fabric].items()),
        dsps=sum(cells[cell] * share for cell, share in DSPS[fabric].items()),
    )


def synthesise(
    rtl: Path,
    top: str,
    fabric: str,
    *,
    kept: Sequence[str] = (),
    hidden: Sequence[str] = (),
    parameters: Mapping[str, int] | None = None,
) -> dict[str, Counter[str]]:
    """Cells of the modules of a flattened design.

    Args:
        rtl: Folder with ``files.f``, as emitted.
        kept: Modules that stay modules, each flat in itself; instances of them are among the cells.
        hidden: Modules whose inside is not looked at.
        parameters: Of ``top``.
    Raises:
        RuntimeError: Yosys failed; with the end of what it said.
    """
    files = (rtl / "files.f").read_text().split()
    seen = [name for name in files if Path(name).stem not in hidden]
    unseen = [name for name in files if Path(name).stem in hidden]
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "stat.json"
        commands = [
            f"read_verilog -lib -specify {MODELS[fabric]}",
            *([f"read_verilog -sv -lib -DSYNTHESIS {' '.join(unseen)}"] if unseen else []),
            f"read_verilog -sv -defer -DSYNTHESIS -DTERNC_PRIMITIVES {' '.join(seen)}",
            " ".join(
                [
                    f"hierarchy -check -top {top}",
                    *(f"-chparam {k} {v}" for k, v in (parameters or {}).items()),
                ]
            ),
            *(f"setattr -mod -set keep_hierarchy 1 *{name}*" for name in kept),
            f"{PASSES[fabric]} {FLATTEN[fabric]}",
            f"tee -q -o {result} stat -json",
        ]
        run = subprocess.run(
            [sys.executable, "-c", RUN],
            input="\n".join(commands),
            cwd=rtl,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(run.stdout[-2000:] + run.stderr[-2000:])
        modules = json.loads(result.read_text())["modules"]
    return {name.lstrip("\\"): Counter(found["num_cells_by_type"]) for name, found in modules.items()}


def drafted(model: Path, device: Device, engines: Sequence[tuple[int, str]]) -> Draft:
    """The schedule of a model on engines, ``(layers, array)`` each, whether it fits the device or not."""
    shapes = [(count, parse_shape(array)) for count, array in engines]
    pinned = tuple(PinnedEngine(layers=count, array=shape) for count, shape in shapes if shape is not None)
    wish = Wish(fps=None, budget=1.0, clock_mhz=100.0, array=pinned, fit=False)
    return chosen(read(model), device, wish)[1]


def write(design: Design, folder: Path) -> None:
    """The RTL of a design, with ``files.f``."""
    for name, content in emit(design).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def base(module: str) -> str:
    """The name in the source of a module that Yosys made of it for some parameters."""
    return module.split("\\")[1] if module.startswith("$paramod") else module
