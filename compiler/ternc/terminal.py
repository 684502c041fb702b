"""What a person sees: tables, sentences and progress bars. Only this module and `ternc.cli` print."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from ternc.report.table import Table


class Detail(IntEnum):
    """How much to say; errors are always said."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


class Bars:
    """Progress of the steps of a command: one bar for each, or nothing where nobody watches."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` units of a step are finished; the first call opens its bar."""
        if self._progress is None:
            return
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._tasks[step], completed=done, total=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Standard output and standard error of one command.

    Attributes:
        as_json: Standard output carries exactly one JSON document and nothing else.
        detail: What is said besides.
    """

    as_json: bool
    detail: Detail

    def result(self, document: Mapping[str, Any], shown: Sequence[Table | str]) -> None:
        """What the command found: ``document`` with ``--json``, else what is ``shown`` (not with ``-q``)."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2))
        elif self.detail > Detail.QUIET:
            for number, part in enumerate(shown):
                if number and isinstance(part, Table):
                    click.echo()
                _show(part)

    def error(self, sentence: str, help_text: str) -> None:
        """A refusal: one sentence and the way out."""
        if self.as_json:
            click.echo(json.dumps({"error": sentence, "help": help_text}, indent=2))
            return
        self.complain(sentence)
        if help_text:
            click.echo(f"  {click.style('help:', fg='cyan')} {help_text}", err=True)

    def complain(self, sentence: str) -> None:
        """Something that is wrong, on standard error; standard output is left as it is."""
        click.echo(f"{click.style('error:', fg='red', bold=True)} {sentence}", err=True)

    def trace(self, error: BaseException) -> None:
        """The traceback of a bug, for ``-v``."""
        if self.detail >= Detail.VERBOSE:
            click.echo("".join(traceback.format_exception(error)), err=True, nl=False)

    @contextmanager
    def progress(self) -> Iterator[Bars]:
        """Bars on standard error while it is a terminal; nothing in a pipe or with ``-q``."""
        if self.detail == Detail.QUIET or not sys.stderr.isatty():
            yield Bars(None)
            return
        layout = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*layout, console=Console(stderr=True), transient=True) as progress:
            yield Bars(progress)


def _show(part: Table | str) -> None:
    """With rules and colours on a terminal, plain text in a pipe."""
    if isinstance(part, str):
        click.echo(part)
    elif sys.stdout.isatty():
        Console().print(_coloured(part))
    else:
        click.echo(part.to_text(), nl=False)


def _coloured(table: Table) -> RichTable:
    rich = RichTable(title=table.title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for column in table.columns:
        rich.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for row in table.rows:
        rich.add_row(*(Text(cell) for cell in row))
    if table.notes:
        rich.caption = Text("\n".join(table.notes))
        rich.caption_justify = "left"
    return rich
