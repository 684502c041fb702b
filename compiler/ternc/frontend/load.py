"""ONNX file -> a checked protobuf -> plain nodes and arrays. Every way a file can be unreadable is one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from ternc.errors import ModelError
from ternc.frontend.batch import for_one_frame
from ternc.frontend.estimators import without_estimators
from ternc.frontend.graph import InputInfo, OnnxGraph
from ternc.frontend.values import Array, Node

OLDEST_OPSET, NEWEST_OPSET = 9, 25

DAMAGED = "must be an ONNX model, but is damaged, cut short or of another kind"


def load_proto(path: Path) -> onnx.ModelProto:
    """The file as a protobuf, with external data read in.

    Raises:
        ModelError: No such file, not ONNX, truncated, or external data missing.
    """
    if not path.exists():
        raise ModelError(f"{path}: no such file")
    if not path.is_file():
        raise ModelError(f"{path}: must be an ONNX file, but is a directory")
    name = path.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    if not data:
        raise ModelError(f"{name}: must be an ONNX model, but the file is empty")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf raises its own class, which is no part of its stable interface
        raise ModelError(f"{name}: {DAMAGED}") from error
    if not model.HasField("graph") or not model.opset_import:
        raise ModelError(f"{name}: {DAMAGED}")
    _make_printable(model.graph, f"{name}: {DAMAGED}")
    _read_external(model, path)
    return model


def _make_printable(graph: onnx.GraphProto, damaged: str) -> None:
    """Escape control characters in names, so that a sentence stays on one line."""

    def printable(name: str | bytes) -> str:
        if isinstance(name, bytes):
            raise ModelError(damaged)
        return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")

    for node in graph.node:
        node.name, node.op_type, node.domain = (printable(n) for n in (node.name, node.op_type, node.domain))
        node.input[:] = [printable(name) for name in node.input]
        node.output[:] = [printable(name) for name in node.output]
        for attribute in node.attribute:
            attribute.name = printable(attribute.name)
    for named in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        named.name = printable(named.name)


def _read_external(model: onnx.ModelProto, path: Path) -> None:
    for tensor in _stored_tensors(model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        where = f"{path.name}: initialiser '{tensor.name}'"
        entries = {entry.key: entry.value for entry in tensor.external_data}
        try:
            tensor.raw_data = _external(entries, path.parent, where)
        except (OSError, ValueError) as error:  # a name that the file system does not take
            reason = getattr(error, "strerror", None) or str(error)
            raise ModelError(f"{where}: its external data cannot be read ({reason})") from error
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _external(entries: Mapping[str, str], folder: Path, where: str) -> bytes:
    """The bytes of one tensor that are stored beside the model."""
    location = entries.get("location", "")
    shown = repr(location)
    target = (folder / location).resolve()
    if not location or not target.is_relative_to(folder.resolve()):
        raise ModelError(f"{where}: its external data must lie beside the model, but is at {shown}")
    if not target.is_file():
        raise ModelError(
            f"{where}: its data is in the external file {shown}, which is missing",
            help="copy it beside the model, or save the model with its data inside",
        )
    offset, length = entries.get("offset", "0"), entries.get("length")
    if not offset.isdecimal() or not (length is None or length.isdecimal()):
        raise ModelError(f"{where}: the place of its external data is damaged")
    size = target.stat().st_size
    if int(offset) > size or (length is not None and int(offset) + int(length) > size):
        raise ModelError(f"{where}: its external data file {shown} is cut short")
    with target.open("rb") as file:
        file.seek(int(offset))
        return file.read(-1 if length is None else int(length))


def _stored_tensors(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        tensors += [a.t for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
    return tensors


def self_contained(path: Path) -> bytes:
    """The model with its external data inside, in protobuf's deterministic encoding."""
    return bytes(load_proto(path).SerializeToString(deterministic=True))


def read_graph(path: Path) -> OnnxGraph:
    """The file's graph, for one frame where it has been exported for several.

    Raises:
        ModelError: As `load_proto`; or an empty graph, an opset that is not known, no input or output, a tensor
            that cannot be decoded.
    """
    model = load_proto(path)
    file, graph = path.name, model.graph
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), NEWEST_OPSET)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ModelError(
            f"{file}: its opset must be from {OLDEST_OPSET} to {NEWEST_OPSET}, but is {opset}",
            help="export again with another opset_version, or use onnx.version_converter",
        )
    if not graph.node:
        raise ModelError(f"{file}: must hold a network, but its graph has no nodes")
    arrays = {tensor.name: _array(file, tensor) for tensor in graph.initializer}
    for sparse in graph.sparse_initializer:
        raise ModelError(
            f"{file}: initialiser '{sparse.values.name}': must be dense, but is sparse",
            help="store it densely: the zeros of ternary weights cost no space on the chip",
        )
    inputs, outputs = _inputs(file, graph, arrays), _outputs(file, graph)
    found = OnnxGraph(
        file=file,
        nodes=without_estimators(_nodes(file, graph), arrays),
        initialisers=arrays,
        inputs=inputs,
        outputs=outputs,
        output_dtypes={value.name: _dtype_name(value.type.tensor_type.elem_type) for value in graph.output},
        types=_types(graph),
        opset=opset,
        ranks=_ranks(model),
    )
    return for_one_frame(found)


def _ranks(model: onnx.ModelProto) -> dict[str, int]:
    values = [*model.graph.value_info, *model.graph.input, *model.graph.output]
    return {v.name: len(v.type.tensor_type.shape.dim) for v in values if v.type.tensor_type.HasField("shape")}


def _array(file: str, tensor: onnx.TensorProto) -> Array:
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except Exception as error:  # the decoder raises many kinds for damaged tensors
        raise ModelError(f"{file}: initialiser '{tensor.name}' cannot be decoded ({error})") from error
    return array


def _inputs(file: str, graph: onnx.GraphProto, arrays: Mapping[str, Array]) -> tuple[InputInfo, ...]:
    values = [value for value in graph.input if value.name not in arrays]
    if not values:
        raise ModelError(f"{file}: must have an input, but has none")
    found = []
    for value in values:
        kind = value.type.tensor_type
        if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
            raise ModelError(f"{file}: input '{value.name}' must be a tensor of known shape, but has none")
        shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
        found.append(InputInfo(name=value.name, shape=shape, dtype=_dtype_name(kind.elem_type)))
    return tuple(found)


def _outputs(file: str, graph: onnx.GraphProto) -> tuple[str, ...]:
    if not graph.output:
        raise ModelError(f"{file}: must have an output, but has none")
    return tuple(dict.fromkeys(str(value.name) for value in graph.output))


def _dtype_name(elem_type: int) -> str:
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(elem_type)).name
    except (KeyError, TypeError, ValueError):  # undefined or unknown element type
        return "undefined"


def _types(graph: onnx.GraphProto) -> dict[str, str]:
    return {
        str(annotation.tensor_name): str(entry.value)
        for annotation in graph.quantization_annotation
        for entry in annotation.quant_parameter_tensor_names
        if entry.key == "finn_datatype"
    }


def _nodes(file: str, graph: onnx.GraphProto) -> tuple[Node, ...]:
    taken: set[str] = set()
    nodes = []
    for proto in graph.node:
        first = next((o for o in proto.output if o), proto.op_type)
        name = proto.name if proto.name and proto.name not in taken else first
        while name in taken:
            name += "_"
        taken.add(name)
        nodes.append(
            Node(
                name=name,
                op=proto.op_type,
                domain="" if proto.domain == "ai.onnx" else proto.domain,
                inputs=tuple(proto.input),
                outputs=tuple(proto.output),
                attributes={a.name: _attribute(file, a) for a in proto.attribute},
            )
        )
    return _ordered(file, graph, nodes)


def _attribute(file: str, attribute: onnx.AttributeProto) -> Any:
    if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
        return None
    if attribute.type == onnx.AttributeProto.TENSOR:
        return _array(file, attribute.t)
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return list(value) if attribute.type in (6, 7, 8) else value


def _ordered(file: str, graph: onnx.GraphProto, nodes: list[Node]) -> tuple[Node, ...]:
    """The nodes that the output needs, in topological order."""
    made = {output: node for node in nodes for output in node.outputs if output}
    known = {t.name for t in graph.initializer} | {v.name for v in graph.input} | {""}
    order: list[Node] = []
    state: dict[str, int] = {}
    stack = [value.name for value in reversed(graph.output)]
    while stack:
        value = stack[-1]
        node = made.get(value)
        if node is None:
            if value not in known:
                raise ModelError(f"{file}: value '{value}' is read, but nothing makes it")
            stack.pop()
            continue
        wanted = [i for i in node.inputs if i in made and state.get(made[i].name) != 2]
        wanted += [i for i in node.inputs if i not in made and i not in known]
        if state.get(node.name) == 2 or not wanted:
            stack.pop()
            if state.get(node.name) != 2:
                state[node.name] = 2
                order.append(node)
            continue
        if state.get(node.name) == 1:
            raise ModelError(f"{file}: node '{node.name}' ({node.op}) takes part in a loop")
        state[node.name] = 1
        stack += wanted
    return tuple(order)
