"""Options that several of these programs have."""

from __future__ import annotations

import argparse

from ternc.frontend import InputQuant


def add_input_quant(parser: argparse.ArgumentParser) -> None:
    """``--input-quant MODEL=TYPE:SCALE``, as often as wanted: pairs of a model's name and its input's integers."""
    parser.add_argument(
        "--input-quant",
        action="append",
        default=[],
        type=_named,
        metavar="MODEL=TYPE:SCALE",
        help="where a model does not say",
    )


def _named(text: str) -> tuple[str, InputQuant]:
    name, equals, quant = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be MODEL=TYPE:SCALE, not '{text}'")
    return name, InputQuant.parse(quant)
