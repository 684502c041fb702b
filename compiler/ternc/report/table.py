"""A table as data; plain text for files and pipes here, colours on a terminal elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A heading; ``right`` aligns its cells to the right, as numbers are."""

    heading: str
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of finished text; every row has one cell for each column.

    Attributes:
        title: Printed above, empty for none.
        notes: Printed below, one a line.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Plain text: columns padded with spaces, lines without trailing blanks, newline at the end."""
        headings = tuple(column.heading for column in self.columns)
        widths = [max(map(len, cells)) for cells in zip(headings, *self.rows, strict=True)]
        rule = tuple("-" * width for width in widths)
        lines = [self._line(cells, widths) for cells in (headings, rule, *self.rows)]
        title = [self.title, ""] if self.title else []
        notes = ["", *self.notes] if self.notes else []
        return "\n".join([*title, *lines, *notes]) + "\n"

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> str:
        padded = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(cells, widths, self.columns, strict=True)
        )
        return "  ".join(padded).rstrip()


def columns(*headings: str) -> tuple[Column, ...]:
    """Columns from headings; one that starts with ``>`` is aligned to the right."""
    return tuple(Column(heading=text.removeprefix(">"), right=text.startswith(">")) for text in headings)


def count(value: int) -> str:
    """1234567 as ``1,234,567``."""
    return f"{value:,}"


def percent(share: float) -> str:
    """0.1234 as ``12.3 %``."""
    return f"{100 * share:.1f} %"
