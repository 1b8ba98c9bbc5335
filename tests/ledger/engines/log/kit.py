"""A consortium whose members and sequencer are objects in one process, each with files of its own.

Killing is dropping the object: the files stay as they are, and nothing more is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.ledger.contract.kit import World, envelope, four_equals, key_of, payload
from tests.ledger.contract.moves import TERMS

from collegium.errors import CollegiumError
from collegium.ledger.application import AcceptedTransaction
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.engines.log.connection import Connection
from collegium.ledger.engines.log.delivery import MemberPosition, Promised
from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.engines.log.replica import Replica, open_replica
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.engines.log.witness import begin_cosigning
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.equivocation import Conflict
from collegium.ledger.keys import SigningKey
from collegium.ledger.ordering import Answer

LOG_KEY = key_of("*log")
MEMBERS = ("ada", "bo", "cy", "di")


class Down(CollegiumError):
    """The sequencer cannot be reached."""

    def __init__(self) -> None:
        super().__init__("transport.unreachable", "away", "", "")


@dataclass(slots=True)
class Wire:
    """A member's connection to whichever sequencer is put at its other end; it never waits.

    What comes back of blocks and final notes goes through `on_blocks` and `on_final`, so that a
    test can put a lie in its place.
    """

    member: str
    sequencer: Sequencer | None = None
    on_blocks: Callable[[bytes | None], bytes | None] = lambda data: data
    on_final: Callable[[str | None], str | None] = lambda note: note
    on_demand: Callable[[str, Sequence[Promised]], list[Promised]] | None = None

    @property
    def _end(self) -> Sequencer:
        if self.sequencer is None:
            raise Down
        return self.sequencer

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        return self._end.submit(self.member, envelopes).answers()

    def blocks(self, size: int, wait: float) -> bytes | None:
        return self.on_blocks(self._end.blocks(self.member, size))

    def cosign(self, line: str, size: int) -> None:
        self._end.cosign(self.member, line, size)

    def final(self, size: int, wait: float) -> str | None:
        return self.on_final(self._end.final(self.member, size))

    def conflicts(self) -> list[Conflict]:
        return self._end.conflicts(self.member)

    def demand(self, demanded: Sequence[Promised]) -> list[Promised]:
        answer = self._end.demand if self.on_demand is None else self.on_demand
        return answer(self.member, demanded)

    def present(self, standing: MemberPosition) -> int | None:
        return self._end.present(self.member, standing)

    def restore(self, size: int, blocks: bytes) -> int | None:
        return self._end.restore(self.member, size, blocks)


def nothing_changed() -> None:
    """Nobody waits in here."""


def tell_nobody(event: str, /, **facts: object) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Consortium:
    """Homes below a folder, the members' replicas, and what they said and were told."""

    folder: Path
    world: World
    wires: dict[str, Wire] = field(default_factory=dict)
    replicas: dict[str, Replica] = field(default_factory=dict)
    told: dict[str, list[AcceptedTransaction]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    sequencers: list[Sequencer] = field(default_factory=list)
    seconds: int = 1_700_000_000

    def home(self, name: str) -> Path:
        """Return a home, made if it is not there."""
        home = self.folder / name
        if not home.exists():
            home.mkdir(parents=True)
            begin_cosigning(home)
        return home

    def sequencer(self, name: str = "sequencer") -> Sequencer:
        """Start a sequencer on a home."""
        copy = open_log_copy(self.home(name), self.world.genesis, self.warnings.append)
        self.sequencers.append(Sequencer(copy, LOG_KEY, nothing_changed, tell_nobody))
        return self.sequencers[-1]

    def copied(self, home: str, to: str) -> Path:
        """Copy a home as it lies on the disk."""
        target = self.folder / to
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder / home, target)
        return target

    def key(self, public: bytes) -> SigningKey | None:
        """Return whichever member's key that is; each replica asks for its own only."""
        return next((key for key in self.world.keys.values() if key.public == public), None)

    def start(self, name: str, connection: Connection | None = None) -> Replica:
        """Start, or kill and start again, a member; it asks over its wire if nothing is given."""
        if name in self.replicas:
            self.replicas[name].copy.close()
        wire = self.wires.setdefault(name, Wire(name))
        self.replicas[name] = open_replica(
            self.home(name), self.world.genesis, name, self.key, connection or wire,
            self.warnings.append, seconds=lambda: self.seconds, clock=lambda: 0.0,
        )  # fmt: skip
        self.told.setdefault(name, [])
        return self.replicas[name]

    def connect(self, sequencer: Sequencer | None, names: Iterable[str] = MEMBERS) -> None:
        """Put a sequencer, or none, at the other end of members' connections."""
        for name in names:
            self.wires.setdefault(name, Wire(name)).sequencer = sequencer

    def step(self, names: Iterable[str] = MEMBERS, rounds: int = 4) -> None:
        """Let members step in turn."""
        for _ in range(rounds):
            for name in names:
                self.told[name] += self.replicas[name].step(0)

    def registration(self, study: str, who: str = "ada") -> bytes:
        """Return a transaction that registers a study: each of another id is acceptable."""
        return envelope(self.world, who, StudyRegister, **{**TERMS, "study": study})

    def settle(self, *studies: str) -> None:
        """Register studies, one after the other, each final at everybody."""
        for study in studies:
            self.wires["ada"].submit([self.registration(study)])
            self.step(list(self.replicas))

    def settled(self, name: str) -> bool:
        """Return whether all that a member holds is final."""
        return self.replicas[name].settled

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return what each member holds, and what of it is final."""
        return {name: (one.size, one.final_size) for name, one in self.replicas.items()}

    def final_bytes(self, name: str) -> bytes:
        """Return the blocks that are final at a member."""
        copy = self.replicas[name].copy
        return copy.read(0, copy.final_size, most=None)

    def lie_once(self, who: str, **hooks: Callable[[Any], Any]) -> list[AcceptedTransaction]:
        """Let a member take one step while its connection lies; see `Wire`."""
        wire = self.wires[who]
        before = {name: getattr(wire, name) for name in hooks}
        for name, hook in hooks.items():
            setattr(wire, name, hook)
        try:
            return self.replicas[who].step(0)
        finally:
            for name, hook in before.items():
                setattr(wire, name, hook)

    def close(self) -> None:
        """Release every file, as the end of a process would."""
        copies = [one.copy for one in self.sequencers]
        for copy in [*copies, *(one.copy for one in self.replicas.values())]:
            copy.close()

    def require_agreement(self) -> None:
        """Check that members' final logs are prefixes of each other."""
        logs = sorted((self.final_bytes(name) for name in self.replicas), key=len)
        for shorter, longer in pairwise(logs):
            assert longer.startswith(shorter), "two members hold different final histories"


def consortium(folder: Path, *, world: World | None = None, start: bool = True) -> Consortium:
    """Return four equal members, started and connected to a started sequencer unless not."""
    made = Consortium(folder, world or four_equals())
    if start:
        made.connect(made.sequencer())
        for name in MEMBERS:
            made.start(name)
        made.step()
    return made


def signed(world: World, key: SigningKey, kind: type[Any], **fields: Any) -> bytes:
    """Return a transaction signed by a key that need not be a member's."""
    return sign_envelope(payload(world, kind, **fields), key)
