"""What a person sees: tables, sentences and progress bars. Only this package prints."""

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
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ternc.report.table import Table


class Detail(IntEnum):
    """How much to say; errors are always said."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


class Bars:
    """Progress of the steps of a command: one bar for each, or nothing where nobody watches.

    Args:
        progress: What draws, or None.
        first: What happens before the first step reports; its bar pulses until then.
    """

    def __init__(self, progress: Progress | None, first: str) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._waiting = progress.add_task(first, total=None) if progress else None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` units of a step are finished; the first call opens its bar."""
        if self._progress is None:
            return
        if self._waiting is not None:
            self._progress.remove_task(self._waiting)
            self._waiting = None
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
    def progress(self, first: str) -> Iterator[Bars]:
        """Bars on standard error while it is a terminal; nothing in a pipe or with ``-q``.

        Args:
            first: What happens before the first step reports.
        """
        if self.detail == Detail.QUIET or not sys.stderr.isatty():
            yield Bars(None, first)
            return
        layout = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*layout, console=Console(stderr=True), transient=True) as progress:
            yield Bars(progress, first)


def _show(part: Table | str) -> None:
    """A sentence, or a table whose title and headings are bold on a terminal (click drops that in a pipe)."""
    if isinstance(part, str):
        click.echo(part)
        return
    bold = (0, 2) if part.title else (0,)
    for number, line in enumerate(part.to_text().splitlines()):
        click.echo(click.style(line, bold=True) if number in bold else line)
