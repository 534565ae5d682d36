"""The page of all settings, generated from the settings themselves: `python -m flows.reference`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from aitimestepper.settings import HARMLESS, RunConfig, Section

from .cli_refusals import written
from .cli_settings import known_settings, section_of

_INTRODUCTION = """\
# Settings

Made by `make settings` from the settings themselves; a test keeps it true. A setting is given on
the command line (`--loss.lower 0.4`), in the environment (`AITIMESTEPPER_LOSS__LOWER=0.4`), or in
a file (`--config run.toml`), in this order of precedence. Units are N-body units with G = 1; 1
means a number without a unit. Settings marked with * may change when a run goes on; any other
change would make it another run, and is refused.
"""
_UNIT = re.compile(r"\s*\[(?P<unit>[^]]+)\]")


def reference() -> str:
    """The page, in Markdown: one table for each section."""
    sections = {name: field for name, field in RunConfig.model_fields.items() if section_of(field)}
    plain = {n: f for n, f in known_settings().items() if "." not in n}
    tables = [_table("Without a section", RunConfig, plain)]
    for name, field in sections.items():
        inside = {n: f for n, f in known_settings().items() if n.startswith(f"{name}.")}
        tables.append(_table(f"`{name}`", section_of(field) or Section, inside))
    return "\n".join([_INTRODUCTION, *tables])


def _table(title: str, section: type, settings: Mapping[str, FieldInfo]) -> str:
    about = (section.__doc__ or "").partition("\n")[0]
    lines = ["| setting | default | values | unit | meaning |", "|---|---|---|---|---|"]
    lines += [_line(name, field) for name, field in settings.items()]
    return f"## {title}\n\n{about}\n\n" + "\n".join(lines) + "\n"


def _line(name: str, field: FieldInfo) -> str:
    text = field.description or ""
    unit = _UNIT.search(text)
    mark = " *" if name in HARMLESS or name.partition(".")[0] in HARMLESS else ""
    cells = (
        f"`{name}`{mark}",
        f"`{written(field.default)}`",
        ", ".join(_values(_schema(field))),
        unit["unit"] if unit else "1" if _is_number(field) else "",
        _UNIT.sub("", text),
    )
    return "| " + " | ".join(cells) + " |"


def _schema(field: FieldInfo) -> dict[str, Any]:
    """JSON schema of one setting; of its first choice where none is one of them."""
    return TypeAdapter(field.rebuild_annotation()).json_schema()


def _is_number(field: FieldInfo) -> bool:
    kinds = [_schema(field), *_schema(field).get("anyOf", [])]
    return any(kind.get("type") in ("number", "integer", "array") for kind in kinds)


def _values(schema: Mapping[str, Any]) -> Iterator[str]:
    """What a setting may be, in words."""
    if "enum" in schema:
        yield from (f"`{choice}`" for choice in schema["enum"])
    elif "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from _values(choice)
    elif "prefixItems" in schema:
        yield f"lowest,highest, each {_kind(schema['prefixItems'][0])}"
    elif schema.get("type") == "array":
        yield f"list of {_kind(schema['items'])}"
    else:
        yield _kind(schema)


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = {
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "null": "none",
        "string": "text",
    }
    signs = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    limits = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    return " ".join([kinds.get(schema.get("type", ""), "text"), *limits])


if __name__ == "__main__":
    sys.stdout.write(reference())
