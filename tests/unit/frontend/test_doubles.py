"""Nodes in float64 that onnx's reference gets wrong, against onnxruntime."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import pytest

from ternc.frontend.doubles import Nodes
from ternc.frontend.runtime import Session, Values

CASES = [
    (op, axes, auto, dilation, ceil)
    for op, axes, auto in itertools.product(
        ("MaxPool", "AveragePool"), (1, 2), ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
    )
    for dilation, ceil in ((1, 0), (1, 1), (2, 0), (2, 1))
    if auto == "NOTSET"
    or (not ceil and (auto == "VALID" or dilation == 1))  # onnxruntime forgets the dilation
]


@pytest.mark.parametrize(("op", "axes", "auto", "dilation", "ceil"), CASES)
def test_a_pool_in_float64_is_onnxruntimes(op: str, axes: int, auto: str, dilation: int, ceil: int) -> None:
    rng = np.random.default_rng(axes)
    for stride, kernel, size, whole in itertools.product((1, 2, 3), (2, 3), (5, 6), (0, 1)):
        if auto.startswith("SAME") and kernel < stride:
            continue
        given: dict[str, Any] = {
            "strides": [stride] * axes,
            "kernel_shape": [kernel] * axes,
            "auto_pad": auto,
        }
        given |= {"dilations": [dilation] * axes} if op == "MaxPool" or dilation > 1 else {}
        given |= {"ceil_mode": ceil} | ({"count_include_pad": whole} if op == "AveragePool" else {})
        if auto == "NOTSET":
            given["pads"] = [0, 1, 1, 0][: 2 * axes]
        node = onnx.helper.make_node(op, ["x"], ["y"], **given)
        x = rng.integers(-9, 10, (2, 3, *[size] * axes)).astype(np.float32)
        value = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph([node], "pool", [value("x", 1, x.shape)], [value("y", 1, None)])
        opsets = [onnx.helper.make_opsetid("", 19)]
        session = Session(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), "pool")
        found = Nodes(opsets).run(node, {"x": x.astype(np.float64)})["y"]
        np.testing.assert_allclose(
            found, session.run({"x": x})["y"], rtol=1e-6, atol=1e-6, err_msg=str(given)
        )


@pytest.mark.parametrize("axes", [None, [-1, 1]])
def test_a_pad_that_crops_is_onnxruntimes(axes: list[int] | None) -> None:
    pads = np.array([-1, 2, 1, -2] if axes else [0, 1, -1, 2, 0, -1, 1, -2], np.int64)
    x = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)
    values: Values = {"x": x, "pads": pads, "c": np.array(7, np.float32)}
    inputs = ["x", "pads", "c"]
    if axes:
        values["axes"] = np.array(axes, np.int64)
        inputs.append("axes")
    node = onnx.helper.make_node("Pad", inputs, ["y"])
    given = [
        onnx.helper.make_tensor_value_info(n, 1 if values[n].dtype == np.float32 else 7, values[n].shape)
        for n in inputs
    ]
    output = onnx.helper.make_tensor_value_info("y", 1, None)
    opsets = [onnx.helper.make_opsetid("", 19)]
    graph = onnx.helper.make_graph([node], "pad", given, [output])
    session = Session(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), "pad")
    wanted = session.run(values)["y"]
    np.testing.assert_array_equal(Nodes(opsets).run(node, values)["y"], wanted)
