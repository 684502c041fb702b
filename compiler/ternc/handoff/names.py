"""Sentences about names that must be there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def exactly(what: str, found: Sequence[str], wanted: str) -> Iterator[str]:
    """One value must be given, and it must be ``wanted``."""
    if list(found) != [wanted]:
        yield f"{what} must be {wanted}, not {', '.join(found) or 'missing'}"


def each_once(what: str, found: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    """Each of ``wanted`` must have been found exactly once, and nothing else."""
    for name in dict.fromkeys((*wanted, *found)):
        if name not in wanted:
            yield f"{what}: '{name}' must not be there"
        elif found.count(name) != 1:
            yield f"{what}: '{name}' must be there once, not {found.count(name)} times"
