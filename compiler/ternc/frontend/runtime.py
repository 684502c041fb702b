"""Running ONNX models in onnxruntime, with its graph optimisations off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray

from ternc.errors import TerncError, ToolError

Values: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by the name of their ONNX value."""


class Session:
    """A model that is ready to run.

    Args:
        model: The model.
        place: Start of a sentence about it: the file's name.
    Raises:
        ToolError: onnxruntime is not installed, or does not take the model.
    """

    def __init__(self, model: onnx.ModelProto, place: str) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ToolError(
                f"{place}: onnxruntime is not installed", help="pip install onnxruntime"
            ) from error
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        self._place = place
        try:
            self._session = onnxruntime.InferenceSession(
                _known(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions have no common public base
            raise ToolError(f"{place}: onnxruntime cannot load the model ({first_line(error)})") from error
        self._inputs = [value.name for value in self._session.get_inputs()]
        self._outputs = [value.name for value in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Values:
        """All outputs for these inputs, of which the model takes those that it has.

        Raises:
            ToolError: onnxruntime cannot run it.
        """
        try:
            found = self._session.run(None, {name: inputs[name] for name in self._inputs})
        except Exception as error:  # onnxruntime's exceptions have no common public base
            raise ToolError(
                f"{self._place}: onnxruntime cannot run the model ({first_line(error)})"
            ) from error
        return {name: np.asarray(array) for name, array in zip(self._outputs, found, strict=True)}


def completed(model: onnx.ModelProto, inputs: Mapping[str, NDArray[Any]]) -> Values:
    """``[N, ...]`` for every input of a model: zeros for those that are not given, on which no output depends."""
    frames = len(next(iter(inputs.values())))
    found = dict(inputs)
    for value in model.graph.input:
        if value.name not in found:
            kind = value.type.tensor_type
            shape = [dim.dim_value for dim in kind.shape.dim][1:]
            dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
            found[value.name] = np.zeros((frames, *shape), dtype)
    return found


def _known(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with what onnxruntime has no implementation of (Swish) spelled out."""
    if not any(node.op_type == "Swish" for node in model.graph.node):
        return model
    spelled = onnx.ModelProto()
    spelled.CopyFrom(model)
    del spelled.graph.node[:]
    for node in model.graph.node:
        spelled.graph.node.extend(_swish(node) if node.op_type == "Swish" else [node])
    return spelled


def _swish(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """``x * sigmoid(alpha * x)``."""
    alpha = next((a.f for a in node.attribute if a.name == "alpha"), 1.0)
    scaled, gate = (f"{node.output[0]}_{part}" for part in ("scaled", "gate"))
    make = onnx.helper.make_node
    return [
        make("Constant", [], [f"{scaled}_alpha"], value_float=alpha),
        make("Mul", [node.input[0], f"{scaled}_alpha"], [scaled]),
        make("Sigmoid", [scaled], [gate]),
        make("Mul", [node.input[0], gate], [node.output[0]]),
    ]


def run_frames(single: Session, whole: Callable[[], Session], inputs: Mapping[str, NDArray[Any]]) -> Values:
    """A model's outputs for many frames.

    All frames run at once where the model gives the same results for them as for each alone (the first and the
    last are compared), else one by one.

    Args:
        single: The model for one frame.
        whole: Makes the model for any number of frames.
        inputs: ``[N, ...]`` by name, N at least 1.
    Returns:
        ``[N, ...]`` by name. An output without a batch axis gets one; frames with fewer elements than others are
        filled up with -1 (unsigned ones with their largest value), or with NaN if they are floats.
    Raises:
        ToolError: onnxruntime cannot run the model.
    """
    frames = len(next(iter(inputs.values())))

    def alone(frame: int) -> Values:
        return single.run({name: array[frame : frame + 1] for name, array in inputs.items()})

    ends = {frame: alone(frame) for frame in {0, frames - 1}}
    if frames > 1:
        try:
            found = whole().run(inputs)
        except TerncError:
            found = {}
        if found and all(_close(found, frames, frame, values) for frame, values in ends.items()):
            return found
    each = [ends[frame] if frame in ends else alone(frame) for frame in range(frames)]
    return {name: stack([values[name] for values in each]) for name in each[0]}


def _close(found: Values, frames: int, frame: int, alone: Values) -> bool:
    """Whether one frame of all is what it is alone."""
    return all(
        array.ndim > 0
        and len(array) == frames
        and array[frame : frame + 1].shape == alone[name].shape
        and np.allclose(
            array[frame : frame + 1].astype(np.float64), alone[name].astype(np.float64), rtol=1e-4, atol=1e-5
        )
        for name, array in found.items()
    )


def stack(frames: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Results of single frames as one array ``[N, ...]``: see `run_frames`."""
    if all(array.ndim > 0 and len(array) == 1 for array in frames):
        frames = [array[0] for array in frames]
    shape = tuple(max(sizes) for sizes in zip(*(array.shape for array in frames), strict=True))
    dtype = frames[0].dtype
    fill = {"f": np.nan, "b": False, "u": np.iinfo(dtype).max if dtype.kind == "u" else 0}.get(dtype.kind, -1)
    result = np.full((len(frames), *shape), fill, frames[0].dtype)
    for number, array in enumerate(frames):
        result[number, ...][tuple(map(slice, array.shape))] = array
    return result


def first_line(error: Exception) -> str:
    """What an error says, on one line."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
