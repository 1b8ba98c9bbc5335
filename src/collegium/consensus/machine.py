"""The seam for consensus protocols: a pure machine for each validator.

A machine hears transactions, messages and timers, and answers each with `Effects`: what it sends,
which timers it sets, what it writes and what it has decided. It has no clock, no I/O and no
randomness of its own; the same inputs give the same effects. After a crash it is made anew from
what it wrote. It orders digests and sees no model.

Validators are numbered from 0. Signatures are modelled: a message bears its sender, and a
`Certificate` or a `Signed` message inside another one cannot be made up, since the simulator takes
none from a liar that was never sent. Times are virtual microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

ALL = -1
"""The receiver of what is sent to all other validators."""

DIGEST_SIZE, SIGNATURE_SIZE, HEADER_SIZE = 32, 64, 96
"""Bytes of a digest, of a signature, and of what every message says beside its body."""


class Item(msgspec.Struct, frozen=True):
    """A transaction: its digest, and how many bytes it has. The digest alone is ordered.

    Attributes:
        shown: what others have signed for it, where a protocol asks for that; part of a block.
    """

    digest: bytes
    size: int = 0
    shown: Certificate | None = None


class Block(msgspec.Struct, frozen=True):
    """A block: transactions behind a parent. Make it with `make_block`.

    Attributes:
        height: 1 for the first one.
        parent: the digest of the block before it; `GENESIS` before the first one.
        proposer: who made it.
        view: in which view, round or slot of its height, as the protocol counts.
        items: its transactions, in order.
        digest: of all of the above.
    """

    height: int
    parent: bytes
    proposer: int
    view: int
    items: tuple[Item, ...]
    digest: bytes

    @property
    def size(self) -> int:
        """Bytes on the wire, where its transactions travel in it."""
        return HEADER_SIZE + DIGEST_SIZE * len(self.items) + sum(one.size for one in self.items)


GENESIS = bytes(DIGEST_SIZE)


def make_block(
    height: int, parent: bytes, proposer: int, view: int, items: Sequence[Item]
) -> Block:
    """Return a block with its digest."""
    head = b"%d %d %d " % (height, proposer, view)
    named = (one.digest if one.shown is None else one.digest + one.shown.named for one in items)
    digest = sha256(head + parent + b"".join(named)).digest()
    return Block(height, parent, proposer, view, tuple(items), digest)


class Message(msgspec.Struct, frozen=True):
    """What one validator says to another, signed by its sender.

    Attributes:
        kind: what it says, a word of the protocol.
        height: the height that it is about.
        view: the view, round, term or slot.
        block: the digest of the block that it is about; empty where it is about none. Messages
            about a block that is decided count as its own, all others as overhead.
        body: what else it says: blocks, certificates, signed messages, numbers.
        size: the bytes of `body`.
    """

    kind: str
    height: int = 0
    view: int = 0
    block: bytes = b""
    body: Any = None
    size: int = 0


class Signed(msgspec.Struct, frozen=True):
    """A message of somebody, shown to somebody else."""

    signer: int
    message: Message


class Certificate(msgspec.Struct, frozen=True):
    """That each of `signers` has sent a message that says this."""

    kind: str
    height: int
    view: int
    block: bytes
    signers: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes on the wire, one signature for each signer."""
        return HEADER_SIZE + SIGNATURE_SIZE * len(self.signers)

    @property
    def named(self) -> bytes:
        """What stands for it where a digest is made."""
        said = f"{self.kind} {self.height} {self.view} {self.signers} "
        return said.encode() + self.block


@dataclass(slots=True)
class Effects:
    """What a machine answers. What is written is durable before anything of the same answer leaves.

    Attributes:
        sends: receivers, or `ALL`, and messages.
        timers: names, and after how many microseconds they fire; None stops one. A name that is
            set again starts anew.
        writes: keys and values that outlast a crash; None as a value forgets.
        unsynced: the same, but lost in a crash that comes before the next of `writes`.
        extends: blocks that this validator holds for the next ones, until it retracts them.
        retracts: the height from which on what was extended is taken back; before `extends`.
        decides: blocks that are final for it, each height once, in order. A decided block that was
            not extended before counts as extended.
        computes: how many signatures it has verified beside the one of what it heard.
    """

    sends: list[tuple[int, Message]] = field(default_factory=list)
    timers: list[tuple[str, int | None]] = field(default_factory=list)
    writes: list[tuple[str, Any]] = field(default_factory=list)
    unsynced: list[tuple[str, Any]] = field(default_factory=list)
    extends: list[Block] = field(default_factory=list)
    retracts: int | None = None
    decides: list[Block] = field(default_factory=list)
    computes: int = 0

    def send(self, receiver: int, message: Message) -> None:
        """Send a message to one validator, or to `ALL` others."""
        self.sends.append((receiver, message))

    def after(self, name: str, microseconds: int) -> None:
        """Set a timer."""
        self.timers.append((name, microseconds))

    def stop(self, name: str) -> None:
        """Stop a timer."""
        self.timers.append((name, None))

    def write(self, key: str, value: Any) -> None:
        """Write something that outlasts a crash."""
        self.writes.append((key, value))

    def include(self, more: Effects) -> None:
        """Answer this too, after all else."""
        self.sends += more.sends
        self.timers += more.timers
        self.writes += more.writes
        self.decides += more.decides
        self.computes += more.computes

    def decide(self, block: Block) -> None:
        """Take a block as final."""
        self.decides.append(block)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a validator's machine is made with; but for `me` it is the same for all.

    Attributes:
        me: the validator's number.
        powers: of all validators, by number: votes, weights or stakes.
        seed: of lotteries that everybody can check; it is public.
        timeout: the time a protocol waits before it suspects somebody, in microseconds: many times
            what a message takes.
        interval: microseconds between the blocks of one proposer at least, or between blocks on
            average where that is drawn.
        block_bytes: what the transactions of a block may have together; one that is larger has a
            block of its own.
        worth: by height, what each validator's last work was worth, as integers; empty where
            nothing is known of it.
        options: the protocol's own, by name.
    """

    me: int
    powers: tuple[int, ...]
    seed: int = 0
    timeout: int = 1_000_000
    interval: int = 0
    block_bytes: int = 1 << 20
    worth: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    options: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many validators there are."""
        return len(self.powers)


class Machine(Protocol):
    """One validator under one protocol."""

    def start(self) -> Effects:
        """Begin, or go on after a crash."""
        ...

    def propose(self, items: Sequence[Item]) -> Effects:
        """Take transactions that entered at this validator: it wants them ordered."""
        ...

    def receive(self, sender: int, message: Message) -> Effects:
        """Hear a message; the sender is who it says."""
        ...

    def timer(self, name: str) -> Effects:
        """Hear that a timer has fired."""
        ...


Stored = Mapping[str, Any]
"""What a machine has written, by key."""


@runtime_checkable
class Mines(Protocol):
    """A protocol whose validators try hashes all the time."""

    @property
    def mines(self) -> Literal[True]:
        """Whether they do."""
        ...


@runtime_checkable
class Elects(Protocol):
    """A protocol that elects who proposes by what validators' last work was worth."""

    @property
    def elects(self) -> Literal[True]:
        """Whether `Setting.worth` says who proposes."""
        ...


class ConsensusProtocol(Protocol):
    """A protocol, as the plugin kind ``protocols`` finds it."""

    @property
    def about(self) -> str:
        """A few words for lists."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever the machine's answers change."""
        ...

    @property
    def faults(self) -> Literal["none", "crash", "byzantine"]:
        """What validators may do that it bears: nothing, stop, or anything."""
        ...

    @property
    def bound(self) -> str:
        """How many may do so, in words: ``f < n/3``."""
        ...

    @property
    def finality(self) -> Literal["immediate", "probabilistic", "economic"]:
        """What it takes to take a decision back: more faults, luck or power, or a lost stake."""
        ...

    @property
    def views(self) -> Literal["lasting", "each height", "each block", "none"]:
        """What `Block.view` counts: views that follow each other, rounds of a height, or else.

        With "each block", views follow each other, and each is for one block.
        """
        ...

    @property
    def once(self) -> frozenset[str]:
        """Return the kinds of which an honest validator says one alone in a height and view."""
        ...

    @property
    def source(self) -> str:
        """Where it is published."""
        ...

    @property
    def defaults(self) -> Mapping[str, int]:
        """Its own options, and what they are where nobody sets them."""
        ...

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return how many validators of these powers may be faulty, the most powerful ones."""
        ...

    def machine(self, setting: Setting, stored: Stored) -> Machine:
        """Return a validator's machine, from what it has written; nothing if it is new."""
        ...


@runtime_checkable
class Delegates(Protocol):
    """A protocol under which a validator may give its stake to another one."""

    @property
    def delegation(self) -> str:
        """How the option begins that does so: a validator's number follows; its value, to whom."""
        ...


@runtime_checkable
class Needs(Protocol):
    """A protocol under which nothing is ordered while one of some validators is down or lies."""

    @property
    def needs(self) -> tuple[int, ...]:
        """The validators that have no substitute, whatever else is tolerated."""
        ...
