"""The harness itself: every network is what its seed says, failures shrink, and simulations are bounded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest

from fuzz import check, run
from fuzz.check import Failure, Hardware, Verdict
from fuzz.graphs import Case
from ternc.errors import ModelError
from ternc.frontend import read

READ = 50
DRAWN = 500
RAREST = 2
"""Networks in `DRAWN` that each feature must be in at least."""

FEATURES = """
    opset 9; opset 11; opset 13; opset 17; opset 18; opset 20; opset 21; opset 24; opset 25;
    activations qonnx; activations qcdq; activations qdq; activations float; dialects mixed; another dialect inside;
    weights qonnx; weights qcdq; weights qdq; weights float; hidden weights; folded gain with signs;
    arbitrary numbers; binary fractions; batch dynamic; batch 1;
    constants as nodes; constants as inputs; constants as initialisers;
    one input; 2 inputs; dense input; 1-D input; 2-D input; channels-last input; scaled input;
    quantiser of 1 bits; quantiser of 2 bits; quantiser of 8 bits; signed; unsigned; zero point; narrow; narrow clip;
    rounding FLOOR; rounding CEIL; activation scales per channel; BipolarQuant; MultiThreshold; quantiser spelled out;
    weights ternary; weights binary; weights ttq; weights few; weights of 3 bits; weights of 8 bits;
    weight scales per channel; bias float; bias quantised qonnx; bias quantised qcdq; bias quantised qdq;
    Conv 1-D; Conv 2-D; Conv 2-D stride; Conv 2-D dilation; Conv 2-D pads; Conv 2-D asymmetric pads; Conv 2-D groups;
    Conv 2-D depthwise; Conv 2-D kernels not square; Conv 2-D auto_pad SAME_UPPER; Conv 2-D auto_pad SAME_LOWER;
    Conv 2-D auto_pad VALID; Conv 1-D stride; Conv 1-D dilation; Conv 1-D pads; Conv 1-D groups; Conv 1-D depthwise;
    ConvTranspose 1-D; ConvTranspose 2-D; ConvTranspose 2-D stride; ConvTranspose 2-D pads; ConvTranspose 2-D dilation;
    ConvTranspose 2-D groups; ConvTranspose 2-D output_padding; ConvTranspose 2-D output_shape;
    Gemm; Gemm transA; Gemm transB; Gemm alpha; Gemm beta; Gemm C [O]; Gemm C [1, O]; Gemm C one number;
    MatMul of 2 axes; MatMul of 3 axes; MatMul of 4 axes; MatMul bias; MatMul Transpose behind the weights;
    residual Add; residual Sub; residual Sum; residual of codes; residual of sums; residual of two layers;
    residual of itself; residual of live; equal scales; scales in a ratio of a power of two; scales in any ratio;
    constant Add; constant Sub; constant from; constant Mul; constant Div; constant Neg; constant Max; constant Min;
    constants per channel; BatchNormalization; BatchNormalization of both signs;
    Concat of channels; Concat of space; Concat with zeros; Split; Pad; Pad that crops; Slice; Slice with steps; Resize;
    Upsample; Resize to sizes; SpaceToDepth; SpaceToDepth spelled out; DepthToSpace DCR; DepthToSpace CRD;
    DepthToSpace spelled out; flatten by Flatten; flatten by Reshape; flatten by computed shape; Reshape to a map;
    Reshape of a map; Transpose; Squeeze; Unsqueeze; Gather of channels; channel shuffle; Tile; Expand; Dropout; Identity;
    MaxPool; MaxPool overlapping; MaxPool pads; MaxPool ceil_mode; MaxPool dilation; AveragePool; AveragePool overlapping;
    AveragePool count_include_pad; AveragePool ceil_mode; GlobalAveragePool; GlobalMaxPool; ReduceMean; ReduceSum;
    ReduceMax; max pool of codes; max pool of sums;
    Relu; Clip; LeakyRelu; PRelu; PRelu per channel; Sigmoid; HardSigmoid; Tanh; Elu; Celu; Selu; Softplus; Softsign;
    ThresholdedRelu; Sign; Erf; HardSwish; Swish; Gelu; Mish; Abs; activation of codes;
    end codes; end raw sums; end ArgMax; end TopK; end Softmax; end activation; one output; several outputs
"""
"""What the generator is to draw: every family of layers, every attribute, every dialect."""


def test_every_family_is_drawn_and_few_networks_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def only_read(case: Case, path: Path) -> Verdict:
        if len(seen) < READ:
            path.write_bytes(case.model.SerializeToString())
            try:
                read(path)
            except ModelError as error:
                refused.append(error.sentence)
        seen.append(case)
        return Verdict()

    seen: list[Case] = []
    refused: list[str] = []
    monkeypatch.setattr(check, "golden", only_read)
    found = run.run(1, DRAWN, tmp_path, simulate=False).features
    wanted = [feature.strip() for feature in FEATURES.split(";")]
    assert not [feature for feature in wanted if found[feature] < RAREST]
    assert len({case.model.SerializeToString() for case in seen}) > 0.98 * DRAWN
    assert len(refused) <= 0.2 * READ, Counter(refused)


def test_a_network_is_what_its_seed_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def kept(case: Case, path: Path) -> Verdict:
        models.append(case.model.SerializeToString())
        return Verdict()

    models: list[bytes] = []
    monkeypatch.setattr(check, "golden", kept)
    run.run(7, 4, tmp_path, simulate=False)
    run.run(9, 1, tmp_path, simulate=False)
    assert models[4] == models[2]
    assert len(set(models)) == 4


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where failures go."""
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "build" / "fuzz")
    return tmp_path / "build" / "fuzz"


def pools(case: Case) -> bool:
    return any(node.op_type == "MaxPool" for node in case.model.graph.node)


def test_a_failure_is_shrunk_to_a_small_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: Path
) -> None:
    def no_pools(case: Case, path: Path) -> Verdict:
        path.write_bytes(case.model.SerializeToString())
        if pools(case):
            raise Failure("golden", "there is a max pool")
        return Verdict()

    monkeypatch.setattr(check, "golden", no_pools)
    with pytest.raises(AssertionError) as caught:
        run.run(101, 100, tmp_path, simulate=False)
    (model,) = results.glob("failure-*.onnx")
    seed = int(model.stem.split("-")[1])
    compiled, verified = Hardware.of(seed).options
    again = f"ternc build/fuzz/{model.name} {compiled} -o build/fuzz/again && ternc verify build/fuzz/again {verified}"
    assert str(caught.value).splitlines() == [
        "",
        f"network {seed}, smaller: build/fuzz/{model.name}",
        "golden: there is a max pool",
        f"again: {again}",
        f"as drawn: make fuzz N=1 SEED={seed}",
    ]
    nodes = onnx.load(model).graph.node
    assert any(node.op_type == "MaxPool" for node in nodes)
    assert len(nodes) <= 16


def test_shrinking_costs_a_bounded_number_of_simulations(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: Path
) -> None:
    def written(case: Case, path: Path) -> Verdict:
        path.write_bytes(case.model.SerializeToString())
        return Verdict()

    def broken(path: Path, scratch: Path, hardware: Hardware) -> None:
        calls.append(hardware)
        if any(node.op_type == "Conv" for node in onnx.load(path).graph.node):
            raise Failure("RTL", "there is a convolution")

    calls: list[Hardware] = []
    monkeypatch.setattr(check, "golden", written)
    monkeypatch.setattr(check, "rtl", broken)
    with pytest.raises(AssertionError, match="RTL: there is a convolution"):
        run.run(1, 100, tmp_path, simulate=True)
    (model,) = results.glob("failure-*.onnx")
    seed = int(model.stem.split("-")[1])
    assert len(calls) <= seed + run.SHRINKS_IN_SIMULATION  # networks 1 to seed were simulated as drawn
