"""Running a build on a board, simulated or real.

>>> with Device("build/model", Simulation("build/model")) as device:
...     y = device.predict(x)
"""

from ternc.driver.device import Device, Status
from ternc.driver.pynq import Pynq
from ternc.driver.reload import LoadStatus
from ternc.driver.simulation import Simulation
from ternc.driver.transport import Transport

__all__ = ["Device", "LoadStatus", "Pynq", "Simulation", "Status", "Transport"]
