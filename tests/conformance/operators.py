"""The operators that ternc reads, by family, and how each takes its place in a small network."""

from __future__ import annotations

FAMILIES = {
    "Convolutions and dense layers": ("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"),
    "Integer layers": ("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"),
    "Sums, products, extremes": ("Add", "Sub", "Sum", "Mean", "Mul", "Div", "Min", "Max"),
    "Pools and reductions": (
        "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum", "ReduceMax",
    ),
    "Activations": (
        "Relu", "Clip", "LeakyRelu", "PRelu", "ThresholdedRelu", "Sigmoid", "HardSigmoid", "Tanh", "Elu", "Celu", "Selu",
        "Softplus", "Softsign", "HardSwish", "Swish", "Mish", "Gelu", "Exp", "Erf", "Abs", "Neg", "Sign", "Floor", "Ceil",
        "Round", "BatchNormalization",
    ),
    "Parts of activations spelled out": (
        "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not", "Where", "Pow", "Log", "Reciprocal", "Mod",
    ),
    "Operators that move numbers": (
        "Concat", "Split", "Slice", "Pad", "Resize", "Upsample", "SpaceToDepth", "DepthToSpace", "Flatten", "Reshape",
        "Transpose", "Squeeze", "Unsqueeze", "Expand", "Tile", "Gather", "GatherElements", "GatherND", "Identity", "Dropout",
    ),
    "Quantisers and types": (
        "Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold", "QuantizeLinear", "DequantizeLinear",
        "DynamicQuantizeLinear", "Cast", "CastLike",
    ),
    "Constants from shapes": ("Shape", "Size", "Constant"),
    "Ends": ("ArgMax", "TopK", "Softmax", "LogSoftmax"),
}  # fmt: skip
"""Every operator that the front end has a handler for, and those that users look for first."""

OPERATORS = tuple(op for family in FAMILIES.values() for op in family)

QONNX_ONLY = {"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold"}
"""Operators of QONNX's domain."""

MANY = {"Add", "Sub", "Sum", "Mean", "Concat"}
"""Operators all of whose operands are computed."""

PAIRS = {
    "Add", "Sub", "Mul", "Div", "Min", "Max", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Pow", "Mod",
}  # fmt: skip
"""Operators that are tried with computed operands and with constant ones."""

WEIGHTED = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "Einsum": 1}
"""Position of the weight."""

INTEGER = {
    "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "DequantizeLinear", "Cast", "CastLike",
}  # fmt: skip
"""Operators that read integers, which a quantiser in front makes."""

PER_FRAME = {
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization",
    "Resize", "Upsample", "SpaceToDepth", "DepthToSpace", "ConvInteger", "QLinearConv",
}  # fmt: skip
"""Operators whose first axis is the batch by definition: of a batch, the first frame is taken."""

MOVES = {*FAMILIES["Operators that move numbers"]} - {"Resize", "Upsample", "Dropout"}
"""Operators that only move numbers: quantising commutes with them."""

CHOOSES = {"MaxPool", "GlobalMaxPool", "ReduceMax", "Min", "Max", "Clip", "ArgMax", "TopK"}
"""Operators that only compare numbers."""

ENDS = {*FAMILIES["Ends"]}
"""Operators that end a network."""

SIZES = {*FAMILIES["Constants from shapes"]}
"""Operators whose result does not depend on the input's numbers."""

ON_SUMS = {
    *FAMILIES["Activations"], *FAMILIES["Parts of activations spelled out"], "QuantizeLinear", "DequantizeLinear", "Cast", "CastLike", "Min", "Max", "Mul", "Div",
    "DynamicQuantizeLinear", *QONNX_ONLY - {"Trunc"}, *ENDS, *SIZES,
}  # fmt: skip
"""Operators that read the sums of a layer."""
