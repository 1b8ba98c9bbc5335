"""Cosigning what CometBFT has committed, so that receipts stand in public formats.

What is committed is final, and honest members never cosign two histories. A member lays out its
cosignatures of the last few blocks in its letter, takes those of others from theirs, and keeps the
newest checkpoint behind which a quorum stands in `final`. The line of the log's own key is there
because the format wants one: its seed is published, and it proves nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import time

from collegium.errors import FormatError
from collegium.ledger.cosignature import cosign
from collegium.ledger.durability import write_whole
from collegium.ledger.final import read_final, write_final
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.note import (
    Checkpoint,
    number_in,
    open_checkpoint,
    origin_of,
    sign_checkpoint,
    split_note,
    with_lines,
)
from collegium.ledger.ordering import Letter
from collegium.ledger.validators import ValidatorSet, cosignature_of

NOBODYS = signing_key(sha256(b"collegium: the log key of a ledger that has none").digest())
"""The log key of every genesis of this engine. Its seed is published: it proves nothing."""

COSIGNED = "cosigned"
"""The file with the newest checkpoint that this member has cosigned."""

KEPT = 32
"""Blocks whose cosignatures are kept and laid out: members look at letters every few seconds."""


@dataclass(slots=True)
class _Held:
    """A checkpoint of a block that was committed here, and who stands behind it."""

    note: str
    judges: ValidatorSet
    lines: dict[str, str] = field(default_factory=dict)  # by member

    def with_all(self) -> str:
        return with_lines(self.note, [self.lines[name] for name in sorted(self.lines)])


class Cosigning:
    """A member's cosignatures, and those of others that it has seen.

    Attributes:
        final: the newest checkpoint behind which a quorum stands.
        apart: members that have cosigned another history than this home's, and of which size.
    """

    def __init__(
        self, home: Path, identity: bytes, member: str, key_of: Callable[[bytes], SigningKey | None]
    ) -> None:
        """Cosign in a home, for a member, the ledger of an identity."""
        self.apart: dict[str, int] = {}
        self.final: Checkpoint | None = None
        self._home, self._origin, self._member = home, origin_of(identity), member
        self._key_of = key_of
        self._held: OrderedDict[int, _Held] = OrderedDict()  # by size, the oldest first
        with suppress(FormatError):
            note = read_final(home)
            self.final = None if note is None else self._opened(note)

    def committed(self, head: Checkpoint, judges: ValidatorSet) -> None:
        """Cosign a block that was committed.

        Args:
            head: what a checkpoint says after it.
            judges: the validators before it.
        """
        held = _Held(sign_checkpoint(head, NOBODYS), judges)
        public = judges.key_of(self._member)
        key = None if public is None else self._key_of(public)
        if key is not None:
            name = judges.names[self._member]
            held.lines[self._member] = cosign(head, name, key, int(time()))
        self._held[head.size] = held
        while len(self._held) > KEPT:
            self._held.popitem(last=False)
        write_whole(self._home / COSIGNED, held.with_all().encode())
        self._settle(head.size)

    def take(self, letters: Mapping[str, Letter]) -> None:
        """Take up what others have cosigned."""
        for member, letter in letters.items():
            for note in letter.cosigned:
                self._heard(member, note)

    def letter(self) -> tuple[str, ...]:
        """Return this member's own cosignatures of the last blocks."""
        return tuple(
            with_lines(held.note, [held.lines[self._member]])
            for held in self._held.values() if self._member in held.lines
        )  # fmt: skip

    def cosigners(self) -> tuple[str, ...]:
        """Return who stands behind the newest checkpoint that has a quorum."""
        held = None if self.final is None else self._held.get(self.final.size)
        return () if held is None else tuple(sorted(held.lines))

    def _heard(self, member: str, note: str) -> None:
        try:
            said = self._opened(note)
        except FormatError:
            return
        held = self._held.get(said.size)
        if held is None or member in held.lines:
            return
        with suppress(FormatError):
            line = cosignature_of(member, note, held.judges)
            if line is None:
                return
            if said != self._opened(held.note):
                self.apart[member] = said.size
                return
            held.lines[member] = line
            self._settle(said.size)

    def _settle(self, size: int) -> None:
        """Keep a checkpoint as final if a quorum stands behind it, and no newer one is."""
        held = self._held[size]
        if held.judges.suffices(held.lines) and (self.final is None or self.final.size <= size):
            write_final(self._home, held.with_all())
            self.final = self._opened(held.note)

    def _opened(self, note: str) -> Checkpoint:
        return open_checkpoint(note, self._origin, NOBODYS.public)


def merged(notes: Iterable[str]) -> str:
    """Return the note over the largest ledger with every cosignature of several; "" for none.

    Raises:
        FormatError: one of them is no note.
    """
    found: dict[str, list[str]] = {}
    for note in filter(None, notes):
        found.setdefault(split_note(note)[0], []).append(note)
    if not found:
        return ""
    same = max(found.items(), key=lambda one: number_in(one[0].split("\n")[1]) or 0)[1]
    lines = {line for one in same for line in split_note(one)[1].splitlines(keepends=True)[1:]}
    return with_lines(same[0], sorted(lines))
