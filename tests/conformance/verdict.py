"""What becomes of one of the small networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from conformance.cases import Case
from conformance.networks import Around, NotApplicable, around, opset_for
from conformance.operators import MANY
from golden_check import judge
from onnx_writer import QONNX, Dialect
from ternc.errors import TerncError
from ternc.frontend import execute, load_for_execution
from ternc.frontend.runtime import Session
from ternc.simulate.close import different

Values = Mapping[str, NDArray[Any]]
RUN_ALONE = {"float16", "float32", "float64", "int8", "uint8", "int32", "int64"}
"""Types of operands with which the operator alone is run."""

Kind = Literal["passed", "refused", "not applicable", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of one case in one form and one dialect.

    Attributes:
        kind: ``"passed"`` where the golden model's outputs are onnxruntime's, and onnxruntime's are what onnx demands.
        text: The refusal's sentence, the rule by which the case has no network, or what is wrong.
        help: The refusal's way out.
        model: The network's file; None where there is none.
    """

    kind: Kind
    text: str = ""
    help: str = ""
    model: Path | None = None


def verdict(case: Case, form: str, dialect: Dialect, folder: Path) -> Verdict:
    """Build the network of a case, read it, and compare.

    Raises:
        Exception: Any that is no refusal: a bug.
    """
    path = folder / "model.onnx"
    try:
        made = around(case, form, dialect, _peaks(case, form, dialect, folder))
    except NotApplicable as rule:
        return Verdict(kind="not applicable", text=str(rule))
    onnx.save(made.model, path)
    found = judge(path, made.inputs)
    match found.kind:
        case "refused":
            sentence = found.text.removeprefix(f"{path.name}: ")
            vague = not found.help or not (
                "node '" in sentence or "input '" in sentence or "its opset" in sentence
            )
            return Verdict(kind="wrong" if vague else "refused", text=sentence, help=found.help, model=path)
        case "wrong":
            return Verdict(kind="wrong", text=found.text, model=path)
        case "passed":
            wrong = (
                _unexpected(made, found.outputs)
                or _own_reference(case, path, made)
                or onnx_disagrees(case, folder)
            )
            return Verdict(kind="wrong" if wrong else "passed", text=wrong, model=path)


def _peaks(case: Case, form: str, dialect: Dialect, folder: Path) -> dict[str, float]:
    """The largest size of each of the operator's results, as onnxruntime computes them; 1 where it cannot."""
    bare = around(case, form, dialect)
    path = folder / "bare.onnx"
    onnx.save(bare.model, path)
    try:
        found = execute(path, bare.inputs)
    except TerncError:
        return dict.fromkeys(case.outputs, 1.0)
    reals = {name.removeprefix("y_"): array for name, array in found.items() if array.dtype.kind == "f"}
    return {n: float(np.max(np.abs(a[np.isfinite(a)]), initial=0.0)) for n, a in reals.items()}


def _unexpected(made: Around, outputs: Values) -> str:
    """The first of the case's own results that the network does not give for the case's own values."""
    for name, wanted in made.expected.items():
        got = outputs[f"y_{name}"][0]
        if not np.array_equal(got, wanted.reshape(got.shape)):
            return f"output '{name}' is {got.ravel()[:8]} ..., but onnx's test has {wanted.ravel()[:8]} ..."
    return ""


def _own_reference(case: Case, path: Path, made: Around) -> str:
    """Where the reference, which has its quantisers lowered to floats, is not the model itself in onnxruntime.

    Models that onnxruntime cannot run as they are (QONNX's operators, integers of 4 bits ...) are not judged, nor those
    with shorter floats, to which ternc does not round.
    """
    values = (*case.inputs.values(), *case.outputs.values())
    short = {a.dtype.name for a in values if a is not None} & {"float16", "bfloat16"}
    if short or any(entry.domain == QONNX for entry in made.model.opset_import):
        return ""
    reference = execute(path, made.inputs)
    try:
        session = Session(made.model, path.name)
        found = [session.run({n: a[i : i + 1] for n, a in made.inputs.items()}) for i in range(_frames(made))]
    except TerncError:
        return ""
    for name, wanted in reference.items():
        got = np.concatenate([f[name] for f in found])
        if np.any(different(wanted.reshape(got.shape), got)):
            return f"output '{name}' of onnxruntime changes when the quantisers are lowered"
    return ""


def _frames(made: Around) -> int:
    return len(next(iter(made.inputs.values())))


def onnx_disagrees(case: Case, folder: Path) -> str:
    """Where the reference does not give the results that onnx's test demands for the operator alone."""
    path = folder / "alone.onnx"
    names = list(case.inputs) if case.op in MANY else list(case.inputs)[:1]
    given: dict[str, NDArray[Any]] = {}
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    del model.graph.input[:]
    for entry in model.opset_import:
        entry.version = opset_for(case) if entry.domain == "" else entry.version
    if case.op == "Dropout":
        del model.graph.output[1:]  # the mask
    operands = {a.dtype.name for a in (*case.inputs.values(), *case.outputs.values()) if a is not None}
    if not operands <= RUN_ALONE:
        return ""
    for name, array in case.inputs.items():
        assert array is not None
        if name not in names:
            model.graph.initializer.append(numpy_helper.from_array(array, name))
            continue
        elem = helper.np_dtype_to_tensor_dtype(array.dtype)
        given[f"given_{name}"] = array[None]
        model.graph.input.append(helper.make_tensor_value_info(f"given_{name}", elem, (1, *array.shape)))
        model.graph.initializer.append(
            numpy_helper.from_array(np.array(array.shape, np.int64), f"shape_{name}")
        )
        model.graph.node.insert(0, helper.make_node("Reshape", [f"given_{name}", f"shape_{name}"], [name]))
    if not given:
        return ""
    onnx.save(model, path)
    found = Session(load_for_execution(path, dynamic=False), case.name).run(given)
    for name, got in found.items():
        wanted = case.outputs[name]
        assert wanted is not None
        if got.shape != wanted.shape:
            return f"the reference gives '{name}' of shape {got.shape}, but onnx's test has {wanted.shape}"
        if not np.allclose(
            got.astype(np.float64), wanted.astype(np.float64), rtol=1e-3, atol=1e-5, equal_nan=True
        ):
            return f"the reference gives another '{name}' than onnx's test has"
    return ""
