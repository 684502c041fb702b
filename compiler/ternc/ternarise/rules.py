"""What becomes of each layer's weights: one number for all layers, or a TOML file with one for each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ternc.errors import DataError, ModelError

OPTION = "--ternarise"

NARROWEST, WIDEST = 2, 8
"""Bits of weights that stay integers."""

_KEYS = ("default", "first", "last", "layers")


@dataclass(frozen=True, slots=True)
class Trits:
    """Weights -1, 0, +1: ``sign(w) if |w| > rho * max|w| else 0``, rho in [0, 1)."""

    rho: float

    def __str__(self) -> str:
        return f"{self.rho:g}"


@dataclass(frozen=True, slots=True)
class Integers:
    """Signed integer weights of so many bits, for layers that ternary weights would hurt."""

    bits: int

    def __str__(self) -> str:
        return f"int{self.bits}"


Rule: TypeAlias = Trits | Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rule of each layer.

    Attributes:
        default: Of layers that nothing else names; None where all of them must be named.
        first, last: Of the first and last layer in execution order; None for the default.
        layers: By node name; they go before the others.
        source: Where the rules come from, for messages.
    """

    default: Rule | None = None
    first: Rule | None = None
    last: Rule | None = None
    layers: Mapping[str, Rule] = field(default_factory=dict)
    source: str = OPTION

    def of(self, file: str, nodes: Sequence[str]) -> dict[str, Rule]:
        """The rule of each layer.

        Args:
            file: The model's name, for messages.
            nodes: Its layers, at least one, in execution order.
        Raises:
            ModelError: A name that is no layer's, or a layer without a rule.
        """
        listed = f"the layers are {', '.join(repr(name) for name in nodes)}"
        unknown = [name for name in self.layers if name not in nodes]
        if unknown:
            raise ModelError(f"{self.source}: {file} has no layer '{unknown[0]}'", help=listed)
        found: dict[str, Rule | None] = dict.fromkeys(nodes, self.default)
        found[nodes[0]] = self.first or found[nodes[0]]
        found[nodes[-1]] = self.last or found[nodes[-1]]
        rules = {name: self.layers.get(name, rule) for name, rule in found.items()}
        for name, rule in rules.items():
            if rule is None:
                raise ModelError(
                    f"{self.source}: there is no rule for layer '{name}' of {file}",
                    help=f"name it in [layers], or give a default; {listed}",
                )
        return {name: rule for name, rule in rules.items() if rule is not None}

    def document(self) -> dict[str, Any]:
        """The rules as plain data, in the form of the TOML file."""
        named = {"default": self.default, "first": self.first, "last": self.last}
        plain: dict[str, Any] = {key: _plain(rule) for key, rule in named.items() if rule is not None}
        if self.layers:
            plain["layers"] = {name: _plain(rule) for name, rule in self.layers.items()}
        return plain


def _plain(rule: Rule) -> float | str:
    return rule.rho if isinstance(rule, Trits) else str(rule)


def read_rules(wanted: float | str | Path) -> Rules:
    """The rules of a command line: a number for all layers, or the path of a TOML file.

    Raises:
        DataError: RHO is not in [0, 1), or the file is missing, no TOML, or holds something else.
    """
    number = _number(wanted)
    if number is not None:
        return Rules(default=_rule(OPTION, number))
    path = Path(str(wanted))
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(
            f"{OPTION}: must be a number from 0 to below 1 or a TOML file, but '{path}' is neither",
            help=f"for example: {OPTION} 0.3",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    try:
        return _parsed(path.name, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path.name}: must be a TOML file, but: {error}") from None


def _number(wanted: float | str | Path) -> float | None:
    try:
        return float(str(wanted))
    except ValueError:
        return None


def _parsed(source: str, given: Mapping[str, Any]) -> Rules:
    for key in given:
        if key not in _KEYS:
            raise DataError(
                f"{source}: '{key}' is not known here; it may hold {', '.join(_KEYS[:-1])} and a table [layers]",
                help='for example: default = 0.3, and below [layers] a line "conv1" = 0.2',
            )
    layers = given.get("layers", {})
    if not isinstance(layers, Mapping):
        raise DataError(f"{source}: 'layers' must be a table of node names, not {layers!r}")
    if not given or (list(given) == ["layers"] and not layers):
        raise DataError(f"{source}: must give a default or name layers, but is empty")
    ends = {key: _rule(f"{source}: '{key}'", given[key]) for key in _KEYS[:-1] if key in given}
    named = {name: _rule(f"{source}: layer '{name}'", value) for name, value in layers.items()}
    return Rules(**ends, layers=named, source=source)


def _rule(place: str, value: object) -> Rule:
    match value:
        case bool():
            pass
        case int() | float() if 0 <= value < 1:
            return Trits(float(value))
        case str():
            found = re.fullmatch(r"int(\d)", value)
            if found and NARROWEST <= int(found[1]) <= WIDEST:
                return Integers(int(found[1]))
    shown = "a table (a name with a dot needs quotes)" if isinstance(value, Mapping) else repr(value)
    or_bits = "" if place == OPTION else f", or 'int{NARROWEST}' to 'int{WIDEST}'"
    raise DataError(f"{place}: RHO must be a number from 0 to below 1{or_bits}, but is {shown}")
