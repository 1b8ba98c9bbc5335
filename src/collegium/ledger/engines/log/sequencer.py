"""Whoever orders: it puts transactions into blocks, one at a time, and collects cosignatures.

Nobody trusts it: what it may not do, the members notice. What it answers for is on its disk
before. No network, no threads and no clock are in here; `transport.server` has those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from collegium.errors import RunError, reason_of
from collegium.ledger.application import AcceptedTransaction, Outcome
from collegium.ledger.contract.members import active_members
from collegium.ledger.engines.log.connection import (
    CosignatureRefused,
    NotInTheLog,
    PresentFirst,
)
from collegium.ledger.engines.log.delivery import (
    MemberPosition,
    Promised,
    decode_delivery,
    encode_delivery,
)
from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, sign_inclusion_promise
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.engines.log.mempool import REMEMBERED, Mempool, PendingTransaction, Submission
from collegium.ledger.engines.log.promised import PromisedTransactions
from collegium.ledger.engines.log.recovery import Recovery
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import Conflict, EquivocationDetector
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.keys import SigningKey
from collegium.ledger.note import with_lines
from collegium.ledger.ordering import LEDGER, Answer, Ordered, Refused
from collegium.ledger.validators import ValidatorSet, cosignature_of

MOST_CONFLICTS = 64
"""Equivocations that are told in one answer; the others follow when these are on record."""


class EventLog(Protocol):
    """Where a sequencer says what it does: an event's name, and facts about it."""

    def __call__(self, event: str, /, **facts: object) -> None:
        """Note an event."""
        ...


class Sequencer:
    """The order of transactions.

    Attributes:
        copy: what it holds on its disk.
        disk: what the disk under the copy refuses, by path and reason, or empty.
        served: who is a member before or after the block that is not final yet.
    """

    def __init__(
        self, copy: LogCopy, log_key: SigningKey, changed: Callable[[], None], tell: EventLog
    ) -> None:
        """Take up what a copy holds.

        Args:
            copy: ledger.log and the final note; `close` releases it.
            log_key: signs checkpoints; it is the genesis's.
            changed: is called when whoever waits should look again.
            tell: is told what happens.
        """
        self.copy = copy
        self.served: frozenset[str] = frozenset()
        self.disk = ""
        self._key = log_key
        self._changed = changed
        self._tell = tell
        self._pool = Mempool()
        self._promised = PromisedTransactions(copy, log_key)
        self._recovery = Recovery(copy, log_key)
        self._lines: dict[str, str] = {}
        self._note = ""
        self._late: tuple[ValidatorSet, dict[str, str]] | None = None  # of what is final
        self._members = active_members(copy.ledger.state)
        self._witness = EquivocationDetector()
        self._conflicts: tuple[Conflict, ...] = ()
        self._seen = (b"", 0)  # last block and final size that the rest is about
        self._look_again()

    @property
    def ready(self) -> bool:
        """Whether enough members have said what they hold, so that it orders."""
        return self._recovery.ready

    def submit(self, member: str, envelopes: Sequence[bytes]) -> Submission:
        """Take transactions into the pool; cut a block at once if the last one is final."""
        submission = self._pool.add(member, envelopes)
        for item in submission.items:  # what is in the log already is promised its place again
            if isinstance(item.answer, Ordered):
                item.answer = self._ordered(item.envelope, item.answer.index)
        self._advance()
        return submission

    def demand(self, member: str, demanded: Sequence[Promised]) -> list[Promised]:
        """Promise transactions their places in the next block; see `Connection.demand`.

        Before it orders, it only takes up what the log's key has promised already.
        """
        self._promised.hear(one for one in demanded if one[1])
        if self.ready:
            self._promised.promise(member, [envelope for envelope, _ in demanded])
        promised = self._promised.next
        self._tell("demanded", member=member, promised=len(promised))
        self._advance()
        return promised

    def blocks(self, member: str, size: int) -> bytes | None:
        """Return what follows `size` entries, as `Connection.blocks`; None if nothing does.

        Raises:
            PresentFirst: the member has not presented itself since the start, or it holds more
                that is final than is known here.
            NotInTheLog: no block ends there.
        """
        self._require_presented(member)
        if size > self.copy.final_size:
            raise PresentFirst
        limit = self.copy.size if self.ready else self.copy.final_size
        if not self.copy.ends_at(size):
            raise NotInTheLog
        if size >= limit:
            return None
        blocks = self.copy.read(size, limit)
        if not self.copy.index.holds(size, blocks):
            raise self.disk_fails(f"it no longer holds what was written there, after entry {size}")
        last = decode_delivery(blocks).headers[-1]
        at_the_head = last.first + last.count == self.copy.size
        return encode_delivery(blocks, self._note if at_the_head else None)

    def cosign(self, member: str, line: str, size: int) -> None:
        """Take a member's cosignature of the block that ends at `size`; go on if it is enough.

        Raises:
            PresentFirst: the member has not presented itself since the start.
            CosignatureRefused: it does not hold, it is over another block that is not final, or
                the member is none of the block's judges.
        """
        self._require_presented(member)
        if not self.ready or size < self.copy.final_size or (self.copy.settled and not self._lines):
            return  # the block became final without it, or the member will hand it over again
        if size == self.copy.final_size and not self.copy.settled:
            self._take_late(member, line)
            return
        if size != self.copy.size:
            raise CosignatureRefused
        note = with_lines(self._note, [line])
        if cosignature_of(member, note, self.copy.judges) is None:
            self._tell("refused", member=member, what="a cosignature that does not hold here")
            raise CosignatureRefused
        known = member in self._lines
        self._lines[member] = line
        if not self.copy.settled:
            self._settle()
            self._advance()
        elif not known:
            self.copy.enrich(with_lines(self._note, self._lines.values()))

    def _take_late(self, member: str, line: str) -> None:
        """Add a cosignature of the newest final block after the next one was cut.

        Raises:
            CosignatureRefused: it is over another block, or the member was none of its judges.
        """
        note = self.copy.final_note
        if self._late is None or note is None:
            return  # of before the start: who judged it is not known any more
        judges, lines = self._late
        if cosignature_of(member, with_lines(note, [line]), judges) is None:
            self._tell("refused", member=member, what="a late cosignature that does not hold here")
            raise CosignatureRefused
        if member not in lines:
            lines[member] = line
            self.copy.enrich(with_lines(note, lines.values()))

    def final(self, member: str, size: int) -> str | None:
        """Return the newest final note if it is at least `size` long.

        Raises:
            PresentFirst: the member has not presented itself since the start.
        """
        self._require_presented(member)
        return self.copy.final_note if size <= self.copy.final_size else None

    def conflicts(self, member: str) -> list[Conflict]:
        """Return equivocations that are not on record, as `Connection.conflicts`.

        Raises:
            PresentFirst: the member has not presented itself since the start.
        """
        self._require_presented(member)
        return list(self._conflicts[:MOST_CONFLICTS])

    def present(self, member: str, standing: MemberPosition) -> int | None:
        """Hear what a member holds; see `Recovery.present`."""
        missing = self._recovery.present(member, standing)
        self._tell("presented", member=member, missing=missing, ready=self.ready)
        self._look_again()
        self._advance()
        return missing

    def restore(self, member: str, size: int, blocks: bytes) -> int | None:
        """Take what is final at a member and missing here; see `Recovery.restore`."""
        missing = self._recovery.restore(member, size, blocks)
        self._tell("restored", member=member, size=self.copy.size, final=self.copy.final_size)
        self._look_again()
        return missing

    def disk_fails(self, why: str) -> RunError:
        """Note what the disk refuses; return it as what whoever asked is told."""
        path = self.copy.home / LEDGER
        told = f"{path}: {why}"
        if self.disk != told:
            self._tell("disk fails", path=str(path), why=why)
        self.disk = told
        return RunError(
            "sequencer.disk", f"the sequencer's disk fails under {path}", why,
            "its operator makes room, or moves the sequencer to a sound disk with `start --from`",
        )  # fmt: skip

    def status(self) -> dict[str, object]:
        """Return how it stands, in numbers and names."""
        settled = self.copy.settled
        return {
            "awaited": [] if settled else sorted({*self.copy.judges.powers} - {*self._lines}),
            "disk": self.disk,
            "ready": self.ready,
            "size": self.copy.size,
            "final": self.copy.final_size,
            "genesis": self.copy.ledger.identity.hex(),
            "waiting": len(self._pool),
            "presented": sorted(self._recovery.presented),
            "cosigned": sorted(self._lines),
        }

    def close(self) -> None:
        """Release the files; a snapshot makes the next start fast."""
        with suppress(OSError):  # a disk that fails is on record; the next start takes longer
            self.copy.write_snapshot()
        self.copy.close()

    def _require_presented(self, member: str) -> None:
        if member not in self._recovery.presented:
            raise PresentFirst

    def _advance(self) -> None:
        """Cut blocks while transactions wait and the last block is final."""
        while self.ready and self.copy.settled and (len(self._pool) or self._promised.next):
            promised = self._promised.next
            batch = self._pool.batch([envelope for envelope, _ in promised])
            first, judges = self.copy.size, self.copy.judges
            try:
                outcomes = self.copy.append([item.envelope for item in batch])
            except OSError as error:
                self.copy.reopen()  # what is not on the disk does not count; members say it again
                raise self.disk_fails(reason_of(error)) from error
            self.disk = ""
            self._promised.forget(first + len(promised))
            self._conflicts = self._witness.watch([item.envelope for item in batch], outcomes)
            for item, outcome in zip(batch, outcomes, strict=True):
                item.answer = self._answer(item, outcome)
            if self.copy.size > first:
                self._pool.remember(_numbered(self.copy.read(first, self.copy.size, most=None)))
                late = (judges, self._lines) if self._lines else None
                self._take_head()
                self._late = late
                self._tell("block", size=self.copy.size, entries=self.copy.size - first)
        self._changed()

    def _answer(self, item: PendingTransaction, outcome: Outcome) -> Answer:
        if isinstance(outcome, AcceptedTransaction):
            return self._ordered(item.envelope, outcome.index)
        return Refused(outcome.code, outcome.reason)

    def _ordered(self, envelope: bytes, index: int) -> Ordered:
        """Return the answer for a transaction in the log, with the log's word on its place."""
        transaction = decode_envelope(envelope).transaction_id
        promise = InclusionPromise(self.copy.ledger.identity, index, transaction)
        return Ordered(index, sign_inclusion_promise(promise, self._key))

    def _look_again(self) -> None:
        """Take up what `Recovery` did: another block at the end, or one that is final now."""
        copy = self.copy
        if self._seen != (copy.ledger.last_block, copy.final_size):
            self._take_head()
            self._pool.forget(0)
            start = copy.index.last_before(max(copy.size - REMEMBERED, 0))
            latest = list(_numbered(copy.read(start, copy.size, most=None)))
            self._pool.remember(latest)
            self._witness.recall(envelope for envelope, _ in latest)
        self._lines.update(self._recovery.taken_lines())
        self._settle()

    def _take_head(self) -> None:
        """Sign for the block that the copy now ends with."""
        self._note = self.copy.ledger.checkpoint(self._key)
        self._lines, self._late = {}, None
        self.served = self._members | active_members(self.copy.ledger.state)
        self._seen = (self.copy.ledger.last_block, self.copy.final_size)

    def _settle(self) -> None:
        """Make the last block final if enough have cosigned it; take up who is a member then."""
        copy = self.copy
        if copy.blocks_ahead and copy.judges.suffices(self._lines):
            copy.confirm(with_lines(self._note, self._lines.values()))
            self._seen = (copy.ledger.last_block, copy.final_size)
            self._tell("final", size=copy.size, cosigned=sorted(self._lines))
        if copy.settled:
            self.served = self._members = active_members(copy.ledger.state)


def _numbered(blocks: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the envelopes of consecutive blocks, each with its index in the log."""
    headers = decode_delivery(blocks).headers
    index = headers[0].first if headers else 0
    for frame in read_frames(blocks):
        if frame.kind == ENTRY:
            yield decode_entry(frame.body)[0], index
            index += 1
