"""onnx's own node tests."""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case import node as suite

_MODULES = {m.name.replace("_", ""): m.name for m in pkgutil.iter_modules(suite.__path__)}
"""onnx's modules of cases, by operator in lower case."""

Operand: TypeAlias = "NDArray[Any] | None"
"""A tensor, or None for a sequence or an optional value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One of onnx's tests.

    Attributes:
        name: onnx's, without ``test_``; our own start with ``own_``.
        op: The operator that it is about.
        expanded: Whether the graph is the operator spelled out in others (its definition as a function).
        model: As onnx made it.
        inputs, outputs: By graph input and output.
        forms: The ways to put it into a network, or None for the operator's usual ones.
    """

    name: str
    op: str
    expanded: bool
    model: onnx.ModelProto
    inputs: Mapping[str, Operand]
    outputs: Mapping[str, Operand]
    forms: tuple[str, ...] | None = None

    @property
    def opset(self) -> int:
        """Of the standard domain."""
        return next(int(o.version) for o in self.model.opset_import if o.domain == "")


@cache
def cases(op: str) -> tuple[Case, ...]:
    """onnx's cases of an operator, in the order of their names.

    onnx makes them when the operator's module is imported, some of them slowly.
    """
    module = _MODULES.get(op.lower())
    if module is None:
        return ()
    known = len(suite._NodeTestCases)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        importlib.import_module(f"{suite.__name__}.{module}")
    tests = {test.name: test for test in suite._NodeTestCases[known:]}
    found = []
    for name, test in sorted(tests.items()):
        base = tests.get(re.sub(r"_expanded(_ver\d+)?$", "", name), test)
        nodes = base.model.graph.node
        if [node.op_type for node in nodes] != [op] or nodes[0].domain:
            continue
        values, results = test.data_sets[0]
        graph = test.model.graph
        found.append(
            Case(
                name=name.removeprefix("test_"),
                op=op,
                expanded=base is not test,
                model=test.model,
                inputs={v.name: _array(x) for v, x in zip(graph.input, values, strict=True)},
                outputs={v.name: _array(x) for v, x in zip(graph.output, results, strict=True)},
            )
        )
    return tuple(found)


def _array(value: Any) -> Operand:
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, np.ndarray | np.generic | float | int):
        return np.asarray(value)
    return None
