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


def encode(network: Network, inputs: Values) -> tuple[Codes, ...]:
    """The integers of each input tensor, int64 ``[N, C, H, W]``, in the order of ``network.inputs``.

    Raises:
        DataError: An input is missing or unknown, or a value does not fit its input.
    """
    return host.encode_all(network, inputs)


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


def decode(network: Network, leaving: Sequence[Codes]) -> Values:
    """The ONNX model's outputs (behind the host's part, if there is one), then ``host.SCORE`` and ``host.FLAG``.

    Args:
        network: The network.
        leaving: What left it, as `golden.predict` returns it.
    Raises:
        ToolError: The epilogue needs onnxruntime, which is missing or refuses it.
    """
    found = host.decode_all(network, leaving)
    if not network.epilogue:
        return found
    rest = {name: found[name] for name in (host.SCORE, host.FLAG) if name in found}
    return frontend.run_epilogue(network.epilogue, found) | rest


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
