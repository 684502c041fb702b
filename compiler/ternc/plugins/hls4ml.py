"""The backend "ternc" of hls4ml (from 1.3 on), found by the entry point in the group ``hls4ml.backends``.

    model = hls4ml.converters.convert_from_onnx_model(onnx_model, backend="ternc", output_dir="out")
    model.compile()          # the build directory out/myproject: RTL, HLS C++, simulation, reports
    y = model.predict(x)     # the integer network: the ONNX model's own outputs; engine="rtl" simulates the hardware
    model.build()            # proves golden = RTL = ONNX, and gives the report as plain data

hls4ml parses the model and names its layers; what is computed comes from the model itself, read by ternc's front end.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.model.flow import register_flow
from hls4ml.model.optimizer import ModelOptimizerPass, register_pass
from hls4ml.writer.writers import Writer
from numpy.typing import NDArray

import ternc
from ternc import pipeline
from ternc.errors import DataError, ModelError, ToolError
from ternc.frontend import InputQuant
from ternc.simulate.ends import only
from ternc.simulate.opened import open_build
from ternc.simulate.predict import predict
from ternc.simulate.verify import VerifyOptions, verify

DEFAULT_PRECISION = ("fixed<16,6>", "ap_fixed<16,6>", "ac_fixed<16,6,true>", "auto")
"""What hls4ml itself writes where a user said nothing."""


def register(
    register_backend: Callable[[str, type], None], register_writer: Callable[[str, type], None]
) -> None:
    """Called by hls4ml."""
    register_writer("ternc", TerncWriter)
    register_backend("ternc", TerncBackend)


class TerncWriter(Writer):  # type: ignore[misc]
    """Writes the build directory."""

    def write_hls(self, model: Any) -> None:
        """Compile the model that hls4ml was given."""
        with tempfile.TemporaryDirectory(prefix="ternc-") as scratch:
            source = source_model(model, Path(scratch))
            options = model.config.get_config_value("TerncOptions", {})
            ternc.compile(source, out=build_path(model), **options)


class TerncBackend(FPGABackend):  # type: ignore[misc]
    """hls4ml's view of ternc."""

    def __init__(self) -> None:
        super().__init__("ternc")
        accept = ModelOptimizerPass("accept", accept_model)
        name = register_pass("accept", accept, backend=self.name)
        self._flow = register_flow("ip", [name], requires=None, backend=self.name)

    def get_default_flow(self) -> str:
        """What is done with a model that was parsed."""
        return str(self._flow)

    def get_writer_flow(self) -> str:
        """Nothing more."""
        return str(self._flow)

    def create_initial_config(self, **options: Any) -> dict[str, Any]:
        """Options of the conversion: those of `ternc.compile` that say what the design is to be, and ``input_quant``.

        Raises:
            DataError: An option of another backend.
        """
        ours = {
            *("target", "fps", "latency_us", "budget", "clock_mhz", "lanes", "array", "folding"),
            "input_quant",
        }
        usual = {"part": None, "board": None, "clock_period": None, "clock_uncertainty": None}
        for name, value in options.items():
            if name in ours or (name in usual and value is None) or name == "io_type":
                continue
            raise DataError(
                f"hls4ml backend 'ternc': the option '{name}' is none of {', '.join(sorted(ours))}",
                help="say the device with target= (ternc targets lists them) and the clock with clock_mhz=",
            )
        found = {name: value for name, value in options.items() if name in ours}
        return {"TerncOptions": found, "IOType": options.get("io_type") or "io_stream"}

    def create_layer_class(self, layer_class: type) -> type:
        """Layers are hls4ml's own: they are looked at, and not computed with."""
        return layer_class

    def write(self, model: Any) -> None:
        """The build directory."""
        self.writer.write_hls(model)

    def compile(self, model: Any) -> None:
        """Nothing is left to do behind `write`; hls4ml loads no library of ours."""

    def predict(
        self, model: Any, x: Any, engine: Literal["golden", "rtl"] = "golden"
    ) -> NDArray[Any] | list[NDArray[Any]]:
        """The outputs for inputs ``[N, ...]``, one array or several in their order, as hls4ml gives them.

        Raises:
            DataError: The model was not compiled, or the inputs do not fit it.
        """
        path = require_build(model)
        found = only(predict(path, inputs_by_name(path, x), engine))
        return list(found.values()) if isinstance(found, Mapping) else found

    def build(self, model: Any, frames: int = 64, **options: Any) -> dict[str, Any]:
        """Golden = RTL = ONNX on so many frames; the reports as plain data.

        Raises:
            DataError: The model was not compiled, or an option of another backend.
        """
        wanted = sorted(name for name, value in options.items() if value)
        if wanted:
            raise DataError(
                f"hls4ml backend 'ternc': build() has no option '{wanted[0]}'",
                help="it simulates the RTL; scripts for the vendors' tools are in the build directory",
            )
        path = require_build(model)
        verified = verify(path, VerifyOptions(frames=frames))
        return {"build": str(path), "ok": verified.ok, "verify": verified.to_json()}


def build_path(model: Any) -> Path:
    """Where the build of an hls4ml model lies."""
    return Path(model.config.get_output_dir()) / str(model.config.get_project_name())


def require_build(model: Any) -> Path:
    """The build of a model that was compiled."""
    path = build_path(model)
    if not (path / "manifest.json").is_file():
        raise DataError(f"hls4ml backend 'ternc': {path} is no build yet", help="call compile() first")
    return path


def inputs_by_name(path: Path, x: Any) -> Any:
    """hls4ml's inputs: an array, or a list of them in the order of the inputs."""
    if not isinstance(x, (list, tuple)):
        return np.asarray(x)
    names = [one.name for one in open_build(path).network.inputs]
    if len(names) != len(x):
        raise DataError(f"the network has {len(names)} inputs, but {len(x)} arrays are given")
    return {name: np.asarray(array) for name, array in zip(names, x, strict=True)}


# ---- what is accepted ---------------------------------------------------------------------------------------


def accept_model(model: Any) -> bool:
    """Refuses what ternc would compute otherwise than asked for: operators, and hls4ml's own Precision.

    Raises:
        ModelError: The layers, by name.
    """
    check_precision(model.config.config.get("HLSConfig", {}))
    with tempfile.TemporaryDirectory(prefix="ternc-") as scratch:
        quant = model.config.get_config_value("TerncOptions", {}).get("input_quant")
        quant = InputQuant.parse(quant) if isinstance(quant, str) else quant
        found = pipeline.check(source_model(model, Path(scratch)), quant)
    if found.obstacles:
        others = "".join(f"; {one.sentence}" for one in found.obstacles[1:])
        raise ModelError(found.obstacles[0].sentence + others, help=found.obstacles[0].help)
    return False


def check_precision(config: Mapping[str, Any]) -> None:
    """Refuses a type that was asked for; what hls4ml writes by itself is no wish.

    ternc takes every type from the model's own quantisers, exactly; no value is rounded in any other place. A type that
    an hls4ml configuration names would be another one, or say what is so anyway.
    """
    for kind, layers in (
        ("model", {"": config.get("Model", {})}),
        ("layer", config.get("LayerName", {})),
        ("layer type", config.get("LayerType", {})),
    ):
        for name, entry in layers.items():
            precision = entry.get("Precision", "auto") if isinstance(entry, Mapping) else "auto"
            named = precision if isinstance(precision, Mapping) else {"default": precision}
            for what, wish in named.items():
                if str(wish).replace(" ", "") not in DEFAULT_PRECISION:
                    place = f"{kind} '{name}'" if name else "the model"
                    raise ModelError(
                        f"hls4ml configuration of {place}: Precision {what} = {wish} is not what ternc computes "
                        "with, which is the exact types of the model's own quantisers",
                        help="leave Precision out (or 'auto'), and put a quantiser where a value is to be rounded",
                    )
            reuse = entry.get("ReuseFactor", 1) if isinstance(entry, Mapping) else 1
            if reuse not in (1, None):
                warnings.warn(
                    "ReuseFactor says nothing to ternc: the arrays' shapes follow from target, fps and budget",
                    stacklevel=2,
                )


def source_model(model: Any, scratch: Path) -> Path:
    """The model that hls4ml was given, as an ONNX file below ``scratch``.

    Raises:
        ToolError: It cannot be exported to ONNX here.
    """
    config, path = model.config.config, scratch / "model.onnx"
    given = config.get("OnnxModel")
    if isinstance(given, (str, Path)):
        return Path(given)
    if given is not None:
        onnx.save(getattr(given, "model", given), path)  # qonnx wraps the protocol buffer
        return path
    if "PytorchModel" in config:
        return _from_torch(config, path)
    if "KerasModel" in config:
        return _from_keras(config["KerasModel"], path)
    raise ToolError(
        "hls4ml backend 'ternc': the conversion kept no ONNX, PyTorch or Keras model",
        help="use convert_from_onnx_model",
    )


def _from_torch(config: Mapping[str, Any], path: Path) -> Path:
    """A PyTorch module by its own exporter."""
    try:
        import torch

        inputs = tuple(torch.zeros([1, *shape]) for shape in input_shapes(config["InputShape"]))
        module = config["PytorchModel"].eval()
        torch.onnx.export(module, inputs, str(path), dynamo=False)
    except Exception as error:
        raise ToolError(
            f"hls4ml backend 'ternc': PyTorch cannot export the model to ONNX: {error}",
            help="export it yourself and use convert_from_onnx_model",
        ) from error
    return path


def input_shapes(given: Any) -> list[tuple[int, ...]]:
    """The inputs' shapes without the batch, of a PyTorch configuration's ``InputShape``.

    That is a tuple for one input or a list of them; a batch axis, where there is one, is None.
    """
    shapes = [given] if isinstance(given, tuple) else list(given)
    return [tuple(shape[1:] if shape[0] is None else shape) for shape in shapes]


def _from_keras(model: Any, path: Path) -> Path:
    """A Keras model by its own exporter."""
    try:
        import keras

        inputs = [keras.InputSpec(shape=tensor.shape, dtype=tensor.dtype) for tensor in model.inputs]
        model.export(str(path), format="onnx", input_signature=inputs, verbose=False)
    except Exception as error:
        raise ToolError(
            f"hls4ml backend 'ternc': Keras cannot export the model to ONNX: {error}",
            help="export it yourself, for example with tf2onnx, and use convert_from_onnx_model",
        ) from error
    return path
