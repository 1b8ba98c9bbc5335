"""The seam for engines: whoever orders transactions looks like this to everybody else.

An *ordering* is one party's side of it: it takes transactions, makes or fetches blocks, has its
`application` execute, undo and commit them, and says what is final. An *engine* is what a study
names (plugin kind ``engines``): it opens orderings. docs/decisions/0112 says who owns what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from collegium.consensus.simulator import Liar
from collegium.errors import CollegiumError
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.equivocation import Conflict
from collegium.ledger.examining import Diagnosis
from collegium.ledger.genesis import Genesis, Member
from collegium.ledger.keys import SigningKey
from collegium.ledger.note import Checkpoint
from collegium.ledger.state import State
from collegium.study.document import Study

LEDGER = "ledger.log"
LOG_KEY = "*log"
"""Under which a simulation's keys have the log's: no member's id."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A transaction has its place in the log. It need not be final yet.

    `promise` is the word of whoever ordered it on that, signed, where the engine has such words.
    """

    index: int
    promise: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The contract refuses a transaction, with its code."""

    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing is decided about a transaction: hand it over again later. It is no refusal.

    The codes: ``busy``, there is no room for more of this member; ``waiting``, it waits its turn;
    ``late``, it has waited for longer than members' timers last.
    """

    code: str = "waiting"
    reason: str = "it waits for its block"


Answer = Ordered | Refused | NotYet


class OrderingMisbehaved(CollegiumError):
    """Whoever orders sent what cannot be; `evidence` is the folder with what proves it."""

    def __init__(self, code: str, what: str, why: str, todo: str, evidence: Path | None) -> None:
        super().__init__(code, what, why, todo)
        self.evidence = evidence


class OrderingAlone(CollegiumError):
    """Too few others are there to order anything; whoever steps on at once hears when they come."""


@dataclass(frozen=True, slots=True)
class Health:
    """How an ordering stands, for whoever runs it.

    Attributes:
        certified: the validators behind the newest certificate; `missing` those who have been
            behind none for a while.
        bound: hash and size of a block that the member has vouched for and that is not final.
        troubles: what goes wrong, in words, by a word for what.
        certificate_days: days until the first certificate ends on which the way to the others
            depends; None where it depends on none.
        evidence: what this home keeps against whoever orders, by name.
    """

    certified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    bound: tuple[str, int] | None = None
    troubles: Mapping[str, str] = field(default_factory=dict)
    certificate_days: float | None = None
    evidence: tuple[str, ...] = ()


class Ordering(Protocol):
    """One party's ledger under some order of transactions.

    `submit` may be called by another thread than the one that calls everything else.
    """

    @property
    def application(self) -> Application:
        """The party's copy; another object after its file was healed."""
        ...

    @property
    def final_size(self) -> int:
        """Number of entries that are final: no other history will ever take their place."""
        ...

    def state_of(self, member: str) -> State | None:
        """Return the state that a member may act on now; readers must not write to it.

        None while something that it holds is not final, or it is known to be behind. States of
        different members may be of different height.
        """
        ...

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Hand transactions over, and wait a while until they are decided; one answer for each.

        The same bytes may be handed over again; what is in the log already may be `Ordered` again.

        Raises:
            CollegiumError: whoever orders cannot be reached.
        """
        ...

    def step(self, wait: float) -> list[AcceptedTransaction]:
        """Go on with the order for at most `wait` seconds; return what became final, in order.

        Nothing is returned twice, also across restarts. Empty where nothing came, and while what
        came is not final yet. Whoever catches up on much is told the latest alone.

        Raises:
            OrderingMisbehaved: what came cannot be. Nothing of it was kept; it may be called again.
            OrderingAlone: too few others are there; the next step comes at once.
            CollegiumError: whoever orders cannot be reached.
        """
        ...

    def due(self) -> Sequence[bytes]:
        """Return transactions that the order itself asks of this member, while all is final."""
        ...

    def conflicts(self) -> Sequence[Conflict]:
        """Return equivocations that are not on record: whoever orders sees what is refused."""
        ...

    def health(self) -> Health:
        """Return how it stands."""
        ...

    def check(self) -> bool:
        """Return whether the disk holds what was executed; begin to mend it where it does not."""
        ...

    def close(self, *, complete: bool = False) -> None:
        """Release what it holds; a complete ledger is sealed, where the engine seals."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """What a member lays where all members look, past whoever orders.

    Attributes:
        envelopes: transactions of its own that have not been ordered for a while.
        seen: its signed words that it has seen such ones of members.
        cosigned: notes with its cosignatures of what is final, where the engine has no other way.
    """

    envelopes: tuple[bytes, ...] = ()
    seen: tuple[str, ...] = ()
    cosigned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenDemand:
    """A transaction that has been seen past whoever orders, and is not ordered.

    Attributes:
        envelope: its bytes.
        author: who signed it.
        seen_by: the validators that say that they have seen it.
        blocks: of how many blocks it was left out since a quorum had seen it; None before.
        seconds: since this member has seen it.
    """

    envelope: bytes
    author: str
    seen_by: tuple[str, ...]
    blocks: int | None
    seconds: float


@runtime_checkable
class Corresponds(Protocol):
    """An ordering whose members also hear of each other past whoever orders."""

    def silencing(self, *, letters: bool) -> str | None:
        """Return why whoever orders could keep a member back unseen, or None where it could not.

        Args:
            letters: whether members have a store of their own, in which letters may lie.
        """
        ...

    @property
    def demands(self) -> Sequence[OpenDemand]:
        """What this member demands of whoever orders."""
        ...

    def correspond(self, due: Sequence[bytes], letters: Mapping[str, Letter]) -> Letter:
        """Take up what members laid out, while all is final; return what this one is to lay out.

        Args:
            due: transactions of its own that are due.
            letters: what was read, by member.
        """
        ...

    def nonces(self) -> Sequence[bytes]:
        """Return transactions of this member that make the log grow, where it waits for that."""
        ...


@dataclass(frozen=True, slots=True)
class Simulating:
    """What a simulated consortium's ordering is opened with.

    Attributes:
        path: of the ledger file that is to be kept; one that is there is continued.
        genesis: the ledger's; what is there must have it.
        keys: the simulated members' keys by id; under `LOG_KEY` the log's, if it has one.
        study: what is simulated: an engine may have settings of its own in it.
        warn: where warnings go.
        liars: what takes validators' places in a simulated protocol, by member.
        authors: where an engine with liars writes who signed a transaction, by its SHA-256, before
            anybody hears of it: liars read what passes through their hands.
    """

    path: Path
    genesis: Genesis
    keys: Mapping[str, SigningKey]
    study: Study
    warn: Callable[[str], None]
    liars: Mapping[str, Liar] = field(default_factory=dict)
    authors: dict[bytes, str] = field(default_factory=dict)


@runtime_checkable
class LeavesBehind(Protocol):
    """An ordering in one process under which members may be left behind by all others."""

    @property
    def gone(self) -> frozenset[str]:
        """Members who have been behind for longer than timers last: nobody waits for them."""
        ...


@runtime_checkable
class Simulates(Protocol):
    """An engine that orders for a whole consortium within one process."""

    @property
    def about(self) -> str:
        """A few words for lists."""
        ...

    @property
    def has_log_key(self) -> bool:
        """Whether its genesis names a key that signs checkpoints for all."""
        ...

    def simulate(self, simulating: Simulating) -> Ordering:
        """Open a consortium's ordering.

        Raises:
            CollegiumError: the file is another ledger's, or does not hold together.
        """
        ...


@dataclass(frozen=True, slots=True)
class Joining:
    """Who takes part in an order, and with what.

    `key_of` returns the member's signing key for one of its public keys, old ones too, or None.
    `settings` are of the engine's own section of node.toml.
    """

    home: Path
    genesis: Genesis
    member: str
    key_of: Callable[[bytes], SigningKey | None]
    settings: Any
    warn: Callable[[str], None]


class LockedBlock(Protocol):
    """A block that a member has vouched for and that is not final."""

    @property
    def block(self) -> str:
        """Its hash, base64url."""
        ...

    @property
    def size(self) -> int:
        """Entries with it."""
        ...

    @property
    def first(self) -> int:
        """Entries before it."""
        ...


@runtime_checkable
class Binds(Protocol):
    """An engine whose members may be left bound to a block that others have given up.

    Raises:
        CollegiumError: from both, where nothing binds the member, or another block.
    """

    def bound(self, joining: Joining) -> LockedBlock:
        """Return what binds the member of a home whose node is stopped.

        Where that is not known, the final block, which has as many entries before it as with it.
        """
        ...

    def release(self, joining: Joining, block: str) -> LockedBlock:
        """Give up the block with that hash; return it."""
        ...


@dataclass(frozen=True, slots=True)
class Examined:
    """What an engine has found in a home and on its way to the others.

    Attributes:
        said: one thing each.
        ledger: what the home holds, as of what is final there; None where there is none, or it
            cannot be used.
        store: the `BlobStore` that the engine brings, None where it cannot be asked.
    """

    said: tuple[Diagnosis, ...] = ()
    ledger: Application | None = None
    store: Any = None


@runtime_checkable
class Examines(Protocol):
    """An engine that can look at a home, and at the way to the others, whose node may be running.

    Nothing is written or locked, and nothing is said for the member.
    """

    def examine(
        self, home: Path, genesis: Genesis | None, member: str, settings: Any
    ) -> AbstractContextManager[Examined]:
        """Return what there is; the store may be asked until the context ends.

        Args:
            home: the member's.
            genesis: the ledger's, None where it cannot be read.
            member: its id.
            settings: of the engine's own section of node.toml.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the ledger of a home ends: its newest final checkpoint, and all that it holds."""

    final: Checkpoint | None
    held: Checkpoint


class Deployment(Protocol):
    """What is founded around the members' nodes of one consortium on one machine."""

    @property
    def url(self) -> str:
        """Where the order is reached, for whoever looks; empty where there is no one place."""
        ...

    @property
    def services(self) -> Mapping[str, tuple[str, ...]]:
        """Processes beside the nodes: by the name of a home, how the command line starts it."""
        ...

    @property
    def store(self) -> str:
        """What is to stand as `blobs.store`: where members share blobs."""
        ...

    def settings_of(self, member: str) -> Mapping[str, Any]:
        """Return what is to stand in the engine's section of a member's node.toml."""
        ...

    def found(self, chain: str, members: Sequence[Member]) -> bytes:
        """Return the genesis of the members, as bytes."""
        ...

    def admit(self, member: str, home: Path) -> None:
        """Put into a member's home what it needs to take part."""
        ...


@runtime_checkable
class Joins(Protocol):
    """An engine by which nodes, each a process of its own, come to one order."""

    @property
    def about(self) -> str:
        """A few words for lists."""
        ...

    @property
    def section(self) -> str:
        """The section of node.toml that is the engine's own."""
        ...

    @property
    def settings(self) -> type[Any]:
        """The msgspec structure of that section."""
        ...

    @property
    def files(self) -> tuple[str, ...]:
        """What a home holds of one ledger and of none after it, by name, ledger.log first."""
        ...

    @property
    def evidence(self) -> tuple[str, ...]:
        """Files of a home that go into a run folder beside `final`: what else shows it final."""
        ...

    def faults(self, settings: Any) -> Sequence[tuple[str, str, str]]:
        """Return all that is wrong with the settings: which key, what, and what to do."""
        ...

    def equip(self, home: Path, member: Member) -> Member:
        """Make the keys that the engine needs of a new member beside its key of transactions.

        Returns:
            The member with their public halves.
        """
        ...

    def begin(self, home: Path) -> None:
        """Prepare a home for a new ledger: none of its keys has signed anything in it."""
        ...

    def join(self, joining: Joining) -> tuple[Ordering, Any]:
        """Open a member's ordering; with it the `BlobStore` that the engine brings, or None.

        Raises:
            CollegiumError: the files in the home cannot be used.
        """
        ...

    def ends(self, home: Path, genesis: Genesis, warn: Callable[[str], None]) -> Ends:
        """Return where the ledger of a home ends whose node is stopped."""
        ...

    def export(self, home: Path, genesis: Genesis, path: Path, warn: Callable[[str], None]) -> str:
        """Write what is final in a home as a run folder's ledger.log; return its certificate."""
        ...

    def merged(self, certificates: Sequence[str]) -> str:
        """Return one certificate of several members' for the same block; "" where there is none."""
        ...

    def deploy(self, folder: Path, name: str, port: Callable[[str], int]) -> Deployment:
        """Make what a consortium needs beside its members' nodes, in a folder.

        Args:
            folder: below which homes are made.
            name: what it is called.
            port: returns a free port of an address.
        """
        ...

    def log_key(self, folder: Path) -> SigningKey | None:
        """Return the log key of what `deploy` made in a folder, if it has one."""
        ...
