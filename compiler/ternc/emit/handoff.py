"""What leads from a build to a device: registers, a driver, an image, files for its vendor and for every tool."""

from __future__ import annotations

from collections.abc import Mapping

from ternc.emit import control, driver, quartus, reload, rtl, synthesis, vivado
from ternc.emit.core import core_view
from ternc.emit.env import render
from ternc.schedule.design import Design


def emit(design: Design, hardware: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files by path below the build directory; ``hardware`` are those of ``rtl/``, sources in compile order."""
    core = core_view(design, hardware)
    structure = rtl.structure_hash(design)
    identity = control.identity(core, hardware, structure)
    folders = {
        "reload": reload.emit(design, structure, identity.hash),
        "control": control.emit(core, identity),
        "driver": driver.emit(core, design, identity),
        "synth": synthesis.emit(core, design.chip),
    }
    match design.chip.vendor:
        case "Intel":
            folders["quartus"] = quartus.emit(core)
        case "AMD":
            folders["vivado"] = vivado.emit(core)
    files = {f"{folder}/{name}": data for folder, part in folders.items() for name, data in part.items()}
    return {f"{design.name}.core": render("core.j2", core)} | files
