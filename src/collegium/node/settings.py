"""Reading a home's TOML files into frozen structs, with the line of every mistake."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from collegium.errors import NodeError
from collegium.study.positions import SourcePositions, key_lines
from collegium.study.refusal import DocumentPath, Refusal, dotted, nearest

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_FILE = 2**20

_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PLACE = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object (contains unknown|missing required) field `([^`]*)`")
_WORDS = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false",
    "array": "a list", "object": "a table",
}  # fmt: skip


def read_settings(path: Path, kind: type[T]) -> T:
    """Return a settings file as a struct.

    Raises:
        NodeError: it cannot be read, is not TOML, or a key or value is not acceptable.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise ValueError(f"it is larger than {LARGEST_FILE} bytes")
        text = raw.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise NodeError(
            "settings.unreadable", f"{path} cannot be read", why or "it is no ordinary file",
            "name a member's home; `collegium node init` makes one",
        ) from error  # fmt: skip
    try:
        places = SourcePositions(str(path), key_lines(text))
        document = tomllib.loads(text)
    except Refusal as refusal:
        raise _no_toml(str(path), refusal.what) from None
    except (ValueError, RecursionError) as error:
        at = _AT.search(str(error))
        line = (at[1] if at else None) or text.count("\n") + 1
        raise _no_toml(f"{path}:{line}", _AT.sub("", str(error))) from None
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _refused(str(error), kind, places) from None


def unacceptable(path: Path, key: DocumentPath, what: str, todo: str) -> NodeError:
    """Return the error for a value that has the right type and cannot work, with its line."""
    lines = key_lines(path.read_text("utf-8-sig"))
    where = SourcePositions(str(path), lines).of(key)
    return NodeError("settings.value", f"{where}: {dotted(key)} {what}", "it cannot work", todo)


def _refused(message: str, kind: type[msgspec.Struct], places: SourcePositions) -> NodeError:
    found = _PLACE.fullmatch(message)
    reason, place = (found[1], found[2] or "") if found else (message, "")
    path: DocumentPath = tuple(
        int(index) if index else key for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", place)
    )
    field = _FIELD.fullmatch(reason)
    if field is None:
        return NodeError(
            "settings.value", f"{places.of(path)}: {dotted(path)} has the wrong type",
            _in_words(reason), "write such a value there",
        )  # fmt: skip
    key = (*path, field[2])
    if field[1] == "missing required":
        return NodeError(
            "settings.missing-key", f"{places.of(path)}: {dotted(key)} is missing",
            "nothing sensible can stand in for it", "add it; docs/node.md shows a whole file",
        )  # fmt: skip
    return NodeError(
        "settings.unknown-key", f"{places.of(key)}: there is no key {dotted(key)}",
        "an unknown key is refused, because ignoring it would change what was meant",
        nearest(field[2], _keys(kind, path)),
    )  # fmt: skip


def _keys(kind: type[msgspec.Struct], path: DocumentPath) -> list[str]:
    """Return the keys that there are in the table at a path."""
    for key in path:
        annotation = next(one.type for one in msgspec.structs.fields(kind) if one.name == key)
        choices = getattr(annotation, "__args__", (annotation,))
        kind = next(one for one in choices if isinstance(one, type))
    return [one.encode_name for one in msgspec.structs.fields(kind)]


def _in_words(reason: str) -> str:
    found = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", reason)
    if found is None:
        return reason
    wanted = [name for name in found[1].split(" | ") if name != "null"]
    return (
        f"it must be {' or '.join(_WORDS.get(name, name) for name in wanted)}, "
        f"not {_WORDS.get(found[2], found[2])}"
    )


def _no_toml(where: str, why: str) -> NodeError:
    return NodeError(
        "settings.syntax", f"{where}: this is not TOML", why,
        "write key = value lines; text needs quotes",
    )  # fmt: skip
