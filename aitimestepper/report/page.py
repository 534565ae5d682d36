"""One HTML file that opens without a network: facts, tables and figures of an evaluation."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple


class Fact(NamedTuple):
    """A line about where the numbers come from."""

    name: str
    text: str
    long: bool = False
    """Whether the text has lines of its own, and is folded away."""


class Table(NamedTuple):
    """Cells as they are shown."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    bad: Sequence[bool] = ()
    """Lines to point out."""
    note: str = ""


class Picture(NamedTuple):
    """A figure with a sentence about what it shows."""

    title: str
    caption: str
    svg: bytes

    @property
    def address(self) -> str:
        """The whole figure as an address."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


def page(
    title: str, facts: Sequence[Fact], tables: Sequence[Table], pictures: Sequence[Picture]
) -> str:
    """The page; everything that comes from outside is escaped."""
    from jinja2 import Environment, StrictUndefined

    text = (files("aitimestepper.report") / "page.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text).render(
        title=title, facts=facts, tables=tables, pictures=pictures
    )
