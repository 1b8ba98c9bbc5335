"""Reads the YAML that deploy/compose.yaml is written in, so that its tests need no YAML library.

Block mappings and lists, flow lists of JSON, plain and double-quoted scalars, one anchor of a
mapping and its merge. Whatever else is written is refused, and not guessed.
"""

from __future__ import annotations

import json
import re
from typing import Any

_KEY = re.compile(r"([\w-]+|<<):(?: +(.*))?")
_PLAIN = re.compile(r"[\w./-][\w./ -]*")
Lines = list[tuple[int, str]]


def read_yaml(text: str) -> Any:
    """Return what a document says.

    Raises:
        ValueError: it is written in a form that is not read here.
    """
    lines: Lines = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            if "\t" in line:
                raise ValueError(f"a tab: {line!r}")
            lines.append((len(line) - len(line.lstrip()), line.strip()))
    found = _block(lines, 0, {})
    if lines:
        raise ValueError(f"out of place: {lines[0][1]!r}")
    return found


def _block(lines: Lines, indent: int, anchors: dict[str, Any]) -> Any:
    if lines[0][1].startswith("- "):
        items = []
        while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
            items.append(_scalar(lines.pop(0)[1][2:]))
        return items
    found: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    while lines and lines[0][0] == indent:
        match = _KEY.fullmatch(lines.pop(0)[1])
        if match is None or match[1] in found:
            raise ValueError(f"no key, or a second one, before {lines[:1]}")
        key, value = match[1], match[2] or ""
        if key == "<<":
            merged |= anchors[value.removeprefix("*")]
        elif value and not value.startswith("&"):
            found[key] = _scalar(value)
        else:
            if not lines or lines[0][0] <= indent:
                raise ValueError(f"{key} says nothing")
            found[key] = _block(lines, lines[0][0], anchors)
            if value:
                anchors[value[1:]] = found[key]
    return merged | found


def _scalar(text: str) -> Any:
    if text in ("true", "false") or text[:1] in ('"', "["):
        return json.loads(text)
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"quote it: {text!r}")
    return text
