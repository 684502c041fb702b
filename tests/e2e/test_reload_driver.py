"""Host programs that load networks: the Python class, the PYNQ transport and the C library, against a simulated board."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import reloaded
import ternc
from e2e.test_driver import FABRIC, STRICT, Channel, Overlay, allocate, frames
from ternc.driver import Device, Pynq, Simulation
from ternc.driver import registers as reg
from ternc.errors import BuildError, DataError, ToolError
from ternc.pipeline import Build
from ternc.simulate import verilator
from ternc.simulate.model import Dut
from ternc.simulate.opened import open_build
from zoo import compiled


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Build]:
    """Two networks of a shape."""
    folder = tmp_path_factory.mktemp("reload")
    shape = reloaded.read("digits_brevitas_mlp.qcdq_legacy", "1x4x16")
    return [
        shape.build(network, folder / str(n)) for n, network in enumerate((shape.network, shape.other(1)))
    ]


def image(build: Build) -> Path:
    return build.path / "reload" / f"{build.design.name}.bin"


def test_a_device_becomes_another_network_and_back(builds: list[Build]) -> None:
    one, other = builds
    x = frames(one, 9)
    wanted = [ternc.predict(build.path, x) for build in builds]
    assert (np.asarray(wanted[0]) != np.asarray(wanted[1])).any()
    with Device(one.path, Simulation(one.path)) as device:
        np.testing.assert_array_equal(device.predict(x), wanted[0])
        device.load(other.path)
        np.testing.assert_array_equal(device.predict(x), wanted[1])
        assert device.status().load.state == reg.LOADED
        device.load(image(one))
        np.testing.assert_array_equal(device.predict(x), wanted[0])
        device.load(image(other).read_bytes())
        np.testing.assert_array_equal(device.predict(x), wanted[1])


def test_an_image_that_is_cut_off_is_said_and_another_one_recovers(
    builds: list[Build], tmp_path: Path
) -> None:
    one, other = builds
    half = image(other).read_bytes()[:400]
    x = frames(one, 3)
    simulation = Simulation(one.path)
    with Device(one.path, simulation) as device:
        with pytest.raises(ToolError, match=r"the image ended early \(100 words came\)") as error:
            device.load(half)
        assert error.value.help == "load an image again: until a whole one has come the core stays in reset"
        found = device.status().load
        assert (found.state, found.held, found.error, found.words) == (reg.FAILED, True, reg.CUT_SHORT, 100)
        with pytest.raises(ToolError, match="the device waits for an image: the last one did not come whole"):
            device.predict(x)
        again = Device(other.path, simulation)  # its hardware, without a network
        again.load(other.path)
        np.testing.assert_array_equal(again.predict(x), ternc.predict(other.path, x))
        damaged = bytearray(image(one).read_bytes())
        damaged[-9] ^= 4
        with pytest.raises(ToolError, match="the image was damaged on its way"):
            again.load(bytes(damaged))
        with pytest.raises(ToolError, match="more came than the image says that it has"):
            again.load(image(one).read_bytes() + bytes(4))
        device.load(one.path)
        np.testing.assert_array_equal(device.predict(x), ternc.predict(one.path, x))


def test_what_does_not_fit_is_refused_and_nothing_happens(builds: list[Build], tmp_path: Path) -> None:
    one, other = builds
    plain = compiled("digits_brevitas_mlp.qcdq_legacy", tmp_path / "plain", "1x4x16")
    x = frames(one, 2)
    simulation = Simulation(one.path)
    with pytest.raises(ToolError, match="the device runs another design") as error:
        Device(other.path, Simulation(one.path))
    assert error.value.help == "open it as the build that it runs, then load this one"
    wrong = bytearray(image(one).read_bytes())
    wrong[8] ^= 1
    with Device(one.path, simulation) as device:
        with pytest.raises(DataError, match=r"the image is for hardware \w{8}, and the device has \w{8}"):
            device.load(bytes(wrong))
        with pytest.raises(DataError, match="must begin as an image"):
            device.load(bytes(400))
        with pytest.raises(DataError, match="must be an image of a network in 32-bit words, but has 3 bytes"):
            device.load(b"abc")
        with pytest.raises(DataError, match="no_file: cannot be read"):
            device.load(tmp_path / "no_file")
        with pytest.raises(BuildError, match="has no image of its network, so it is not reloadable"):
            device.load(plain.path)
        wrong[8] ^= 1
        wrong[20] ^= 1  # the register shows the structure's low word only; the loader knows it all
        with pytest.raises(ToolError, match="the device says that the image is for other hardware"):
            device.load(bytes(wrong))
        assert not device.status().load.held
        np.testing.assert_array_equal(device.predict(x), ternc.predict(one.path, x))
    with (
        Device(plain.path, Simulation(plain.path)) as device,
        pytest.raises(DataError, match="the device's design is not reloadable"),
    ):
        device.load(image(one).read_bytes())


class Images(Channel):
    """The DMA for images: a transfer is there at once."""

    def transfer(self, buffer: Any, start: int = 0, nbytes: int = 0) -> None:
        self._overlay.core.load(buffer.tobytes())


class Reloadable(Overlay):
    """With a DMA for images."""

    def __init__(self, board: Simulation, dut: Dut) -> None:
        super().__init__(board, dut)
        self.dma_s_axis_load = SimpleNamespace(sendchannel=Images(self))


def test_pynq_loads_through_a_dma_of_its_own(builds: list[Build]) -> None:
    one, other = builds
    board = Simulation(one.path)
    overlay = Reloadable(board, open_build(one.path).dut)
    x = frames(one, 3)
    with Device(one.path, Pynq(overlay, allocate, "core", patience_s=60)) as device:
        device.load(other.path)
        np.testing.assert_array_equal(device.predict(x), ternc.predict(other.path, x))
    board.close()


def test_the_c_library_loads_through_uio(builds: list[Build], tmp_path: Path) -> None:
    one, other = builds
    dut, driver = open_build(one.path).dut, one.path / "driver"
    size = max(image(one).stat().st_size, *(5 * port.frame_bytes for port in (*dut.inputs, *dut.outputs)))
    for kind, name in enumerate(("core", "dma0", "dma1", "dma2")):
        (tmp_path / name).write_bytes(bytes(4092) + kind.to_bytes(4, "little"))
    for n, base in enumerate((0x40000000, 0x50000000, 0x60000000)):
        (tmp_path / f"buffer{n}").write_bytes(bytes(size))
        (tmp_path / "class" / f"buffer{n}").mkdir(parents=True)
        (tmp_path / "class" / f"buffer{n}" / "phys_addr").write_text(f"{base:#x}\n")
        (tmp_path / "class" / f"buffer{n}" / "size").write_text(f"{size}\n")
    (tmp_path / "other.c").write_text(
        f'#include "{other.path / "driver" / f"{dut.top}.h"}"\nconst ternc_design *other_design;\n'
        f"const ternc_design *other_design = &{dut.top};\n"
    )
    sources = [driver / name for name in ("ternc.c", "ternc_simulation.c", "ternc_uio.c")]
    subprocess.run(
        ["cc", *STRICT, f"-I{driver}", f'-DTERNC_UIO_ACCESS="{FABRIC / "fabric.h"}"', f"-DDESIGN={dut.top}",
         f'-DDESIGN_HEADER="{dut.top}.h"', *map(str, sources), str(FABRIC / "reload.c"), str(tmp_path / "other.c"),
         "-o", str(tmp_path / "host")],
        check=True,
    )  # fmt: skip
    networks = [str(path) for build in builds for path in (image(build), build.path / "sim" / "vectors")]
    done = subprocess.run(
        [tmp_path / "host", verilator.build_device(dut), one.path / "rtl", tmp_path, *networks],
        env={**os.environ, "TERNC_DEV": str(tmp_path), "TERNC_UDMABUF": str(tmp_path / "class")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    words = image(one).stat().st_size // 8
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "12 frames, 0",
        "12 frames, 0",
        f"the image is of another build than '{dut.top}'",
        f"the image ended early ({words} words came); the core stays in reset until an image has come whole",
        "12 frames, 0",
    ]


def test_the_script_in_the_documentation_loads_another_network(
    builds: list[Build], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "driver.md").read_text()
    script = next(part for part in text.split("```python\n") if "build/new" in part.split("```")[0]).split(
        "```"
    )[0]
    (tmp_path / "build").mkdir()
    for name, build in zip(("old", "new"), builds, strict=True):
        (tmp_path / "build" / name).symlink_to(build.path)
    x = frames(builds[0], 40)
    np.save(tmp_path / "x.npy", x)
    monkeypatch.chdir(tmp_path)
    exec(script, {})
    before, after = (np.asarray(ternc.predict(build.path, x)) for build in builds)
    assert capsys.readouterr().out == f"{np.mean(before.argmax(1) != after.argmax(1)):.0%} changed\n"
