"""ONNX to Network: any dialect of a ternary model becomes the same integer layers.

This package alone imports onnx.
"""

from ternc.frontend.anomaly import AnomalyWish
from ternc.frontend.borders import Crossing, Exact, ExactModel
from ternc.frontend.epilogue import operators as epilogue_operators
from ternc.frontend.epilogue import outputs as epilogue_outputs
from ternc.frontend.epilogue import run as run_epilogue
from ternc.frontend.input_quant import InputQuant
from ternc.frontend.inspect import CheckReport, LayerRow, NodeRow, inspect
from ternc.frontend.load import self_contained
from ternc.frontend.lower import departures, execute, load_for_execution
from ternc.frontend.read import read

__all__ = [
    "AnomalyWish",
    "CheckReport",
    "Crossing",
    "Exact",
    "ExactModel",
    "InputQuant",
    "LayerRow",
    "NodeRow",
    "departures",
    "epilogue_operators",
    "epilogue_outputs",
    "execute",
    "inspect",
    "load_for_execution",
    "read",
    "run_epilogue",
    "self_contained",
]
