"""A readable ONNX graph: plain nodes and arrays, free of protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ternc.frontend.values import Array, Node

DOMAINS = ("", "qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""Domains whose operators are known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InputInfo:
    """A graph input: name, ONNX shape (None where symbolic), numpy dtype name."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnnxGraph:
    """A readable ONNX graph.

    Attributes:
        file: The file's name, for messages.
        nodes: In topological order.
        initialisers: By name.
        inputs: The graph inputs that are no initialisers.
        outputs: Names of the graph outputs.
        output_dtypes: numpy dtype names of the graph outputs, ``"undefined"`` where the file does not say.
        types: Integer type names (``finn_datatype``) by tensor name.
        opset: Of the standard domain.
        ranks: Number of axes of each value, as far as the file tells.
        batch: How many frames the file has been exported for; 1 where that is open.
    """

    file: str
    nodes: tuple[Node, ...]
    initialisers: Mapping[str, Array]
    inputs: tuple[InputInfo, ...]
    outputs: tuple[str, ...]
    output_dtypes: Mapping[str, str]
    types: Mapping[str, str]
    opset: int
    ranks: Mapping[str, int]
    batch: int = 1
