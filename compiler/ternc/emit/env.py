"""The one Jinja environment of all emitters."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ternc.resources import folder


@cache
def environment() -> Environment:
    """Strict, without escaping: templates are source code; an unknown name is an error, not a blank."""
    found = Environment(
        loader=FileSystemLoader(folder("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    found.filters["range"] = packed_range
    return found


def packed_range(width: int) -> str:
    """The packed range of a vector: 8 gives ``[7:0]``."""
    return f"[{width - 1}:0]"


def render(template: str, view: object) -> bytes:
    """The template's text for ``view``, which it knows as ``v``; UTF-8."""
    text = environment().get_template(template).render(v=view)
    return text.encode()


def comment(text: str) -> str:
    """Text that is safe inside a one-line comment of any language."""
    return re.sub(r"[^\x20-\x7e]", "?", text)
