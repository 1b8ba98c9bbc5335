"""What the sequencer did that cannot be: a member names it and keeps what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from collegium.errors import FormatError
from collegium.ledger.engines.log.connection import Connection, NotInTheLog
from collegium.ledger.engines.log.copy import Copy
from collegium.ledger.engines.log.delivery import decode_delivery
from collegium.ledger.engines.log.evidence import (
    EVIDENCE,
    SequencerLied,
    block_bodies,
    fork_parts,
    keep_evidence,
)

_NOT_KEPT = "nothing of it was kept, and nothing of it was cosigned"


class Accuser:
    """Finds and keeps evidence.

    Attributes:
        last: the last lie, or None.
    """

    def __init__(self, copy: Copy) -> None:
        self.last: SequencerLied | None = None
        self._copy = copy

    @property
    def folder(self) -> Path:
        """Where the evidence is."""
        return self._copy.home / EVIDENCE

    def lied(self, code: str, what: str, received: bytes) -> SequencerLied:
        """Return the lie that some bytes are, with the bytes kept."""
        return self._note(code, what, _NOT_KEPT, {"received.bin": received})

    def signed_two(self, ours: str, block: bytes, theirs: str, blocks: bytes) -> SequencerLied:
        """Return the fork that two signed notes are: over a block held here, and over others.

        Args:
            ours: the log's note over the block that is held after what is final.
            block: that block.
            theirs: the note that is final now.
            blocks: the blocks from what was final up to it.
        """
        what = (
            f"the log's key signed two blocks after entry {self._copy.final_size}: whoever runs it "
            "lied, or restarted it without what it had signed"
        )
        why = "a quorum has cosigned the other block, so this member follows that one"
        chains = block_bodies(block), block_bodies(blocks)
        parts = fork_parts(self._copy.ledger.genesis, ours, theirs, *chains)
        return self._note("sequencer.fork", what, why, parts)

    def parted(self, connection: Connection) -> SequencerLied:
        """Return the fork that a log is which does not go on from what is final here.

        The place where it parts is looked for in the blocks before, and what the log's key signed
        there is kept: beside the final note it is the proof.

        Raises:
            CollegiumError: the sequencer cannot be reached.
        """
        copy, ours = self._copy, self._copy.final_note or ""
        what = "its log does not contain what a quorum has cosigned and is final here"
        why = "it offers another history, or forgot this one"
        for size in _backwards(copy.sizes):
            try:
                data = connection.blocks(size, 0) or b""
                delivery = decode_delivery(data)
                if delivery.note is None or not delivery.headers:
                    continue
                copy.open_note(delivery.note)
            except (NotInTheLog, FormatError):
                continue
            mine = block_bodies(copy.read(size, copy.final_size, most=None))
            theirs = tuple(header.body() for header in delivery.headers)
            same = 0
            while mine[same : same + 1] == theirs[same : same + 1] != ():
                same += 1
            chains = mine[same:], theirs[same:]
            parts = fork_parts(copy.ledger.genesis, ours, delivery.note, *chains)
            return self._note("sequencer.fork", what, why, {**parts, "received.bin": data})
        return self._note("sequencer.fork", what, why, {"first.note": ours.encode()})

    def keep(self, kind: str, what: str, parts: Mapping[str, bytes]) -> Path | None:
        """Keep files as evidence, once; return where."""
        return keep_evidence(self.folder, kind, what, parts)

    def _note(self, code: str, what: str, why: str, parts: Mapping[str, bytes]) -> SequencerLied:
        where = self.keep(code.partition(".")[2], what, parts)
        self.last = SequencerLied(code, f"the sequencer lied: {what}", why, where)
        return self.last


def _backwards(sizes: list[int]) -> list[int]:
    """Return sizes before the last one: the nearest, then ever farther ones, then the beginning."""
    found, step = [], 2
    while step <= len(sizes):
        found.append(sizes[-step])
        step *= 2
    return [*found, 0] if 0 not in found else found
