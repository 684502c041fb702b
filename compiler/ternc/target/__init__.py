"""The devices that a network can be compiled for: one TOML table each, every number with its source."""

from ternc.target.device import BlockRam, Board, Cell, Clock, Device, Dsp, Logic, Order, Registers
from ternc.target.fabric import Fabric, load_fabric
from ternc.target.table import boards, load, names

__all__ = [
    "BlockRam",
    "Board",
    "Cell",
    "Clock",
    "Device",
    "Dsp",
    "Fabric",
    "Logic",
    "Order",
    "Registers",
    "boards",
    "load",
    "load_fabric",
    "names",
]
