"""One member's copy of the ledger: it believes nothing that it has not replayed.

A member replays each block, keeps it, cosigns it, and takes the next one only when that one is
final. What it has cosigned it leaves only for a block that is final; docs/decisions/0012. `Intake`
is what it does with blocks and notes that come in.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, time

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.engines.log.connection import (
    Connection,
    CosignatureRefused,
    NotInTheLog,
    PresentFirst,
)
from collegium.ledger.engines.log.copying_out import begin_trial, is_sound, put_aside, take_over
from collegium.ledger.engines.log.correspondence import Correspondence
from collegium.ledger.engines.log.delivery import (
    Blocks,
    MemberPosition,
    decode_delivery,
    encode_delivery,
)
from collegium.ledger.engines.log.demands import Demands
from collegium.ledger.engines.log.evidence import (
    EVIDENCE,
    MisbehaviourRecorder,
    SequencerMisbehaved,
    censorship_parts,
)
from collegium.ledger.engines.log.log_copy import LogCopy, open_log_copy
from collegium.ledger.engines.log.witness import CosigningWitness, KeyOf, open_cosigned
from collegium.ledger.genesis import Genesis
from collegium.ledger.note import LONGEST_NOTE, Checkpoint, split_note, with_lines
from collegium.ledger.state import State

_TOO_FEW = "it calls a block final that too few validators have cosigned"


class Intake:
    """Blocks on their way from the sequencer into a copy.

    Attributes:
        note: the log's note over the block that the copy ends with, empty where it is not known.
    """

    def __init__(
        self,
        copy: LogCopy,
        witness: CosigningWitness,
        connection: Connection,
        misbehaviour: MisbehaviourRecorder,
        warn: Callable[[str], None],
    ) -> None:
        self.note = ""
        self._copy = copy
        self._witness = witness
        self._connection = connection
        self._misbehaviour = misbehaviour
        self._warn = warn

    def next(self, data: bytes) -> list[AcceptedTransaction]:
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
            raise self._misbehaviour.lied("sequencer.block", what, received) from error
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

    def finish(self, note: str) -> list[AcceptedTransaction]:
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

    def gather(self) -> None:
        """Take up cosignatures of what is final that came after it was: they are no news."""
        copy, held = self._copy, self._copy.final_note
        if held is None:
            return
        note = self._connection.final(copy.final_size, 0)
        if note is None or note == held or self._opened(note) != copy.open_note(held):
            return
        lines = {
            line
            for one in (held, note)
            for line in split_note(one)[1].splitlines(keepends=True)[1:]
        }
        merged = with_lines(held, sorted(lines))
        if merged != held and len(merged) <= LONGEST_NOTE:
            copy.enrich(merged)

    def _confirm(self, note: str) -> list[AcceptedTransaction]:
        settled = self._copy.confirm(note)
        if settled is None:
            raise self._misbehaviour.lied("sequencer.finality", _TOO_FEW, note.encode())
        return settled

    def _switch(self, note: str, final: Checkpoint) -> list[AcceptedTransaction]:
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
            raise self._misbehaviour.lied("sequencer.block", what, note.encode()) from error
        finally:
            trial.close()
        if settled is None:
            raise self._misbehaviour.lied("sequencer.finality", _TOO_FEW, note.encode())
        block, ours = self.held()
        if ours:  # else blocks that were fetched, and that nobody signed for
            self._warn(str(self._misbehaviour.signed_two(ours, block, note, theirs)))
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
            raise self._misbehaviour.lied("sequencer.block", error.why, data) from error
        if not delivery.blocks:
            raise self._misbehaviour.lied(
                "sequencer.block", "there is no block in what it sent", data
            )
        if delivery.note is not None:
            self._opened(delivery.note)
        return delivery

    def _opened(self, note: str) -> Checkpoint:
        try:
            return self._copy.open_note(note)
        except FormatError as error:
            what = f"a checkpoint is not the log's: {error.why}"
            raise self._misbehaviour.lied("sequencer.signature", what, note.encode()) from error


GATHER_EVERY = 5.0
"""Seconds between two looks for cosignatures that came after a block was final."""

MOST_PRESENTATIONS = 4
"""Times that a member presents itself again after it has given the sequencer what it lacks."""


class Replica:
    """A member's copy: ledger.log, `final` and `cosigned` in its home. Make it by `open_replica`.

    Attributes:
        witness: its cosignatures.
        demands: what is to be ordered before it cosigns on.
        correspondence: its letters, by which it hears of that.
    """

    def __init__(
        self,
        copy: LogCopy,
        witness: CosigningWitness,
        demands: Demands,
        correspondence: Correspondence,
        connection: Connection,
        warn: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self.witness, self.demands, self.correspondence = witness, demands, correspondence
        self._copy = copy
        self._misbehaviour = MisbehaviourRecorder(copy)
        self._intake = Intake(copy, witness, connection, self._misbehaviour, warn)
        self._connection = connection
        self._warn = warn
        self._clock = clock
        self._announced = False
        self._gather_at = clock() + GATHER_EVERY

    @property
    def identity(self) -> bytes:
        """The genesis digest."""
        return self._copy.ledger.identity

    @property
    def ledger(self) -> Application:
        """The copy itself; another object after a block was dropped or the file was healed."""
        return self._copy.ledger

    @property
    def copy(self) -> LogCopy:
        """What its home holds."""
        return self._copy

    @property
    def lie(self) -> SequencerMisbehaved | None:
        """The last lie of the sequencer that was noticed since the start, or None."""
        return self._misbehaviour.last

    @property
    def state(self) -> State:
        """The contract's state after `size` entries. Act on it only while `settled`."""
        return self._copy.ledger.state

    @property
    def size(self) -> int:
        """Number of entries held."""
        return self._copy.size

    @property
    def final_size(self) -> int:
        """Number of entries that are final."""
        return self._copy.final_size

    @property
    def settled(self) -> bool:
        """Whether everything held is final, so that a participant may act on `state`."""
        return self._copy.settled

    @property
    def final_note(self) -> str | None:
        """The newest final note, log signature and cosignatures; None before the first block."""
        return self._copy.final_note

    def step(self, wait: float) -> list[AcceptedTransaction]:
        """Fetch, check, replay, persist, cosign; return what has become final, in order.

        One block, or one part of a long history, at a time. Empty after `wait` seconds without
        news, and while a block lacks cosignatures (then `settled` is false). Nothing is returned
        twice, also across restarts, and of a long history only the latest: whoever needs what was
        final before reads the state.

        Raises:
            SequencerLied: what came cannot be; the evidence is in the home. Nothing of it was
                kept, and `step` may be called again.
            CollegiumError: the sequencer cannot be reached.
        """
        try:
            return self._step(self._clock() + wait)
        except PresentFirst:
            self._present()
            return []
        except NotInTheLog:
            raise self._misbehaviour.parted(self._connection) from None

    def check(self) -> bool:
        """Compare the file with what was replayed; begin to fetch a damaged one anew.

        Returns:
            Whether it was sound.
        """
        if is_sound(self._copy):
            return True
        self._copy.close()
        aside = put_aside(self._copy.home, self._misbehaviour.folder)
        self._warn(f"ledger.log was damaged; it is fetched anew, the old one is {aside}")
        self._copy.open()
        self._intake.note = ""
        return False

    def release(self) -> None:
        """Give up the block that was cosigned last, and drop it if the copy ends with it.

        For a consortium whose sequencer made several blocks after one, none of which enough
        members can cosign any more: its operators agree on one, and the others release theirs.

        Raises:
            RunError: nothing binds this member.
        """
        bound = self.witness.release()
        if self._copy.blocks_ahead and bound.is_of(self._copy.ledger.head()):
            note = with_lines(bound.note, [bound.line]).encode()
            parts = {"first.note": note, "received.bin": self._copy.drop_tail()}
            self._misbehaviour.keep("released", "a block that the operator gave up", parts)

    def close(self) -> None:
        """Release the files; a snapshot makes the next start fast."""
        with suppress(OSError):  # a disk that fails: the next start takes longer
            self._copy.write_snapshot()
        self._copy.close()

    def _step(self, deadline: float) -> list[AcceptedTransaction]:
        found: list[AcceptedTransaction] = []
        self.witness.look_back()
        if self._copy.settled:
            self.demands.look()
            if self._clock() >= self._gather_at:
                self._gather_at = self._clock() + GATHER_EVERY
                self._intake.gather()
            data = self._connection.blocks(self.size, self._left(deadline))
            if data is None:
                return []
            found += self._intake.next(data)
            self._announced = False
        if not self._copy.settled:
            self._announce()
            note = self._connection.final(self.final_size + 1, self._left(deadline))
            if note is None:
                self._announced = False  # it may have been lost on the way
            else:
                found += self._intake.finish(note)
        return found

    def _announce(self) -> None:
        """Cosign the block that is not final yet, and say so, once."""
        if self._announced or self._copy.blocks_ahead != 1:
            return
        cosigned = self.witness.last
        if cosigned is None:
            if not self._intake.note and not self._intake.ask_for_note():
                return
            if not self._meets_demands():
                return
            cosigned = self.witness.cosign(self._intake.note)
        self._announced = True
        if cosigned is not None:
            try:
                self._connection.cosign(cosigned.line, cosigned.size)
                self.witness.waiting_for = ""
            except CosignatureRefused:
                self.witness.waiting_for = "the sequencer holds another block than was cosigned"

    def _meets_demands(self) -> bool:
        """Return whether the block that is not final leaves out nothing that binds the log.

        Where it does, what proves that is kept, and it is not cosigned.
        """
        copy, unmet = self._copy, self.demands.met(self._connection)
        if not unmet:
            return True
        received = encode_delivery(copy.read(copy.final_size, copy.size), self._intake.note)
        where = None
        for one in unmet:
            what = (
                f"a block leaves out what a quorum of validators has seen of {one.author} for "
                "as many blocks as the genesis allows or more"
            )
            parts = censorship_parts(copy.ledger.genesis, one.envelope, one.notes, received)
            where = self._misbehaviour.keep("censored", what, parts)
        self.witness.waiting_for = (
            f"the sequencer does not order what {', '.join(sorted({one.author for one in unmet}))} "
            f"said, which a quorum of validators has seen; the evidence is in {where}"
        )
        return False

    def _present(self) -> None:
        """Tell a sequencer that has started what is held, and give it what it lacks."""
        copy = self._copy
        if self.demands.promised:
            self._connection.demand(self.demands.promised)
        standing = MemberPosition(copy.final_note or copy.expected or "", *self._intake.held())
        for _ in range(MOST_PRESENTATIONS):
            missing = self._connection.present(standing)
            if missing is None or copy.expected is not None:
                self._announced = False
                return  # it lacks nothing, or what this member has lost as well
            while missing is not None and missing < self.final_size:
                if not self._copy.ends_at(missing):
                    raise NotInTheLog
                part = self._copy.read(missing, self.final_size)
                missing = self._connection.restore(missing, part)
        raise self._misbehaviour.lied(
            "sequencer.block", "it asks again and again for the same blocks", b""
        )

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - self._clock())


def open_replica(
    home: Path,
    genesis: Genesis,
    member: str,
    key_of: KeyOf,
    connection: Connection,
    warn: Callable[[str], None],
    *,
    seconds: Callable[[], int] = lambda: int(time()),
    clock: Callable[[], float] = monotonic,
) -> Replica:
    """Open a member's copy in its home, or begin one.

    A file that contradicts itself is put aside and fetched anew; `warn` is told. A new home, whose
    key was made just now, has had `begin_cosigning`; without it the member first waits.

    Args:
        home: the folder that holds ledger.log, `final`, `cosigned` and `evidence`.
        genesis: the ledger's.
        member: the id of the member whose copy it is.
        key_of: its signing keys; a member without a validator's key replays and does not cosign.
        connection: its way to the sequencer.
        warn: where warnings go.
        seconds: the time of day, for cosignatures.
        clock: measures waiting.

    Raises:
        RunError: the file is another ledger's.
        CollegiumError: the files cannot be used.
    """
    try:
        copy = open_log_copy(home, genesis, warn)
    except FormatError as error:
        aside = put_aside(home, home / EVIDENCE)
        warn(f"{error.what}; it is fetched anew, the old one is {aside}")
        copy = open_log_copy(home, genesis, warn)
    witness = CosigningWitness(copy, open_cosigned(home), member, key_of, seconds)
    demands = Demands(copy)
    letters = Correspondence(member, copy, demands, key_of, clock)
    return Replica(copy, witness, demands, letters, connection, warn, clock)
