"""Running a member's node: everything is put together here, and taken apart when it stops."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import collegium
from collegium.canonical import from_text
from collegium.errors import CollegiumError, NodeError
from collegium.federation.identity import Identity
from collegium.federation.outbox import Outbox
from collegium.ledger.contract.members import active_member, active_members
from collegium.ledger.genesis import Genesis
from collegium.ledger.keyfile import AskPassphrase
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.ordering import LEDGER, Corresponds, Joining, Ordering
from collegium.ledger.state import State
from collegium.node.blob_limit import Kind, StudyBlobs, largest_in
from collegium.node.blob_replication import BlobReplicator
from collegium.node.config import Config, engine_of, order_of, read_config
from collegium.node.conflicts import Conflicts
from collegium.node.enrolment import MemberContext
from collegium.node.home import BLOBS, OUTBOX, held, read_genesis
from collegium.node.keyring import KeyRing
from collegium.node.loop import Loop
from collegium.node.mailbox import Mailbox
from collegium.node.operator_commands import OperatorCommands
from collegium.node.participants import Participants
from collegium.node.policy_file import PolicyFile
from collegium.node.proposals import Proposals
from collegium.node.registration_checks import in_a_line
from collegium.node.reporter import Reporter
from collegium.node.room import Room
from collegium.node.scrubbing import Scrubber
from collegium.node.sender import Sender
from collegium.node.shared_blobs import open_blobs
from collegium.node.status_page import StatusPage
from collegium.node.structured_log import journal
from collegium.node.timers import OnlineClock, Timers
from collegium.signals import heeded
from collegium.storage.cached import CachedBlobs

SECONDS_A_DAY = 86400.0

log = logging.getLogger(__name__)


def run_node(home: Path, ask: AskPassphrase) -> None:
    """Run the node of a home until SIGTERM or SIGINT, which end it between two steps.

    Args:
        home: the member's home.
        ask: asks for the passphrase of its keys, where they have one.

    Raises:
        CollegiumError: the home is not complete, or in use.
    """
    with _told_to_stop() as stopped:
        serve_node(home, ask, stopped)


def serve_node(home: Path, ask: AskPassphrase, stopped: Event) -> None:
    """Run the node of a home until `stopped` is set; see `run_node`.

    Raises:
        CollegiumError: the home is not complete, or in use.
    """
    home = home.resolve()
    with held(home):
        config = read_config(home)
        genesis, digest = read_genesis(home)
        keys = KeyRing(home, ask)
        with journal(home, config.node.log_level):
            about = {"member": config.node.member, "version": collegium.__version__}
            log.info("node started", extra=about)
            try:
                _run(home, config, genesis, digest, keys, stopped)
            except CollegiumError as error:
                log.error("node failed", extra={"why": in_a_line(error)})
                raise
            except Exception:
                log.exception("node failed")
                raise
            log.info("node stopped")


def _run(
    home: Path, config: Config, genesis: Genesis, digest: bytes, keys: KeyRing, stopped: Event
) -> None:
    member = config.node.member
    with ExitStack() as opened:
        outbox = opened.enter_context(closing(Outbox(home / OUTBOX)))
        joining = Joining(home, genesis, member, keys.of, order_of(config), _warn)
        ordering, store = engine_of(config).join(joining)
        opened.callback(ordering.close)
        shared = open_blobs(home, config.blobs.store, store, _store_fails)
        room = Room(home / BLOBS, config.home.quota, monotonic)
        clock = OnlineClock(monotonic)
        acting = _acting(home, config, digest, keys, ordering, shared.blobs, room, outbox)

        def state() -> State:
            return ordering.application.state

        def most(study: str, kind: Kind) -> int:
            return largest_in(state(), study, kind)

        def others() -> list[str]:
            """Whoever is no validator binds nobody, so that it need not look."""
            people = sorted(active_members(state()) - {member})
            return people if _validates(state(), member) else []

        def identity() -> Identity | None:
            now = acting()
            return None if now is None else now.identity

        sender = opened.enter_context(closing(Sender(ordering)))
        mailbox, silencing = None, None
        if isinstance(ordering, Corresponds):
            letters = shared.letters(digest)
            silencing = ordering.silencing(letters=letters is not None)
            if letters is not None and silencing is None:
                handing_on = opened.enter_context(closing(Sender(ordering)))
                mailbox = opened.enter_context(
                    closing(Mailbox(member, letters, ordering, handing_on, others))
                )
        participants = Participants(
            acting,
            Timers(config.timers.phase, config.timers.patience, clock.now),
            Proposals(home),
            monotonic,
            lambda: frozenset() if mailbox is None else mailbox.held_up,
        )
        policy = PolicyFile(home)
        reporter = Reporter(member, digest, room, outbox, lambda: shared.blobs.trouble, silencing)
        replicator = BlobReplicator(
            home / LEDGER, shared, updates=lambda: _validates(state(), member), most=most, room=room
        )
        scrubber = Scrubber(
            home / LEDGER, shared, replicator.named, replicator.want, most, config.timers.scrub,
            monotonic,
        )  # fmt: skip
        orders = OperatorCommands(home, identity, state, keys.of)
        conflicts = Conflicts(ordering.conflicts, identity, state, monotonic)
        loop = Loop(
            member, ordering, sender, participants, policy, replicator, scrubber, orders, conflicts,
            mailbox, clock, reporter.look_at,
        )  # fmt: skip
        page = opened.enter_context(closing(StatusPage(home, config.status.port, reporter.status)))
        log.info("status served", extra={"port": page.port})
        loop.run(stopped)


def _acting(
    home: Path, config: Config, genesis: bytes, keys: KeyRing, ordering: Ordering,
    blobs: CachedBlobs, room: Room, outbox: Outbox,
) -> Callable[[], MemberContext | None]:  # fmt: skip
    """Return what participants act with: nothing while the ledger names no key of this home."""
    member = config.node.member

    def state() -> State:
        return ordering.application.state

    def no_room(document: bytes) -> str | None:
        return None if room.left or blobs.folder.get(document) is not None else room.trouble

    def acting() -> MemberContext | None:
        record = active_member(state(), member)
        if record is None:
            return None
        identity = keys.identity(member, genesis, from_text(record.key, KEY_SIZE))
        if identity is None:
            raise NodeError(
                "node.key", f"this home does not hold the ledger key of {member}",
                "the ledger names another one", "restore keys/ from the home's backup",
            )  # fmt: skip
        days = config.blobs.retention
        return MemberContext(
            identity, home, config.data, lambda study: StudyBlobs(blobs, state, study), outbox,
            state, keys.of, None if days is None else days * SECONDS_A_DAY, config.node.engine,
            no_room,
        )  # fmt: skip

    return acting


def _validates(state: State, member: str) -> bool:
    record = active_member(state, member)
    return record is not None and "validator" in record.roles


@contextmanager
def _told_to_stop() -> Iterator[Event]:
    """Yield what SIGTERM and SIGINT set, unless they are ignored."""
    stopped = Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set())
        for number in heeded("SIGTERM", "SIGINT")
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _warn(message: str) -> None:
    log.warning("ledger warning", extra={"why": message})


def _store_fails(message: str) -> None:
    log.warning("blob store fails", extra={"why": message})
