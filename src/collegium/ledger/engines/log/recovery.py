"""What a sequencer does after a start, before it orders anything: it hears what its members hold.

It goes on once validators with more than two thirds of the power have said what they hold. A
final block was cosigned by more than two thirds, so more than a third of the power is in both,
and somebody honest among them holds it: it is never missed. Of blocks that are not final, the
one goes on that has been cosigned by most; docs/decisions/0012.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from collegium.errors import FormatError, RunError
from collegium.ledger.engines.log.connection import PresentFirst
from collegium.ledger.engines.log.delivery import MemberPosition, decode_delivery
from collegium.ledger.engines.log.log_copy import LogCopy
from collegium.ledger.keys import SigningKey
from collegium.ledger.note import Checkpoint, with_lines
from collegium.ledger.validators import ValidatorSet, cosignature_of


@dataclass(slots=True)
class Candidate:
    """A block beyond what is final that somebody holds.

    Attributes:
        checkpoint: what the log said of it.
        note: the log's note.
        block: its frames.
        own: whether the sequencer's own file holds it.
        lines: cosignature lines that hold, by member.
    """

    checkpoint: Checkpoint
    note: str
    block: bytes
    own: bool = False
    lines: dict[str, str] = field(default_factory=dict)


def ranked(candidates: Iterable[Candidate], judges: ValidatorSet) -> list[Candidate]:
    """Return the candidates, the one to go on with first: by the power that cosigned it.

    Of two with the same power it is the one that the sequencer holds, else the smaller hash.
    """

    def rank(one: Candidate) -> tuple[int, bool, bytes]:
        return -judges.power(one.lines), not one.own, one.checkpoint.extension

    return sorted(candidates, key=rank)


class Recovery:
    """A sequencer's way from its start to the block that it goes on with.

    Attributes:
        ready: whether enough has been heard and the copy ends with the block to go on with.
        presented: members that have said what they hold.
    """

    def __init__(self, copy: LogCopy, log_key: SigningKey) -> None:
        self.ready = False
        self.presented: set[str] = set()
        self._lines: dict[str, str] = {}
        self._copy = copy
        self._log_key = log_key
        self._claims: dict[str, tuple[str, Checkpoint]] = {}  # finals that are missing here
        self._candidates: dict[bytes, Candidate] = {}
        self._restoring = False  # what is beyond our final is on its way to a claim
        self._aside: Candidate | None = None  # what had to make room for it

    def present(self, member: str, standing: MemberPosition) -> int | None:
        """Hear what a member holds; return from which size on it should `restore`, or None.

        After it has restored, it presents itself again: more is asked for, or it is done.

        Raises:
            FormatError: a note in it was not signed by the log's key.
            RunError: what is final there and what is final here are two histories.
        """
        copy = self._copy
        if standing.final:
            final = copy.open_note(standing.final)
            if final == copy.ledger.head() and not copy.settled:
                copy.confirm(standing.final)
            if final.size > copy.final_size:
                self._claims[member] = (standing.final, final)
                return self._wanted()
            if copy.settled and final.size == copy.size and final != copy.ledger.head():
                raise RunError(
                    "sequencer.two-histories", f"{member} holds another final history than this",
                    "a third of the validators or more cosigned both, or its home is damaged",
                    "stop, and compare the members' homes",
                )  # fmt: skip
        if standing.note and not self.ready:
            self._hear(member, standing)
        self._claims.pop(member, None)
        self.presented.add(member)
        self._decide()
        return None

    def restore(self, member: str, size: int, blocks: bytes) -> int | None:
        """Take blocks that are final at a member and missing here; return as `present`.

        Raises:
            PresentFirst: the member has not said that it holds more.
            FormatError: they do not follow, or do not lead to the final note that was presented.
        """
        copy = self._copy
        if member not in self._claims:
            raise PresentFirst
        note, goal = self._claims[member]
        try:
            if size == self._wanted() and copy.final_size < goal.size:
                for block in self._unknown(blocks):
                    if copy.size < goal.size:
                        copy.take(block)
            if copy.size < goal.size:
                return self._wanted()
            if copy.final_size < goal.size and (
                goal != copy.ledger.head() or copy.confirm(note) is None
            ):
                raise FormatError(
                    "sequencer.claim", f"what {member} takes for final is not",
                    "its blocks do not lead to its note, or too few validators cosigned that",
                    "remove its ledger.log and `final`; it gets them anew",
                )  # fmt: skip
        except FormatError:
            del self._claims[member]
            self._undo()
            raise
        self._restoring, self._aside = False, None
        self._candidates.clear()
        return None

    def taken_lines(self) -> dict[str, str]:
        """Return cosignature lines of the block that was chosen, by member, and forget them."""
        lines, self._lines = self._lines, {}
        return lines

    def _wanted(self) -> int:
        copy = self._copy
        return copy.size if self._restoring else copy.final_size

    def _unknown(self, data: bytes) -> tuple[bytes, ...]:
        """Return the blocks that are not held already, and make room for them."""
        copy = self._copy
        blocks = decode_delivery(data).blocks
        if not self._restoring and copy.blocks_ahead:
            self._aside = self._own()
            if data.startswith(self._aside.block):
                blocks = blocks[copy.blocks_ahead :]
            else:
                copy.drop_tail()
        self._restoring = True
        return blocks

    def _undo(self) -> None:
        """Give up what was being restored, and take back what it had put aside."""
        self._copy.reopen()
        if self._restoring:
            self._copy.drop_tail()
        if self._aside is not None:
            self._copy.take(self._aside.block, self._aside.note)
        self._restoring, self._aside = False, None

    def _own(self) -> Candidate:
        """Return the block beyond what is final that the file holds, as a candidate."""
        copy = self._copy
        checkpoint, note = copy.ledger.head(), copy.ledger.checkpoint(self._log_key)
        block = copy.read(copy.final_size, copy.size, most=None)
        own = Candidate(checkpoint, note, block, own=True)
        known = self._candidates.setdefault(checkpoint.extension, own)
        known.own = True
        return known

    def _hear(self, member: str, standing: MemberPosition) -> None:
        """Note the block that a member holds beyond what is final, if it follows that."""
        checkpoint = self._copy.open_note(standing.note)
        headers = decode_delivery(standing.tail).headers
        if not headers or headers[0].first != self._copy.final_size:
            return
        new = Candidate(checkpoint, with_lines(standing.note, ()), standing.tail)
        known = self._candidates.setdefault(checkpoint.extension, new)
        line = cosignature_of(member, standing.note, self._copy.judges_of_next())
        if line is not None:
            known.lines[member] = line

    def _decide(self) -> None:
        """Choose the block to go on with, once enough has been heard."""
        copy, judges = self._copy, self._copy.judges_of_next()
        if self.ready or not judges.suffices(dict.fromkeys(self.presented)):
            return
        if self._restoring:
            self._undo()
        held = self._own() if copy.blocks_ahead else None
        for candidate in ranked(self._candidates.values(), judges):
            if candidate is held or self._taken(candidate):
                self._lines = dict(candidate.lines)
                break
            held = None
        if copy.expected is not None and copy.open_note(copy.expected) == copy.ledger.head():
            copy.confirm(copy.expected)
        self._candidates.clear()
        self.ready = copy.expected is None

    def _taken(self, candidate: Candidate) -> bool:
        """Put a candidate in the place of what the file holds; return whether it follows."""
        copy = self._copy
        if copy.blocks_ahead:
            copy.drop_tail()
        try:
            copy.take(candidate.block, candidate.note)
        except FormatError:
            copy.reopen()
            return False
        return True
