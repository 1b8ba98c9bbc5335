"""Reading a home's TOML files into frozen structs, with the line of every mistake."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from collegium.errors import NodeError, reason_of
from collegium.study.positions import SourcePositions, key_lines
from collegium.study.refusal import DocumentPath, Refusal, dotted, nearest

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_FILE = 2**20

MEANINGLESS = "missing"
"""What stands in for a text that must be there and is not."""

_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PLACE = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object (contains unknown|missing required) field `([^`]*)`")
_WORDS = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false",
    "array": "a list", "object": "a table",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a place of a settings file."""

    key: DocumentPath
    error: NodeError


def examine(path: Path, kind: type[T]) -> tuple[T, list[Mistake]]:
    """Return a settings file as a struct, and every key that is unknown, missing or mistyped.

    The struct has a default or a text that means nothing in the place of each mistake.

    Raises:
        NodeError: it cannot be read, or is not TOML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise ValueError(f"it is larger than {LARGEST_FILE} bytes")
        text = raw.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = reason_of(error)
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
    mistakes: list[Mistake] = []
    while True:
        try:
            return msgspec.convert(document, kind), mistakes
        except msgspec.ValidationError as error:
            mistake = _refused(str(error), kind, places)
            if mistake.key not in [one.key for one in mistakes]:
                mistakes.append(mistake)
            _mend(document, mistake.key, kind)


def _mend(document: dict[str, Any], key: DocumentPath, kind: type[msgspec.Struct]) -> None:
    """Take out what is at a key; put in what means nothing where something must be there."""
    table, names = document, [str(one) for one in key if isinstance(one, str)]
    for name in names[:-1]:
        table = table[name]
    if table.pop(names[-1], None) is None:
        table[names[-1]] = {} if _is_table(kind, names) else MEANINGLESS


def _is_table(kind: type[msgspec.Struct], names: list[str]) -> bool:
    try:
        return bool(_keys(kind, tuple(names)))
    except (StopIteration, TypeError, AttributeError):
        return False


def unacceptable(path: Path, key: DocumentPath, what: str, todo: str) -> NodeError:
    """Return the error for a value that has the right type and cannot work, with its line."""
    lines = key_lines(path.read_text("utf-8-sig"))
    where = SourcePositions(str(path), lines).of(key)
    return NodeError("settings.value", f"{where}: {dotted(key)} {what}", "it cannot work", todo)


def _refused(message: str, kind: type[msgspec.Struct], places: SourcePositions) -> Mistake:
    found = _PLACE.fullmatch(message)
    reason, place = (found[1], found[2] or "") if found else (message, "")
    path: DocumentPath = tuple(
        int(index) if index else key for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", place)
    )
    field = _FIELD.fullmatch(reason)
    if field is None:
        return Mistake(path, NodeError(
            "settings.value", f"{places.of(path)}: {dotted(path)} has the wrong type",
            _in_words(reason), "write such a value there",
        ))  # fmt: skip
    key = (*path, field[2])
    if field[1] == "missing required":
        return Mistake(key, NodeError(
            "settings.missing-key", f"{places.of(path)}: {dotted(key)} is missing",
            "nothing sensible can stand in for it", "add it; docs/node.md shows a whole file",
        ))  # fmt: skip
    return Mistake(key, NodeError(
        "settings.unknown-key", f"{places.of(key)}: there is no key {dotted(key)}",
        "an unknown key is refused, because ignoring it would change what was meant",
        nearest(field[2], _keys(kind, path)),
    ))  # fmt: skip


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
