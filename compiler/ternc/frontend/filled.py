"""Values that are padded with a real number other than 0, as layers that write it.

What stands outside of a map is 0 for a layer. So the codes are counted from the number: what is padded is ``v - c``,
whose padding is ``c - c``. A copy writes the padded map, and c is added again behind it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np

from ternc.errors import ModelError
from ternc.frontend.access import split
from ternc.frontend.build import Builder, Operand
from ternc.frontend.reads import one_hot
from ternc.frontend.values import (
    NOTHING,
    Accumulator,
    Computed,
    Joined,
    Stored,
    View,
    map_shape,
    plain_index,
)
from ternc.network.layers import Term
from ternc.network.steps import Add

MINUS_INFINITY = Fraction(-sys.float_info.max)
"""What a padding with minus infinity counts as: less than every number that there is."""

OUTSIDE = "pad with a value of its quantiser, or behind the layer that follows"


def has_filling(value: object) -> bool:
    """Whether a value has a padding of something else than 0."""
    return isinstance(value, View | Joined) and value.fill != 0 and bool(np.any(value.index == NOTHING))


def filled(build: Builder, value: Computed, where: str) -> View:
    """The value with its padding written by a layer.

    Args:
        where: Start of a sentence about the node that needs it.
    Raises:
        ModelError: The value is not quantised, or the padding is none of its quantiser's values.
    """
    if value.fill <= MINUS_INFINITY:
        raise ModelError(
            f"{where} reads '{value.name}', which is padded with minus infinity, that only a MaxPool may read whose "
            "windows each hold a pixel",
            help="pad with a value of its quantiser",
        )
    shape = value.index.shape
    size = map_shape(shape) or (prod(shape), 1, 1)
    number = float(value.fill)
    parts = value.parts if isinstance(value, Joined) else (value,)
    found = [_counted_from(build, part, value.fill, where) for part in parts]
    _one_scale(found, value, where)
    terms: list[Term] = []
    for operand in found:
        accesses = split(operand.index.reshape(size), operand.size)
        if accesses is None:
            raise ModelError(
                f"{where} reads '{value.name}' in an arrangement that is not made of straight lines",
                help="move the rearrangement to the network's input or output",
            )
        terms += one_hot(operand, accesses, size)
    return View(
        name=value.name,
        source=build.copying(value.name, tuple(terms), size),
        index=plain_index(size).reshape(shape),
        size=size,
        dtype=value.dtype,
        steps=(*found[0].factors, Add(addend=np.array([number]))),
    )


def _counted_from(build: Builder, view: View, fill: Fraction, where: str) -> Operand:
    """The value minus its padding, so that code 0 stands for the padding."""
    number = float(fill)
    shift = Add(addend=np.array([-number]))
    if view.shared or not isinstance(view.source, Accumulator):  # it is kept as it is, and copied
        known = build.operand(view, where).view(view.name, view.dtype)
        view = build.identity(known) if isinstance(known.source, Stored) else known
    found = build.operand(replace(view, steps=(*view.steps, shift), shared=False), where)
    if Fraction(number) != fill or np.any(found.offset != 0):
        unit = float(min(found.scale))
        raise ModelError(
            f"{where} reads '{view.name}', which is padded with {number:g}: no value of its quantiser, whose steps "
            f"are {unit:g}",
            help=OUTSIDE,
        )
    return found


def _one_scale(found: list[Operand], value: Computed, where: str) -> None:
    """ModelError where the values that are padded have several scales."""
    if len({scale for operand in found for scale in operand.scale}) > 1:
        raise ModelError(
            f"{where} reads '{value.name}', which is padded with {float(value.fill):g} and has several scales",
            help="quantise it with one scale, or pad each part of it in front of the concatenation",
        )
