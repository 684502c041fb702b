"""ternc: from a trained ternary network in ONNX to SystemVerilog that computes the same bits.

>>> design = ternc.compile("model.onnx", target="arria10", out="build/model")
>>> y = design.predict(x)
>>> design.verify(frames=1000).ok
True
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ternc.errors import TerncError
from ternc.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ternc.frontend import InputQuant
    from ternc.pipeline import Build
    from ternc.schedule.design import ArrayShape
    from ternc.simulate.verify import VerifyReport

__all__ = ["TerncError", "__version__", "compile", "predict", "verify"]


def compile(
    model: str | Path,
    *,
    out: str | Path | None = None,
    target: str = "arria10",
    fps: float | None = None,
    latency_us: float | None = None,
    budget: float = 0.7,
    clock_mhz: float | None = None,
    lanes: int | None = None,
    array: ArrayShape | str | Path | None = None,
    folding: str | Path | None = None,
    reloadable: bool = False,
    reload_of: str | Path | None = None,
    input_quant: InputQuant | str | None = None,
    anomaly: float | None = None,
    anomaly_measure: Literal["squares", "absolute"] = "squares",
    ternarise: float | str | Path | None = None,
    calibrate: str | Path | None = None,
    act_bits: int = 8,
    correct: bool = False,
) -> Build:
    """Compile an ONNX model into a build directory.

    Args:
        model: The ONNX file, in any dialect.
        out: The build directory; ``build/<model>`` if not given.
        target: A device of the table (`ternc.target.names`).
        fps: Frames per second to reach with the smallest design.
        latency_us: Microseconds of latency to keep with the smallest design. With neither, the fastest within the
            budget.
        budget: Share of the device that may be used, in (0, 1].
        clock_mhz: The clock; None for the device's planning value.
        lanes: Most rows x cols x lanes, summed over the arrays; None for as many as the budget allows.
        array: Instead of choosing: the shape of one array for all layers (``"4x16x16"``), or a TOML file with the
            layers and the array of each engine.
        folding: Instead of choosing or ``array``: a JSON file of FINN's form with PE, SIMD and MMV of each layer.
        reloadable: Hardware with room for every network of the model's shape; an image over a stream turns it into one.
        reload_of: Instead of all of the above but ``out``: the build of a reloadable design, on whose hardware the
            network is put. The image for it is ``.image`` of the result.
        input_quant: Integers of the input, where the model itself does not say (``"int8:0.0625"``).
        anomaly: For an autoencoder: a frame whose reconstruction error is above it is an outlier, which the chip
            says; None for no detector.
        anomaly_measure: The error: sum of squares or of absolute differences.
        ternarise: Make a float model ternary first: a weight is kept where ``|w| > ternarise * max|w|``. A number in
            [0, 1), or a TOML file with one for each layer; None for a model that is ternary.
        calibrate: With ``ternarise``: a ``.npz`` file of inputs, and labels if there are any. How close the ternary
            network comes to the float one on them is ``.trial`` of the result.
        act_bits: With ``ternarise``: bits of the activations, 2 to 8.
        correct: With ``ternarise``: fit each channel's scale and bias to the float model's outputs.
    Raises:
        TerncError: The model or the wish is refused; the sentence says why.
    """
    from ternc import pipeline
    from ternc.frontend import AnomalyWish, InputQuant
    from ternc.schedule.pinned import parse_shape
    from ternc.ternarise import wish

    options = pipeline.CompileOptions(
        target=target,
        fps=fps,
        latency_us=latency_us,
        budget=budget,
        clock_mhz=clock_mhz,
        lanes=lanes,
        array=(parse_shape(array) or Path(array)) if isinstance(array, str) else array,
        folding=None if folding is None else Path(folding),
        reloadable=reloadable,
        reload_of=None if reload_of is None else Path(reload_of),
        input_quant=InputQuant.parse(input_quant) if isinstance(input_quant, str) else input_quant,
        anomaly=None if anomaly is None else AnomalyWish(threshold=anomaly, measure=anomaly_measure),
        ternarise=wish(ternarise, calibrate, act_bits=act_bits, correct=correct),
    )
    return pipeline.compile(Path(model), out=None if out is None else Path(out), options=options)


def predict(
    build: str | Path,
    x: NDArray[Any] | Mapping[str, NDArray[Any]],
    *,
    engine: Literal["golden", "rtl"] = "golden",
) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """The outputs that the ONNX model gives for ``x``, computed by a build.

    Args:
        build: Build directory.
        x: ONNX inputs ``[N, ...]`` by name, or the array of the only one.
        engine: ``"golden"`` is the integer network in numpy, ``"rtl"`` the hardware in Verilator.
    Returns:
        The ONNX output ``[N, ...]``; of several the arrays by name, to which an outlier detector adds
        ``anomaly_score`` and ``anomaly``.
    Raises:
        TerncError: No such build, or no input of this network.
    """
    from ternc.simulate import predict as simulation
    from ternc.simulate.ends import only

    return only(simulation.predict(Path(build), x, engine))


def verify(
    build: str | Path,
    *,
    frames: int | None = None,
    input: str | Path | None = None,
    stalls: int | None = None,
    simulator: Literal["verilator", "icarus"] = "verilator",
) -> VerifyReport:
    """Run a build's RTL, its integer network and its ONNX model on the same frames.

    Args:
        build: Build directory.
        frames: How many; None for all of ``input``, else the simulator's default.
        input: ONNX inputs in a ``.npy`` file, or by name in a ``.npz`` file; None for corner cases and random ones.
        stalls: Seed of random stalls on all streams; None for none.
        simulator: What runs the RTL.
    Returns:
        The outcome; ``.ok`` where everything agrees, ``.failures()`` says what does not.
    Raises:
        TerncError: No such build, data that does not fit it, or a missing simulator.
    """
    from ternc.simulate import verify as simulation

    options = simulation.VerifyOptions(
        frames=frames,
        input=None if input is None else Path(input),
        stalls=stalls,
        simulator=simulator,
    )
    return simulation.verify(Path(build), options)
