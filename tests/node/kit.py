"""Members' participants as nodes have them, over one ledger in this process and a clock by hand.

What orders and transports is left out: `tests/network` has it in real processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from collegium.canonical import from_text, to_text
from collegium.data.site_table import PERSON, site_table
from collegium.federation.in_process_blobs import InProcessBlobs
from collegium.federation.outbox import Outbox
from collegium.federation.view import StudyView
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.declared import admitted_modules
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.engines.solo import SoloOrdering, open_solo
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.genesis import (
    CONTRACT_VERSION,
    FORMAT_VERSION,
    Genesis,
    Member,
)
from collegium.ledger.keys import KEY_SIZE, SigningKey, signing_key
from collegium.ledger.ordering import Ordered, Refused
from collegium.network.plan import planned, roles_of, rows_by_site
from collegium.node.config import DataSource
from collegium.node.enrolment import MemberContext
from collegium.node.home import init_home, new_member, read_keys
from collegium.node.participants import Participants
from collegium.node.policy import Policy
from collegium.node.proposals import Proposals
from collegium.node.templates import config_text, policy_text
from collegium.node.timers import Timers

PHASE, PATIENCE = 10.0, 1000.0
OPEN = Policy(studies=("*",), plain_updates=True, scores=True)
ROWS = DataSource(csv="rows.csv", person=PERSON)
QUICK = ("training.rounds=2", "evaluation.bootstrap=0")


@dataclass
class Clock:
    """Seconds that a test moves, and the studies that nobody is late in."""

    now: float = 0.0
    held_up: frozenset[str] = frozenset()

    def __call__(self) -> float:
        return self.now


@dataclass
class Town:
    """Four hospitals with a ledger."""

    folder: Path
    genesis: Genesis
    engine: SoloOrdering
    clock: Clock
    members: dict[str, Participants]
    policies: dict[str, Policy]
    exchange: InProcessBlobs
    acting: dict[str, MemberContext]
    rejected: Counter[str] = field(default_factory=Counter)
    said: list[bytes] = field(default_factory=list)

    def home(self, member: str) -> Path:
        return self.folder / member

    def view(self, study: str = "heart") -> StudyView:
        return StudyView(self.engine.application.state, study)

    def restarted(self, member: str) -> Participants:
        """Return who acts for a member whose process begins anew."""
        return _participants(self.acting[member], self.clock)

    def keep_updates_for(self, member: str, seconds: float | None) -> None:
        acting = replace(self.acting[member], retention=seconds)
        self.acting[member] = acting
        self.members[member] = self.restarted(member)

    def propose(self, text: str, owner: str = "cleveland", name: str = "heart.toml") -> None:
        (self.home(owner) / "studies" / name).write_text(text)

    def turn(self, *silent: str) -> int:
        """Ask everybody once who is not silent; return how many transactions were accepted.

        Nobody says anything for another ledger than this one.
        """
        due = [
            envelope
            for name, participants in self.members.items()
            if name not in silent
            for envelope in participants.due(self.policies[name])
        ]
        for envelope in due:
            said = decode_transaction(decode_envelope(envelope).payload)
            assert said.genesis == to_text(self.engine.application.identity), said
            self.said.append(envelope)
        outcomes = self.engine.submit(due)
        self.rejected.update(one.code for one in outcomes if isinstance(one, Refused))
        return sum(isinstance(one, Ordered) for one in outcomes)

    def until(
        self, there: Callable[[StudyView], bool], *silent: str, seconds: float = 0.0,
        study: str = "heart",
    ) -> StudyView:  # fmt: skip
        """Go on until a study is where a test wants it, a second a turn while nothing comes."""
        for _ in range(500):
            view = self.view(study)
            if there(view):
                return view
            if not self.turn(*silent):
                self.clock.now += 1.0
                seconds -= 1.0
                assert seconds > -1.0, f"the study rests in {view.phase!r}"
        raise AssertionError("the study never came there")


def closed(view: StudyView) -> bool:
    """Whether a study is closed."""
    return view.phase == "closed"


def document(*changes: str) -> str:
    """The text of a study for the town."""
    return planned("heart", None, [*QUICK, *changes]).read.text


def found(folder: Path, log_key: SigningKey) -> Genesis:
    """Make the homes of four hospitals below a folder, each with its own rows as a file."""
    prepared = planned("heart", None, QUICK)
    schema = prepared.dataset.schema
    cards: list[Member] = []
    for name, rows in rows_by_site(prepared).items():
        settings = {"node.toml": config_text(name), "policy.toml": policy_text()}
        member = new_member(name, name.title(), roles_of(prepared, name))
        cards.append(init_home(folder / name, member, settings, None))
        (folder / name / "rows.csv").write_text(site_table(schema, rows))
    return Genesis(
        "town", CONTRACT_VERSION, FORMAT_VERSION, "held",
        tuple(sorted(cards, key=lambda card: card.id)), admitted_modules(),
        to_text(log_key.public), 3,
    )  # fmt: skip


@contextmanager
def town(
    folder: Path,
    policies: Mapping[str, Policy] | None = None,
    succeeding: Genesis | None = None,
    source: DataSource = ROWS,
) -> Iterator[Town]:
    """Four hospitals that have met, and nothing registered.

    Under a successor's genesis they have been here before: their homes are as they left them.
    """
    log_key = signing_key(bytes(32))
    genesis = succeeding or found(folder, log_key)
    clock = Clock()
    with ExitStack() as held:
        ledger = folder / ("ledger.log" if succeeding is None else "successor.log")
        engine = open_solo(ledger, genesis, log_key, print)
        held.callback(engine.close, complete=False)
        exchange = InProcessBlobs(BlobFolder(folder / "blobs"))
        members, acting = {}, {}
        for card in genesis.members:
            outbox = Outbox(folder / card.id / "outbox")
            held.callback(outbox.close)
            home = folder / card.id
            acting[card.id] = _acting(home, card, engine, exchange, outbox, source)
            members[card.id] = _participants(acting[card.id], clock)
        allowed = dict.fromkeys(members, OPEN) | dict(policies or {})
        yield Town(folder, genesis, engine, clock, members, allowed, exchange, acting)


def _acting(
    home: Path, card: Member, engine: SoloOrdering, exchange: InProcessBlobs, outbox: Outbox,
    source: DataSource,
) -> MemberContext:  # fmt: skip
    keys = read_keys(home, lambda: None)
    identity = keys.identity(card.id, engine.application.identity, from_text(card.key, KEY_SIZE))
    assert identity is not None
    return MemberContext(
        identity=identity, home=home, source=source,
        blobs=lambda _: exchange.view(card.id), outbox=outbox,
        state=lambda: engine.application.state, key_of=keys.of,
    )  # fmt: skip


def _participants(acting: MemberContext, clock: Clock) -> Participants:
    timers = Timers(PHASE, PATIENCE, clock)
    return Participants(
        lambda: acting, timers, Proposals(acting.home), clock, lambda: clock.held_up
    )
