"""The rule by which a member cosigns: never two blocks after the same final block.

It cosigns a block that it has replayed and whose predecessor is final, and writes down what it
cosigned before it says so. So of two blocks that contradict each other at most one can get more
than two thirds of the power, as long as less than a third lies; docs/decisions/0012.

The file `cosigned` is the member's word: what it has cosigned binds it until it is known that
another block, or this one, is final. Whoever restores a home from a backup leaves the file out.
Without it, a member puts a random nonce on the ledger and cosigns nothing until a quorum of others
has made that final: what it may have cosigned before lies below. No clock is asked, and nobody's
word is taken; docs/decisions/0135. So does a member that finds its own cosignature under something
final that its file does not know of: the file is an old one, or not the only one
(docs/decisions/0131).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

import msgspec

from collegium import canonical
from collegium.canonical import to_text
from collegium.errors import FormatError, RunError
from collegium.ledger.contract.members import contract_version, has_come_back
from collegium.ledger.contract.transactions import MemberReturn
from collegium.ledger.cosignature import cosign, cosignatures, cosigner_name
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.genesis import ledger_text
from collegium.ledger.keys import SigningKey
from collegium.ledger.note import Checkpoint, origin_of

COSIGNED = "cosigned"

RETURNS = "what it has cosigned is not known, so its return must become final without it first"
"""Why a member whose word is lost does not cosign."""

DOUBTS = (
    "its key has cosigned what this home does not know of: an old backup of the home was restored "
    "with its file `cosigned`, or another node runs with this key (stop one of them); "
)
"""What is said besides, where a final note bears a cosignature of its own that it did not keep."""

RELEASES = "what it has cosigned is not known, and a ledger of contract 1 has no way back: release"


class Cosigned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block that was cosigned.

    Attributes:
        block: its hash, base64url.
        first: entries before it, all final when it was cosigned.
        line: the cosignature line.
        note: the log's note.
        released: whether the member's operator gave it up; see `CosigningWitness.release`.
        size: entries with it.
    """

    block: str
    first: int
    line: str
    note: str
    released: bool
    size: int

    def is_of(self, checkpoint: Checkpoint) -> bool:
        """Return whether it is the cosignature of a checkpoint."""
        return (self.size, self.block) == (checkpoint.size, to_text(checkpoint.extension))


_DECODER = msgspec.json.Decoder(Cosigned)


@dataclass(slots=True)
class CosignedFile:
    """The file, and what it holds.

    Attributes:
        path: where it is.
        last: what was cosigned last, None if nothing was or what it was is not known.
        known: whether `last` is known to be the last; not where the file is missing or damaged.
    """

    path: Path
    last: Cosigned | None
    known: bool

    def keep(self, cosigned: Cosigned | None) -> None:
        """Make something the last that was cosigned; it is synced when this returns."""
        body = b"" if cosigned is None else canonical.encode(cosigned)
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(sha256(body).hexdigest().encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        sync_names(self.path.parent)
        self.last, self.known = cosigned, True

    def forget(self) -> None:
        """Take the file for lost, now and after a restart."""
        self.path.unlink(missing_ok=True)
        sync_names(self.path.parent)
        self.last, self.known = None, False


def open_cosigned(home: Path) -> CosignedFile:
    """Read what a home's member has cosigned; a missing or damaged file is told by `known`."""
    path = home / COSIGNED
    try:
        check, _, body = path.read_bytes().partition(b"\n")
        if check != sha256(body).hexdigest().encode():
            return CosignedFile(path, None, known=False)
        last = canonical.decode(body, _DECODER, "what was cosigned") if body else None
    except (OSError, FormatError):
        return CosignedFile(path, None, known=False)
    return CosignedFile(path, last, known=True)


def begin_cosigning(home: Path) -> None:
    """Say in a new home that its key, which was made just now, has cosigned nothing yet."""
    open_cosigned(home).keep(None)


KeyOf = Callable[[bytes], SigningKey | None]
"""A member's signing key for one of its public keys, or None where it does not hold it.

A block that rotates a key is cosigned with the key from before, so that one is kept a while."""


class CosigningWitness:
    """One member's cosignatures.

    Attributes:
        waiting_for: why it does not cosign the block that its copy ends with, or empty.
    """

    def __init__(
        self,
        copy: LogCopy,
        file: CosignedFile,
        member: str,
        key_of: KeyOf,
        seconds: Callable[[], int],
    ) -> None:
        self.waiting_for = ""
        self._copy = copy
        self._file = file
        self._member = member
        self._key_of = key_of
        self._seconds = seconds
        self._nonce = to_text(token_bytes(32))  # on no disk: a backup would have it too
        self._seen: str | None = None
        self._doubts = ""

    @property
    def last(self) -> Cosigned | None:
        """What it has cosigned last, if the copy ends with that and it is not final yet."""
        last = self._file.last
        if last is None or last.released or self._copy.settled:
            return None
        return last if last.is_of(self._copy.ledger.head()) else None

    @property
    def bound(self) -> Cosigned | None:
        """What it has cosigned after the present final block, wherever its bytes are."""
        last = self._file.last
        if last is None or last.released or last.first < self._copy.final_size:
            return None
        return last

    def cosign(self, note: str) -> Cosigned | None:
        """Cosign the block that the copy ends with, if the rule allows it.

        Args:
            note: the log's note over it, already opened and compared.

        Returns:
            What is on the disk now and may be announced, or None; `waiting_for` says why.
        """
        self._doubt()
        copy, head = self._copy, self._copy.ledger.head()
        self.waiting_for = ""
        if copy.blocks_ahead != 1 or copy.expected is not None:
            self.waiting_for = "the block before it is not final here"
            return None
        public = copy.judges.key_of(self._member)
        if public is None:
            return None  # others judge this block
        key = self._key_of(public)
        if key is None:
            self.waiting_for = "the key that the ledger has for this member is not in its home"
            return None
        if not self._file.known:
            new = contract_version(copy.ledger.state) >= 2
            self.waiting_for = self._doubts + (RETURNS if new else RELEASES)
            return None
        last = self._file.last
        if last is not None and not self._allows(last, copy.final_size):
            if last.is_of(head):
                return last
            self.waiting_for = "another block after the same final one has been cosigned"
            return None
        name = copy.judges.names[self._member]
        line = cosign(head, name, key, self._seconds())
        cosigned = Cosigned(
            block=to_text(head.extension), first=copy.final_size, line=line, note=note,
            released=False, size=head.size,
        )  # fmt: skip
        self._file.keep(cosigned)
        return cosigned

    @property
    def known(self) -> bool:
        """Whether it is known what was cosigned last; `came_back` and `release` make it so."""
        return self._file.known

    def returning(self) -> list[bytes]:
        """Return what brings a member back whose word is lost; nothing for any other.

        To be asked while all that the copy holds is final.
        """
        if self._file.known:
            return []
        state = self._copy.ledger.state
        public = self._copy.judges_of_next().key_of(self._member)
        key = None if public is None else self._key_of(public)
        if key is None or contract_version(state) < 2:
            return []
        genesis = ledger_text(self._copy.ledger.identity)
        transaction = MemberReturn(format=1, genesis=genesis, nonce=self._nonce)
        return [sign_envelope(canonical.encode(transaction), key)]

    def look_back(self) -> None:
        """Cosign from here on if this start's nonce is final: to be asked while everything is.

        Nobody knew the nonce before, so the block that holds it is new, and whatever this member
        may have cosigned was after a block that is below it.
        """
        self._doubt()
        if self._file.known or not self._copy.settled:
            return
        if has_come_back(self._copy.ledger.state, self._member, self._nonce):
            self._file.keep(self.here)
            self.waiting_for = self._doubts = ""
            self._nonce = to_text(token_bytes(32))  # a later doubt is of what comes after this one

    def _doubt(self) -> None:
        """Take the file for lost where something final bears a cosignature that it does not know.

        What is cosigned is in the file before anybody hears of it, so a file that is the newest
        and the only one always knows.
        """
        note = self._copy.final_note
        if note is None or note == self._seen:
            return
        self._seen = note
        final, last = self._copy.open_note(note), self._file.last
        if not self._file.known or (
            last is not None and (last.size > final.size or last.is_of(final))
        ):
            return
        public = self._copy.judges_of_next().key_of(self._member)
        name = cosigner_name(origin_of(self._copy.ledger.identity), self._member)
        with suppress(FormatError):  # a line that does not hold is not this member's
            if public is not None and name in cosignatures(note, {name: public}):
                self._file.forget()
                self._doubts = DOUBTS

    @property
    def here(self) -> Cosigned:
        """What frees a member of whatever it cosigned after the final block, and of no other."""
        copy = self._copy
        size, note = copy.final_size, copy.final_note
        block = copy.ledger.identity if note is None else copy.open_note(note).extension
        return Cosigned(
            block=to_text(block), first=size, line="", note="", released=True, size=size
        )

    def release(self) -> Cosigned:
        """Give up what was cosigned last, on the operator's word that it is final nowhere.

        Where that is not known, it is whatever was cosigned after what is final here.

        Raises:
            RunError: nothing binds this member.
        """
        bound = self.bound if self._file.known else self.here
        if bound is None:
            raise RunError(
                "cosigned.nothing", "this member is not bound to any block",
                "it has cosigned nothing after what is final here",
                "nothing needs to be given up; see `collegium node status`",
            )  # fmt: skip
        self._file.keep(msgspec.structs.replace(bound, released=True))
        return bound

    def _allows(self, last: Cosigned, first: int) -> bool:
        """Return whether something else may be cosigned after so many final entries."""
        return last.first < first or (last.released and last.first <= first)
