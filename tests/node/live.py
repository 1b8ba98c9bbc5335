"""Nodes' loops around one sequencer, each in a thread: what ``node start`` runs, without TLS.

Stopping a loop and starting it anew on its home is what a restart of the process is; the sequencer
can be taken away and put back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event, Lock, Thread
from time import monotonic, sleep

from tests.node.kit import found

from collegium.canonical import from_text
from collegium.data.site_table import PERSON
from collegium.errors import RunError
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import InProcessBlobs, MemberBlobs
from collegium.federation.outbox import Outbox
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.members import active_member
from collegium.ledger.engines.log.connection import Connection
from collegium.ledger.engines.log.delivery import MemberPosition, Promised
from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.engines.log.mempool import Submission
from collegium.ledger.engines.log.replica import open_replica
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.engines.log.witness import begin_cosigning
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import Conflict
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import KEY_SIZE, signing_key
from collegium.ledger.ordering import LEDGER, Answer, NotYet
from collegium.node.blob_limit import Kind
from collegium.node.blob_replication import BlobReplicator
from collegium.node.config import DataSource
from collegium.node.conflicts import Conflicts
from collegium.node.enrolment import MemberContext
from collegium.node.home import BLOBS, OUTBOX, read_keys
from collegium.node.loop import Loop
from collegium.node.mailbox import Mailbox
from collegium.node.operator_commands import OperatorCommands
from collegium.node.participants import Participants
from collegium.node.policy_file import PolicyFile
from collegium.node.proposals import Proposals
from collegium.node.reporter import Reporter
from collegium.node.room import Room
from collegium.node.scrubbing import Scrubber
from collegium.node.sender import Sender
from collegium.node.status import NodeStatus
from collegium.node.timers import OnlineClock, Timers
from collegium.storage.address import open_store
from collegium.storage.store import LARGEST
from collegium.transport.member import Member

LOG_KEY = signing_key(bytes(32))
PHASE, PATIENCE = 60.0, 600.0

_TURN = Lock()


@dataclass
class Desk:
    """Where the sequencer is reached, and waited for."""

    changed: Condition = field(default_factory=Condition)
    sequencer: Sequencer | None = None
    silenced: frozenset[bytes] = frozenset()
    """Ids of keys: whatever they signed is answered "waiting" for ever, and nothing is promised."""

    def ask(self, question: Callable[[Sequencer], object | None], wait: float) -> object | None:
        """Ask until there is an answer other than None, or the time is over."""
        until = monotonic() + wait
        with self.changed:
            while True:
                if self.sequencer is None:
                    raise RunError("transport.unreachable", "nobody", "answers", "wait")
                found = question(self.sequencer)
                left = until - monotonic()
                if found is not None or left <= 0:
                    return found
                self.changed.wait(left)

    def told(self) -> None:
        with self.changed:
            self.changed.notify_all()


@dataclass(frozen=True)
class Line:
    """A member's connection to the desk; it satisfies `Connection`."""

    member: str
    desk: Desk

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        silenced = self.desk.silenced
        others = [one for one in envelopes if decode_envelope(one).key_id not in silenced]
        answers = dict(zip(others, self._submit(others), strict=True)) if others else {}
        return [answers.get(one, NotYet()) for one in envelopes]

    def _submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        kept: list[Submission] = []

        def decided(sequencer: Sequencer) -> list[Answer] | None:
            if not kept:
                kept.append(sequencer.submit(self.member, envelopes))
            return kept[0].answers() if kept[0].decided else None

        self.desk.ask(decided, 1.0)
        answers: list[Answer] = kept[0].answers()
        return answers

    def blocks(self, size: int, wait: float) -> bytes | None:
        return self.desk.ask(lambda one: one.blocks(self.member, size), wait)  # type: ignore[return-value]

    def cosign(self, line: str, size: int) -> None:
        self.desk.ask(lambda one: one.cosign(self.member, line, size), 0)

    def final(self, size: int, wait: float) -> str | None:
        return self.desk.ask(lambda one: one.final(self.member, size), wait)  # type: ignore[return-value]

    def conflicts(self) -> list[Conflict]:
        return self.desk.ask(lambda one: one.conflicts(self.member), 0)  # type: ignore[return-value]

    def demand(self, demanded: Sequence[Promised]) -> list[Promised]:
        if self.desk.silenced:
            return []
        return self.desk.ask(lambda one: one.demand(self.member, demanded), 0)  # type: ignore[return-value]

    def present(self, standing: MemberPosition) -> int | None:
        return self.desk.ask(lambda one: one.present(self.member, standing), 0)  # type: ignore[return-value]

    def restore(self, size: int, blocks: bytes) -> int | None:
        return self.desk.ask(lambda one: one.restore(self.member, size, blocks), 0)  # type: ignore[return-value]


@dataclass(frozen=True)
class OneAtATime:
    """A member's blobs in a folder that several threads write to; it satisfies `Blobs`."""

    view: MemberBlobs
    turn: Lock

    def publish(self, data: bytes, *, sync: bool = True, name: bytes | None = None) -> bytes:
        with self.turn:
            return self.view.publish(data, sync=sync, name=name)

    def fetch(self, digest: bytes) -> bytes | None:
        with self.turn:
            return self.view.fetch(digest)

    def fetch_all(self, digests: Sequence[bytes]) -> list[bytes | None]:
        with self.turn:
            return self.view.fetch_all(digests)


class Nothing:
    """Blobs of which none is missing; it satisfies `Kept` and `Scrubbed`."""

    def holds(self, digest: bytes) -> bool:
        return True

    def fetch(self, digest: bytes, most: int) -> bytes | None:
        raise NotImplementedError

    def check(self, digest: bytes) -> bool:
        return True

    def offer(self, digest: bytes, most: int) -> None:
        """It is there."""

    def catch_up(self) -> None:
        """Nothing waits."""

    def ask_again(self) -> None:
        """It never rests."""

    def forget(self, digests: Collection[bytes]) -> None:
        raise NotImplementedError


class LiveNode:
    """One member's loop on its home, in a thread."""

    def __init__(
        self, folder: Path, genesis: Genesis, member: str, desk: Desk, exchange: InProcessBlobs,
        line: Connection | None = None,
    ):  # fmt: skip
        home = folder / member
        keys = read_keys(home, lambda: None)
        self.warnings: list[str] = []
        self._stopped = Event()
        self._opened = ExitStack()
        line = line or Line(member, desk)
        outbox = self._opened.enter_context(closing(Outbox(home / OUTBOX)))
        replica = open_replica(home, genesis, member, keys.of, line, self.warnings.append)
        ordering = Member(replica, line)
        self._opened.callback(ordering.close)
        blobs = OneAtATime(exchange.view(member), _TURN)

        def acting() -> MemberContext | None:
            record = active_member(replica.state, member)
            assert record is not None
            identity = keys.identity(member, replica.identity, from_text(record.key, KEY_SIZE))
            assert identity is not None
            source = DataSource(csv="rows.csv", person=PERSON)
            return MemberContext(
                identity, home, source, lambda _: blobs, outbox, lambda: replica.state, keys.of
            )

        clock = OnlineClock(monotonic)
        timers = Timers(PHASE, PATIENCE, clock.now)
        sender, handing_on = (
            self._opened.enter_context(closing(Sender(ordering))) for _ in range(2)
        )
        letters = open_store((folder / "store").as_uri(), print).letters("letters/town")
        others = [one.id for one in genesis.members if one.id != member]
        mailbox = self._opened.enter_context(
            closing(Mailbox(member, letters, ordering, handing_on, lambda: others))
        )
        participants = Participants(
            acting, timers, Proposals(home), monotonic, lambda: mailbox.held_up
        )
        (home / BLOBS).mkdir(exist_ok=True)
        room = Room(home / BLOBS, 1.0, monotonic)
        replicator = BlobReplicator(
            home / LEDGER, Nothing(), updates=lambda: True, most=_any, room=room
        )
        scrubber = Scrubber(
            home / LEDGER, Nothing(), replicator.named, replicator.want, _any, 60.0, monotonic
        )
        self._reporter = Reporter(member, replica.identity, room, outbox, lambda: None)
        orders = OperatorCommands(home, lambda: _identity(acting()), lambda: replica.state, keys.of)
        conflicts = Conflicts(
            ordering.conflicts, lambda: _identity(acting()), lambda: replica.state, monotonic
        )
        self.loop = Loop(
            member, ordering, sender, participants, PolicyFile(home), replicator, scrubber, orders,
            conflicts, mailbox, clock, self._reporter.look_at,
        )  # fmt: skip
        self._thread = Thread(target=self.loop.run, args=(self._stopped,), daemon=True)
        self._thread.start()

    @property
    def status(self) -> NodeStatus:
        return self._reporter.status()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def ask_to_stop(self) -> None:
        self._stopped.set()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._opened.close()


def _any(study: str, kind: Kind) -> int:
    return LARGEST


def _identity(acting: MemberContext | None) -> Identity | None:
    return None if acting is None else acting.identity


@dataclass
class Live:
    """A consortium whose nodes run."""

    folder: Path
    genesis: Genesis
    desk: Desk
    exchange: InProcessBlobs
    nodes: dict[str, LiveNode] = field(default_factory=dict)

    def start(self, member: str, line: Connection | None = None) -> LiveNode:
        self.nodes[member] = LiveNode(
            self.folder, self.genesis, member, self.desk, self.exchange, line
        )
        return self.nodes[member]

    def open_desk(self) -> None:
        home = self.folder / f"sequencer of {self.genesis.chain}"
        home.mkdir(exist_ok=True)
        copy = open_log_copy(home, self.genesis, print)
        with self.desk.changed:
            self.desk.sequencer = Sequencer(copy, LOG_KEY, self.desk.told, lambda *_, **__: None)
        self.desk.told()

    def close_desk(self) -> None:
        with self.desk.changed:
            if self.desk.sequencer is not None:
                self.desk.sequencer.close()
            self.desk.sequencer = None
        self.desk.told()

    def until(self, there: Callable[[NodeStatus], bool], seconds: float = 60.0) -> None:
        """Wait until every node's status is what a test wants."""
        end = monotonic() + seconds
        while not all(there(node.status) for node in self.nodes.values()):
            assert all(node.alive for node in self.nodes.values())
            assert monotonic() < end, [node.status for node in self.nodes.values()]
            sleep(0.01)


def rounds(status: NodeStatus) -> int:
    """How many rounds a member knows as closed."""
    return status.studies[0].closed_rounds if status.studies else 0


def is_closed(status: NodeStatus) -> bool:
    """Whether a member knows the study as closed."""
    return bool(status.studies) and status.studies[0].phase == "closed"


@contextmanager
def live(folder: Path, succeeding: Genesis | None = None) -> Iterator[Live]:
    """Four hospitals whose nodes run; their policies allow no study yet.

    Those who follow a successor's genesis have their homes already.
    """
    genesis = succeeding or found(folder, LOG_KEY)
    if succeeding is None:
        for member in genesis.members:
            begin_cosigning(folder / member.id)
    within = Live(folder, genesis, Desk(), InProcessBlobs(BlobFolder(folder / "shared")))
    within.open_desk()
    try:
        for member in genesis.members:
            within.start(member.id)
        yield within
    finally:
        for node in within.nodes.values():
            node.ask_to_stop()
        for node in within.nodes.values():
            node.stop()
        within.close_desk()
