"""Checks ``vivado/``: the build script, the IP with its interfaces, the block design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ternc.handoff import constraints, tcl
from ternc.handoff.build import Build, images_of
from ternc.handoff.elaborate import Module, elaborate
from ternc.handoff.names import each_once, exactly
from ternc.handoff.tcl import Call

_BUILD = (
    *(
        "read_verilog",
        "read_mem",
        "read_xdc",
        "synth_design",
        "opt_design",
        "place_design",
        "phys_opt_design",
    ),
    *("route_design", "write_checkpoint", "report_utilization", "report_timing_summary"),
)
_PACKAGE = (
    *("create_project", "add_files", "set_property", "update_compile_order", "ipx::package_project"),
    *("ipx::create_xgui_files", "ipx::update_checksums", "ipx::save_core", "close_project"),
)
_DESIGN = (
    *("set_property", "update_ip_catalog", "create_bd_cell", "connect_bd_net", "connect_bd_intf_net"),
    "assign_bd_address",
)
_GETTERS = dict.fromkeys(
    ("get_bd_pins", "get_bd_intf_pins", "get_bd_cells", "get_bd_addr_segs"), "[lindex $args end]"
) | {
    "current_project": "project",
    "current_fileset": "fileset",
    "ipx::current_core": "core",
}

_AXIS, _AXIMM = "xilinx.com:interface:axis:1.0", "xilinx.com:interface:aximm:1.0"
_LOGICAL: dict[str, dict[str, str]] = {
    _AXIS: {"TDATA": "in", "TVALID": "in", "TREADY": "out", "TLAST": "in"},
    _AXIMM: {
        **dict.fromkeys(("AWADDR", "AWPROT", "AWVALID", "WDATA", "WSTRB", "WVALID", "BREADY"), "in"),
        **dict.fromkeys(("ARADDR", "ARPROT", "ARVALID", "RREADY"), "in"),
        **dict.fromkeys(("AWREADY", "WREADY", "BRESP", "BVALID"), "out"),
        **dict.fromkeys(("ARREADY", "RDATA", "RRESP", "RVALID"), "out"),
    },
}
"""Signals of a stream and of AXI4-Lite, with their direction at a slave."""
_SIGNALS = {
    ("xilinx.com:signal:clock:1.0", "CLK"): "in",
    ("xilinx.com:signal:reset:1.0", "RST"): "in",
    ("xilinx.com:signal:interrupt:1.0", "INTERRUPT"): "out",
}
_PARAMETERS = {
    "aresetn": "POLARITY ACTIVE_LOW",
    "irq": "SENSITIVITY LEVEL_HIGH",
    "s_axi_control_awaddr": "XIL_INTERFACENAME s_axi_control, PROTOCOL AXI4LITE",
}
"""What the attribute of a port must say, where there is such a port."""

_CELLS: dict[str, dict[str, tuple[str, ...]]] = {
    "xilinx.com:ip:axi_dma": {
        "pins": ("s_axi_lite_aclk", "m_axi_mm2s_aclk", "m_axi_s2mm_aclk", "axi_resetn"),
        "interfaces": ("M_AXIS_MM2S", "S_AXIS_S2MM"),
    },
    "xilinx.com:ip:axis_dwidth_converter": {
        "pins": ("aclk", "aresetn"),
        "interfaces": ("S_AXIS", "M_AXIS"),
    },
    "xilinx.com:ip:smartconnect": {"pins": ("aclk", "aresetn"), "interfaces": ("S00_AXI", "M00_AXI")},
}
_WIDTHS = {
    "M_AXIS_MM2S": ("CONFIG.c_m_axis_mm2s_tdata_width", 1),
    "S_AXIS_S2MM": ("CONFIG.c_s_axis_s2mm_tdata_width", 1),
    "S_AXIS": ("CONFIG.S_TDATA_NUM_BYTES", 8),
    "M_AXIS": ("CONFIG.M_TDATA_NUM_BYTES", 8),
}
"""Of a stream of AMD's blocks: the property that sets its width, and the bits that one counts."""


def check(build: Build) -> Iterator[str]:
    """What is wrong with a build's ``vivado/``, one sentence each, with the file in front.

    Raises:
        TclError: A file is not Tcl, or uses a command that is not known here.
    """
    folder = build.path / "vivado"
    found = [("build.tcl", _build(build, folder / "build.tcl"))]
    control = f"{build.top}_control"
    extra = (build.path / "control" / f"{control}.sv",)
    for name, script, more in (
        (build.top, "package_ip.tcl", ()),
        (control, "package_ip_control.tcl", extra),
    ):
        wrapper = folder / f"{name}_ip.v"
        module = elaborate(f"{name}_ip", (*build.sources, *more, wrapper))
        found += [
            (wrapper.name, _wrapper(module)),
            (script, _package(build, folder / script, name, (*more, wrapper))),
            ("block_design.tcl", _design(folder, script, name, module)),
        ]
    for file, sentences in found:
        yield from (f"vivado/{file}: {sentence}" for sentence in sentences)


def _stubs(names: Sequence[str], **more: str) -> dict[str, str]:
    return dict.fromkeys(names, "{}") | _GETTERS | more


def _build(build: Build, path: Path) -> Iterator[str]:
    """The script for the core alone: its files elaborate, its images exist, its part is the build's."""
    calls = tcl.run(path, _stubs(_BUILD))
    files = [Path(call.words[-1]) for call in calls if call.name == "read_verilog"]
    images = [call.words[-1] for call in calls if call.name == "read_mem"]
    synthesis = [call for call in calls if call.name == "synth_design"]
    yield from exactly("the part", [call.option("-part") for call in synthesis], build.part)
    yield from exactly("the top module", [call.option("-top") for call in synthesis], build.top)
    module = elaborate(build.top, files)
    yield from module.said
    wanted = sorted({str(image) for file in files if file.is_file() for image in images_of(file)})
    yield from each_once("memory images", images, wanted)
    yield from (f"there is no file {image}" for image in images if not Path(image).is_file())
    for call in calls:
        if call.name == "read_xdc":
            file = Path(call.words[-1])
            yield from (f"{file.name}: {said}" for said in constraints.check(file, module, build.clock_mhz))


def _wrapper(module: Module) -> Iterator[str]:
    """The IP's top: every port belongs to one signal of one interface, with the direction that this has."""
    yield from module.said
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, port in module.ports.items():
        words = port.attributes.get("X_INTERFACE_INFO", "").split()
        if len(words) != 3:
            yield f"port '{name}' must say which signal of which interface it is"
            continue
        if words[0] in _LOGICAL:
            found.setdefault((words[0], words[1]), {})[words[2]] = name
            if words[2] in _LOGICAL[words[0]] and name != f"{words[1]}_{words[2].lower()}":
                yield f"port '{name}' must not be {words[2]} of '{words[1]}'"
        elif port.direction != _SIGNALS.get((words[0], words[2])):
            yield f"port '{name}': '{' '.join(words)}' is no {port.direction}put signal that is known here"
        if port.attributes.get("X_INTERFACE_PARAMETER", "") != _PARAMETERS.get(name, "") and name != "aclk":
            yield f"port '{name}': its parameter must be '{_PARAMETERS.get(name, '')}'"
    for (kind, interface), signals in found.items():
        yield from each_once(f"signals of '{interface}'", list(signals), list(_LOGICAL[kind]))
        turned = kind == _AXIS and "TDATA" in signals and module.ports[signals["TDATA"]].direction == "out"
        for signal, name in signals.items():
            wanted = _LOGICAL[kind].get(signal, "")
            wanted = {"in": "out", "out": "in"}.get(wanted, "") if turned else wanted
            if module.ports[name].direction != wanted:
                yield f"port '{name}': as {signal} of '{interface}' it must be an {wanted}put"
    yield from _associated(module, [interface for _, interface in found])


def _associated(module: Module, interfaces: Sequence[str]) -> Iterator[str]:
    clock = module.ports["aclk"].attributes if "aclk" in module.ports else {}
    pairs = (pair.split() for pair in clock.get("X_INTERFACE_PARAMETER", "").split(","))
    given = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    yield from each_once("interfaces of aclk", given.get("ASSOCIATED_BUSIF", "").split(":"), interfaces)
    yield from exactly("the reset of aclk", [given.get("ASSOCIATED_RESET", "")], "aresetn")


def _package(build: Build, path: Path, name: str, wrappers: Sequence[Path]) -> Iterator[str]:
    """The packaging: sources, wrappers and images all end in one folder, where their bare names find them."""
    calls = tcl.run(path, _stubs(_PACKAGE))
    source = str(path.parent / "ip" / name / "src")
    copied = [Path(call.words[0]) for call in calls if call.name == "file copy" and call.words[1] == source]
    written = [Path(call.words[0]).name for call in calls if call.name == "open"]
    images = {image.resolve() for file in build.sources for image in images_of(file)}
    yield from each_once("sources", written, [file.name for file in build.sources])
    wanted = sorted(str(image) for image in (*images, *wrappers))
    yield from each_once("files that are copied", [str(file.resolve()) for file in copied], wanted)
    added = [call.words[-1] for call in calls if call.name == "add_files"]
    files = [*written, *(file.name for file in copied)]
    yield from each_once("files of the IP", added, [f"{source}/{file}" for file in files])
    tops = [call.words[1] for call in calls if call.name == "set_property" and call.words[0] == "top"]
    yield from exactly("the top module", tops, f"{name}_ip")
    parts = [call.option("-part") for call in calls if call.name == "create_project"]
    yield from exactly("the part", parts, build.part)


def _packaged(path: Path) -> str:
    """What ``package_ip.tcl`` calls the IP: vendor:library:name:version."""
    calls = tcl.run(path, _stubs(_PACKAGE))
    package = next(call for call in calls if call.name == "ipx::package_project")
    given = {call.words[0]: call.words[1] for call in calls if call.name == "set_property"}
    return ":".join(
        (
            package.option("-vendor"),
            package.option("-library"),
            given.get("name", ""),
            given.get("version", ""),
        )
    )


def _design(folder: Path, script: str, name: str, module: Module) -> Iterator[str]:
    """The block design with an IP: known blocks, pins that they have, streams connected to some of their own width."""
    words = {port: info.attributes.get("X_INTERFACE_INFO", "").split() for port, info in module.ports.items()}
    kinds = {info[1]: info[0] for info in words.values() if len(info) == 3 and info[0] in _LOGICAL}
    single = [port for port, info in words.items() if len(info) == 3 and info[0] not in _LOGICAL]
    buses = [interface for interface, kind in kinds.items() if kind == _AXIMM]
    pins = ("clock_pin", "reset_pin", *(["interrupt_pin"] if buses else []))
    masters = ("master_pin",) if buses else ()
    stubs = _stubs(_DESIGN, puts="{}")
    calls = tcl.run(folder / "block_design.tcl", stubs, then=f"add_{name} {' '.join((*pins, *masters))}")
    cells = {call.words[-1]: call.option("-vlnv") for call in calls if call.name == "create_bd_cell"}
    core = [cell for cell, kind in cells.items() if kind == _packaged(folder / script)]
    if len(core) != 1:
        yield f"it must add the IP that {script} makes"
        return
    own: dict[str, tuple[str, ...]] = {"pins": tuple(single), "interfaces": tuple(kinds)}
    has = {cell: own if cell == core[0] else _CELLS.get(kind, {}) for cell, kind in cells.items()}
    yield from (f"'{cells[cell]}' is no block that is known here" for cell in cells if not has[cell])
    yield from _connected(calls, has, "connect_bd_net", "pins", pins)
    yield from _connected(calls, has, "connect_bd_intf_net", "interfaces", masters)
    said = {word for call in calls if call.name == "puts" for word in call.words[-1].split()}
    wide = said & {interface for interface, kind in kinds.items() if kind == _AXIS}
    made = [
        end for call in calls if call.name in ("connect_bd_net", "connect_bd_intf_net") for end in call.words
    ]
    wanted = [f"{core[0]}/{end}" for end in (*single, *kinds) if end not in wide]
    yield from each_once(
        "connections of the core", [end for end in made if end.startswith(f"{core[0]}/")], wanted
    )
    yield from (f"'{end}' must be connected" for end in (*pins, *masters) if end not in made)
    assigned = [" ".join(call.words) for call in calls if call.name == "assign_bd_address"]
    yield from each_once("addresses", assigned, [f"{core[0]}/{bus}/*" for bus in buses])
    bits = {
        f"{core[0]}/{interface}": module.ports[f"{interface}_tdata"].bits
        for interface, kind in kinds.items()
        if kind == _AXIS and f"{interface}_tdata" in module.ports
    }
    yield from _widths(calls, bits)


def _connected(
    calls: Sequence[Call],
    has: Mapping[str, Mapping[str, Sequence[str]]],
    command: str,
    kind: str,
    given: Sequence[str],
) -> Iterator[str]:
    """Ends of connections are pins, or interfaces, of the blocks that there are, or ``given`` by the caller."""
    for call in calls:
        for end in call.words if call.name == command else ():
            cell, _, pin = end.partition("/")
            if end not in given and pin not in has.get(cell, {}).get(kind, ()):
                yield f"there is no '{end}' among {kind}"


def _widths(calls: Sequence[Call], own: Mapping[str, int]) -> Iterator[str]:
    """Both ends of a stream have one width."""
    given: dict[str, dict[str, str]] = {}
    for call in calls:
        if call.name == "set_property" and call.words[0] == "-dict":
            pairs = call.words[1].split()
            given[call.words[2]] = dict(zip(pairs[::2], pairs[1::2], strict=True))

    def bits(end: str) -> int:
        if end in own:
            return own[end]
        cell, _, interface = end.partition("/")
        key, unit = _WIDTHS.get(interface, ("", 1))
        return unit * int(given.get(cell, {}).get(key, "0"))

    for call in calls:
        if call.name == "connect_bd_intf_net" and not {"S00_AXI", "M00_AXI"} & {
            end.partition("/")[2] for end in call.words
        }:
            first, second = call.words
            if bits(first) != bits(second):
                yield f"'{first}' has {bits(first)} bits, '{second}' has {bits(second)}"
