"""A reloadable design becomes other networks of its shape, exactly, and says what it is when an image is cut off."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner
from rtl_bench import need

import reloaded
from ternc.network import golden
from ternc.pipeline import Build
from ternc.simulate.ends import on_ports
from ternc.simulate.frames import integers
from ternc.simulate.streams import pack_all

FRAMES = 2
ALL = ".*"
SHAPES = {
    "dense": ("digits_brevitas_mlp.qcdq_legacy", "1x4x16", ALL, 4),
    "convolutions": ("digits_cnn.qonnx", "2x4x8/2p", "networks_come_and_go", 1),
}


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest) -> tuple[str, str, str, int]:
    """A model, an array, which tests of cocotb_reload.py run, and how many they are."""
    return SHAPES[request.param]


@pytest.fixture(scope="module")
def builds(shape: tuple[str, str, str, int], tmp_path_factory: pytest.TempPathFactory) -> list[Build]:
    """Three networks of a shape."""
    folder = tmp_path_factory.mktemp("reload")
    found = reloaded.read(*shape[:2])
    networks = [found.network, found.other(1), found.other(2)]
    return [found.build(network, folder / str(n)) for n, network in enumerate(networks)]


def setting(builds: list[Build], folder: Path) -> Path:
    """Frames of each network and what its golden model makes of them, as cocotb_reload.py reads them."""
    networks = []
    for n, build in enumerate(builds):
        codes = integers(build.network, FRAMES, n)
        leaving = on_ports(build.network, golden.predict(build.network, codes))
        paths: dict[str, list[str]] = {"sent": [], "wanted": []}
        for kind, ports, maps in (
            ("sent", build.design.inputs, codes),
            ("wanted", build.design.outputs, leaving),
        ):
            for port, beats in zip(ports, pack_all(ports, maps), strict=True):
                path = folder / f"{n}_{port.name}.npy"
                np.save(path, beats)
                paths[kind].append(str(path))
        device = json.loads((build.path / "driver" / "device.json").read_text())
        image = str(build.path / "reload" / f"{build.design.name}.bin")
        networks.append({"image": image, "hash": device["hash"], **paths})
    names = {
        "inputs": [port.name for port in builds[0].design.inputs],
        "outputs": [port.name for port in builds[0].design.outputs],
    }
    path = folder / "setting.json"
    path.write_text(json.dumps({**names, "networks": networks}))
    return path


def test_networks_of_one_shape_have_one_structure_and_other_outputs(builds: list[Build]) -> None:
    images = [(build.path / "reload" / f"{build.design.name}.bin").read_bytes() for build in builds]
    assert len({image[8:24] for image in images}) == 1
    assert len({image[24:40] for image in images}) == 3
    codes = integers(builds[0].network, 16, 0)
    found = [golden.predict(build.network, codes) for build in builds]
    assert all((found[0][0] != other[0]).any() for other in found[1:])


def test_images_come_and_go(shape: tuple[str, str, str, int], builds: list[Build], tmp_path: Path) -> None:
    """All beside random traffic on the registers and pauses on all streams: cocotb_reload.py."""
    need("iverilog")
    build = builds[0]
    rtl, top = build.path / "rtl", f"{build.design.name}_control"
    sources = [rtl / name for name in (rtl / "files.f").read_text().split()]
    runner = get_runner("icarus")
    runner.build(
        sources=[*sources, build.path / "control" / f"{top}.sv"],
        hdl_toplevel=top,
        defines={"TERNC_FAST_SIM": 1},
        build_args=["-g2012"],
        build_dir=tmp_path / "model",
        always=True,
        timescale=("1ns", "1ps"),
        log_file=tmp_path / "build.log",
    )
    results = runner.test(
        hdl_toplevel=top,
        test_module="cocotb_reload",
        test_filter=shape[2],
        build_dir=tmp_path / "model",
        test_dir=rtl,
        extra_env={"TERNC_RELOAD": str(setting(builds, tmp_path))},
        results_xml=str(tmp_path / "results.xml"),
    )
    count, failed = get_results(results)
    assert (count, failed) == (shape[3], 0)
