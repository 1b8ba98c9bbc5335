"""Reading a study document: a preset's name or a file, and changes as of ``--set``.

Every mistake ends in a `StudyError` that says where it is, why, and what would be right.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collegium.errors import StudyError, reason_of
from collegium.study.canonical import SIZE_LIMIT
from collegium.study.checking import check_study
from collegium.study.decoding import decode
from collegium.study.document import Study
from collegium.study.notice import Notice
from collegium.study.positions import DEPTH_LIMIT, SourcePositions, key_lines
from collegium.study.presets import preset_names, preset_text
from collegium.study.refusal import DocumentPath, Refusal, dotted, nearest, shown
from collegium.study.rendering import render
from collegium.visible import visible

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class ReadStudy:
    """A study that was read and found possible.

    Attributes:
        study: the typed document.
        text: the TOML to store: the file's own text, or the changed document rendered.
        origin: the file's name as given, or ``preset heart``.
        notices: what `check_study` has to say.
        places: where each value comes from.
        folder: where the file is, from which its paths are taken; None for a preset.
    """

    study: Study
    text: str
    origin: str
    notices: tuple[Notice, ...]
    places: SourcePositions
    folder: Path | None = None

    @contextmanager
    def located(self) -> Iterator[None]:
        """Give every `Refusal` raised inside its place in the document.

        Raises:
            StudyError: instead of a `Refusal`, with ``file:line`` in front.
        """
        with _located(self.places):
            yield


def read_study(source: str | Path, changes: Sequence[str] = ()) -> ReadStudy:
    """Read a study by a preset's name or from a file, with changes such as ``training.rounds=3``.

    A string that is a preset's name means the preset; ``./heart`` means a file. A change's value
    is a TOML value if it can be read as one, and the bare text otherwise.

    Raises:
        StudyError: the source cannot be read, or the document or a change is not acceptable.
    """
    if isinstance(source, str) and source in preset_names():
        return _read(preset_text(source), f"preset {source}", changes)
    origin = visible(str(source))
    read = _read(_text(_file_bytes(source, origin), origin), origin, changes)
    return replace(read, folder=Path(source).parent)


def read_draft(source: str | Path, changes: Sequence[str] = ()) -> tuple[Study, Path]:
    """Return the typed study in a file that may not be able to run yet, and the file's folder.

    Raises:
        StudyError: the file cannot be read, or its keys or types are wrong.
    """
    origin = visible(str(source))
    document, lines = _parsed(_text(_file_bytes(source, origin), origin), origin)
    changed = tuple(_apply(document, change) for change in changes)
    with _located(SourcePositions(origin, lines, changed)):
        return decode(document), Path(source).parent


def parse_study(text: str, origin: str, folder: Path | None = None) -> ReadStudy:
    """Read a study from TOML text; `origin` stands for its file in messages.

    Args:
        text: the document.
        origin: what it is called.
        folder: from where its paths are taken, if not from the working folder.

    Raises:
        StudyError: the document is not acceptable.
    """
    return replace(_read(text, origin, ()), folder=folder)


def document_of(text: str) -> Study:
    """Return the typed study in TOML text, whether or not it could run here.

    Keys and types are checked. Names are not looked up and values not judged: what another
    installation ran can be read by one that lacks its parts.

    Raises:
        StudyError: the text is no study document.
    """
    document, lines = _parsed(text, "the document")
    with _located(SourcePositions("the document", lines)):
        return decode(document)


def _read(text: str, origin: str, changes: Sequence[str]) -> ReadStudy:
    document, lines = _parsed(text, origin)
    changed = tuple(_apply(document, change) for change in changes)
    places = SourcePositions(origin, lines, changed)
    with _located(places):
        study = decode(document)
        notices = check_study(study)
    return ReadStudy(study, render(document) if changes else text, origin, notices, places)


@contextmanager
def _located(places: SourcePositions) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        raise refusal.at(places.of(refusal.path)) from None


def _file_bytes(source: str | Path, origin: str) -> bytes:
    try:
        if source == "":
            raise FileNotFoundError
        path = Path(source)
        if path.is_dir():
            raise StudyError(
                "study.directory", f"{origin or '.'} is a folder", "a study is one TOML file",
                f"name the file, as in {visible(str(path / 'study.toml'))}",
            )  # fmt: skip
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        stem = Path(source).stem
        raise StudyError(
            "study.not-found",
            f"there is no study {shown(origin)}",
            "it is neither a preset's name nor a file",
            nearest(stem, preset_names())
            if stem == str(source) or difflib.get_close_matches(stem, preset_names())
            else "check the file's name and folder; `collegium list studies` lists presets",
        ) from None
    except (OSError, ValueError) as error:
        why = reason_of(error)
        raise StudyError(
            "study.unreadable", f"{shown(origin)} cannot be read", why or "it is no ordinary file",
            "name a TOML file that you may read, or a preset",
        ) from None  # fmt: skip
    if len(raw) > SIZE_LIMIT:
        raise _too_large(origin)
    return raw


def _text(raw: bytes, origin: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise StudyError(
            "study.encoding", f"{origin}:{line}: byte {raw[error.start]:#04x} is not UTF-8",
            "TOML is UTF-8 text", "save the file as UTF-8",
        ) from None  # fmt: skip


def _parsed(text: str, origin: str) -> tuple[dict[str, Any], dict[DocumentPath, int]]:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise StudyError(
            "study.encoding", f"{origin}: the text is not Unicode", "it holds half a character",
            "give text that was decoded from UTF-8",
        ) from None  # fmt: skip
    if size > SIZE_LIMIT:
        raise _too_large(origin)
    with _located(SourcePositions(origin, {})):
        lines = key_lines(text)
    try:
        return tomllib.loads(text), lines
    except (ValueError, RecursionError) as error:
        reason = str(error)
        at = _AT.search(reason)
        last = text.count("\n") + 1
        place = f"{origin}:{at[1] or last}" if at else origin
        raise StudyError(
            "study.syntax",
            f"{place}: this is not TOML",
            visible(_AT.sub("", reason)),
            "write key = value lines under [section] headers; text needs quotes",
        ) from None


def _apply(document: dict[str, Any], change: str) -> DocumentPath:
    name, equals, value = change.partition("=")
    path = tuple(part.strip() for part in name.split("."))
    if not equals or len(path) > DEPTH_LIMIT or not all(map(_KEY.fullmatch, path)):
        raise _bad_change(change, "a change is path=value", "write for example training.rounds=3")
    if len(path) == 1 and not value.lstrip().startswith("{"):
        raise _bad_change(
            change, f"{path[0]!r} is not a key inside a section",
            "name section and key, for example training.rounds=3",
        )  # fmt: skip
    table: Any = document
    for depth, key in enumerate(path[:-1], start=1):
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise _bad_change(
                change, f"{dotted(path[:depth])} is a value and has no keys", "shorten the path"
            )
    table[path[-1]] = _change_value(value.strip())
    return path


def _change_value(value: str) -> Any:
    try:
        document = _parsed(f"value = {value}", "--set")[0]
    except StudyError:
        return value
    return document["value"] if document.keys() == {"value"} else value


def _bad_change(change: str, why: str, todo: str) -> StudyError:
    return StudyError("study.change", f"--set {shown(change)} cannot be applied", why, todo)


def _too_large(origin: str) -> StudyError:
    return StudyError(
        "study.too-large", f"{origin} is larger than 1 MiB", "no study document is",
        "name the study's own TOML file",
    )  # fmt: skip
