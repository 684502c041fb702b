"""Operators and domains that have no integer form here, each with the reason and the way out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an operator is refused; ``text`` continues the sentence about its node."""

    text: str
    help: str


_PRODUCT = Reason(
    text=": it multiplies computed values with each other",
    help="only weights can be multiplied with: write it as MatMul or Conv with constant weights, or move it behind the "
    "network's last layer",
)
_EINSUM = Reason(
    text=": sums over named axes are not read",
    help="write it as MatMul or Conv with constant weights, as Transpose or as ReduceSum, or move it behind the "
    "network's last layer",
)
_RECURRENT = Reason(
    text=": it is a recurrent layer, which keeps a state from step to step",
    help="use temporal convolutions, or unroll it into MatMul layers with a quantiser behind each",
)
_DATA_STATISTICS = Reason(
    text=": its mean and variance depend on the data, so no constants can stand for it",
    help="train with BatchNormalization, which becomes part of the layer in front of it",
)
_SUBGRAPH = Reason(
    text=": it holds graphs of its own, and ternc builds one fixed graph",
    help="export with fixed shapes and fold constants (onnxsim, or onnxruntime's optimiser), so that it disappears",
)
_STRINGS = Reason(text=": it works on strings", help="compute it outside of the network")
_SEQUENCES = Reason(
    text=": it works on sequences or optional values instead of tensors",
    help="export with fixed shapes, so that it disappears, or compute it outside of the network",
)
_DATA_SHAPE = Reason(
    text=": the shape of its output depends on the data",
    help="end the network in front of it, and compute it outside",
)
_INTERPOLATION = Reason(
    text=": it reads pixels at positions that depend on the data",
    help="end the network in front of it, or replace it by Conv and Resize",
)
_RANDOM = Reason(text=": its output is random", help="export in inference mode")
_SPECTRUM = Reason(
    text=": it computes a spectrum with float coefficients",
    help="compute it in front of the network, and quantise its result",
)
_DYNAMIC = Reason(
    text=": its scale depends on the data, and the chip's codes have fixed scales",
    help="quantise statically, with calibration data (quantize_static) or quantisation-aware training",
)
_FLOATS = Reason(
    text=": it quantises to floating-point numbers, which the chip does not compute with",
    help="train with an integer quantiser of at most 8 bits",
)
_POWERS = Reason(
    text=": it is a pool of powers, which has no integer form here", help="use MaxPool or AveragePool"
)

OPERATORS = {
    "Einsum": _EINSUM,
    **dict.fromkeys(("Attention", "MultiHeadAttention", "GroupQueryAttention"), _PRODUCT),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _RECURRENT),
    **dict.fromkeys(
        (
            *("LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization"),
            *("SimplifiedLayerNormalization", "MeanVarianceNormalization", "LRN"),
        ),
        _DATA_STATISTICS,
    ),
    **dict.fromkeys(("If", "Loop", "Scan", "SequenceMap"), _SUBGRAPH),
    **dict.fromkeys(
        (
            "StringNormalizer",
            "StringConcat",
            "StringSplit",
            "RegexFullMatch",
            "TfIdfVectorizer",
            "LabelEncoder",
        ),
        _STRINGS,
    ),
    **dict.fromkeys(
        (
            *("SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert"),
            *("SequenceLength", "SplitToSequence", "ConcatFromSequence", "Optional", "OptionalGetElement"),
            "OptionalHasElement",
        ),
        _SEQUENCES,
    ),
    **dict.fromkeys(("NonZero", "Unique", "Compress"), _DATA_SHAPE),
    **dict.fromkeys(
        ("GridSample", "RoiAlign", "MaxRoiPool", "DeformConv", "AffineGrid", "MaxUnpool"), _INTERPOLATION
    ),
    **dict.fromkeys(
        (
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Multinomial",
            "Bernoulli",
        ),
        _RANDOM,
    ),
    **dict.fromkeys(("DFT", "STFT", "MelWeightMatrix"), _SPECTRUM),
    **dict.fromkeys(("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"), _DYNAMIC),
    **dict.fromkeys(("FloatQuant", "MXFloatQuant"), _FLOATS),
    **dict.fromkeys(("LpPool", "GlobalLpPool"), _POWERS),
}
"""By operator, whatever its domain."""

DOMAINS = {
    "com.microsoft": "quantise with quant_format=QuantFormat.QDQ, and save the model without onnxruntime's graph "
    "optimisations, which put such operators in",
    "ai.onnx.ml": "classical machine learning has no layers; use it outside of the network",
    "finn.custom_op.fpgadataflow": "give the model in front of FINN's conversion to dataflow layers (QONNX, or "
    "streamlined with MultiThreshold)",
    "qonnx.custom_op.channels_last": "give the model in front of qonnx's channels-last conversion",
    "qkeras": "convert with qonnx.converters.keras, which writes Quant nodes",
}
"""What to do about operators of another domain, by its beginning."""


def domain_help(domain: str) -> str:
    """The way out for an operator of a foreign domain."""
    found = next((text for start, text in DOMAINS.items() if domain.startswith(start)), "")
    return found or "express it with operators of the standard domain, or with those of QONNX"
