"""A whole consortium's ordering by a protocol on a simulated network.

Transactions enter at the validator behind which their signer is. What an honest validator decides
first is what the one application gets; blocks that are held and not final are executed and may be
undone. All validators' sequences are compared with it by digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from statistics import median

from collegium.consensus.machine import Block, Elects, Item
from collegium.consensus.simulator import Seat, Simulator
from collegium.devices.work import co2e
from collegium.errors import RunError
from collegium.ledger.application import AcceptedTransaction, Application, Outcome
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.engines.simnet.energy import MICRO, Fleet, JoulesSpent, hashes, idle_joules
from collegium.ledger.engines.simnet.figures import ConsensusFigures, Joules, commit_seconds
from collegium.ledger.engines.simnet.record import Committed, Entered, Line, Record
from collegium.ledger.engines.simnet.virtual_time import Effort, TimeSpent, Timing, no_effort
from collegium.ledger.engines.simnet.worth import worth_in
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import Conflict, EquivocationDetector
from collegium.ledger.ordering import Answer, Health, NotYet, Ordered, Refused
from collegium.ledger.state import State

PATIENCE = 600_000_000
"""Virtual microseconds without a block after which members' timers fire: for what is not ordered by
then, and for whoever is behind by then, nobody waits any longer."""

EVENTS = 2_000_000
"""Events after which it does, likewise."""

LONGEST_WAIT = 144 * PATIENCE
"""The same, after which a run ends: a day."""


class SimulatedOrdering:
    """It satisfies `ledger.ordering.Ordering` and `figures.Simulated`.

    Attributes:
        simulator: the validators on their network.
    """

    def __init__(
        self,
        application: Application,
        simulator: Simulator,
        names: tuple[str, str],
        behind: Mapping[str, int],
        validators: Sequence[str],
        keys: Mapping[bytes, str],
        authors: dict[bytes, str],
        worth: dict[int, tuple[int, ...]],
    ) -> None:
        """Take what was opened.

        Args:
            application: the one copy.
            simulator: the validators' machines.
            names: of protocol and network.
            behind: the number of the validator behind which each member is.
            validators: their ids, by number.
            keys: members by the id of their key.
            authors: where it is written who signed a transaction, for liars.
            worth: by which the machines elect; what decided blocks tell is added.
        """
        self.application, self.simulator = application, simulator
        self._names, self._behind, self._validators, self._keys = names, behind, validators, keys
        self._authors, self._worth, self._told_by = authors, worth, ""
        self._timing: Timing = no_effort
        self._time, self._joules = TimeSpent(), JoulesSpent()
        self._fleet: Fleet | None = None
        self._record: Record | None = None
        self._events = 0
        self._replayed = 0  # blocks to come that the ledger has already
        self._envelopes: dict[bytes, bytes] = {}
        self._entered: dict[bytes, tuple[int, Effort, str]] = {}
        self._answers: dict[bytes, Answer] = {}
        self._waiting: set[bytes] = set()
        self._held: list[tuple[Block, list[Outcome]]] = []  # executed, not committed
        self._decided_at: list[int] = []  # by height, from 1 on, when somebody decided it first
        self._heights = 0  # of decided blocks that are committed, or empty
        self._waits: list[float] = []
        self._waits_of: dict[str, list[float]] = {}
        self._news: list[AcceptedTransaction] = []
        self._last_block = 0
        self._kept: set[bytes] = set()  # digests of blocks with transactions
        self._witness = EquivocationDetector()
        self._conflicts: tuple[Conflict, ...] = ()

    def take_time(self, timing: Timing, fleet: Fleet) -> None:
        """From now on, transactions enter when their members have done what they need."""
        self._timing, self._fleet = timing, fleet

    @property
    def spent(self) -> TimeSpent:
        """Where virtual time went so far."""
        return self._time.copy()

    @property
    def joules(self) -> JoulesSpent:
        """Where joules went so far, beyond waiting."""
        if self._fleet is None:
            return replace(self._joules)
        return self._joules.with_consensus(
            self.simulator, self._fleet, len(self._waits), len(self._kept), self._time.total
        )

    @property
    def final_size(self) -> int:
        """Number of entries that are final."""
        return self.application.size if not self._held else self._size

    _size = 0

    def state_of(self, member: str) -> State | None:
        """Return the state, unless a block is not final or the member's validator has less."""
        if self.application.uncommitted or self._seat(member).decided < self._heights:
            return None
        return self.application.state

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Let transactions enter, when their signers have done what they need for them."""
        answers: list[Answer] = []
        for envelope in envelopes:
            digest = sha256(envelope).digest()
            answer = self._answers.get(digest)
            if isinstance(answer, Refused):
                del self._answers[digest]  # it may be tried again when the ledger has grown
            if answer is None and digest not in self._waiting:
                self._enter(digest, envelope)
            answers.append(answer or self._not_yet(digest))
        return answers

    def step(self, wait: float) -> list[AcceptedTransaction]:
        """Let virtual time pass up to the next block, or until all have what is decided."""
        if self._waiting or any(seat.decided < self._heights for seat in self._living):
            self._pass_time()
            if self._waiting:
                oldest = min(self._entered[one][0] for one in self._waiting)
                if self.simulator.now - max(self._last_block, oldest) > LONGEST_WAIT:
                    raise self._stalled()
        news, self._news = self._news, []
        return news

    def due(self) -> Sequence[bytes]:
        """Return nothing: a protocol's own words are not in the ledger."""
        return ()

    def conflicts(self) -> Sequence[Conflict]:
        """Return equivocations that are not on record."""
        return self._conflicts

    def health(self) -> Health:
        """Return the validators that have decided all that is final."""
        level = [seat.setting.me for seat in self._living if seat.decided >= self._heights]
        return Health(certified=tuple(self._validators[one] for one in level))

    def check(self) -> bool:
        """Nobody else has the file, so that it could be mended."""
        return True

    def close(self, *, complete: bool = False) -> None:
        """Release everything; what a complete run would go on from is no longer kept."""
        while self.application.uncommitted:
            self.application.undo()
        if self._record is not None:
            self._record.close(complete=complete)
        self.application.close()

    def go_on(self, record: Record, lines: Sequence[Line]) -> None:
        """Simulate again what was recorded, and record from now on.

        Args:
            record: where.
            lines: up to the last block that the application has.
        """
        self._record = record
        self._replayed = sum(isinstance(line, Committed) for line in lines)
        for line in lines:
            while self._events < line.events:
                before = self.simulator.changes
                self._next()
                if self.simulator.changes != before:
                    self._follow()
            if isinstance(line, Entered):
                digest = sha256(line.envelope).digest()
                opened = decode_envelope(line.envelope)
                member = self._keys.get(opened.key_id, self._validators[0])
                self._take(digest, line.envelope, line.validator, line.effort, line.size, member)
            elif line.worth:
                self._worth[line.height], self._told_by = line.worth, line.told_by

    def figures(self) -> ConsensusFigures:
        """Return what consensus cost so far."""
        counted = self.simulator.counted
        own = sum(counted.messages.get(one, 0) for one in self._kept)
        joules, fleet, elapsed = None, self._fleet, self._time.total
        if fleet is not None:
            joules = Joules(self.joules.total / MICRO, idle_joules(fleet, elapsed))
        return ConsensusFigures(
            joules=joules,
            co2e_g=None if joules is None or fleet is None
            else co2e(joules.marginal + joules.idle, fleet.grid),
            hashes=None if fleet is None else hashes(self.simulator, fleet, elapsed),
            protocol=self._names[0], network=self._names[1], validators=len(self._validators),
            commits=len(self._kept), messages=own,
            other_messages=sum(counted.messages.values()) - own,
            bytes=sum(counted.bytes.values()),
            seconds_a_commit=commit_seconds(self._waits or [0.0]),
            virtual_seconds=self._time.total / 1e6, forks=self.simulator.retracted,
            view_changes=self.simulator.view_changes,
            scores=self._elected_by(),
            seconds_by_member={
                name: median(found) for name, found in sorted(self._waits_of.items())
            },
            named={
                self._validators[who]: f"{kind} of height {height}, view {view}"
                for who, (kind, height, view) in self.simulator.equivocators().items()
            },
        )  # fmt: skip

    def _elected_by(self) -> str | None:
        if not isinstance(self.simulator.protocol, Elects):
            return None
        return self._told_by or "seed"

    @property
    def gone(self) -> frozenset[str]:
        """Members whose validator has been behind for longer than timers last."""
        late = {
            seat.setting.me for seat in self.simulator.seats
            if seat.decided < self._heights
            and self.simulator.now - self._decided_at[seat.decided] >= PATIENCE
        }  # fmt: skip
        return frozenset(name for name in self._behind if self._seat(name).setting.me in late)

    # In.

    @property
    def _living(self) -> list[Seat]:
        return [seat for seat in self.simulator.honest if seat.alive]

    def _seat(self, member: str) -> Seat:
        """Return whose validator a member asks: its own, or the next honest one that runs."""
        seats, own = self.simulator.seats, self._behind[member]
        order = (seats[(own + further) % len(seats)] for further in range(len(seats)))
        return next((seat for seat in order if seat.alive and not seat.lies), seats[own])

    def _not_yet(self, digest: bytes) -> NotYet:
        entered = self._entered[digest][0]
        if self.simulator.now - entered < PATIENCE:
            return NotYet()
        return NotYet("late", "no block has it, and others have timers")

    def _enter(self, digest: bytes, envelope: bytes) -> None:
        opened = decode_envelope(envelope)
        member = self._keys.get(opened.key_id, self._validators[0])
        effort = self._timing(member, decode_transaction(opened.payload))
        size = len(envelope) + effort.payload
        validator = self._seat(member).setting.me
        if self._record is not None:
            line = Entered(self._events, validator, effort, envelope, size)
            self._record.entered(line)
        self._take(digest, envelope, validator, effort, size, member)

    def _take(
        self,
        digest: bytes,
        envelope: bytes,
        validator: int,
        effort: Effort,
        size: int,
        member: str,
    ) -> None:
        enters = self.simulator.now + effort.total
        self._joules.add(effort)
        self._waiting.add(digest)
        self._authors[digest] = member
        self._envelopes[digest] = envelope
        self._entered[digest] = enters, effort, member
        self.simulator.enter(validator, [Item(digest, size)], enters)

    # Time.

    def _next(self) -> None:
        self.simulator.step()
        self._events += 1

    def _pass_time(self) -> None:
        until, events = self.simulator.now + PATIENCE, self._events + EVENTS
        size = self.application.size, self.application.uncommitted
        while self.simulator.now < until and self._events < events and self.simulator.pending:
            before = self.simulator.changes
            self._next()
            if self.simulator.changes == before:
                continue
            self._follow()
            if (self.application.size, self.application.uncommitted) != size:
                return
            if not self._waiting and all(one.decided >= self._heights for one in self._living):
                return

    # Out.

    def _follow(self) -> None:
        """Have the application do what the validators hold now."""
        simulator = self.simulator
        if simulator.violations:
            raise self._split()
        decided = simulator.first_decided
        longest = max(simulator.honest, key=lambda one: (len(one.chain), -one.setting.me))
        chain = [*decided, *longest.chain[len(decided) :]]
        wanted = [block for block in chain[self._heights :] if block.items]
        at = 0
        while at < min(len(self._held), len(wanted)) and self._held[at][0] == wanted[at]:
            at += 1
        for _ in range(len(self._held) - at):
            if not self._replayed:
                self.application.undo()
            self._held.pop()
        for block in wanted[at:]:
            self._held.append((block, [] if self._replayed else self._execute(block)))
        for block in decided[self._heights :]:
            self._heights += 1
            self._decided_at.append(simulator.now)
            if block.items:
                self._commit(block, *self._held.pop(0))

    def _execute(self, block: Block) -> list[Outcome]:
        if not self.application.uncommitted:
            self._size = self.application.size
        batch = [self._envelopes[one.digest] for one in block.items]
        outcomes, _ = self.application.execute(
            batch, proposer=self._validators[block.proposer], whole=True, undoable=True
        )
        return outcomes

    def _commit(self, block: Block, held: Block, outcomes: Sequence[Outcome]) -> None:
        now = self._last_block = self.simulator.now
        self._kept.add(block.digest)
        last = max((self._entered[one.digest] for one in block.items), key=lambda one: one[0])
        self._time.add(now, last[0], last[1])
        digests = [one.digest for one in block.items]
        for one in digests:
            entered, _, member = self._entered[one]
            self._waits.append((now - entered) / 1e6)
            self._waits_of.setdefault(member, []).append((now - entered) / 1e6)
        if self._replayed:
            self._replayed -= 1
            if not self._replayed:
                # The ledger ends here: what is held beyond has not been executed yet.
                self._held = [(one, self._execute(one)) for one, _ in self._held]
        else:
            worth, told_by = worth_in(outcomes, self._validators)
            if worth:
                self._worth[block.height], self._told_by = worth, told_by
            if self._record is not None:
                self._record.committed(Committed(self._events, block.height, worth, told_by))
            self.application.commit()
            self.application.sync()
            batch = [self._envelopes[one] for one in digests]
            self._conflicts = self._witness.watch(batch, outcomes)
            for digest, outcome in zip(digests, outcomes, strict=True):
                if isinstance(outcome, Rejected):
                    self._answers[digest] = Refused(outcome.code, outcome.reason)
                else:
                    self._answers[digest] = Ordered(outcome.index)
                    self._news.append(outcome)
        for digest in digests:
            self._waiting.discard(digest)
            del self._envelopes[digest]

    def _stalled(self) -> RunError:
        members = sorted({self._entered[one][2] for one in self._waiting})
        hours = LONGEST_WAIT // 3_600_000_000
        return RunError(
            "run.no-order",
            f"{self._names[0]} has ordered nothing for {hours} virtual hours",
            f"transactions of {', '.join(members)} wait; more validators lie, fail or are cut off"
            " than the protocol bears",
            "choose fewer adversaries, shorter faults, or a protocol that bears more; "
            "`collegium list consensus` says how many",
        )  # fmt: skip

    def _split(self) -> RunError:
        first = self.simulator.violations[0]
        who = ", ".join(self._validators[one] for one in first.validators)
        return RunError(
            "run.split",
            f"{self._names[0]} came to no one order: {first.what} at height {first.height}",
            f"{who} holds another block than whoever was first; more validators lie or fail than "
            "the protocol bears",
            "choose fewer adversaries, or a protocol that bears more; `collegium list consensus`"
            " says how many",
        )  # fmt: skip
