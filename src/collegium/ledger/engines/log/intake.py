"""What a member does with blocks and final notes that come in: it takes only what holds."""

from __future__ import annotations

from collections.abc import Callable

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.application import Accepted
from collegium.ledger.engines.log.accuser import Accuser
from collegium.ledger.engines.log.connection import Connection, NotInTheLog
from collegium.ledger.engines.log.copy import Copy
from collegium.ledger.engines.log.delivery import Blocks, decode_delivery, encode_delivery
from collegium.ledger.engines.log.healing import begin_trial, take_over
from collegium.ledger.engines.log.recovery import with_lines
from collegium.ledger.engines.log.witness import Witness
from collegium.ledger.note import Checkpoint

_TOO_FEW = "it calls a block final that too few validators have cosigned"


class Intake:
    """Blocks on their way from the sequencer into a copy.

    Attributes:
        note: the log's note over the block that the copy ends with, empty where it is not known.
    """

    def __init__(
        self,
        copy: Copy,
        witness: Witness,
        connection: Connection,
        accuser: Accuser,
        warn: Callable[[str], None],
    ) -> None:
        self.note = ""
        self._copy = copy
        self._witness = witness
        self._connection = connection
        self._accuser = accuser
        self._warn = warn

    def next(self, data: bytes) -> list[Accepted]:
        """Take the block after what is final; a longer history is led by its final note."""
        delivery = self._decoded(data)
        if len(delivery.blocks) > 1 or delivery.note is None:
            note = self._connection.final(self._copy.size + 1, 0)
            return [] if note is None else self.finish(note)
        if delivery.headers[0].previous != self._copy.ledger.last_block:
            raise NotInTheLog
        self._take(delivery.blocks[0], delivery.note)
        return []

    def _take(self, block: bytes, note: str | None) -> None:
        try:
            self._copy.take(block, note)
        except FormatError as error:
            self._copy.reopen()
            what = f"a block does not hold: {error.why}"
            received = encode_delivery(block, note)
            raise self._accuser.lied("sequencer.block", what, received) from error
        except OSError:
            self._copy.reopen()  # what was replayed is not on the disk, so it does not count
            raise
        self.note = note or ""

    def ask_for_note(self) -> bool:
        """Get the log's note over the last block again, which a restart lost.

        A block that was not cosigned binds nobody: where the log goes on otherwise it is dropped.
        """
        try:
            data = self._connection.blocks(self._copy.final_size, 0)
        except NotInTheLog:
            return False
        if data is None:
            return False
        delivery = self._decoded(data)
        if delivery.blocks[:1] != (self._copy.read(self._copy.final_size, self._copy.size),):
            self._copy.drop_tail()
            return False
        self.note = delivery.note if len(delivery.blocks) == 1 and delivery.note else ""
        if self.note and self._copy.open_note(self.note) != self._copy.ledger.head():
            self.note = ""
        return bool(self.note)

    def finish(self, note: str) -> list[Accepted]:
        """Take up what a final note says, as far as the blocks are here; fetch what is missing."""
        final = self._opened(note)
        if final.size <= self._copy.final_size or final.size < self._copy.known_final:
            return []
        if final.size == self._copy.size:
            return (
                self._confirm(note)
                if final == self._copy.ledger.head()
                else self._switch(note, final)
            )
        if final.size < self._copy.size:
            return self._switch(note, final)
        try:
            data = self._connection.blocks(self._copy.size, 0)
        except NotInTheLog:
            return self._switch(note, final)
        if data is None:
            return []
        delivery = self._decoded(data)
        if delivery.headers[0].previous != self._copy.ledger.last_block:
            return self._switch(note, final)
        for block in delivery.blocks:
            if self._copy.size < final.size:
                self._take(block, None)
        return self.finish(note) if self._copy.size >= final.size else []

    def _confirm(self, note: str) -> list[Accepted]:
        self._witness.learn(note)
        settled = self._copy.confirm(note)
        if settled is None:
            raise self._accuser.lied("sequencer.finality", _TOO_FEW, note.encode())
        return settled

    def _switch(self, note: str, final: Checkpoint) -> list[Accepted]:
        """Follow a final note that leads away from blocks which are held and not final.

        It is tried in a copy of what is final. Only what proves final replaces anything.
        """
        trial = begin_trial(self._copy)
        try:
            while trial.size < final.size:
                data = self._connection.blocks(trial.size, 0)
                if data is None:
                    return []
                for block in self._decoded(data).blocks:
                    if trial.size < final.size:
                        trial.take(block)
            if final != trial.ledger.head():
                raise malformed("a final note", "the blocks that came with it lead elsewhere")
            settled = trial.confirm(note)
            theirs = trial.read(self._copy.final_size, trial.size, most=None)
        except FormatError as error:
            what = f"what it calls final does not hold: {error.why}"
            raise self._accuser.lied("sequencer.block", what, note.encode()) from error
        finally:
            trial.close()
        if settled is None:
            raise self._accuser.lied("sequencer.finality", _TOO_FEW, note.encode())
        block, ours = self.held()
        if ours:  # else blocks that were fetched, and that nobody signed for
            self._warn(str(self._accuser.signed_two(ours, block, note, theirs)))
        take_over(self._copy, trial.home)
        return settled

    def held(self) -> tuple[bytes, str]:
        """Return the block that is not final and the log's note over it, cosigned if it is."""
        if self._copy.blocks_ahead != 1:
            return b"", ""
        block = self._copy.read(self._copy.final_size, self._copy.size)
        cosigned = self._witness.last
        if cosigned is not None:
            return block, with_lines(cosigned.note, [cosigned.line])
        return (block, self.note) if self.note else (b"", "")

    def _decoded(self, data: bytes) -> Blocks:
        try:
            delivery = decode_delivery(data)
        except FormatError as error:
            raise self._accuser.lied("sequencer.block", error.why, data) from error
        if not delivery.blocks:
            raise self._accuser.lied("sequencer.block", "there is no block in what it sent", data)
        if delivery.note is not None:
            self._opened(delivery.note)
        return delivery

    def _opened(self, note: str) -> Checkpoint:
        try:
            return self._copy.open_note(note)
        except FormatError as error:
            what = f"a checkpoint is not the log's: {error.why}"
            raise self._accuser.lied("sequencer.signature", what, note.encode()) from error
