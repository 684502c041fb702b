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
_DESIGN = ("set_property", "update_ip_catalog", "create_bd_cell", "connect_bd_net", "connect_bd_intf_net")
_GETTERS = dict.fromkeys(("get_bd_pins", "get_bd_intf_pins", "get_bd_cells"), "[lindex $args end]") | {
    "current_project": "project",
    "current_fileset": "fileset",
    "ipx::current_core": "core",
}

_AXIS = "xilinx.com:interface:axis:1.0"
_LOGICAL = {"TDATA": "in", "TVALID": "in", "TREADY": "out", "TLAST": "in"}
"""Signals of a stream, with their direction at a slave."""

_CELLS: dict[str, dict[str, tuple[str, ...]]] = {
    "xilinx.com:ip:axi_dma": {
        "pins": ("s_axi_lite_aclk", "m_axi_mm2s_aclk", "m_axi_s2mm_aclk", "axi_resetn"),
        "interfaces": ("M_AXIS_MM2S", "S_AXIS_S2MM"),
    },
    "xilinx.com:ip:axis_dwidth_converter": {
        "pins": ("aclk", "aresetn"),
        "interfaces": ("S_AXIS", "M_AXIS"),
    },
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
    wrapper = folder / f"{build.top}_ip.v"
    module = elaborate(f"{build.top}_ip", (*build.sources, wrapper))
    for name, found in (
        ("build.tcl", _build(build, folder / "build.tcl")),
        (wrapper.name, _wrapper(module)),
        ("package_ip.tcl", _package(build, folder / "package_ip.tcl")),
        ("block_design.tcl", _design(build, folder, module)),
    ):
        yield from (f"vivado/{name}: {sentence}" for sentence in found)


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
    streams: dict[str, dict[str, str]] = {}
    for name, port in module.ports.items():
        words = port.attributes.get("X_INTERFACE_INFO", "").split()
        if len(words) != 3:
            yield f"port '{name}' must say which signal of which interface it is"
        elif words[0] == _AXIS:
            streams.setdefault(words[1], {})[words[2]] = name
        elif (words[0], words[2]) not in (
            ("xilinx.com:signal:clock:1.0", "CLK"),
            ("xilinx.com:signal:reset:1.0", "RST"),
        ):
            yield f"port '{name}': '{' '.join(words)}' is no signal that is known here"
    for stream, signals in streams.items():
        yield from each_once(f"signals of '{stream}'", list(signals), list(_LOGICAL))
        turned = module.ports[signals["TDATA"]].direction == "out" if "TDATA" in signals else False
        for signal, name in signals.items():
            wanted = (
                _LOGICAL.get(signal)
                if not turned
                else {"in": "out", "out": "in"}.get(_LOGICAL.get(signal, ""))
            )
            if module.ports[name].direction != wanted:
                yield f"port '{name}': as {signal} of '{stream}' it must be an {wanted}put"
    yield from _associated(module, list(streams))


def _associated(module: Module, streams: Sequence[str]) -> Iterator[str]:
    clock = module.ports["aclk"].attributes if "aclk" in module.ports else {}
    pairs = (pair.split() for pair in clock.get("X_INTERFACE_PARAMETER", "").split(","))
    given = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    yield from each_once("interfaces of aclk", given.get("ASSOCIATED_BUSIF", "").split(":"), streams)
    yield from exactly("the reset of aclk", [given.get("ASSOCIATED_RESET", "")], "aresetn")
    reset = module.ports["aresetn"].attributes if "aresetn" in module.ports else {}
    yield from exactly("aresetn", [reset.get("X_INTERFACE_PARAMETER", "")], "POLARITY ACTIVE_LOW")


def _package(build: Build, path: Path) -> Iterator[str]:
    """The packaging: sources, wrapper and images all end in one folder, where their bare names find them."""
    calls = tcl.run(path, _stubs(_PACKAGE))
    source = str(path.parent / "ip" / "src")
    copied = [Path(call.words[0]) for call in calls if call.name == "file copy" and call.words[1] == source]
    written = [Path(call.words[0]).name for call in calls if call.name == "open"]
    images = {image.resolve() for file in build.sources for image in images_of(file)}
    yield from each_once("sources", written, [file.name for file in build.sources])
    wanted = sorted(str(image) for image in (*images, path.parent / f"{build.top}_ip.v"))
    yield from each_once("files that are copied", [str(file.resolve()) for file in copied], wanted)
    added = [call.words[-1] for call in calls if call.name == "add_files"]
    names = [*written, *(file.name for file in copied)]
    yield from each_once("files of the IP", added, [f"{source}/{name}" for name in names])
    tops = [call.words[1] for call in calls if call.name == "set_property" and call.words[0] == "top"]
    yield from exactly("the top module", tops, f"{build.top}_ip")
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


def _design(build: Build, folder: Path, module: Module) -> Iterator[str]:
    """The block design: known blocks, pins that they have, every stream connected to one of its own width."""
    name = f"add_{build.top}"
    stubs = _stubs(_DESIGN, puts="{}")
    calls = tcl.run(folder / "block_design.tcl", stubs, then=f"{name} clock_pin reset_pin")
    cells = {call.words[-1]: call.option("-vlnv") for call in calls if call.name == "create_bd_cell"}
    core = [cell for cell, kind in cells.items() if kind == _packaged(folder / "package_ip.tcl")]
    if len(core) != 1:
        yield "it must add the IP that package_ip.tcl makes"
        return
    words = {port: info.attributes.get("X_INTERFACE_INFO", "").split() for port, info in module.ports.items()}
    streams = {
        info[1]: module.ports[port] for port, info in words.items() if info[0] == _AXIS and info[2] == "TDATA"
    }
    own: dict[str, tuple[str, ...]] = {"pins": ("aclk", "aresetn"), "interfaces": tuple(streams)}
    has = {cell: own if cell == core[0] else _CELLS.get(kind, {}) for cell, kind in cells.items()}
    yield from (f"'{cells[cell]}' is no block that is known here" for cell in cells if not has[cell])
    yield from _connected(calls, has, "connect_bd_net", "pins")
    yield from _connected(calls, has, "connect_bd_intf_net", "interfaces")
    wide = {
        name for call in calls if call.name == "puts" for name in streams if name in call.words[-1].split()
    }
    ends = [end for call in calls if call.name == "connect_bd_intf_net" for end in call.words]
    ends += [end for call in calls if call.name == "connect_bd_net" for end in call.words[1:]]
    pins = [f"{core[0]}/{name}" for name in ("aclk", "aresetn", *streams) if name not in wide]
    yield from each_once(
        "connections of the core", [end for end in ends if end.startswith(f"{core[0]}/")], pins
    )
    yield from _widths(calls, {f"{core[0]}/{name}": port.bits for name, port in streams.items()})


def _connected(
    calls: Sequence[Call], has: Mapping[str, Mapping[str, Sequence[str]]], command: str, kind: str
) -> Iterator[str]:
    for call in calls:
        for end in call.words if call.name == command else ():
            cell, _, pin = end.partition("/")
            if end not in ("clock_pin", "reset_pin") and pin not in has.get(cell, {}).get(kind, ()):
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
        if call.name == "connect_bd_intf_net":
            first, second = call.words
            if bits(first) != bits(second):
                yield f"'{first}' has {bits(first)} bits, '{second}' has {bits(second)}"
