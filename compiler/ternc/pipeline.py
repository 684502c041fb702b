"""The flow as one readable sequence: ONNX, Network, Design, build directory."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc import frontend, passes, report, target
from ternc.dialects import DIALECTS, Dialect
from ternc.emit import board, handoff, hls, rtl, simulation
from ternc.errors import BuildError, ScheduleError
from ternc.frontend import AnomalyWish, CheckReport, InputQuant
from ternc.network import golden
from ternc.network import store as network_store
from ternc.network.layers import Network
from ternc.report import accuracy, exactness
from ternc.schedule import store as design_store
from ternc.schedule.build import design_of, outline
from ternc.schedule.choose import choose, cost
from ternc.schedule.design import ArrayShape, Design, Outline
from ternc.schedule.draft import Draft
from ternc.schedule.explain import Explanation, explain
from ternc.schedule.folding import Folding, read_folding
from ternc.schedule.hardware import Hardware, image_path
from ternc.schedule.pinned import PinnedEngine, read_engines
from ternc.schedule.reload import choose_reloadable
from ternc.schedule.wish import Wish
from ternc.simulate.ends import Values, decode, encode, on_ports, only
from ternc.simulate.frames import integers
from ternc.simulate.layers import digests
from ternc.simulate.predict import predict
from ternc.simulate.streams import pack_all
from ternc.simulate.verify import VerifyOptions, VerifyReport, verify
from ternc.target import Device
from ternc.ternarise import Ternarised, TernariseWish, ternarise
from ternc.version import __version__

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (step, done, total) now and then."""

VECTOR_FRAMES = 12
"""Frames in a build's own regression: the corners of the inputs' ranges and random ones."""
LAYER_FRAMES = 2
"""Of these, frames of which the HLS test bench knows every layer's values."""
CHUNK_FRAMES = 64
"""Frames that the golden model runs at a time on calibration data."""


HardwareForm: TypeAlias = Literal["rtl", "hls"]
HARDWARE_FORMS: tuple[HardwareForm, ...] = ("rtl", "hls")
"""SystemVerilog, and C++ for high-level synthesis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """What to build for which device.

    Attributes:
        target: Name in the device table.
        fps: Frames per second that the smallest design must reach.
        latency_us: Microseconds of latency that the smallest design must keep; with neither the fastest within the
            budget.
        budget: Share of the device that may be used, in (0, 1].
        clock_mhz: None for the device's planning value.
        lanes: Most rows x cols x lanes, summed over the arrays.
        array: Instead of a search: one array for all layers, or a TOML file of engines (`ternc.schedule.pinned`).
        folding: Instead of a search or ``array``: a JSON file of FINN's form (`ternc.schedule.folding`).
        reloadable: Hardware with room for every network of the model's shape, which is loaded through a stream.
        reload_of: Instead of all above: the build of a reloadable design, on whose hardware the network is put.
        input_quant: Integer type of an input that the model does not declare.
        anomaly: An outlier detector to add to an autoencoder, or None.
        ternarise: How to make a float model ternary first, or None for a model that is ternary.
        emit: Forms of the hardware to write.
        hls: Wrappers of the HLS form.
    """

    target: str = "arria10"
    fps: float | None = None
    latency_us: float | None = None
    budget: float = 0.7
    clock_mhz: float | None = None
    lanes: int | None = None
    array: ArrayShape | Path | None = None
    folding: Path | None = None
    reloadable: bool = False
    reload_of: Path | None = None
    input_quant: InputQuant | None = None
    anomaly: AnomalyWish | None = None
    ternarise: TernariseWish | None = None
    emit: tuple[HardwareForm, ...] = HARDWARE_FORMS
    hls: tuple[Dialect, ...] = DIALECTS

    @property
    def hardware_wishes(self) -> tuple[str, ...]:
        """Those of `HARDWARE_OPTIONS` that are not as they are by default."""
        plain = CompileOptions()
        return tuple(name for name in HARDWARE_OPTIONS if getattr(self, name) != getattr(plain, name))


HARDWARE_OPTIONS = tuple(
    option.name
    for option in fields(CompileOptions)
    if option.name not in ("reload_of", "input_quant", "anomaly", "ternarise")
)
"""Names of the options that ask for hardware; the others are about the model."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A float model made ternary, and how close its golden model comes to it on the calibration data."""

    made: Ternarised = field(repr=False)
    comparison: accuracy.Comparison

    def to_dict(self) -> dict[str, Any]:
        """As plain data: frames, classes, differences, note, layers, quantisers."""
        return accuracy.to_dict(self.comparison) | {
            "layers": [asdict(row) for row in self.made.layers],
            "quantisers": [asdict(row) for row in self.made.quantisers],
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Build:
    """A finished build directory and what it was made from.

    Attributes:
        trial: What making it ternary did to the model; None for one that was ternary.
    """

    path: Path
    design: Design = field(repr=False)
    network: Network = field(repr=False)
    trial: Trial | None = None

    @property
    def image(self) -> Path | None:
        """What turns hardware of the design's shape into it, of a reloadable design."""
        return self.path / image_path(self.design.name) if self.design.reloadable else None

    def predict(
        self, x: NDArray[Any] | Mapping[str, NDArray[Any]], *, engine: Literal["golden", "rtl"] = "golden"
    ) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """The ONNX model's outputs for inputs ``[N, ...]``, computed by the integer network or the RTL.

        One input may be given as an array, several by name; one output is returned as an array, several by name.
        """
        return only(predict(self.path, x, engine))

    def verify(self, **options: Any) -> VerifyReport:
        """Golden = RTL = ONNX; the options are those of `VerifyOptions`."""
        return verify(self.path, VerifyOptions(**options))


def check(model: Path, input_quant: InputQuant | None = None) -> CheckReport:
    """What the model is, layer by layer, and every obstacle; nothing is written. Its network is behind all passes."""
    found = frontend.inspect(model, input_quant=input_quant)
    return found if found.network is None else replace(found, network=passes.run(found.network))


def compile(
    model: Path,
    *,
    out: Path | None = None,
    options: CompileOptions | None = None,
    progress: Progress | None = None,
) -> Build:
    """ONNX file to build directory, which appears whole or not at all.

    Args:
        model: The ONNX file.
        out: The build directory; ``build/<model>`` below the working directory if None.
        options: See `CompileOptions`.
        progress: Told about long steps.
    Raises:
        TerncError: The model, the wish or the directory is refused, in one sentence.
    """
    options = options or CompileOptions()
    hardware = None if options.reload_of is None else Hardware.of(options.reload_of)
    if hardware is not None:
        options = on_hardware(options, hardware)
    device = target.load(options.target)
    destination = out or Path("build") / model.stem
    require_ours(destination)
    made = None
    if options.ternarise is not None:
        made = ternarise(model, options.ternarise, input_quant=options.input_quant, progress=progress)
    with source_of(model, made) as source:
        read = frontend.read(source, input_quant=options.input_quant, anomaly=options.anomaly)
        wish = wish_of(options, device)
        network, draft = hardware.put(read) if hardware else chosen(read, device, wish, progress)
        design = design_of(draft, device, wish.clock_mhz)
        if hardware is not None:
            design = hardware.named(design)
        trial = None if made is None else tried(network, made, progress)
        files = build_files(source, network, design, options)
    if hardware is not None:
        hardware.require_same(files[image_path(design.name)])
    if trial is not None:
        files |= trial_files(trial)
    write_whole(destination, network, files, options_document(model, options, made))
    return Build(path=destination, design=design, network=network, trial=trial)


def plan(
    model: Path, options: CompileOptions, progress: Progress | None = None
) -> tuple[Draft, report.Performance]:
    """The schedule alone, and its report, which is that of the build that ``compile`` would make; nothing is written.

    Where ``options`` name arrays or cap their lanes, it need not fit the device: the report says what it would take.

    Raises:
        TerncError: The model or the wish is refused.
    """
    device = target.load(options.target)
    read = frontend.read(model, input_quant=options.input_quant, anomaly=options.anomaly)
    wish = plan_wish(options, device)
    network, draft = chosen(read, device, wish, progress)
    return draft, measured(network, outline(draft, device, wish.clock_mhz))


def plan_wish(options: CompileOptions, device: Device) -> Wish:
    """What the scheduler is asked for where nothing will be built."""
    wish = wish_of(options, device)
    free = options.lanes is None and wish.array is None
    return replace(wish, fit=free or (wish.smallest and wish.array is None))


def explained(draft: Draft, options: CompileOptions) -> Explanation:
    """Why a plan is as it is."""
    device = target.load(options.target)
    return explain(draft, device, plan_wish(options, device))


def chosen(
    network: Network, device: Device, wish: Wish, progress: Progress | None = None
) -> tuple[Network, Draft]:
    """The form of a network (`passes.forms`) that makes the best design, and its schedule.

    The best is the fastest, or of those that reach the wish's rate and latency the smallest.

    Raises:
        ScheduleError: No form can be scheduled; it is that of the first.
    """
    found, refused = [], []
    for form in passes.forms(network, passes.KEEPING_SHAPE if wish.reloadable else passes.PIPELINE):
        try:
            make = choose_reloadable if wish.reloadable else choose
            found.append((form, make(form, device, wish, scheduling(progress))))
        except ScheduleError as error:
            refused.append(error)
    if not found:
        raise refused[0]
    if wish.smallest:
        return min(found, key=lambda one: cost(one[1], device))
    return min(found, key=lambda one: one[1].lines.timing.cycles_per_frame)


def on_hardware(options: CompileOptions, hardware: Hardware) -> CompileOptions:
    """The options of a build on hardware that there is.

    Raises:
        ScheduleError: They ask for other hardware.
    """
    wishes = options.hardware_wishes
    if wishes:
        raise ScheduleError(
            "a network that is put on the hardware of another build cannot ask for other hardware: "
            + ", ".join(wishes),
            help="leave these out; they are those of that build",
        )
    there = hardware.design
    return replace(options, target=there.device, clock_mhz=there.clock_mhz, emit=("rtl",))


def wish_of(options: CompileOptions, device: Device) -> Wish:
    """What the scheduler is asked for."""
    array: ArrayShape | tuple[PinnedEngine, ...] | Folding | None
    if options.folding is not None and options.array is not None:
        raise ScheduleError("an array and a folding cannot both say which engines to build", help="give one")
    if options.folding is not None:
        array = read_folding(options.folding)
    else:
        array = read_engines(options.array) if isinstance(options.array, Path) else options.array
    return Wish(
        fps=options.fps,
        latency_us=options.latency_us,
        budget=options.budget,
        clock_mhz=options.clock_mhz or device.clock.mhz,
        lanes=options.lanes,
        array=array,
        reloadable=options.reloadable,
    )


def scheduling(progress: Progress | None) -> Callable[[int, int], None] | None:
    """The scheduler's own progress."""
    return (lambda done, total: progress("scheduling", done, total)) if progress else None


@contextmanager
def source_of(model: Path, made: Ternarised | None) -> Iterator[Path]:
    """The file to read: the model itself, or for a while the ternary one of the same name."""
    if made is None:
        yield model
        return
    with tempfile.TemporaryDirectory(prefix="ternc-") as folder:
        path = Path(folder) / model.name
        path.write_bytes(made.model)
        yield path


def tried(network: Network, made: Ternarised, progress: Progress | None = None) -> Trial:
    """Run the golden model on the data that a float model was calibrated on, and compare the two."""
    data, parts = made.data, list[Values]()
    for first in range(0, data.frames, CHUNK_FRAMES):
        part = {name: array[first : first + CHUNK_FRAMES] for name, array in data.inputs.items()}
        used = {prologue.name: part[prologue.name] for prologue in network.inputs}
        parts.append(decode(network, golden.predict(network, encode(network, used))))
        if progress:
            progress("running the golden model", min(first + CHUNK_FRAMES, data.frames), data.frames)
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Trial(made=made, comparison=accuracy.compare(made.expected, found, data.labels, data.inputs))


def trial_files(trial: Trial) -> dict[str, bytes]:
    """The report of a model that was made ternary, by path."""
    text = accuracy.to_table(trial.comparison, trial.made.data.file).to_text()
    document = json.dumps(trial.to_dict(), indent=2, sort_keys=True) + "\n"
    return {"report/ternarise.json": document.encode(), "report/ternarise.txt": text.encode()}


def build_files(model: Path, network: Network, design: Design, options: CompileOptions) -> dict[str, bytes]:
    """Every file of the build but the stored network and the manifest, by path."""
    performance = measured(network, design)
    hardware = rtl.emit(design) if "rtl" in options.emit else {}
    frames = vectors(network, design)
    parts = {
        "rtl": hardware,
        "hls": hls.emit(design, options.hls, layer_digests(network, design)) if "hls" in options.emit else {},
        "sim": simulation.emit(design, frames),
        "report": {
            "performance.json": report.to_json(performance).encode(),
            "performance.txt": report.to_text(performance).encode(),
            "exactness.json": exactness.to_json(proved(network)).encode(),
            "exactness.txt": exactness.to_text(proved(network)).encode(),
        },
        "model": {"model.onnx": frontend.self_contained(model)},
    }
    if hardware and design.chip.family == "ECP5":
        room = board_room(design, target.load(options.target))
        parts["ecp5"] = board.emit(design, hardware, frames, room)
    files = {f"{folder}/{name}": data for folder, part in parts.items() for name, data in part.items()}
    if hardware:
        files |= handoff.emit(design, hardware)
    files[design_store.FILE] = design_store.save(design)
    return files


def measured(network: Network, design: Outline) -> report.Performance:
    """The performance report of a build, or of a schedule."""
    return report.performance(design, network, host=frontend.epilogue_operators(network.epilogue))


def proved(network: Network) -> exactness.Exactness:
    """The exactness report of a network behind all passes."""
    return exactness.exactness(network, host=frontend.epilogue_operators(network.epilogue))


def options_document(model: Path, options: CompileOptions, made: Ternarised | None = None) -> dict[str, Any]:
    """What was asked for, without a path of the machine."""
    quant, anomaly, wish = options.input_quant, options.anomaly, options.ternarise
    return {
        "model": model.name,
        "target": options.target,
        "fps": options.fps,
        "latency_us": options.latency_us,
        "budget": options.budget,
        "clock_mhz": options.clock_mhz,
        "lanes": options.lanes,
        "array": array_document(options.array),
        "folding": None if options.folding is None else json.loads(options.folding.read_text("utf-8")),
        "reloadable": options.reloadable,
        "reload_of": None if options.reload_of is None else manifest_hash(options.reload_of),
        "input_quant": f"{quant.type}:{quant.scale!r}" if quant else None,
        "anomaly": {"threshold": anomaly.threshold, "measure": anomaly.measure} if anomaly else None,
        "emit": sorted(options.emit),
        "hls": list(options.hls),
        "ternarise": wish.document() | made.document() if wish and made else None,
    }


def manifest_hash(build: Path) -> str:
    """The SHA-256 of a build's manifest, which has those of all its files."""
    return hashlib.sha256((build / "manifest.json").read_bytes()).hexdigest()


def array_document(array: ArrayShape | Path | None) -> str | list[dict[str, Any]] | None:
    """The wish for arrays as plain data."""
    if not isinstance(array, Path):
        return None if array is None else str(array)
    return [{"layers": one.layers, "array": str(one.array)} for one in read_engines(array)]


def layer_digests(network: Network, design: Design) -> tuple[str, ...]:
    """What every layer makes of the first frames of the build's own regression."""
    codes = [array[:LAYER_FRAMES] for array in integers(network, VECTOR_FRAMES, 1)]
    return digests(network, [design_store.stored(engine) for engine in design.engines], codes)


def vectors(network: Network, design: Design) -> simulation.Vectors:
    """Stimulus and expected beats of the build's own regression."""
    codes = integers(network, VECTOR_FRAMES, 1)
    leaving = on_ports(network, golden.predict(network, codes))
    return simulation.Vectors(
        inputs=pack_all(design.inputs, codes),
        outputs=pack_all(design.outputs, leaving),
    )


def board_room(design: Design, device: Device) -> board.Room:
    """How many of the vectors' frames fit into the block RAMs that the design leaves on its device."""
    block, ports = device.block_ram, (*design.inputs, *design.outputs)

    def taken(frames: int) -> int:
        return sum(
            block.blocks(depth_words=frames * port.beats_per_frame, width_bits=8 * port.data_bytes)
            for port in ports
        )

    left = max(0, block.count - design.resources.block_rams)
    frames = next((count for count in range(VECTOR_FRAMES, 0, -1) if taken(count) <= left), 0)
    return board.Room(frames=frames, block_rams=taken(frames or 1), left=left, available=block.count)


def require_ours(path: Path) -> None:
    """BuildError if ``path`` exists and is not a build of ternc."""
    if not path.exists() and not path.is_symlink():
        return
    try:
        ours = "ternc" in json.loads((path / "manifest.json").read_text(encoding="utf-8"))["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise BuildError(
            f"{path}: exists and is not a build of ternc, so it is not touched",
            help="name another directory with -o, or remove this one",
        )


def write_whole(
    destination: Path, network: Network, files: dict[str, bytes], options: dict[str, Any]
) -> None:
    """Writes the build beside its place and moves it there in one step."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".ternc-", dir=destination.parent))
    try:
        new = scratch / "new"
        for name, data in files.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        network_store.save(network, new / "model")
        (new / "manifest.json").write_bytes(manifest(new, options))
        old = scratch / "old"
        if destination.exists():
            destination.rename(old)
        try:
            new.rename(destination)
        except OSError:
            if old.exists():
                old.rename(destination)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def manifest(build: Path, options: dict[str, Any]) -> bytes:
    """Versions, options and the SHA-256 of every file."""
    digests = {
        path.relative_to(build).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(build.rglob("*"))
        if path.is_file()
    }
    document = {
        "versions": {
            "ternc": __version__,
            "onnx": package_version("onnx"),
            "numpy": package_version("numpy"),
        },
        "options": options,
        "files": digests,
    }
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
