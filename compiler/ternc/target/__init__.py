"""The devices that a network can be compiled for: one TOML table each, every number with its source."""

from ternc.target.device import BlockRam, Cell, Clock, Device, Dsp, Logic, Order, Registers
from ternc.target.table import load, names

__all__ = ["BlockRam", "Cell", "Clock", "Device", "Dsp", "Logic", "Order", "Registers", "load", "names"]
