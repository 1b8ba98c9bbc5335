"""A study document as TOML text: after changes, and with every default written out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from collegium.study.document import Study

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def render(document: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a document, a table of sections, as TOML that reads back to the same values.

    Sections keep their order; tables inside a section are written inline.
    """
    sections = [
        "\n".join(
            [f"[{name}]", *(f"{key} = {toml_value(value)}" for key, value in section.items())]
        )
        for name, section in document.items()
    ]
    return "\n\n".join(sections) + "\n"


def resolved(study: Study) -> str:
    """Return the whole study as TOML, every default written out, absent fields left out."""
    return render(without_absent(msgspec.to_builtins(study)))


def without_absent(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table, and the tables in it, without the keys whose value is None."""
    return {key: _without(value) for key, value in table.items() if value is not None}


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_absent(value)
    return [_without(one) for one in value] if isinstance(value, list | tuple) else value


def toml_key(name: str) -> str:
    """Return a key as TOML writes it: in quotes where it needs some."""
    return name if _BARE.fullmatch(name) else str(toml_value(name))


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return f"[{', '.join(toml_value(item) for item in value)}]"
