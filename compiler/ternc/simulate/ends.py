"""From ONNX values to what a network's ports carry, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ternc import frontend
from ternc.errors import DataError
from ternc.network import host
from ternc.network.layers import Network, Prologue

Codes: TypeAlias = NDArray[np.int64]
Values: TypeAlias = dict[str, NDArray[Any]]
"""Arrays ``[N, ...]`` by the name of their ONNX value."""


def named_inputs(network: Network, x: NDArray[Any] | Mapping[str, NDArray[Any]]) -> Values:
    """A user's inputs by ONNX name; a bare array is that of the only input.

    Raises:
        DataError: A bare array, but the network has several inputs.
    """
    names = [prologue.name for prologue in network.inputs]
    listed = ", ".join(f"'{name}'" for name in names)
    if not isinstance(x, Mapping):
        if len(names) > 1:
            raise DataError(
                f"the network has {len(names)} inputs, {listed}, but one array is given",
                help="give one array for each by its name (a .npz file)",
            )
        return {names[0]: np.asarray(x)}
    return {name: np.asarray(array) for name, array in x.items()}


def encode(network: Network, inputs: Mapping[str, NDArray[Any]]) -> tuple[Codes, ...]:
    """The integers of every input tensor.

    Args:
        network: Whose inputs they are.
        inputs: ONNX inputs ``[N, ...]`` by name, the same N for all.
    Returns:
        int64 ``[N, C, H, W]`` each, in the order of ``network.inputs``.
    Raises:
        DataError: An input is missing or unknown, the numbers of frames differ, or what `host.encode_input` refuses.
    """
    names = [prologue.name for prologue in network.inputs]
    for name in (*names, *inputs):
        if name not in inputs or name not in names:
            listed = ", ".join(f"'{known}'" for known in names)
            problem = f"there is no array for '{name}'" if name in names else f"'{name}' is none of them"
            raise DataError(f"the arrays must be those of the inputs {listed}, but {problem}")
    pairs = zip(network.inputs, network.input_tensors, strict=True)
    found = tuple(host.encode_input(prologue, tensor, inputs[prologue.name]) for prologue, tensor in pairs)
    for name, codes in zip(names, found, strict=True):
        if len(codes) != len(found[0]):
            raise DataError(
                f"input '{name}': must have as many frames as '{names[0]}', {len(found[0])}, but has {len(codes)}"
            )
    return found


def real_inputs(network: Network, codes: Sequence[Codes]) -> Values:
    """ONNX inputs that `encode` turns into these codes."""
    parts = zip(network.inputs, network.input_tensors, codes, strict=True)
    return {prologue.name: host.real_input(prologue, tensor, array) for prologue, tensor, array in parts}


def real_codes(prologue: Prologue, codes: Codes) -> NDArray[np.float64]:
    """The real values that an input's integers stand for, ``[N, *shape]``; 0 where the network reads nothing."""
    found = np.zeros((len(codes), int(np.prod(prologue.shape, dtype=np.int64))))
    found[:, prologue.gather] = codes.reshape(len(codes), -1) * prologue.scale + prologue.offset
    return found.reshape(len(codes), *prologue.shape)


def on_ports(network: Network, leaving: Sequence[Codes]) -> tuple[Codes, ...]:
    """What leaves the network, as maps ``[N, C, H, W]``: an argmax's indices and the score and flag too."""
    maps = [
        array[:, None] if output.reduce else array
        for output, array in zip(network.outputs, leaving, strict=False)
    ]
    if network.anomaly is not None:
        maps.append(leaving[-1][:, :, None, None])
    return tuple(maps)


def from_ports(network: Network, maps: Sequence[Codes]) -> tuple[Codes, ...]:
    """The inverse of `on_ports`."""
    leaving = [
        array[:, 0] if output.reduce else array for output, array in zip(network.outputs, maps, strict=False)
    ]
    if network.anomaly is not None:
        leaving.append(maps[-1][:, :, 0, 0])
    return tuple(leaving)


def decode(network: Network, leaving: Sequence[NDArray[Any]]) -> Values:
    """The ONNX model's outputs by name, behind the host's part if there is one.

    Args:
        network: Whose outputs they are.
        leaving: What left it, as `golden.predict` returns it.
    Returns:
        The outputs; of an anomaly also its real error as ``host.SCORE`` (float64 ``[N]``) and its flag as ``host.FLAG``
        (bool ``[N]``).
    Raises:
        DataError: Wrong shape.
        ToolError: The epilogue needs onnxruntime, which is missing or refuses it.
    """
    pairs = zip(network.outputs, leaving, strict=False)
    found = {o.name: host.decode_output(o, network.tensor(o.tensor), codes) for o, codes in pairs}
    if network.epilogue:
        found = frontend.run_epilogue(network.epilogue, found)
    if network.anomaly is not None:
        score, flag = leaving[-1].T
        found |= {host.SCORE: score * network.anomaly.unit, host.FLAG: flag.astype(np.bool_)}
    return found


def names(network: Network) -> tuple[str, ...]:
    """The keys of `decode`."""
    if network.epilogue:
        made = frontend.epilogue_outputs(network.epilogue)
    else:
        made = tuple(output.name for output in network.outputs)
    return (*made, host.SCORE, host.FLAG) if network.anomaly is not None else made


def only(values: Values) -> NDArray[Any] | Values:
    """The array itself where there is only one."""
    return next(iter(values.values())) if len(values) == 1 else values
