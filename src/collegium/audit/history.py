"""Replaying ledger.log: every byte is hashed, every signature checked, every rule applied again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from collegium.audit.findings import Finding, Severity, of_error
from collegium.audit.subjects import AboutEntry, AboutLedger, Subject, Value
from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.applying import Ready, apply_ready, ready
from collegium.ledger.contract.apply import initial_state
from collegium.ledger.contract.events import Events, RoundClosed, StudyClosed, encode_events
from collegium.ledger.contract.members import validator_powers
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import StudyRegister, Transaction, kind_of
from collegium.ledger.frames import (
    BLOCK,
    CHECKPOINT,
    ENTRY,
    GENESIS,
    REFUSED,
    Block,
    Frame,
    application_hash,
    decode_block,
    decode_entry,
    decode_refusal,
    entry_hash,
    holds_acknowledged,
    read_frames,
    refused_digest,
)
from collegium.ledger.genesis import Genesis, decode_genesis, genesis_digest, log_key_of
from collegium.ledger.merkle import Frontier
from collegium.ledger.note import open_checkpoint, origin_of
from collegium.ledger.state import State

AHEAD = 1024
"""Frames whose signatures are checked before their turn; memory holds so many at a time."""

NO_ENTRY: Ready = (Rejected("malformed", "there is no envelope"), None, False)


@dataclass(frozen=True, slots=True)
class ReplayedEntry:
    """An entry as replayed: its index, who said what, and what the contract did."""

    index: int
    sender: str
    transaction: Transaction
    events: Events


@dataclass(slots=True)
class History:
    """What a ledger file holds, and what is wrong with it.

    `refused` counts the transactions that blocks hold and the contract refuses, `blocks` the
    blocks; `certificates` are the kinds that they name, `commits` counts votes on blocks that were
    checked as one of these kinds.

    `said` are the acknowledged entries that were replayed. `roots` are the log's roots after every
    block, by size; `app_hashes` the sizes, by application hash; `rounds_at` the rounds closed by
    then, over all studies. `sealed` says that a checkpoint ends the file.
    """

    genesis: Genesis | None = None
    identity: bytes = b""
    said: list[ReplayedEntry] = field(default_factory=list)
    refused: int = 0
    blocks: int = 0
    commits: int = 0
    certificates: set[str] = field(default_factory=set)
    roots: dict[int, bytes] = field(default_factory=dict)
    rounds_at: dict[int, int] = field(default_factory=dict)
    app_hash: bytes = b""
    app_hashes: dict[bytes, int] = field(default_factory=dict)
    sealed: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every study is closed, and a checkpoint ends the file of a log that has a key."""
        registered = {
            one.transaction.study for one in self.said if isinstance(one.transaction, StudyRegister)
        }
        closed = {
            event.study for one in self.said for event in one.events
            if isinstance(event, StudyClosed)
        }  # fmt: skip
        ended = self.sealed or (self.genesis is not None and log_key_of(self.genesis) is None)
        return ended and bool(registered) and registered == closed


def read_history(data: bytes) -> History:
    """Return the history in a ledger file's bytes. Whatever they are, this raises nothing."""
    history = History()
    frames = _frames(data, history)
    first = next(frames, None)
    if first is None or first.kind != GENESIS:
        _error(history, "ledger.genesis", AboutLedger(byte=0), {"case": "none"})
        return history
    try:
        history.genesis = decode_genesis(first.body)
    except FormatError as error:
        told = {"case": "malformed", **of_error(error)}
        _error(history, "ledger.genesis", AboutLedger(byte=0), told)
        return history
    history.identity = genesis_digest(first.body)
    _Replay(history, history.genesis).run(frames, first.end, data)
    return history


def _envelope(frame: Frame) -> bytes:
    """Return the envelope in a frame, or nothing where there is none to be read."""
    try:
        if frame.kind == REFUSED:
            return decode_refusal(frame.body)[1]
        return decode_entry(frame.body)[0] if frame.kind == ENTRY else b""
    except FormatError:
        return b""


def _frames(data: bytes, history: History) -> Iterator[Frame]:
    try:
        yield from read_frames(data)
    except FormatError as error:
        _error(history, "ledger.frames", AboutLedger(), {"case": "malformed", **of_error(error)})


def _error(
    history: History, code: str, subject: Subject, parameters: dict[str, Value] | None = None
) -> None:
    history.findings.append(Finding(code, "error", subject, parameters or {}))


class _Replay:
    """The walk over a file's frames; it goes on with the hashes when replaying had to stop."""

    def __init__(self, history: History, genesis: Genesis) -> None:
        self.history = history
        self.state: State | None = initial_state(genesis)
        self.log_key = log_key_of(genesis)
        self.frontier = Frontier()
        self.refused: list[tuple[int, bytes]] = []  # of the block that is not ended yet
        self.proposers: Mapping[str, int] = validator_powers(self.state)
        self.last_block = history.identity
        self.since_block = 0
        self.rounds = 0
        self.last_kind = GENESIS

    def run(self, frames: Iterator[Frame], end: int, data: bytes) -> None:
        acknowledged = end
        for frame, opened in self._ahead(frames):
            if frame.kind == ENTRY:
                self._entry(frame, opened)
            elif frame.kind == REFUSED:
                self._refused(frame, opened)
            elif frame.kind == BLOCK:
                self._block(frame)
            elif frame.kind == CHECKPOINT:
                self._checkpoint(frame)
            else:
                self._wrong("ledger.genesis", frame, {"case": "second"})
            self.last_kind = frame.kind
            if frame.kind not in (ENTRY, REFUSED):
                acknowledged = frame.end
        history = self.history
        size = max(history.roots, default=0)
        history.said = [one for one in history.said if one.index < size]
        tail = data[acknowledged:]
        if tail and not any(finding.code == "ledger.frames" for finding in history.findings):
            self._torn(tail)

    def _ahead(self, frames: Iterator[Frame]) -> Iterator[tuple[Frame, Ready]]:
        """Yield frames, entries with what is known of them before their turn.

        A signature does not depend on the state, so many are checked together.
        """
        while batch := list(islice(frames, AHEAD)):
            envelopes = [_envelope(frame) for frame in batch]
            if self.state is None:
                yield from ((frame, NO_ENTRY) for frame in batch)
                continue
            opened = iter(
                ready(self.state, self.history.identity, [one for one in envelopes if one])
            )
            for frame, envelope in zip(batch, envelopes, strict=True):
                yield frame, next(opened) if envelope else NO_ENTRY

    def _torn(self, tail: bytes) -> None:
        """Say what follows the last block: an interrupted write, or history made unreadable."""
        history = self.history
        if holds_acknowledged(tail):
            hidden: dict[str, Value] = {"case": "hidden", "count": len(tail)}
            _error(history, "ledger.frames", AboutLedger(), hidden)
            return
        severity: Severity = "error" if history.sealed else "note"
        torn = Finding("ledger.torn-tail", severity, AboutLedger(), {"count": len(tail)})
        history.findings.append(torn)

    def _entry(self, frame: Frame, opened: Ready) -> None:
        index = self.frontier.size
        self.frontier.append(entry_hash(frame.body))
        self.since_block += 1
        self.history.sealed = False
        if self.state is None:
            return
        try:
            _, recorded = decode_entry(frame.body)
            transaction, sender, events = apply_ready(self.state, opened)
        except FormatError as error:
            self._stop("entry.malformed", index, {"case": "error", **of_error(error)})
            return
        except Rejected as rejection:
            code = {"signature": "entry.signature", "malformed": "entry.malformed"}.get(
                rejection.code, "entry.refused"
            )
            told: dict[str, Value] = {"rejection": rejection.code, "why": rejection.reason}
            if code == "entry.malformed":
                told["case"] = "refused"
            self._stop(code, index, told)
            return
        if encode_events(events) != recorded:
            told = {"transaction": kind_of(transaction), "sender": sender}
            self._stop("entry.events", index, told)
            return
        self.history.said.append(ReplayedEntry(index, sender, transaction, events))
        for event in events:
            if isinstance(event, RoundClosed):
                self.rounds += 1

    def _refused(self, frame: Frame, opened: Ready) -> None:
        """Hold a refusal that is recorded against what the contract says."""
        index = self.frontier.size
        self.refused.append((index, frame.body))
        self.history.sealed = False
        if self.state is None:
            return
        try:
            code, _ = decode_refusal(frame.body)
            _, sender, _ = apply_ready(self.state, opened)
        except FormatError as error:
            self._stop("refusal.malformed", index, of_error(error))
        except Rejected as rejection:
            self.history.refused += 1
            if rejection.code != code:
                told: dict[str, Value] = {
                    "recorded": code, "rejection": rejection.code, "why": rejection.reason
                }  # fmt: skip
                self._stop("refusal.code", index, told)
        else:
            self._stop("refusal.accepted", index, {"sender": sender})

    def _block(self, frame: Frame) -> None:
        try:
            block = decode_block(frame.body)
        except FormatError as error:
            self._wrong("block.malformed", frame, of_error(error))
            return
        first = self.frontier.size - self.since_block
        if block.previous != self.last_block:
            self._wrong("block.chain", frame)
        entries = (first, self.since_block, refused_digest(self.refused))
        if (block.first, block.count, block.refused) != entries:
            self._wrong("block.entries", frame)
        self._named(block, frame)
        log_root = self.frontier.root()
        if block.app_hash != application_hash(block.state_root, self.frontier.size, log_root):
            self._wrong("block.app-hash", frame)
        if self.state is not None and self.state.root() != block.state_root:
            self._wrong("block.state-root", frame)
            self.state = None
        self.last_block = block.digest()
        self.since_block = 0
        self.refused = []
        if self.state is not None:
            self.proposers = validator_powers(self.state)
        self.history.blocks += 1
        self.history.app_hash = block.app_hash
        self.history.app_hashes[block.app_hash] = self.frontier.size
        self.history.roots[self.frontier.size] = log_root
        self.history.rounds_at[self.frontier.size] = self.rounds

    def _named(self, block: Block, frame: Frame) -> None:
        """Look at who a block says has proposed it, and note what it says shows it to be final."""
        self.history.certificates.add(block.certificate)
        if block.proposer:
            if self.state is not None and block.proposer not in self.proposers:
                told: dict[str, Value] = {"case": "no-validator", "member": block.proposer}
                self._wrong("block.proposer", frame, told)
        elif self.log_key is None:
            self._wrong("block.proposer", frame, {"case": "nobody"})

    def _checkpoint(self, frame: Frame) -> None:
        self.history.sealed = True
        if self.last_kind != BLOCK:
            self._wrong("checkpoint.place", frame)
        try:
            if self.log_key is None:
                raise malformed("a checkpoint", "the ledger has no log key")
            note = frame.body.decode()
            checkpoint = open_checkpoint(note, origin_of(self.history.identity), self.log_key)
        except (FormatError, UnicodeDecodeError) as error:
            why = error.why if isinstance(error, FormatError) else str(error)
            self._wrong("checkpoint.invalid", frame, {"case": "note", "why": why})
            return
        found = (self.frontier.size, self.frontier.root(), self.last_block)
        if (checkpoint.size, checkpoint.root, checkpoint.extension) != found:
            self._wrong("checkpoint.mismatch", frame)
        if note.count("\n\n") != 1 or note.count("\n") != 6:
            self._wrong("checkpoint.invalid", frame, {"case": "more"})

    def _stop(self, code: str, index: int, told: dict[str, Value]) -> None:
        _error(self.history, code, AboutEntry(index), told)
        self.state = None

    def _wrong(self, code: str, frame: Frame, told: dict[str, Value] | None = None) -> None:
        _error(self.history, code, AboutLedger(byte=frame.start), told)
