"""Every module reads without a word in Verilator, and without an error in Icarus, Yosys and slang.

Each is its own top, with several parameter sets: the defaults, all ones, and sizes that divide nothing.
"""

import os
import re
import subprocess
import sys

import pytest
from rtl_bench import VERILATOR_ROOT, Parameters, modules, need, sources

pyslang = pytest.importorskip("pyslang") if not os.environ.get("CI") else __import__("pyslang")

SETS: dict[str, list[Parameters]] = {
    "ternc_alm_add": [{}, {"Bits": 1, "Carry": 0}, {"Bits": 20, "Carry": 0}],
    "ternc_argmax": [
        {},
        {"Cols": 1, "ValueBits": 2, "IndexBits": 1},
        {"Cols": 5, "ValueBits": 9, "IndexBits": 12},
        {"Cols": 64, "ValueBits": 24, "IndexBits": 4},
    ],
    "ternc_avalon_mm": [{}, {"Inputs": 3, "Outputs": 2, "Version": 5}],
    "ternc_avalon_sink": [{}, {"Bytes": 7}],
    "ternc_avalon_source": [{}, {"Bytes": 7}],
    "ternc_board_check": [
        {},
        {"Width": 24, "Beats": 6, "Frames": 3, "Period": 2, "CareBits": 20, "LastBits": 5},
        {"Width": 1, "Beats": 1, "Frames": 1},
    ],
    "ternc_board_line": [{}],
    "ternc_board_play": [{}, {"Width": 1}, {"Width": 70, "Beats": 13, "Frames": 3}],
    "ternc_board_test": [{}, {"Streams": 5, "Outputs": 3, "Frames": 7, "Timeout": 9, "Pause": 11, "Divisor": 1}],
    "ternc_collector": [
        {},
        {"Rows": 3, "Cols": 5, "ValueBits": 11, "FeatureBits": 4, "Links": 2, "StartDelay": 9, "InfoLog2": 3, "WrBits": 9,
         "BankBits": 2, "PieceBits": 2, "TileBits": 3, "StepBits": 2, "LinkXBits": 5, "XmapDepth": 13},
        {"Rows": 1, "Cols": 1, "ValueBits": 2, "FeatureBits": 1, "StartDelay": 7, "InfoLog2": 5, "WrBits": 1},
        {"Rows": 4, "Cols": 8, "ValueBits": 24, "FeatureBits": 8, "Links": 3, "BankBits": 2, "XmapDepth": 16},
        {"Rows": 6, "Cols": 3, "ValueBits": 9, "FeatureBits": 5, "BankBits": 3, "XmapDepth": 9, "Drain": 2},
        {"Rows": 4, "Cols": 1, "BankBits": 2, "XmapDepth": 3, "Drain": 4},
    ],
    "ternc_column": [
        {},
        {"Rows": 1, "Lanes": 1, "ActBits": 1, "AccBits": 1, "ParamBits": 1, "WeightAddrBits": 1},
        {"Rows": 3, "Lanes": 5, "ActBits": 3, "AccBits": 15, "ParamBits": 5, "WeightAddrBits": 7},
        {"Rows": 4, "Lanes": 64, "ActBits": 8, "AccBits": 24, "Digits": 1},
        {"Rows": 2, "Lanes": 36, "ActBits": 7, "AccBits": 10},
        {"Rows": 1, "Lanes": 1, "ActBits": 1, "AccBits": 1, "ParamBits": 1, "WeightAddrBits": 1, "Digits": 1, "Cell": 1},
        {"Rows": 2, "Lanes": 3, "ActBits": 4, "AccBits": 18, "Digits": 1, "Cell": 1},
        {"Rows": 2, "Lanes": 6, "ActBits": 2, "AccBits": 10, "Cell": 1},
        {"Rows": 2, "Lanes": 5, "ActBits": 3, "AccBits": 12, "Cell": 2},
        {"Rows": 2, "Lanes": 4, "ActBits": 3, "AccBits": 12, "Cell": 3},
        {"Rows": 6, "Lanes": 5, "ActBits": 3, "AccBits": 15, "Drain": 2},
        {"Rows": 4, "Lanes": 2, "ActBits": 3, "AccBits": 9, "Drain": 4},
    ],
    "ternc_delay": [{}, {"Width": 1, "Depth": 0}, {"Width": 1, "Depth": 1}, {"Width": 70, "Depth": 3}],
    "ternc_dot": [
        {},
        {"Lanes": 1, "ActBits": 1},
        {"Lanes": 2, "ActBits": 4},
        {"Lanes": 7, "ActBits": 3},
        {"Lanes": 65, "ActBits": 8, "Cell": 2},
    ],
    "ternc_dot_alm": [{}, {"Lanes": 3, "ActBits": 1}, {"Lanes": 6, "ActBits": 4}, {"Lanes": 65, "ActBits": 8}],
    "ternc_dots_fast": [
        {},
        {"Rows": 1, "Lanes": 1, "ActBits": 1},
        {"Rows": 3, "Lanes": 17, "ActBits": 2},
        {"Rows": 2, "Lanes": 100, "ActBits": 16},
    ],
    "ternc_feature_memory": [
        {},
        {"Rows": 1, "Lanes": 1, "StoredLanes": 1, "Cols": 1, "Piece": 1, "CodeBits": 1, "Depth": 1},
        {"Rows": 3, "Lanes": 7, "StoredLanes": 4, "Cols": 6, "Piece": 2, "CodeBits": 3, "Depth": 11},
        {"Rows": 2, "Lanes": 6, "StoredLanes": 6, "Cols": 4, "Piece": 2, "CodeBits": 3, "ActBits": 7, "Depth": 6},
        {"Rows": 4, "Lanes": 32, "StoredLanes": 32, "Cols": 8, "Piece": 8, "CodeBits": 8, "Depth": 1024},
        {"Rows": 2, "Lanes": 4, "StoredLanes": 3, "Cols": 12, "Piece": 3, "Depth": 9, "PieceBits": 4, "PartBits": 5},
        {"Rows": 5, "Lanes": 5, "StoredLanes": 3, "Cols": 7, "Piece": 1, "Depth": 9},
        {"Rows": 5, "Lanes": 7, "StoredLanes": 4, "Cols": 6, "Piece": 2, "CodeBits": 3, "Depth": 11, "Pixels": 2},
        {"Rows": 4, "Lanes": 4, "StoredLanes": 4, "Cols": 4, "Piece": 4, "CodeBits": 8, "Depth": 16, "Pixels": 4},
    ],
    "ternc_fifo": [{}, {"Width": 1, "DepthLog2": 1}, {"Width": 70, "DepthLog2": 5}],
    "ternc_gated_add": [{}, {"Bits": 1, "Cell": 1}, {"Bits": 5, "Cell": 2}, {"Bits": 4, "Cell": 3}],
    "ternc_input": [
        {},
        {"Cols": 5, "ElemBits": 4, "Offset": 8, "Bundles": 7, "Chunks": 2, "Keepers": 2},
        {"Cols": 1, "ElemBits": 8, "Offset": -128, "Bundles": 28},
        {"Cols": 1, "ElemBits": 1, "Chunks": 3, "Keepers": 3},
    ],
    "ternc_line_buffer": [
        {},
        {"Rows": 3, "Lanes": 7, "StoredLanes": 4, "LinkCols": 6, "Cols": 6, "Piece": 2, "ElemBits": 9, "CodeBits": 3, "ActBits": 5,
         "Capacity": 6, "FrameRows": 10, "StepRows": 2, "Bundles": 7, "Tiles": 3, "Pitch": 3, "Plane": 18, "Depth": 54,
         "XBits": 5, "TileBits": 3, "StepBits": 2, "RowBits": 7, "PartBits": 3},
        {"Rows": 1, "Lanes": 1, "StoredLanes": 1, "LinkCols": 1, "Cols": 1, "Piece": 1, "ElemBits": 1, "CodeBits": 1, "ActBits": 1,
         "Capacity": 1, "FrameRows": 1, "Bundles": 1, "Pitch": 1, "Plane": 1, "Depth": 1, "XBits": 1, "RowBits": 2},
        {"Rows": 2, "Lanes": 3, "StoredLanes": 3, "LinkCols": 16, "Cols": 12, "Piece": 3, "ElemBits": 5, "CodeBits": 5, "Capacity": 5,
         "FrameRows": 7, "Bundles": 9, "Tiles": 2, "Pitch": 5, "Plane": 25, "Depth": 50, "XBits": 4, "RowBits": 8},
        {"Rows": 5, "Lanes": 3, "StoredLanes": 3, "LinkCols": 6, "Cols": 6, "Piece": 3, "ElemBits": 5, "CodeBits": 4, "Capacity": 4,
         "FrameRows": 7, "Bundles": 5, "Tiles": 2, "Pitch": 2, "Plane": 8, "Depth": 16, "XBits": 4, "RowBits": 8, "Pixels": 2},
    ],
    "ternc_last": [{}, {"Beats": 2}, {"Beats": 50}],
    "ternc_unpack": [{}, {"Lanes": 1}, {"Lanes": 2}, {"Lanes": 5}, {"Lanes": 14}],
    "ternc_multiply": [{}, {"ABits": 1, "BBits": 1, "Bits": 1, "Cell": 3}, {"ABits": 21, "BBits": 5, "Bits": 27, "Signed": 1}],
    "ternc_operand": [
        {},
        {"Rows": 3, "Lanes": 5, "ActBits": 4, "Sources": 3},
        {"Rows": 4, "Lanes": 3, "ActBits": 8, "Sources": 5},
        {"Rows": 1, "Lanes": 1, "ActBits": 1, "Sources": 1},
    ],
    "ternc_output": [
        {},
        {"Cols": 5, "Channels": 13, "Width": 7, "Height": 5, "StepRows": 2, "Capacity": 4, "FrameRows": 6, "WriteBits": 11,
         "ValueBits": 9, "ElemBits": 16, "Offset": -3, "XBits": 5, "TileBits": 3, "StepBits": 2},
        {"Cols": 4, "Channels": 4, "WriteBits": 24, "ValueBits": 24, "ElemBits": 24, "Capacity": 1},
        {"Cols": 1, "WriteBits": 2, "ValueBits": 1, "ElemBits": 1},
        {"Cols": 4, "Channels": 3, "Width": 11, "Height": 4, "FrameRows": 4, "Capacity": 3, "ValueBits": 6, "ElemBits": 16,
         "Offset": 100, "XBits": 4},
        {"Cols": 4, "Channels": 7, "Width": 11, "Height": 4, "FrameRows": 4, "Capacity": 3, "ValueBits": 6, "XBits": 4,
         "TileBits": 1, "Pixels": 2, "Phases": 3},
        {"Cols": 2, "Channels": 2, "Width": 9, "Height": 3, "FrameRows": 4, "StepRows": 2, "Capacity": 4, "XBits": 3,
         "Pixels": 4},
    ],
    "ternc_pair_code": [{}, {"Pairs": 1}],
    "ternc_pool": [{}, {"Rows": 1, "Cols": 1, "ValueBits": 2}, {"Rows": 3, "Cols": 5, "ValueBits": 17}],
    "ternc_ram": [{}, {"Width": 1, "Depth": 1}, {"Width": 70, "Depth": 13}],
    "ternc_load_stage": [{}, {"LoadBits": 111}],
    "ternc_loader": [{}, {"LoadWidth": 1}, {"LoadWidth": 32}, {"LoadWidth": 70}],
    "ternc_power_on": [{}, {"Cycles": 1}],
    "ternc_registers": [{}, {"Inputs": 3, "Outputs": 2, "Version": 5}],
    "ternc_requant": [
        {},
        {"AccBits": 1, "MulBits": 1, "AddBits": 1, "Shift": 0, "CodeBits": 1, "ValueBits": 2, "ExtraDelay": 0},
        {"AccBits": 17, "MulBits": 15, "AddBits": 60, "Shift": 9, "CodeBits": 3, "ValueBits": 64, "ExtraDelay": 5, "Tables": 5},
        {"AccBits": 4, "MulBits": 2, "AddBits": 3, "Shift": 30, "CodeBits": 8, "ValueBits": 9, "ExtraDelay": 1, "Tables": 1},
    ],
    "ternc_rom": [
        {},
        {"Width": 1, "Depth": 1, "Latency": 1},
        {"Width": 70, "Depth": 13},
        {"Width": 1, "Depth": 1, "LoadWidth": 1, "Memory": 3},
        {"Width": 70, "Depth": 13, "LoadWidth": 96, "Memory": 500, "Latency": 1},
    ],
    "ternc_rows": [
        {},
        {"Capacity": 6, "FrameRows": 10, "StepRows": 2, "Pitch": 5, "RowBits": 5, "BaseBits": 5},
        {"Capacity": 1, "FrameRows": 3, "Pitch": 1, "RowBits": 3, "BaseBits": 1},
        {"Capacity": 9, "FrameRows": 6, "StepRows": 3, "Pitch": 7, "RowBits": 9, "BaseBits": 12},
    ],
    "ternc_score": [
        {},
        {"Cols": 1, "ValueBits": 1, "DiffBits": 1, "ScoreBits": 1, "ElemBits": 8, "FrameSteps": 3},
        {"Cols": 5, "ValueBits": 14, "DiffBits": 11, "Squares": 0, "ScoreBits": 9, "ElemBits": 16,
         "FrameVectors": 10, "FrameSteps": 2},
        {"Cols": 3, "ValueBits": 30, "DiffBits": 21, "ScoreBits": 57, "ElemBits": 64},
    ],
    "ternc_sequencer": [
        {},
        {"Rows": 3, "Inputs": 2, "Links": 3, "ActBits": 4, "RdBits": 9, "WrBits": 10, "XBits": 6, "YBits": 5, "RotBits": 2,
         "PartBits": 2, "TileBits": 3, "StepBits": 2, "PieceBits": 2, "ParamBits": 5, "WeightAddrBits": 11, "CountBits": 7,
         "XmapBits": 4, "RowDepth": 25, "PassDepth": 37, "TapDepth": 99, "TermDepth": 7, "FlushCycles": 20,
         "Capacities": 4 + (7 << 5)},
        {"Rows": 4, "Inputs": 3, "RotBits": 2, "RowDepth": 2, "PassDepth": 4, "TapDepth": 8, "TermDepth": 3,
         "Capacities": 3 + (8 << 8) + (5 << 16), "LoadWidth": 250, "RowMemory": 4, "PassMemory": 5, "TapMemory": 6, "TermMemory": 7},
        {"Rows": 8, "RotBits": 3, "RowDepth": 2, "PassDepth": 4, "TapDepth": 8, "TermDepth": 3, "Drain": 4},
        {"CountBits": 1, "XBits": 2, "YBits": 2, "FlushCycles": 1, "WeightLead": 2},
        {"Rows": 1, "ActBits": 1, "RdBits": 1, "WrBits": 1, "XBits": 3, "YBits": 3, "CountBits": 1, "XmapBits": 1,
         "FlushCycles": 17},
    ],
    "ternc_shell": [{}, {"Inputs": 19, "Outputs": 5}],
    "ternc_table": [
        {},
        {"CodeBits": 1, "ValueBits": 2},
        {"CodeBits": 5, "ValueBits": 13, "Tables": 3},
        {"CodeBits": 5, "ValueBits": 13, "Tables": 3, "LoadWidth": 9, "Memory": 7},
    ],
    "ternc_threshold_level": [
        {},
        {"AccBits": 1, "ParamBits": 1, "Level": 0, "Levels": 1},
        {"AccBits": 17, "ParamBits": 5, "Level": 2, "Levels": 3},
    ],
    "ternc_uart_tx": [{}, {"Divisor": 1}],
}  # fmt: skip

DEFINES: list[list[str]] = [[], ["TERNC_FAST_SIM"]]


def call(command: list[str], **variables: str) -> tuple[int, str]:
    """A program's exit code and everything it said."""
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_every_module_is_in_the_table() -> None:
    assert sorted(SETS) == modules()


@pytest.mark.parametrize("defines", DEFINES, ids=["pipelined", "fast"])
@pytest.mark.parametrize("module", modules())
def test_verilator_has_nothing_to_say(module: str, defines: list[str]) -> None:
    tool = [
        str(VERILATOR_ROOT / "bin" / "verilator"),
        "--lint-only",
        "-Wall",
        "--quiet",
        "--top-module",
        module,
    ]
    for parameters in SETS[module]:
        options = [
            *(f"-G{name}={value}" for name, value in parameters.items()),
            *(f"-D{name}" for name in defines),
        ]
        code, said = call([*tool, *options, *map(str, sources(module))], VERILATOR_ROOT=str(VERILATOR_ROOT))
        assert code == 0, f"{module} {parameters}:\n{said}"
        assert not said, f"{module} {parameters}:\n{said}"


@pytest.mark.parametrize("defines", DEFINES, ids=["pipelined", "fast"])
@pytest.mark.parametrize("module", modules())
def test_icarus_reads_it(module: str, defines: list[str]) -> None:
    icarus = need("iverilog")
    for parameters in SETS[module]:
        options = [
            *(f"-P{module}.{name}={value}" for name, value in parameters.items()),
            *(f"-D{name}" for name in defines),
        ]
        files = map(str, sources(module))
        code, said = call(
            [icarus, "-g2012", "-t", "null", "-Wall", "-Wno-timescale", *options, "-s", module, *files]
        )
        assert code == 0, f"{module} {parameters}: {said}"
        assert not re.search("error|sorry|implicit", said), f"{module} {parameters}: {said}"


# Needs -u: Yosys has a buffer of its own on the same output.
READ_BY_YOSYS = """
import sys
from pyosys import libyosys
for job in sys.argv[1:]:
    design = libyosys.Design()
    for command in job.split(";"):
        libyosys.run_pass(command, design)
    print("read", job)
"""


@pytest.mark.parametrize("module", modules())
def test_yosys_reads_it(module: str) -> None:
    jobs = []
    for parameters in SETS[module]:
        sizes = " ".join(f"-chparam {name} 32'd{int(value) % 2**32}" for name, value in parameters.items())
        files = " ".join(map(str, sources(module)))
        jobs.append(
            f"read_verilog -sv -defer {files};hierarchy -check -top {module} {sizes};proc;check -assert"
        )
    code, said = call([sys.executable, "-u", "-c", READ_BY_YOSYS, *jobs])
    assert code == 0, said[-3000:]
    assert said.count("\nread ") == len(jobs)
    warnings = {line for line in said.splitlines() if "Warning" in line and "Replacing memory" not in line}
    assert not warnings, sorted(warnings)


@pytest.mark.parametrize("defines", DEFINES, ids=["pipelined", "fast"])
@pytest.mark.parametrize("module", modules())
def test_slang_reads_it(module: str, defines: list[str]) -> None:
    for parameters in SETS[module]:
        options = [
            *(f"-G{name}={value}" for name, value in parameters.items()),
            *(f"-D{name}" for name in defines),
        ]
        driver = pyslang.driver.Driver()
        driver.addStandardArgs()
        line = " ".join(["slang", "--top", module, *options, *map(str, sources(module))])
        assert driver.parseCommandLine(line, pyslang.driver.CommandLineOptions())
        assert driver.processOptions()
        assert driver.parseAllSources()
        driver.reportCompilation(driver.createCompilation(), quiet=True)
        assert driver.reportDiagnostics(quiet=True), f"{module} {parameters}"
        assert driver.diagEngine.numWarnings == 0, f"{module} {parameters}"
