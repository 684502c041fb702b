"""The tools for which the HLS form of a build has a wrapper."""

from __future__ import annotations

from typing import Literal, TypeAlias

Dialect: TypeAlias = Literal["vitis", "catapult", "sycl"]
"""Whose wrapper: Vitis HLS (and Vivado HLS), Catapult, SYCL for FPGAs."""

DIALECTS: tuple[Dialect, ...] = ("vitis", "catapult", "sycl")
