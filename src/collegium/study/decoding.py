"""From a plain document (a dict, as TOML gives it) to a typed `Study`, or a `Refusal`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from collegium.study.document import ColumnBounds, Section, Study
from collegium.study.refusal import DocumentPath, Refusal, dotted, nearest, shown
from collegium.study.unsupported import refuse_later_key

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def decode(document: Mapping[str, object]) -> Study:
    """Return the typed study.

    Types and names of keys are checked here; whether values make sense is `study.checking`.

    Raises:
        Refusal: an unknown, misplaced, planned or missing key, or a value of the wrong type.
    """
    _walk(document, Study, ())
    try:
        return msgspec.convert(document, Study)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None


def retyped(study: Study) -> Study:
    """Return a study that was built in Python with the exact types of its fields.

    msgspec checks no types when a struct is built; an integer in a float's place is accepted
    here as it is in a document, anything else is refused.

    Raises:
        Refusal: a value has the wrong type.
    """
    try:
        return decode(msgspec.to_builtins(study))
    except (TypeError, OverflowError) as error:
        raise Refusal(
            (), "study.wrong-type", "the study holds a value that no document can", str(error),
            "use Python's own int, float, str and tuple",
        ) from None  # fmt: skip


def _walk(table: Mapping[str, object], kind: type[Section], path: DocumentPath) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        here = (*path, key)
        refuse_later_key(here, value)
        if key not in fields:
            raise _unknown(here, list(fields))
        section = _section(fields[key].type)
        if section is not None and isinstance(value, Mapping):
            _walk(value, section, here)
        for name, item in _named_sections(fields[key].type, value):
            _walk(item, ColumnBounds, (*here, name))
        choices = _choices(fields[key].type)
        if choices and isinstance(value, str) and value not in choices:
            raise _unknown_choice(here, value, choices)
    for name, field in fields.items():
        if field.required and name not in table:
            raise _missing((*path, name))


def _choices(kind: object) -> tuple[str, ...]:
    """Return the words that a field may hold, none where it holds something else."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return next((get_args(one) for one in kinds if get_origin(one) is Literal), ())


def _section(annotation: Any) -> type[Section] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _named_sections(annotation: Any, value: object) -> list[tuple[str, Mapping[str, object]]]:
    """Return the tables of a key whose own keys are the user's names: those of columns."""
    if dict[str, ColumnBounds] not in get_args(annotation) or not isinstance(value, Mapping):
        return []
    return [(name, item) for name, item in value.items() if isinstance(item, Mapping)]


def _unknown(path: DocumentPath, known: list[str]) -> Refusal:
    key = str(path[-1])
    what = f"there is no section [{shown(key)[1:-1]}]" if len(path) == 1 else (
        f"there is no key {shown(key)} in {dotted(path[:-1])}"
    )  # fmt: skip
    homes = [home for home in _homes(Study, ()) if home[-1] == key]
    todo = f"it belongs in [{dotted(homes[0][:-1])}]" if homes else nearest(key, known)
    return Refusal(
        path,
        "study.unknown-section" if len(path) == 1 else "study.unknown-key",
        what,
        "an unknown key is refused, because ignoring it would change what was asked",
        todo,
    )


def _homes(kind: type[Section], path: DocumentPath) -> list[DocumentPath]:
    found: list[DocumentPath] = []
    for field in msgspec.structs.fields(kind):
        section = _section(field.type)
        here = (*path, field.name)
        found += [here] if section is None else _homes(section, here)
    return found


def _unknown_choice(path: DocumentPath, value: str, choices: tuple[str, ...]) -> Refusal:
    return Refusal(
        path,
        "study.unknown-choice",
        f"{dotted(path)} is {shown(value)}",
        "it is not among the choices of this key",
        nearest(value, choices),
    )


def _missing(path: DocumentPath) -> Refusal:
    name = f"section [{dotted(path)}]" if len(path) == 1 else f"key {dotted(path)}"
    return Refusal(
        path,
        "study.missing-section" if len(path) == 1 else "study.missing-key",
        f"the {name} is missing",
        "nothing sensible can stand in for it",
        "add it; `collegium check heart` prints a whole document",
    )


def _wrong_type(message: str) -> Refusal:
    reason, _, place = message.partition(" - at `$")
    path: DocumentPath = tuple(
        int(index) if index else key for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", place)
    )
    found = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", reason)
    if found is None:
        return Refusal(
            path, "study.wrong-type", f"{dotted(path)} cannot be read", reason,
            "write an ordinary value there",
        )  # fmt: skip
    wanted = [name for name in found[1].split(" | ") if name != "null"]
    words = " or ".join(_WORDS.get(name, name) for name in wanted)
    given = "a decimal one" if found[2] == "float" else _WORDS.get(found[2], f"a {found[2]}")
    quoted = found[2] == "str" and {"int", "float"} & set(wanted)
    return Refusal(
        path,
        "study.wrong-type",
        f"{dotted(path)} must be {words}, not {given}",
        f"this key holds {words}",
        "write the number without quotes" if quoted else f"write {words} there",
    )
