"""The rule by which a member cosigns: never two blocks after the same final block.

It cosigns a block that it has replayed and whose predecessor is final, and writes down what it
cosigned before it says so. So of two blocks that contradict each other at most one can get more
than two thirds of the power, as long as less than a third lies; docs/decisions/0012.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from collegium.canonical import to_text
from collegium.errors import RunError
from collegium.ledger.cosignature import cosign
from collegium.ledger.engines.log.copy import Copy
from collegium.ledger.engines.log.cosigned import Cosigned, CosignedFile
from collegium.ledger.keys import SigningKey

KeyOf = Callable[[bytes], SigningKey | None]
"""A member's signing key for one of its public keys, or None where it does not hold it.

A block that rotates a key is cosigned with the key from before, so that one is kept a while."""


class Witness:
    """One member's cosignatures.

    Attributes:
        waiting_for: why it does not cosign the block that its copy ends with, or empty.
    """

    def __init__(
        self,
        copy: Copy,
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
        self._opened = seconds()

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
        if not self._file.known and copy.final_size:
            self.waiting_for = "a block newer than this start must become final first"
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

    def learn(self, note: str) -> None:
        """Hear of the note that makes the copy's last block final, before it is confirmed.

        Where it is not known what was cosigned before, a quorum of cosignatures younger than this
        start settles it: whatever this member may have said was about a block before that one.
        """
        if self._file.known:
            return
        times = self._copy.judges.cosigners(note)
        fresh = {member: time for member, time in times.items() if time >= self._opened}
        if self._copy.judges.suffices(fresh):
            self._file.keep(None)
            self.waiting_for = ""

    def release(self) -> Cosigned:
        """Give up what was cosigned last, on the operator's word that it is final nowhere.

        Raises:
            RunError: nothing binds this member.
        """
        bound = self.bound
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
