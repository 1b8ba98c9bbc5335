"""What a sequencer has promised to order next, on its disk before it says so: docs/spec/10.

Members that will cosign nothing more until a transaction is ordered ask for its place right behind
the block that is not final yet. A sequencer that starts without its disk hears from them what the
log's key has promised.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from itertools import count

from collegium.errors import FormatError
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.delivery import Promised, decode_promised, encode_promised
from collegium.ledger.engines.log.demands import MOST_OF_ONE
from collegium.ledger.engines.log.inclusion_promise import (
    InclusionPromise,
    open_inclusion_promise,
    sign_inclusion_promise,
)
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.keys import SigningKey

PROMISED = "promised"
"""The file of a sequencer's home."""


class PromisedTransactions:
    """What the next block begins with.

    Args:
        copy: the sequencer's.
        key: the log's.
    """

    def __init__(self, copy: LogCopy, key: SigningKey) -> None:
        self._copy, self._key = copy, key
        self._path = copy.home / PROMISED
        self._held: dict[int, Promised] = {}  # by index
        self._asked: Counter[tuple[str, bytes]] = Counter()  # by who asked, and the author's key
        with suppress(FileNotFoundError, FormatError):
            self.hear(decode_promised(self._path.read_bytes()))

    def hear(self, promised: Iterable[Promised]) -> None:
        """Take up what the log's key has promised before, as the disk or a member has it."""
        identity = self._copy.ledger.identity
        for envelope, note in promised:
            try:
                promise = open_inclusion_promise(note, identity, self._key.public)
                said = decode_envelope(envelope).transaction_id
            except FormatError:
                continue
            if said == promise.transaction and promise.index >= self._copy.final_size:
                self._held.setdefault(promise.index, (envelope, note))

    @property
    def next(self) -> list[Promised]:
        """What the next block begins with, in order."""
        found = list[Promised]()
        for index in count(self._copy.size):
            if index not in self._held:
                return found
            found.append(self._held[index])
        raise AssertionError

    def promise(self, member: str, envelopes: Iterable[bytes]) -> None:
        """Promise places in the next block, where the contract would take a transaction there.

        A member has as many of one author's as it demands at once (`MOST_OF_ONE`).
        """
        promised, added = self.next, False
        for envelope in envelopes:
            before = [one for one, _ in promised]
            try:
                decoded = decode_envelope(envelope)
            except FormatError:
                continue
            asked = member, decoded.key_id
            if envelope in before or self._asked[asked] >= MOST_OF_ONE:
                continue
            if self._copy.ledger.check(envelope, before) is not None:
                continue
            index = self._copy.size + len(promised)
            place = InclusionPromise(self._copy.ledger.identity, index, decoded.transaction_id)
            promised.append((envelope, sign_inclusion_promise(place, self._key)))
            self._held[index] = promised[-1]
            self._asked[asked] += 1
            added = True
        if added:
            self._keep()

    def forget(self, size: int) -> None:
        """Forget what was promised of places before a size; a block has been made of it."""
        self._held = {at: one for at, one in self._held.items() if at >= size}
        self._asked.clear()

    def _keep(self) -> None:
        partial = self._path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(encode_promised(self._held.values()))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        sync_names(self._path.parent)
