"""Float models made ternary on the way in, so that a network that was never trained for ternary weights can be tried.

ONNX in, ONNX out: the front end reads the result like any other model. Beside `ternc.frontend`, the only package that
knows ONNX.
"""

from ternc.ternarise.convert import LayerRow, QuantiserRow, Ternarised, TernariseWish, ternarise, wish
from ternc.ternarise.rules import Rules, read_rules

__all__ = [
    "LayerRow",
    "QuantiserRow",
    "Rules",
    "TernariseWish",
    "Ternarised",
    "read_rules",
    "ternarise",
    "wish",
]
