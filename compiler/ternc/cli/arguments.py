"""What arguments may be, and the options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ternc.cli.terminal import Detail, Terminal
from ternc.errors import TerncError
from ternc.schedule.design import ArrayShape

if TYPE_CHECKING:
    from ternc.frontend import AnomalyWish
    from ternc.frontend.input_quant import InputQuant
    from ternc.network.layers import Measure

F = TypeVar("F", bound=Callable[..., Any])


def positive(text: str) -> float:
    """A finite number above 0, or a usage error."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise click.BadParameter(f"must be a number above 0, not {text!r}")
    return number


def threshold(text: str) -> float:
    """A finite number of at least 0, or a usage error."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise click.BadParameter(f"must be a number of at least 0, not {text!r}")
    return number


def share(text: str) -> float:
    """A number above 0 and at most 1, or a usage error."""
    number = positive(text)
    if number > 1:
        raise click.BadParameter(f"must be a share of the device, above 0 and at most 1, not {text!r}")
    return number


def shape(text: str) -> ArrayShape | Path:
    """``ROWSxCOLSxLANES[/DRAIN][p]``, each at least 1, the name of a TOML file, or a usage error."""
    from ternc.schedule.pinned import parse_shape

    if text.endswith(".toml"):
        return Path(text)
    found = parse_shape(text)
    if found is None:
        raise click.BadParameter(
            "must be ROWSxCOLSxLANES[/DRAIN][p], the drain a power of two that divides the rows, for example "
            f"4x8x16, 4x8x16/2 or 4x8x16p, not {text!r}"
        )
    return found


def rho(text: str) -> str:
    """A number from 0 to below 1, or a usage error; any other text is the name of a file."""
    from ternc.ternarise import read_rules

    try:
        float(text)
    except ValueError:
        return text
    try:
        read_rules(text)
    except TerncError as error:
        raise click.UsageError(error.sentence) from None
    return text


def input_quant(text: str) -> InputQuant:
    """``TYPE:SCALE``, or a usage error."""
    from ternc.frontend.input_quant import InputQuant

    try:
        return InputQuant.parse(text)
    except TerncError as error:
        raise click.UsageError(error.sentence) from None


input_quant_option = click.option(
    "--input-quant",
    type=input_quant,
    metavar="TYPE:SCALE",
    help="Integer type of an input that the model does not declare: int8:0.0625.",
)


def common(command: F) -> F:
    """``--json``, ``-q`` and ``-v``, handed to the command as one ``terminal``."""

    @wraps(command)
    def with_terminal(*args: Any, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> Any:
        if quiet and verbose:
            raise click.UsageError("-q and -v exclude each other")
        detail = Detail.QUIET if quiet else Detail.VERBOSE if verbose else Detail.NORMAL
        return command(*args, terminal=Terminal(as_json=as_json, detail=detail), **options)

    for option in (
        click.option("-v", "--verbose", is_flag=True, help="Say more; of a bug, the traceback."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
    ):
        with_terminal = option(with_terminal)
    return with_terminal  # type: ignore[return-value]


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to build for which device."""
    for option in reversed(
        (
            click.option(
                "--target", default="arria10", show_default=True, help="Device; see: ternc targets."
            ),
            click.option(
                "--fps", type=positive, metavar="N", help="Smallest design that reaches N frames per second."
            ),
            click.option(
                "--latency-us",
                type=positive,
                metavar="N",
                help="Smallest design whose latency is at most N microseconds; alone or with --fps.",
            ),
            click.option(
                "--budget", type=share, default=0.7, show_default=True, help="Share of the device to use."
            ),
            click.option(
                "--clock-mhz",
                type=positive,
                metavar="MHZ",
                help="Clock.  [default: the device's planning value]",
            ),
            click.option(
                "--lanes",
                type=click.IntRange(min=1),
                metavar="N",
                help="Most rows x cols x lanes, summed over the arrays.",
            ),
            click.option(
                "--array",
                type=shape,
                metavar="ROWSxCOLSxLANES[/DRAIN][p]|ENGINES.toml",
                help="Instead of choosing: one array for all layers, or a TOML file of engines.",
            ),
            click.option(
                "--folding",
                type=click.Path(path_type=Path),
                metavar="FOLDING.json",
                help="Instead of choosing: an engine for each layer, with FINN's PE, SIMD and MMV.",
            ),
            click.option(
                "--reloadable",
                is_flag=True,
                help="Memories that are loaded through a stream, with room for every network of the model's shape.",
            ),
            input_quant_option,
            click.option(
                "--anomaly",
                type=threshold,
                metavar="THRESHOLD",
                help="Of an autoencoder: flag a frame whose reconstruction error is above it, on the chip.",
            ),
            click.option(
                "--anomaly-measure",
                type=click.Choice(["squares", "absolute"]),
                help="The error: sum of squares or of absolute differences.  [default: squares]",
            ),
        )
    ):
        command = option(command)
    return command


def anomaly_wish(threshold: float | None, measure: Measure | None) -> AnomalyWish | None:
    """The detector that is asked for, or a usage error."""
    from ternc.frontend import AnomalyWish

    if threshold is None and measure is not None:
        raise click.UsageError("--anomaly-measure needs --anomaly")
    return None if threshold is None else AnomalyWish(threshold=threshold, measure=measure or "squares")
