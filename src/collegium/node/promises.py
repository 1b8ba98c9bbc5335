"""The sequencer's word to this member, held against the log as it then becomes final.

A sequencer that leaves out what it has acknowledged is caught when the log has grown over that
place; the two things that its key signed are then kept as evidence. The transaction itself is
found due again and handed over once more.
"""

from __future__ import annotations

import logging
from pathlib import Path

from collegium.audit.promise import Broken, promise_parts
from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.ledger.engines.log.accuser import EVIDENCE
from collegium.ledger.engines.log.connection import Ordered
from collegium.ledger.engines.log.copy import Copy
from collegium.ledger.engines.log.evidence import keep_evidence
from collegium.ledger.engines.log.promise import Promise, open_promise
from collegium.ledger.engines.log.replica import Replica
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, entry_hash, read_frames
from collegium.ledger.genesis import encode_genesis
from collegium.ledger.keys import KEY_SIZE
from collegium.node.sender import Answered

log = logging.getLogger(__name__)


class Promises:
    """What the sequencer has promised and is not final yet.

    Attributes:
        broken: the last promise that it broke, in words, or None.
    """

    def __init__(self, home: Path, replica: Replica) -> None:
        self.broken: str | None = None
        self._folder = home / EVIDENCE
        self._replica = replica
        self._open: dict[int, tuple[Promise, str]] = {}  # by index

    def holds(self, envelope: bytes, answer: Ordered) -> bool:
        """Return whether an acknowledgement is the log's word on exactly this transaction."""
        promise = self._opened(answer.promise)
        return promise is not None and promise == Promise(
            self._replica.identity, answer.index, decode_envelope(envelope).transaction_id
        )

    def hear(self, answered: Answered) -> None:
        """Remember what was promised, if an answer is one."""
        answer = answered.answer
        if isinstance(answer, Ordered) and (promise := self._opened(answer.promise)) is not None:
            self._open[promise.index] = promise, answer.promise

    def look(self) -> None:
        """Hold what is final now against what was promised. Call it while all that is held is."""
        for index in [one for one in self._open if one < self._replica.final_size]:
            promise, note = self._open.pop(index)
            entry = entry_at(self._replica.copy, index)
            found = decode_envelope(decode_entry(entry)[0]).transaction_id
            if found != promise.transaction:
                self._accuse(Broken(index, promise.transaction, found), note, entry)

    def _opened(self, note: str) -> Promise | None:
        genesis = self._replica.ledger.genesis
        try:
            return open_promise(note, self._replica.identity, from_text(genesis.log, KEY_SIZE))
        except FormatError:
            return None

    def _accuse(self, broken: Broken, promise: str, entry: bytes) -> None:
        copy = self._replica.copy
        frames = read_frames(copy.read(0, copy.final_size, most=None))
        hashes = [entry_hash(frame.body) for frame in frames if frame.kind == ENTRY]
        genesis, note = encode_genesis(copy.ledger.genesis), copy.final_note or ""
        parts = promise_parts(genesis, promise, broken.index, entry, hashes, note)
        where = keep_evidence(self._folder, "promise", str(broken), parts)
        self.broken = f"the sequencer broke its word: {broken}; the evidence is in {where}"
        log.error("promise broken", extra={"why": str(broken), "evidence": str(where)})


def entry_at(copy: Copy, index: int) -> bytes:
    """Return the entry at an index that a copy holds.

    Raises:
        ValueError: it holds none there.
    """
    start = copy.index.last_before(index)
    frames = read_frames(copy.read(start, copy.size, most=0))
    entries = [frame.body for frame in frames if frame.kind == ENTRY]
    if not 0 <= index - start < len(entries):
        raise ValueError(f"no entry {index} is held")
    return entries[index - start]
