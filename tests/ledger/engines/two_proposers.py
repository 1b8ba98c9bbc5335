"""An ordering that shows what the seam can carry: two proposers, forks, and no log key.

Of each block's height one proposer has the turn. At every third height the other one is heard
first: members execute its block, and undo it when the block comes whose turn it was. A block is
fixed before anybody executes it, so it keeps what the contract refuses; at every fourth height it
is empty. It is final when both proposers have signed it: the certificate ``both``.

Members hear each other through a `Medium`, as late as they look at it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from time import monotonic
from typing import Any

import msgspec

from collegium.audit.finality import Beside
from collegium.audit.findings import Finding
from collegium.audit.history import History
from collegium.audit.subjects import AboutFile, Value
from collegium.audit.trust import TrustRoot
from collegium.canonical import from_text, to_text
from collegium.errors import FormatError
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.declared import admitted_modules
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.equivocation import Conflict, EquivocationDetector
from collegium.ledger.final import NAME, write_final
from collegium.ledger.frames import CHECKPOINT, read_frames
from collegium.ledger.genesis import (
    CONTRACT_VERSION,
    FORMAT_VERSION,
    Genesis,
    Member,
    encode_genesis,
    genesis_digest,
)
from collegium.ledger.keys import KEY_SIZE, SIGNATURE_SIZE, SigningKey, key_id, signature_holds
from collegium.ledger.note import Checkpoint, origin_of
from collegium.ledger.opening import create_ledger
from collegium.ledger.ordering import (
    LEDGER,
    Answer,
    Ends,
    Health,
    Joining,
    NotYet,
    Ordered,
    Refused,
    Simulating,
)
from collegium.ledger.state import State
from collegium.storage.store import LARGEST

CERTIFICATE = "both"
FORKED, EMPTY = 3, 4
"""Every so many heights two blocks are proposed, or one that is empty."""


def proposers_of(genesis: Genesis) -> tuple[str, str]:
    """The first two validators."""
    first, second = [one.id for one in genesis.members if one.power][:2]
    return first, second


def signed_text(identity: bytes, size: int, root: bytes, block: bytes) -> bytes:
    return f"{identity.hex()} {size} {root.hex()} {block.hex()}".encode()


@dataclass
class Medium:
    """What members have said to each other."""

    changed: Condition = field(default_factory=Condition)
    waiting: dict[bytes, None] = field(default_factory=dict)
    proposed: dict[tuple[int, str], tuple[bytes, ...]] = field(default_factory=dict)
    signed: dict[tuple[int, str], bytes] = field(default_factory=dict)
    blobs: BlobFolder | None = None


class TwoProposers:
    """A member's side of it; it satisfies `Ordering`."""

    def __init__(
        self, member: str, application: Application, medium: Medium, key: SigningKey | None,
        patience: float,
    ) -> None:  # fmt: skip
        self.application, self.medium, self.member = application, medium, member
        self.final_size = self.height = self.undone = 0
        self.certificate = ""
        self._key, self._patience = key, patience
        self._proposers = proposers_of(application.genesis)
        self._witness = EquivocationDetector()
        self._executed: tuple[str, list[Any]] | None = None  # whose block, and its outcomes
        self._answers: dict[bytes, Answer] = {}

    def state_of(self, member: str) -> State | None:
        return None if self.application.uncommitted else self.application.state

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        until = monotonic() + self._patience
        with self.medium.changed:
            for one in envelopes:
                if one not in self._answers:
                    self.medium.waiting.setdefault(one)
            self.medium.changed.notify_all()
            while not all(one in self._answers for one in envelopes) and monotonic() < until:
                self.medium.changed.wait(until - monotonic())
            answers = [self._answers.get(one, NotYet()) for one in envelopes]
            for one, answer in zip(envelopes, answers, strict=True):
                if isinstance(answer, Refused):  # it may be tried again when the ledger has grown
                    self._answers.pop(one, None)
        return answers

    def step(self, wait: float) -> list[AcceptedTransaction]:
        until = monotonic() + wait
        with self.medium.changed:
            while not (self._propose() | self._execute()) and (left := until - monotonic()) > 0:
                self.medium.changed.wait(left)
            return self._commit()

    def due(self) -> Sequence[bytes]:
        return ()

    def conflicts(self) -> Sequence[Conflict]:
        return self._witness.watch([], [])

    def health(self) -> Health:
        return Health(certified=self._proposers if self.certificate else ())

    def check(self) -> bool:
        return True

    def close(self, *, complete: bool = False) -> None:
        while self.application.uncommitted:
            self.application.undo()
        self.application.close()

    @property
    def _turn(self) -> str:
        return self._proposers[self.height % 2]

    def _propose(self) -> bool:
        """Propose the next block if it is this member's turn, or if it is to be a fork."""
        place, medium = (self.height, self.member), self.medium
        if self.member not in self._proposers or place in medium.proposed:
            return False
        if self.application.uncommitted:
            return False
        forked, empty = not self.height % FORKED, not self.height % EMPTY
        mine = self.member == self._turn
        (other,) = {*self._proposers} - {self.member}
        if mine and forked and (self.height, other) not in medium.proposed:
            return False  # the other one is heard first
        if not (mine or forked) or not (medium.waiting or empty):
            return False
        batch = tuple(medium.waiting)
        noise = (b"no envelope",) if forked else ()  # as anybody may hand over
        medium.proposed[place] = () if empty and mine else noise + (batch if mine else batch[::-1])
        medium.changed.notify_all()
        return True

    def _execute(self) -> bool:
        """Execute the block that is to be followed, in the place of one that was heard before."""
        order = (self._turn, *self._proposers)
        heard = [one for one in order if (self.height, one) in self.medium.proposed]
        if not heard or (self._executed and self._executed[0] == heard[0]):
            return bool(self._certified())
        if self._executed is not None:
            self.application.undo()
            self.undone += 1
        batch = self.medium.proposed[self.height, heard[0]]
        outcomes, _ = self.application.execute(
            batch, proposer=heard[0], certificate=CERTIFICATE, whole=True, undoable=True
        )
        self._executed = heard[0], outcomes
        if self._key is not None and self.member in self._proposers and heard[0] == self._turn:
            self.medium.signed[self.height, self.member] = self._key.sign(self._text())
            self.medium.changed.notify_all()
        return True

    def _text(self) -> bytes:
        head = self.application.head()
        return signed_text(self.application.identity, head.size, head.root, head.extension)

    def _certified(self) -> list[bytes]:
        """The signatures that make what was executed final, if both are there."""
        if self._executed is None or self._executed[0] != self._turn:
            return []
        found = [self.medium.signed.get((self.height, one)) for one in self._proposers]
        return [one for one in found if one is not None] if None not in found else []

    def _commit(self) -> list[AcceptedTransaction]:
        signatures = self._certified()
        if not signatures or self._executed is None:
            return []
        application, outcomes = self.application, self._executed[1]
        application.commit()
        application.sync()
        lines = [self._text().decode(), *(to_text(one) for one in signatures)]
        self.certificate = "".join(f"{line}\n" for line in lines)
        write_final(application.path.parent, self.certificate)
        batch = self.medium.proposed[self.height, self._turn]
        for envelope, outcome in zip(batch, outcomes, strict=True):
            self.medium.waiting.pop(envelope, None)
            self._answers[envelope] = (
                Refused(outcome.code, outcome.reason) if isinstance(outcome, Rejected)
                else Ordered(outcome.index)
            )  # fmt: skip
        self._witness.watch(batch, outcomes)
        self.height, self.final_size, self._executed = self.height + 1, application.size, None
        self.medium.changed.notify_all()
        return [one for one in outcomes if isinstance(one, AcceptedTransaction)]


@dataclass
class Together:
    """A whole consortium's in one process; it satisfies `Ordering`. Some are slower than others."""

    members: dict[str, TwoProposers]
    keys: dict[bytes, str]
    steps: int = 0
    heights: set[tuple[int, ...]] = field(default_factory=set)

    @property
    def first(self) -> TwoProposers:
        return next(iter(self.members.values()))

    @property
    def application(self) -> Application:
        return self.first.application

    @property
    def final_size(self) -> int:
        return self.first.final_size

    def state_of(self, member: str) -> State | None:
        return self.members[member].state_of(member)

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Each transaction enters at its signer's."""
        signers = (self.keys[decode_envelope(one).key_id] for one in envelopes)
        return [
            self.members[who].submit([one])[0] for who, one in zip(signers, envelopes, strict=True)
        ]

    def step(self, wait: float) -> list[AcceptedTransaction]:
        self.steps += 1
        news: list[AcceptedTransaction] = []
        for number, one in enumerate(self.members.values()):
            if self.steps % (1 + number % 2) == 0:
                found = one.step(0)
                news += found if one is self.first else []
        self.heights.add(tuple(one.height for one in self.members.values()))
        return news

    def due(self) -> Sequence[bytes]:
        return ()

    def conflicts(self) -> Sequence[Conflict]:
        return self.first.conflicts()

    def health(self) -> Health:
        return self.first.health()

    def check(self) -> bool:
        return True

    def close(self, *, complete: bool = False) -> None:
        LAST.append(self)
        for one in self.members.values():
            one.close()


LAST: list[Together] = []
JOINED: list[TwoProposers] = []
MEDIA: dict[str, Medium] = {}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[medium]`` of node.toml."""

    name: str


@dataclass(frozen=True)
class Deployed:
    """Nothing runs beside the nodes; it satisfies `Deployment`."""

    name: str
    url: str = ""
    store: str = "relay"
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def settings_of(self, member: str) -> Mapping[str, str]:
        return {"name": self.name}

    def found(self, chain: str, members: Sequence[Member]) -> bytes:
        ordered = tuple(sorted(members, key=lambda one: one.id))
        return encode_genesis(
            Genesis(chain, CONTRACT_VERSION, FORMAT_VERSION, "held", ordered, admitted_modules())
        )

    def admit(self, member: str, home: Path) -> None:
        """Nothing is needed."""


@dataclass(frozen=True)
class Shared:
    """The members' blobs in a folder; it satisfies `BlobStore`."""

    folder: BlobFolder

    def put(self, data: bytes) -> bytes:
        return self.folder.put(data)

    def get(self, digest: bytes, most: int = LARGEST) -> bytes | None:
        data = self.folder.get(digest)
        return None if data is None or len(data) > most else data

    def has(self, digest: bytes) -> bool:
        return self.folder.get(digest) is not None

    def delete(self, digest: bytes) -> None:
        self.folder.delete([digest])


@dataclass(frozen=True)
class Engine:
    """It satisfies `Simulates` and `Joins`."""

    about: str = "two proposers, forks that are undone"
    has_log_key: bool = False
    section: str = "medium"
    settings: type[Settings] = Settings
    files: tuple[str, ...] = (LEDGER, NAME)
    evidence: tuple[str, ...] = ()

    def simulate(self, simulating: Simulating) -> Together:
        path, genesis, keys = simulating.path, simulating.genesis, simulating.keys
        medium, members = Medium(), dict[str, TwoProposers]()
        for name in sorted(keys, key=lambda name: (name != proposers_of(genesis)[0], name)):
            home = path.parent if not members else path.parent / "members" / name
            home.mkdir(parents=True, exist_ok=True)
            copy = create_ledger(home / LEDGER, genesis)
            members[name] = TwoProposers(name, copy, medium, keys[name], 0.0)
        return Together(members, {key_id(key.public): name for name, key in keys.items()})

    def faults(self, settings: Settings) -> list[tuple[str, str, str]]:
        return [] if settings.name in MEDIA else [("name", "is none", "name another one")]

    def equip(self, home: Path, member: Member) -> Member:
        return member

    def begin(self, home: Path) -> None:
        """A new home needs nothing."""

    def join(self, joining: Joining) -> tuple[TwoProposers, Shared]:
        medium, genesis = MEDIA[joining.settings.name], joining.genesis
        own = next(one for one in genesis.members if one.id == joining.member)
        copy = create_ledger(joining.home / LEDGER, genesis)
        key = joining.key_of(from_text(own.key, KEY_SIZE))
        assert medium.blobs is not None
        JOINED.append(TwoProposers(joining.member, copy, medium, key, 0.5))
        return JOINED[-1], Shared(medium.blobs)

    def ends(self, home: Path, genesis: Genesis, warn: Callable[[str], None]) -> Ends:
        origin = origin_of(genesis_digest(encode_genesis(genesis)))
        return Ends(None, Checkpoint(origin, 0, bytes(32), bytes(32)))

    def export(self, home: Path, genesis: Genesis, path: Path, warn: Callable[[str], None]) -> str:
        data = (home / LEDGER).read_bytes()
        assert CHECKPOINT not in {frame.kind for frame in read_frames(data)}
        path.write_bytes(data)
        return (home / NAME).read_text()

    def merged(self, certificates: Sequence[str]) -> str:
        assert len(set(certificates)) == 1
        return certificates[0]

    def deploy(self, folder: Path, name: str, port: Callable[[str], int]) -> Deployed:
        MEDIA[name] = Medium(blobs=BlobFolder(folder / "shared"))
        os.makedirs(folder / "shared", exist_ok=True)
        return Deployed(name)

    def log_key(self, folder: Path) -> SigningKey | None:
        return None


ENGINE = Engine()


def certified(folder: Path, beside: Beside, history: History, trust: TrustRoot) -> int | None:
    """How many entries both proposers have signed; it satisfies `audit.finality.Certifies`."""
    assert history.genesis is not None
    keys = {one.id: from_text(one.key, KEY_SIZE) for one in history.genesis.members}
    try:
        text, *signatures = str(beside.final).splitlines()
        identity, size, root, _ = text.split()
        held = all(
            signature_holds(keys[name], text.encode(), from_text(signature, SIGNATURE_SIZE))
            for name, signature in zip(proposers_of(history.genesis), signatures, strict=True)
        )
    except (ValueError, FormatError):
        held, identity, size, root = False, "", "0", ""
    there = history.roots.get(int(size))
    if not held or identity != history.identity.hex() or there is None or there.hex() != root:
        why: dict[str, Value] = {"why": "the two proposers did not sign this history"}
        history.findings.append(Finding("certificate.invalid", "error", AboutFile(NAME), why))
        return None
    return int(size)
