"""Every file that goes to a vendor's tool agrees with the RTL, and a fault in one is found and named."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_designs import branches, reloadable, reloadable_score, score

from ternc.emit import board, handoff, rtl
from ternc.emit.simulation import Vectors
from ternc.errors import BuildError
from ternc.handoff.check import check
from ternc.schedule import store
from ternc.schedule.design import Chip, Design
from ternc.synth.programs import yosys

MISSING = [
    *([] if importlib.util.find_spec("pyslang") else ["pyslang"]),
    *([] if importlib.util.find_spec("_tkinter") or shutil.which("tclsh") else ["Tcl"]),
]
pytestmark = pytest.mark.skipif(
    bool(MISSING) and "CI" not in os.environ, reason=f"{' and '.join(MISSING)} not installed"
)

CHIPS = {
    "intel": Chip(vendor="Intel", family="Arria 10", part="10AX115S2F45I1SG"),
    "amd": Chip(vendor="AMD", family="Zynq-7000", part="xc7z020clg400-1"),
    "lattice": Chip(vendor="Lattice", family="ECP5", part="LFE5U-85F-6BG381C"),
    "none": Chip(vendor="none", family="unit", part="unit"),
}


MAKERS = {
    "branches": branches,
    "score": score,
    "reloadable": reloadable,
    "reloadable_score": reloadable_score,
}


def vectors(design: Design) -> Vectors:
    """A frame of zeros."""
    return Vectors(
        **{
            kind: tuple(np.zeros((1, port.beats_per_frame, port.data_bytes), np.uint8) for port in ports)
            for kind, ports in (("inputs", design.inputs), ("outputs", design.outputs))
        }
    )


def written(path: Path, chip: str, make: str = "branches") -> Path:
    """A build directory without its simulation: one input and two outputs, or the score."""
    design = replace(MAKERS[make](), chip=CHIPS[chip])
    hardware = rtl.emit(design)
    files = {f"rtl/{name}": data for name, data in hardware.items()} | handoff.emit(design, hardware)
    if chip == "lattice":
        room = board.Room(frames=1, block_rams=1, left=1, available=1)
        on_board = board.emit(design, hardware, vectors(design), room)
        files |= {f"ecp5/{name}": data for name, data in on_board.items()}
    for name, data in (files | {store.FILE: store.save(design)}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("a folder")  # with a blank in its name
    return {chip: written(folder / chip, chip) for chip in CHIPS}


@pytest.mark.parametrize("chip", CHIPS)
def test_nothing_is_wrong_with_what_is_emitted(builds: dict[str, Path], chip: str) -> None:
    report = check(builds[chip])
    assert report.findings == ()
    folders = {"intel": {"quartus"}, "amd": {"vivado"}, "lattice": {"ecp5"}}.get(chip, set())
    assert {Path(name).parts[0] for name in report.files} == {"branches.core", "control", "synth"} | folders


@pytest.mark.parametrize("chip", ["intel", "amd"])
def test_nothing_is_wrong_with_a_score(tmp_path: Path, chip: str) -> None:
    assert check(written(tmp_path, chip, "score")).findings == ()


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("make", ["reloadable", "reloadable_score"])
def test_nothing_is_wrong_with_a_reloadable_design(tmp_path: Path, chip: str, make: str) -> None:
    assert check(written(tmp_path, chip, make)).findings == ()


@pytest.mark.parametrize("chip", ["intel", "amd"])
def test_yosys_synthesises_it_by_the_builds_own_script(tmp_path: Path, chip: str) -> None:
    """For the ALM and for 7 series; tests/e2e/test_synth.py does it for ECP5."""
    if importlib.util.find_spec("pyosys") is None and not os.environ.get("CI"):
        pytest.skip("pyosys is not installed")
    if chip == "amd" and "TERNC_SYNTH" not in os.environ:
        pytest.skip("takes half a minute: make ecp5 runs it")
    folder = written(tmp_path, chip, "score") / "synth"
    done = subprocess.run(yosys("score.ys"), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    cells = set(json.loads((folder / "utilisation.json").read_text())["design"]["num_cells_by_type"])
    assert {"intel": {"MISTRAL_FF", "MISTRAL_ALUT6"}, "amd": {"FDRE", "LUT6"}}[chip] <= cells


FAULTS = [
    # chip, file, text, what it becomes, what is said
    ("intel", "quartus/branches_hw.tcl", "s_axis_0_tdata tdata Input 24", "s_axis_0_tdata tdata Input 32",
     "quartus/branches_hw.tcl: port 's_axis_0_tdata': must have 24 bits, as in the RTL, not 32"),
    ("intel", "quartus/branches_hw.tcl", "s_axis_0_tlast tlast", "s_axis_0_tlast last",
     "quartus/branches_hw.tcl: port 's_axis_0_tlast': 'last' is no role of axi4stream, which has tdata, tvalid, tready, tlast"),
    ("intel", "quartus/branches_hw.tcl", "add_interface_port s_axis_0 s_axis_0_tlast tlast Input 1\n", "",
     "quartus/branches_hw.tcl: mapped ports: 's_axis_0_tlast' must be there once, not 0 times"),
    ("intel", "quartus/branches_hw.tcl", "s_axis_0_tready tready Output", "s_axis_0_tready tready Input",
     "quartus/branches_hw.tcl: port 's_axis_0_tready': as 'tready' of interface 's_axis_0' it must be Output, not Input"),
    ("intel", "quartus/branches_hw.tcl", "add_interface s_axis_0 axi4stream end", "add_interface s_axis_0 axi4stream start",
     "quartus/branches_hw.tcl: port 's_axis_0_tdata': as 'tdata' of interface 's_axis_0' it must be Output, not Input"),
    ("intel", "quartus/branches_hw.tcl", "s_axis_0 associatedClock clk", "s_axis_0 associatedClock clock",
     "quartus/branches_hw.tcl: interface 's_axis_0': associatedClock must name a clock interface"),
    ("intel", "quartus/branches_hw.tcl", "rst synchronousEdges", "rst synchronousEdge",
     "quartus/branches_hw.tcl: interface 'rst': 'synchronousEdge' is no property of reset"),
    ("intel", "quartus/branches_hw.tcl", "        rtl/ternc_rom.sv\n", "",
     "quartus/branches_hw.tcl: ternc_collector.sv:"),
    ("intel", "quartus/branches_hw.tcl", "add_interface_port clk", "add_interface_pin clk",
     'quartus: Tcl refuses a file: invalid command name "add_interface_pin"'),
    ("intel", "quartus/branches_avalon_hw.tcl", "firstSymbolInHighOrderBits true", "firstSymbolInHighOrderBits false",
     "quartus/branches_avalon_hw.tcl: interface 'asi_0': firstSymbolInHighOrderBits must be true, not false"),
    ("intel", "quartus/branches_avalon_hw.tcl", "asi_0_startofpacket startofpacket", "asi_0_startofpacket empty",
     "quartus/branches_avalon_hw.tcl: interface 'asi_0' must have a port with the role 'startofpacket'"),
    ("intel", "quartus/branches.qsf", "DEVICE 10AX115S2F45I1SG", "DEVICE 10AX066",
     "quartus/branches.qsf: DEVICE must be 10AX115S2F45I1SG, not 10AX066"),
    ("intel", "quartus/branches.qsf", "../rtl/ternc_ram.sv", "../rtl/ternc_rams.sv",
     "quartus/branches.qsf: there is no file"),
    ("intel", "quartus/branches.qsf", "VIRTUAL_PIN ON -to m_axis_1_tvalid", "VIRTUAL_PIN ON -to m_axis_1_valid",
     "quartus/branches.qsf: virtual pins: 'm_axis_1_tvalid' must be there once, not 0 times"),
    ("intel", "quartus/branches.sdc", "get_ports clk_i", "get_ports clk",
     "quartus/branches.qsf: branches.sdc: 'clk' is no port of branches"),
    ("intel", "quartus/branches.sdc", "-period 10.000", "-period 100.000",
     "quartus/branches.qsf: branches.sdc: the clock's period must be 10.000 ns, not 100.000"),
    ("intel", "quartus/branches.sdc", "set_false_path -to [get_ports s_axis_0_tready]", "set_false_path -from [get_ports s_axis_0_tready]",
     "quartus/branches.qsf: branches.sdc: 's_axis_0_tready' is an output of 1 bits, which it cannot be here"),
    ("intel", "quartus/system_avalon.tcl", "EXPORT_OF core.asi_0", "EXPORT_OF core.asi",
     "quartus/system_avalon.tcl: there is no interface 'core.asi'"),
    ("intel", "quartus/system_axi.tcl", "add_connection rst.out_reset core.rst\n", "",
     "quartus/system_axi.tcl: interfaces of the core that are connected or exported: 'core.rst' must be there once, not 0 times"),
    ("intel", "quartus/branches_control_hw.tcl", "s_axil_awaddr awaddr Input 8", "s_axil_awaddr awaddr Input 12",
     "quartus/branches_control_hw.tcl: port 's_axil_awaddr': must have 8 bits, as in the RTL, not 12"),
    ("intel", "quartus/branches_control_hw.tcl", "s_axil_awaddr awaddr", "s_axil_awaddr araddr",
     "quartus/branches_control_hw.tcl: port 's_axil_awaddr': its role must be 'awaddr', as its name says, not 'araddr'"),
    ("intel", "quartus/branches_control_hw.tcl", "s_axil_wdata wdata", "s_axil_wdata writedata",
     "quartus/branches_control_hw.tcl: port 's_axil_wdata': 'writedata' is no role of axi4lite, which has awaddr, "),
    ("intel", "quartus/branches_control_hw.tcl", "add_interface s_axil axi4lite end", "add_interface s_axil axi4 end",
     "quartus/branches_control_hw.tcl: interface 's_axil' of port 's_axil_awaddr' must be of a known type"),
    ("intel", "quartus/branches_control_hw.tcl", "add_interface_port s_axil s_axil_bready bready Input 1\n", "",
     "quartus/branches_control_hw.tcl: mapped ports: 's_axil_bready' must be there once, not 0 times"),
    ("intel", "quartus/branches_control_hw.tcl", "s_axil readAcceptanceCapability 1", "s_axil readAcceptanceCapability 4",
     "quartus/branches_control_hw.tcl: interface 's_axil': readAcceptanceCapability must be 1, not 4"),
    ("intel", "quartus/branches_control_hw.tcl", "add_interface irq interrupt end", "add_interface irq interrupt start",
     "quartus/branches_control_hw.tcl: port 'irq_o': as 'irq' of interface 'irq' it must be Input, not Output"),
    ("intel", "quartus/branches_control_hw.tcl", "associatedAddressablePoint s_axil", "associatedAddressablePoint s_axis_0",
     "quartus/branches_control_hw.tcl: interface 'irq': associatedAddressablePoint must name the interface of the registers"),
    ("intel", "quartus/branches_control_hw.tcl", "        control/branches_control.sv\n", "",
     "quartus/branches_control_hw.tcl: mapped ports: 'clk_i' must not be there"),
    ("intel", "quartus/branches_control_hw.tcl", "NAME branches_control\n", "NAME branches\n",
     "quartus/branches_control_hw.tcl: NAME must be branches_control, not branches"),
    ("intel", "quartus/branches_control_avalon_hw.tcl", "control_read read", "control_read write",
     "quartus/branches_control_avalon_hw.tcl: port 'control_read': its role must be 'read', as its name says, not 'write'"),
    ("intel", "quartus/branches_control_avalon_hw.tcl", "control_waitrequest waitrequest Output", "control_waitrequest waitrequest Input",
     "quartus/branches_control_avalon_hw.tcl: port 'control_waitrequest': as 'waitrequest' of interface 'control' it must be Output"),
    ("intel", "quartus/branches_control_avalon_hw.tcl", "address Input 6", "address Input 8",
     "quartus/branches_control_avalon_hw.tcl: port 'control_address': must have 6 bits, as in the RTL, not 8"),
    ("intel", "quartus/branches_control_avalon_hw.tcl", "addressUnits WORDS", "addressUnits SYMBOLS",
     "quartus/branches_control_avalon_hw.tcl: interface 'control': addressUnits must be WORDS, not SYMBOLS"),
    ("intel", "quartus/branches_control_avalon_hw.tcl", "set_interface_property control maximumPendingReadTransactions 1\n", "",
     "quartus/branches_control_avalon_hw.tcl: interface 'control': maximumPendingReadTransactions must be 1, not missing"),
    ("intel", "quartus/branches_control_avalon_hw.tcl", "control bitsPerSymbol", "control symbolBits",
     "quartus/branches_control_avalon_hw.tcl: interface 'control': 'symbolBits' is no property of avalon"),
    ("intel", "quartus/branches_control_avalon_hw.tcl", "        rtl/ternc_avalon_mm.sv\n", "",
     "quartus/branches_control_avalon_hw.tcl: branches_control_avalon.sv:"),
    ("intel", "quartus/system_avalon_control.tcl", "EXPORT_OF core.irq", "EXPORT_OF core.interrupt",
     "quartus/system_avalon_control.tcl: there is no interface 'core.interrupt'"),
    ("intel", "quartus/system_axi_control.tcl", "set_interface_property s_axil EXPORT_OF core.s_axil\n", "",
     "quartus/system_axi_control.tcl: interfaces of the core that are connected or exported: 'core.s_axil' must be there once"),
    ("intel", "quartus/system_axi_control.tcl", "core branches_control 0", "core branches_registers 0",
     "quartus/system_axi_control.tcl: 'branches_registers' is no component that is known here"),
    ("intel", "control/branches_control_avalon.sv", "input  logic [31:0]  control_writedata", "input  logic [15:0]  control_writedata",
     "control/branches_control_avalon.sv: "),
    ("intel", "control/branches_control.sv", "input  logic [3:0]   s_axil_wstrb", "input  logic [7:0]   s_axil_wstrb",
     "quartus/branches_control_hw.tcl: port 's_axil_wstrb': 'wstrb' of axi4lite has 4 bits, which the RTL's 8 are not"),
    ("none", "control/branches_control_avalon.sv", "output logic [63:0] aso_1_data", "output logic [55:0] aso_1_data",
     "control/branches_control_avalon.sv: its streams must be as wide as those of branches"),
    ("amd", "vivado/build.tcl", "-part xc7z020clg400-1", "-part xc7z020clg400",
     "vivado/build.tcl: the part must be xc7z020clg400-1, not xc7z020clg400"),
    ("amd", "vivado/build.tcl", "    mem/e0_taps.mem\n", "",
     "vivado/build.tcl: memory images: "),
    ("amd", "vivado/branches_ip.v", "s_axis_0 TLAST", "s_axis_0 LAST",
     "vivado/branches_ip.v: signals of 's_axis_0': 'TLAST' must be there once, not 0 times"),
    ("amd", "vivado/branches_ip.v", "ASSOCIATED_BUSIF s_axis_0:", "ASSOCIATED_BUSIF ",
     "vivado/branches_ip.v: interfaces of aclk: 's_axis_0' must be there once, not 0 times"),
    ("amd", "vivado/branches_ip.v", "input  wire [23:0] s_axis_0_tdata", "input  wire [15:0] s_axis_0_tdata",
     "vivado/branches_ip.v: "),
    ("amd", "vivado/package_ip.tcl", "    ternc_ram.sv\n", "",
     "vivado/package_ip.tcl: sources: 'ternc_ram.sv' must be there once, not 0 times"),
    ("amd", "vivado/package_ip.tcl", "set_property name branches", "set_property name branch",
     "vivado/block_design.tcl: it must add the IP that package_ip.tcl makes"),
    ("amd", "vivado/block_design.tcl", "branches_0/aclk", "branches_0/clk_i",
     "vivado/block_design.tcl: there is no 'branches_0/clk_i' among pins"),
    ("amd", "vivado/block_design.tcl", "CONFIG.M_TDATA_NUM_BYTES 3 ", "CONFIG.M_TDATA_NUM_BYTES 4 ",
     "vivado/block_design.tcl: 'width_s_axis_0/M_AXIS' has 32 bits, 'branches_0/s_axis_0' has 24"),
    ("amd", "vivado/branches_control_ip.v", "s_axi_control AWPROT", "s_axi_control AWPRT",
     "vivado/branches_control_ip.v: signals of 's_axi_control': 'AWPROT' must be there once, not 0 times"),
    ("amd", "vivado/branches_control_ip.v", "s_axi_control WDATA", "s_axi_control RDATA",
     "vivado/branches_control_ip.v: port 's_axi_control_wdata' must not be RDATA of 's_axi_control'"),
    ("amd", "vivado/branches_control_ip.v", "ASSOCIATED_BUSIF s_axi_control:", "ASSOCIATED_BUSIF ",
     "vivado/branches_control_ip.v: interfaces of aclk: 's_axi_control' must be there once, not 0 times"),
    ("amd", "vivado/branches_control_ip.v", "SENSITIVITY LEVEL_HIGH", "SENSITIVITY EDGE_RISING",
     "vivado/branches_control_ip.v: port 'irq': its parameter must be 'SENSITIVITY LEVEL_HIGH'"),
    ("amd", "vivado/branches_control_ip.v", "irq INTERRUPT", "irq IRQ",
     "vivado/branches_control_ip.v: port 'irq': 'xilinx.com:signal:interrupt:1.0 irq IRQ' is no output signal"),
    ("amd", "vivado/branches_control_ip.v", "PROTOCOL AXI4LITE", "PROTOCOL AXI4",
     "vivado/branches_control_ip.v: port 's_axi_control_awaddr': its parameter must be 'XIL_INTERFACENAME s_axi_control, PROTOCOL AXI4LITE'"),
    ("amd", "vivado/branches_control_ip.v", "input  wire [7:0]   s_axi_control_araddr", "input  wire [5:0]   s_axi_control_araddr",
     "vivado/branches_control_ip.v: branches_control_ip.v:"),
    ("amd", "vivado/package_ip_control.tcl", "    ../control/branches_control.sv\n", "",
     "vivado/package_ip_control.tcl: files that are copied: "),
    ("amd", "vivado/package_ip_control.tcl", "top branches_control_ip", "top branches_ip",
     "vivado/package_ip_control.tcl: the top module must be branches_control_ip, not branches_ip"),
    ("amd", "vivado/package_ip_control.tcl", "join $here ip branches_control", "join $here ip branches",
     "vivado/package_ip_control.tcl: files of the IP: "),
    ("amd", "vivado/package_ip_control.tcl", "set_property name branches_control", "set_property name branches",
     "vivado/block_design.tcl: it must add the IP that package_ip_control.tcl makes"),
    ("amd", "vivado/block_design.tcl", "branches_control_0/s_axi_control]\n", "branches_control_0/s_axi]\n",
     "vivado/block_design.tcl: there is no 'branches_control_0/s_axi' among interfaces"),
    ("amd", "vivado/block_design.tcl", "    connect_bd_net [get_bd_pins branches_control_0/irq] [get_bd_pins $interrupt]\n", "",
     "vivado/block_design.tcl: connections of the core: 'branches_control_0/irq' must be there once, not 0 times"),
    ("amd", "vivado/block_design.tcl", "[get_bd_intf_pins $master] [get_bd_intf_pins branches_registers/S00_AXI]",
     "[get_bd_intf_pins branches_registers/M00_AXI] [get_bd_intf_pins branches_registers/S00_AXI]",
     "vivado/block_design.tcl: 'master_pin' must be connected"),
    ("amd", "vivado/block_design.tcl", "branches_registers/S00_AXI", "branches_registers/S01_AXI",
     "vivado/block_design.tcl: there is no 'branches_registers/S01_AXI' among interfaces"),
    ("amd", "vivado/block_design.tcl", "assign_bd_address [get_bd_addr_segs branches_control_0/s_axi_control/*]", "assign_bd_address",
     "vivado/block_design.tcl: addresses: "),
    ("none", "control/branches_control.sv", "input  logic [23:0] s_axis_0_tdata", "input  logic [22:0] s_axis_0_tdata",
     "control/branches_control.sv: port 's_axis_0_tdata' must be as it is in branches"),
    ("none", "control/branches.rdl", "STALLS_m_axis_1", "STALLS_m_axis_2",
     "control/branches_control.sv: counters in the description: 'm_axis_1' must be there once, not 0 times"),
    ("lattice", "synth/branches.ys", "../rtl/ternc_shell.sv", "ternc_shell.sv",
     "synth/branches.ys: there is no file"),
    ("lattice", "synth/branches_shell.sv", ".Inputs(", ".Inputs(1 + ",
     "synth/branches.ys: "),
    ("lattice", "ecp5/branches_ulx3s.ys", "../rtl/ternc_board_test.sv", "ternc_board_test.sv",
     "ecp5/branches_ulx3s.ys: there is no file"),
    ("lattice", "ecp5/branches_ulx3s.sv", ".done_o(done[0])", ".done_o(done)",
     "ecp5/branches_ulx3s.ys: "),
    ("lattice", "ecp5/ulx3s.lpf", 'LOCATE COMP "led[7]"', 'LOCATE COMP "led[8]"',
     "ecp5/ulx3s.lpf: pins: 'led[7]' must be there once, not 0 times"),
    ("lattice", "ecp5/ulx3s.lpf", 'IOBUF PORT "button"', 'IOBUF PORT "btn[1]"',
     "ecp5/ulx3s.lpf: I/O standards: 'button' must be there once, not 0 times"),
    ("lattice", "ecp5/ulx3s.lpf", 'SITE "C2"', 'SITE "B2"',
     "ecp5/ulx3s.lpf: pin B2 must have one port, not several"),
    ("none", "branches.core", "      - rtl/ternc_ram.sv\n", "",
     "branches.core: files: 'rtl/ternc_ram.sv' must be there once, not 0 times"),
    ("none", "branches.core", "{copyto: mem/e0_taps.mem}", "{copyto: e0_taps.mem}",
     "branches.core: rtl/mem/e0_taps.mem must be copied to mem/e0_taps.mem, not to e0_taps.mem"),
]  # fmt: skip


@pytest.mark.parametrize(("chip", "name", "text", "change", "said"), FAULTS)
def test_a_fault_is_named(
    builds: dict[str, Path], tmp_path: Path, chip: str, name: str, text: str, change: str, said: str
) -> None:
    build = tmp_path / "build"
    shutil.copytree(builds[chip], build)
    before = (build / name).read_text()
    assert text in before
    (build / name).write_text(before.replace(text, change, 1))
    findings = check(build).findings
    assert any(finding.startswith(said) for finding in findings), findings


def test_a_file_that_is_gone_is_named(builds: dict[str, Path], tmp_path: Path) -> None:
    build = tmp_path / "build"
    shutil.copytree(builds["intel"], build)
    (build / "quartus" / "branches.qpf").unlink()
    with pytest.raises(BuildError, match=r"branches\.qpf: must be there, but is not$"):
        check(build)
