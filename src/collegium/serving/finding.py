"""What a folder holds that a page can show: runs, comparisons, networks and nodes' homes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collegium.ledger.ordering import LEDGER
from collegium.network.record import RECORD
from collegium.node.config import CONFIG
from collegium.report.metrics import METRICS
from collegium.report.write import COMPARISON
from collegium.serving.files import status_of

Kind = Literal["runs", "comparisons", "networks", "nodes"]

STUDY, LOCK = "study.toml", ".lock"
DEPTH = 2
"""Folders below the folder: ``runs/heart`` of ``serve .`` is found, a run's own folders are not."""

MOST_LOOKED_AT, MOST_SHOWN = 20_000, 500
"""Names that are looked at, and things of one kind that are shown, the newest first."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing: its kind, what it is called in addresses, its folder, when it was last written.

    `name` is the folder's, below the one that is served.
    """

    kind: Kind
    key: str
    name: str
    folder: Path
    changed: float


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that was found, the newest first, and what of the folder was left out."""

    found: tuple[Found, ...]
    left_out: tuple[str, ...]

    def of(self, kind: Kind) -> list[Found]:
        """Return what there is of a kind."""
        return [one for one in self.found if one.kind == kind]

    def get(self, kind: Kind, key: str) -> Found | None:
        """Return the one with a key, if there is one: no key leads anywhere else."""
        return next((one for one in self.of(kind) if one.key == key), None)


def listing(root: Path) -> Listing:
    """Return what a folder holds, down to `DEPTH`; no link is followed."""
    walk = _Walk()
    found = sorted(walk.through(root, root, DEPTH), key=lambda one: (-one.changed, one.name))
    shown: list[Found] = []
    left_out = list(walk.left_out())
    for kind in ("runs", "comparisons", "networks", "nodes"):
        same = [one for one in found if one.kind == kind]
        shown += same[:MOST_SHOWN]
        if len(same) > MOST_SHOWN:
            left_out.append(f"The {MOST_SHOWN} newest of {len(same)} {kind} are shown.")
    return Listing(tuple(shown), tuple(left_out))


class _Walk:
    """A walk through folders, with what it has left out."""

    def __init__(self) -> None:
        self._looked_at = 0
        self._links = 0
        self._closed = 0

    def through(self, root: Path, folder: Path, depth: int) -> Iterator[Found]:
        """Yield what a folder is, and what the folders in it are."""
        kinds = list(_kinds(folder))
        for kind, changed in kinds:
            name = folder.relative_to(root).as_posix()
            shown = os.fsencode(root.name if name == "." else name).decode("utf-8", "replace")
            yield Found(kind, _key(name), shown or "/", folder, changed)
        if depth == 0 or kinds:
            return
        for inner in self._folders(folder):
            yield from self.through(root, inner, depth - 1)

    def left_out(self) -> Iterator[str]:
        """Yield sentences about what was not looked at."""
        if self._looked_at > MOST_LOOKED_AT:
            yield f"Only {MOST_LOOKED_AT} names were looked at: serve a smaller folder."
        if self._links:
            yield f"Links to folders are not followed ({self._links})."
        if self._closed:
            yield f"Folders that cannot be read are left out ({self._closed})."

    def _folders(self, folder: Path) -> list[Path]:
        found = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._looked_at += 1
                    if self._looked_at > MOST_LOOKED_AT:
                        break
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink():
                        self._links += entry.is_dir()
                    elif entry.is_dir(follow_symlinks=False):
                        found.append(Path(entry.path))
        except OSError:
            self._closed += 1
        return sorted(found)


def _kinds(folder: Path) -> Iterator[tuple[Kind, float]]:
    """Yield what a folder is, and when that was last written."""
    names = (STUDY, LEDGER, METRICS, LOCK, COMPARISON, RECORD, CONFIG)
    at = {name: found.st_mtime for name in names if (found := status_of(folder / name))}
    if CONFIG in at:
        yield "nodes", at[CONFIG]
        return
    begun = {LEDGER, METRICS, *(() if RECORD in at else (LOCK,))} & at.keys()
    if LEDGER in at or (STUDY in at and begun):
        yield "runs", max(when for name, when in at.items() if name != LOCK)
    if RECORD in at:
        yield "networks", at[RECORD]
    if COMPARISON in at:
        yield "comparisons", at[COMPARISON]


def _key(name: str) -> str:
    """Return what stands for a name in an address: itself, or a digest of what is no plain one."""
    if _PLAIN.fullmatch(name):
        return name
    return f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
