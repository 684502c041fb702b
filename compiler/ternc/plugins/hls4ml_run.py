"""hls4ml's own backend on a model, as a process of its own: ``python -m ternc.plugins.hls4ml_run REQUEST.json``.

The request names the model, the backend, the inputs and a folder to work in; the answer goes to ``answer.json`` there,
the outputs to ``y.npy``. What hls4ml and its compiler print goes where the process's output goes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ternc.simulate.tools import children_seconds


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Convert, compile and run; the answer, in which ``error`` says where it stopped."""
    stage, answer = "read the model", dict[str, Any]()
    folder = Path(request["folder"])
    try:
        import hls4ml

        answer["version"] = hls4ml.__version__
        model, layout = _prepared(request["model"])
        stage = "convert the model"
        config = hls4ml.utils.config.config_from_onnx_model(
            model, granularity="name", backend=request["backend"], default_precision=request["precision"]
        )
        converted = hls4ml.converters.convert_from_onnx_model(
            model,
            output_dir=str(folder / "project"),
            backend=request["backend"],
            hls_config=config,
            io_type="io_stream" if layout == "last" else "io_parallel",
        )
        stage = "compile the C simulation"
        before = children_seconds()
        converted.compile()
        answer["compile_seconds"] = children_seconds() - before
        answer["source_bytes"] = _source_bytes(folder / "project")
        stage = "run the C simulation"
        x = np.load(request["inputs"])
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1) if layout == "last" else x)
        begin = time.process_time()
        y = converted.predict(x)
        answer["run_seconds"] = time.process_time() - begin
        np.save(folder / "y.npy", np.asarray(y).reshape(len(x), -1))
    except Exception as error:  # noqa: BLE001  (whatever the other tool raises is its answer)
        answer["error"] = f"cannot {stage}: {type(error).__name__}: {error}"
    return answer


def _prepared(path: str) -> tuple[Any, str]:
    """The model as hls4ml's documentation asks for it: cleaned up, MatMul for Gemm, channels last where it has maps."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    model, layout = cleanup_model(ModelWrapper(path)), "first"
    if any(node.op_type == "Conv" for node in model.graph.node):
        model, layout = model.transform(ConvertToChannelsLastAndClean()), "last"
    return cleanup_model(model.transform(GemmToMatMul())), layout


def _source_bytes(project: Path) -> int:
    """Text that the conversion wrote, without the library that is the same for all."""
    return sum(
        path.stat().st_size
        for path in (project / "firmware").rglob("*")
        if path.suffix in {".h", ".cpp"} and not {"nnet_utils", "ap_types", "ac_types"} & set(path.parts)
    )


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    Path(asked["folder"], "answer.json").write_text(json.dumps(run(asked)))
