"""Checks ``quartus/``: project, constraints, components and systems of Platform Designer."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ternc.handoff import constraints, tcl
from ternc.handoff.build import Build, images_of
from ternc.handoff.elaborate import Module, elaborate
from ternc.handoff.names import each_once, exactly
from ternc.handoff.tcl import Call

_PROJECT = ("set_global_assignment", "set_instance_assignment")
_ASSIGNMENTS = frozenset(
    {
        *("DEVICE", "FAMILY", "PRE_FLOW_SCRIPT_FILE", "PROJECT_OUTPUT_DIRECTORY", "SDC_FILE", "SEARCH_PATH"),
        *("SYSTEMVERILOG_FILE", "TOP_LEVEL_ENTITY", "VERILOG_MACRO", "VIRTUAL_PIN"),
    }
)
_COMPONENT = (
    *("package", "set_module_property", "add_fileset", "set_fileset_property", "add_fileset_file"),
    *("add_interface", "set_interface_property", "add_interface_port"),
)
_SYSTEM = (
    *("package", "create_system", "set_project_property", "add_instance", "set_instance_parameter_value"),
    *("add_connection", "add_interface", "set_interface_property", "save_system"),
)
_BRIDGES = {
    "altera_clock_bridge": ("in_clk", "out_clk"),
    "altera_reset_bridge": ("clk", "in_reset", "out_reset"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A type of interface: the direction of each role at its end (sink), the roles it must have, its properties."""

    roles: Mapping[str, str]
    required: frozenset[str]
    properties: frozenset[str]


_ASSOCIATED = frozenset({"associatedClock", "associatedReset"})
_AXI4LITE = {
    **dict.fromkeys(("awaddr", "awprot", "awvalid", "wdata", "wstrb", "wvalid", "bready"), "Input"),
    **dict.fromkeys(("araddr", "arprot", "arvalid", "rready"), "Input"),
    **dict.fromkeys(
        ("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid"), "Output"
    ),
}
_AVALON = {
    **dict.fromkeys(("address", "read", "write", "writedata", "byteenable"), "Input"),
    **dict.fromkeys(("readdata", "readdatavalid", "waitrequest"), "Output"),
}
_REGISTERS = ("axi4lite", "avalon")
"""Types of interfaces through which a processor reaches registers."""
_KINDS = {
    "clock": _Kind(roles={"clk": "Input"}, required=frozenset({"clk"}), properties=frozenset({"clockRate"})),
    "reset": _Kind(
        roles={"reset_n": "Input"},
        required=frozenset({"reset_n"}),
        properties=frozenset({"associatedClock", "synchronousEdges"}),
    ),
    "axi4stream": _Kind(
        roles={"tdata": "Input", "tvalid": "Input", "tready": "Output", "tlast": "Input"},
        required=frozenset({"tdata", "tvalid", "tready"}),
        properties=_ASSOCIATED,
    ),
    "avalon_streaming": _Kind(
        roles={
            "data": "Input",
            "valid": "Input",
            "ready": "Output",
            "startofpacket": "Input",
            "endofpacket": "Input",
        },
        required=frozenset({"data", "valid", "ready", "startofpacket", "endofpacket"}),
        properties=_ASSOCIATED | {"dataBitsPerSymbol", "firstSymbolInHighOrderBits", "readyLatency"},
    ),
    "axi4lite": _Kind(
        roles=_AXI4LITE,
        required=frozenset(_AXI4LITE),
        properties=_ASSOCIATED
        | {"readAcceptanceCapability", "writeAcceptanceCapability", "combinedAcceptanceCapability"},
    ),
    "avalon": _Kind(
        roles=_AVALON,
        required=frozenset(_AVALON) - {"byteenable"},
        properties=_ASSOCIATED | {"addressUnits", "bitsPerSymbol", "maximumPendingReadTransactions"},
    ),
    "conduit": _Kind(
        roles={"abort": "Input", "status": "Output"},
        required=frozenset({"abort", "status"}),
        properties=_ASSOCIATED,
    ),
    "interrupt": _Kind(
        roles={"irq": "Output"},
        required=frozenset({"irq"}),
        properties=_ASSOCIATED | {"associatedAddressablePoint"},
    ),
}
_VALUES = {
    "avalon_streaming": {
        "dataBitsPerSymbol": "8",
        "firstSymbolInHighOrderBits": "true",
        "readyLatency": "0",
    },
    "axi4lite": {
        "readAcceptanceCapability": "1",
        "writeAcceptanceCapability": "1",
        "combinedAcceptanceCapability": "1",
    },
    "avalon": {"addressUnits": "WORDS", "bitsPerSymbol": "8", "maximumPendingReadTransactions": "1"},
}
"""Properties that have one value, as the wrappers work in one way: bytes in Avalon's order, words, one read."""
_BITS = {
    "axi4lite": {"awprot": 3, "arprot": 3, "wdata": 32, "wstrb": 4, "rdata": 32, "bresp": 2, "rresp": 2},
    "avalon": {"writedata": 32, "readdata": 32, "byteenable": 4},
    "conduit": {"status": 166},
}
"""Widths of roles: registers are words of 32 bits; every other signal but addresses and data has one bit."""
_WIDE = frozenset({"data", "tdata", "address", "awaddr", "araddr"})


def check(build: Build) -> Iterator[str]:
    """What is wrong with a build's ``quartus/``, one sentence each, with the file in front.

    Raises:
        TclError: A file is not Tcl, or uses a command that is not known here.
    """
    folder, top = build.path / "quartus", build.top
    found = [
        (f"{top}.qsf", _project(build, folder / f"{top}.qsf")),
        ("memory.tcl", _memory(folder / "memory.tcl")),
    ]
    for kind, name in (
        ("axi", top),
        ("avalon", f"{top}_avalon"),
        ("axi_control", f"{top}_control"),
        ("avalon_control", f"{top}_control_avalon"),
    ):
        component, system = folder / f"{name}_hw.tcl", folder / f"system_{kind}.tcl"
        found.append((component.name, _component(component, name)))
        found.append((system.name, _system(build, system, component)))
    for name, sentences in found:
        yield from (f"quartus/{name}: {sentence}" for sentence in sentences)


def _stubs(names: Sequence[str], **more: str) -> dict[str, str]:
    return dict.fromkeys(names, "{}") | more


def _project(build: Build, path: Path) -> Iterator[str]:
    """The project: its revision, its files, its device, virtual pins on every port but the clock."""
    revision = re.search(r'PROJECT_REVISION = "(.*)"', path.with_suffix(".qpf").read_text())
    if revision is None or revision[1] != path.stem:
        yield "the project's revision has another name"
    calls = tcl.run(path, _stubs(_PROJECT))
    values: dict[str, list[str]] = {}
    for call in calls:
        values.setdefault(call.option("-name"), []).append(call.words[2])
    unknown = set(values) - _ASSIGNMENTS
    if unknown:
        yield f"'{min(unknown)}' is no assignment that is known here"
    yield from exactly("DEVICE", values.get("DEVICE", []), build.part)
    yield from exactly("FAMILY", values.get("FAMILY", []), build.family)
    files = [path.parent / name for name in values.get("SYSTEMVERILOG_FILE", [])]
    module = elaborate(values.get("TOP_LEVEL_ENTITY", [""])[0], files)
    yield from exactly("TOP_LEVEL_ENTITY", [module.name], build.top)
    yield from module.said
    virtual = [call.option("-to") for call in calls if call.option("-name") == "VIRTUAL_PIN"]
    yield from each_once("virtual pins", virtual, [name for name in module.ports if name != "clk_i"])
    for script in values.get("PRE_FLOW_SCRIPT_FILE", []):
        if not (path.parent / script.removeprefix("quartus_sh:")).is_file():
            yield f"there is no file {script}"
    for name in values.get("SDC_FILE", [""]):
        yield from (
            f"{name}: {said}" for said in constraints.check(path.parent / name, module, build.clock_mhz)
        )


def _memory(path: Path) -> Iterator[str]:
    """The script that copies the memory images."""
    copies = [call.words for call in tcl.run(path, {}) if call.name == "file copy"]
    wanted = (str(path.parents[1] / "rtl" / "mem"), str(path.parent / "mem"))
    if copies != [wanted]:
        yield "it must copy ../rtl/mem to mem"


def _component(path: Path, top: str) -> Iterator[str]:
    """A component: its files elaborate, and its interfaces are exactly the ports of its top module."""
    stubs = _stubs(_COMPONENT, get_module_property="[pwd]")
    calls = tcl.run(path, stubs)
    names = [
        call.words[1] for call in calls if call.name == "set_module_property" and call.words[0] == "NAME"
    ]
    yield from exactly("NAME", names, top)
    module = Module(name=top, ports={}, said=())
    for call in calls:
        if call.name != "add_fileset":
            continue
        name, _, callback = call.words
        tops = [
            other.words[2]
            for other in calls
            if other.name == "set_fileset_property" and other.words[:2] == (name, "TOP_LEVEL")
        ]
        yield from exactly(f"TOP_LEVEL of the files for {name}", tops, top)
        with tempfile.TemporaryDirectory(prefix="ternc-") as scratch:
            files = _generated(tcl.run(path, stubs, then=f"{callback} entity"), Path(scratch))
            module = elaborate(top, files)
            yield from module.said
            for file in files:
                yield from (f"there is no file {image}" for image in images_of(file) if not image.is_file())
    yield from _interfaces(calls, module)


def _generated(calls: Sequence[Call], folder: Path) -> list[Path]:
    """The files that a fileset's callback makes, written into ``folder``."""
    files = []
    for call in calls:
        if call.name == "add_fileset_file":
            name, _, how, what = call.words
            path = folder / name
            path.write_text(what if how == "TEXT" else Path(what).read_text())
            files.append(path)
    return files


def _interfaces(calls: Sequence[Call], module: Module) -> Iterator[str]:
    kinds = {call.words[0]: call.words[1:] for call in calls if call.name == "add_interface"}
    mapped: dict[str, list[str]] = {name: [] for name in kinds}
    yield from each_once(
        "mapped ports",
        [call.words[1] for call in calls if call.name == "add_interface_port"],
        list(module.ports),
    )
    for call in calls:
        if call.name == "add_interface_port":
            interface, name, role, direction, bits = call.words
            mapped.setdefault(interface, []).append(role)
            yield from _mapped(kinds.get(interface), interface, name, role, direction, bits, module)
    for name, (kind, _) in kinds.items():
        missing = _KINDS[kind].required - set(mapped[name]) if kind in _KINDS else frozenset()
        if missing:
            yield f"interface '{name}' must have a port with the role '{min(missing)}'"
    yield from _properties(calls, kinds, module)


def _mapped(
    kind: Sequence[str] | None,
    interface: str,
    name: str,
    role: str,
    direction: str,
    bits: str,
    module: Module,
) -> Iterator[str]:
    """One port of an interface against the RTL and against what its role is."""
    if kind is None or kind[0] not in _KINDS or kind[1] not in ("end", "start"):
        yield f"interface '{interface}' of port '{name}' must be of a known type, with a start or an end"
        return
    roles = _KINDS[kind[0]].roles
    if role not in roles:
        yield f"port '{name}': '{role}' is no role of {kind[0]}, which has {', '.join(roles)}"
        return
    says = name.removeprefix(f"{interface}_")
    if says in roles and says != role:
        yield f"port '{name}': its role must be '{says}', as its name says, not '{role}'"
    turned = {"Input": "Output", "Output": "Input"}
    wanted = roles[role] if kind[1] == "end" else turned[roles[role]]
    if direction != wanted:
        yield f"port '{name}': as '{role}' of interface '{interface}' it must be {wanted}, not {direction}"
    port = module.ports.get(name)
    if port is None:
        return  # said by the comparison of names
    if direction.lower() != f"{port.direction}put":
        yield f"port '{name}': must be an {port.direction}put, as in the RTL, not {direction}"
    if bits != str(port.bits):
        yield f"port '{name}': must have {port.bits} bits, as in the RTL, not {bits}"
    usual = _BITS.get(kind[0], {}).get(role, 1)
    if role not in _WIDE and port.bits != usual:
        yield f"port '{name}': '{role}' of {kind[0]} has {usual} bits, which the RTL's {port.bits} are not"


def _properties(calls: Sequence[Call], kinds: Mapping[str, Sequence[str]], module: Module) -> Iterator[str]:
    given: dict[str, dict[str, str]] = {name: {} for name in kinds}
    for call in calls:
        if call.name == "set_interface_property":
            interface, key, value = call.words
            given.setdefault(interface, {})[key] = value
    for name, (kind, _) in kinds.items():
        if kind not in _KINDS:
            continue
        unknown = set(given[name]) - _KINDS[kind].properties
        if unknown:
            yield f"interface '{name}': '{min(unknown)}' is no property of {kind}"
        for key, wanted in (("associatedClock", "clock"), ("associatedReset", "reset")):
            if key in _KINDS[kind].properties and kinds.get(given[name].get(key, ""), ("",))[0] != wanted:
                yield f"interface '{name}': {key} must name a {wanted} interface"
        point = given[name].get("associatedAddressablePoint", "")
        if kind == "interrupt" and kinds.get(point, ("",))[0] not in _REGISTERS:
            yield f"interface '{name}': associatedAddressablePoint must name the interface of the registers"
        for key, wanted in _VALUES.get(kind, {}).items():
            if given[name].get(key) != wanted:
                yield f"interface '{name}': {key} must be {wanted}, not {given[name].get(key, 'missing')}"
        data = module.ports.get(f"{name}_data")
        if kind == "avalon_streaming" and data is not None and data.bits % 8:
            yield f"interface '{name}': {data.bits} bits are not whole symbols"


def _system(build: Build, path: Path, component: Path) -> Iterator[str]:
    """A system: of known components, connected by interfaces that they have, everything else exported."""
    parts = tcl.run(component, _stubs(_COMPONENT, get_module_property="[pwd]"))
    own = {call.words[0]: call.words[1] for call in parts if call.name == "add_interface"}
    names = {
        call.words[1] for call in parts if call.name == "set_module_property" and call.words[0] == "NAME"
    }
    calls = tcl.run(path, _stubs(_SYSTEM))
    device = [
        call.words[1] for call in calls if call.name == "set_project_property" and call.words[0] == "DEVICE"
    ]
    yield from exactly("DEVICE", device, build.part)
    has: dict[str, Sequence[str]] = {}
    for call in calls:
        if call.name == "add_instance":
            has[call.words[0]] = tuple(own) if call.words[1] in names else _BRIDGES.get(call.words[1], ())
            if not has[call.words[0]]:
                yield f"'{call.words[1]}' is no component that is known here"
    ends = [end for call in calls if call.name == "add_connection" for end in call.words]
    exported = [call.words[2] for call in calls if call.name == "set_interface_property"]
    for end in (*ends, *exported):
        instance, _, interface = end.partition(".")
        if interface not in has.get(instance, ()):
            yield f"there is no interface '{end}'"
    core = next(
        (call.words[0] for call in calls if call.name == "add_instance" and call.words[1] in names), ""
    )
    yield from each_once(
        "interfaces of the core that are connected or exported",
        [end for end in (*ends, *exported) if end.startswith(f"{core}.")],
        [f"{core}.{name}" for name in own],
    )
