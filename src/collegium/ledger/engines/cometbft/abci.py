"""The messages of ABCI 2.0 (CometBFT v0.38 to v0.40, spec/abci) that an application sees.

A request is read into the one of `Request` that it is, a `Response` is written. Numbers are those
of `tendermint.abci.Request` and `Response`. What this application has no use for is not read: vote
extensions, events, gas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from collegium.canonical import malformed
from collegium.ledger.engines.cometbft.protobuf import (
    Fields,
    all_in,
    message,
    number,
    number_in,
    octets,
    octets_in,
    read,
    repeated,
    text,
    text_in,
)

# Requests.


@dataclass(frozen=True, slots=True)
class Echo:
    """A text that is to come back."""

    said: str


@dataclass(frozen=True, slots=True)
class Flush:
    """All answers so far are wanted now."""


@dataclass(frozen=True, slots=True)
class Info:
    """Up to which block the application is; `version` is CometBFT's own."""

    version: str


@dataclass(frozen=True, slots=True)
class InitChain:
    """A chain begins; validators' powers by public key."""

    chain: str
    validators: Mapping[bytes, int]
    initial_height: int


@dataclass(frozen=True, slots=True)
class Query:
    """Something is asked of the state: here alone whether a node may connect (`filter_peers`)."""

    path: str


@dataclass(frozen=True, slots=True)
class CheckTx:
    """May a transaction wait in the mempool? `again`: it did, and a block has come since."""

    transaction: bytes
    again: bool


@dataclass(frozen=True, slots=True)
class PrepareProposal:
    """This validator proposes: which of these transactions, of so many bytes in all?"""

    most: int
    transactions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProcessProposal:
    """Another one proposes: may this be voted for?"""

    transactions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """CometBFT has found a validator that signed two votes, or two headers."""

    kind: int
    address: bytes
    height: int


@dataclass(frozen=True, slots=True)
class FinalizeBlock:
    """A block is decided: execute it. `proposer` is the address of a key, `hash` the header's."""

    height: int
    transactions: tuple[bytes, ...]
    misbehaviour: tuple[Misbehaviour, ...]
    hash: bytes
    proposer: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """What was executed is to last."""


@dataclass(frozen=True, slots=True)
class ListSnapshots:
    """Which snapshots can be had here?"""


@dataclass(frozen=True, slots=True)
class OfferSnapshot:
    """A peer has a snapshot; `root` is the application hash that light clients have verified."""

    snapshot: Snapshot
    root: bytes


@dataclass(frozen=True, slots=True)
class LoadSnapshotChunk:
    """A peer wants a part of a snapshot."""

    height: int
    form: int
    chunk: int


@dataclass(frozen=True, slots=True)
class ApplySnapshotChunk:
    """A part of the snapshot that was accepted."""

    index: int
    chunk: bytes
    sender: str


@dataclass(frozen=True, slots=True)
class Unused:
    """A request of a feature that is off: vote extensions. Nobody should send one."""

    field: int


Request = (
    Echo | Flush | Info | InitChain | Query | CheckTx | PrepareProposal | ProcessProposal
    | FinalizeBlock | Commit | ListSnapshots | OfferSnapshot | LoadSnapshotChunk
    | ApplySnapshotChunk | Unused
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a peer can give: at which height, in which form, in how many parts; `hash` names it."""

    height: int
    form: int
    chunks: int
    hash: bytes


def _init_chain(fields: Fields) -> InitChain:
    powers = {}
    for one in map(read, all_in(fields, 4)):
        powers[octets_in(read(octets_in(one, 1)), ED25519)] = number_in(one, 2)
    return InitChain(text_in(fields, 2), powers, number_in(fields, 6))


def _finalize_block(fields: Fields) -> FinalizeBlock:
    found = tuple(
        Misbehaviour(number_in(one, 1), octets_in(read(octets_in(one, 2)), 1), number_in(one, 3))
        for one in map(read, all_in(fields, 3))
    )
    return FinalizeBlock(
        number_in(fields, 5), all_in(fields, 1), found, octets_in(fields, 4), octets_in(fields, 8)
    )


def _snapshot(fields: Fields) -> Snapshot:
    return Snapshot(
        number_in(fields, 1), number_in(fields, 2), number_in(fields, 3), octets_in(fields, 4)
    )


ED25519 = 1
"""The field of `tendermint.crypto.PublicKey` that holds an Ed25519 key."""

_REQUESTS: Mapping[int, Callable[[Fields], Request]] = {
    1: lambda one: Echo(text_in(one, 1)),
    2: lambda one: Flush(),
    3: lambda one: Info(text_in(one, 1)),
    5: _init_chain,
    6: lambda one: Query(text_in(one, 2)),
    8: lambda one: CheckTx(octets_in(one, 1), number_in(one, 2) == 1),
    11: lambda one: Commit(),
    12: lambda one: ListSnapshots(),
    13: lambda one: OfferSnapshot(_snapshot(read(octets_in(one, 1))), octets_in(one, 2)),
    14: lambda one: LoadSnapshotChunk(*(number_in(one, field) for field in (1, 2, 3))),
    15: lambda one: ApplySnapshotChunk(number_in(one, 1), octets_in(one, 2), text_in(one, 3)),
    16: lambda one: PrepareProposal(number_in(one, 1), all_in(one, 2)),
    17: lambda one: ProcessProposal(all_in(one, 1)),
    18: lambda one: Unused(18),
    19: lambda one: Unused(19),
    20: _finalize_block,
}


def decode_request(data: bytes) -> Request:
    """Read a `tendermint.abci.Request`.

    Raises:
        FormatError: it is none, or of an ABCI that is not known here.
    """
    fields = read(data)
    if len(fields) != 1:
        raise malformed("a request", f"it has {len(fields)} kinds and not one")
    (kind,) = fields
    if kind not in _REQUESTS:
        raise malformed("a request", f"of kind {kind} nothing is known here")
    return _REQUESTS[kind](read(octets_in(fields, kind)))


# Responses.


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered: its field in `tendermint.abci.Response`, and its bytes."""

    kind: int
    body: bytes

    def encode(self) -> bytes:
        """Return the whole response."""
        return message(self.kind, self.body)


def exception(why: str) -> Response:
    """Return what makes CometBFT stop: what it asks for cannot be done."""
    return Response(1, text(1, why))


def echoed(said: str) -> Response:
    """Return the answer to `Echo`."""
    return Response(2, text(1, said))


def flushed() -> Response:
    """Return the answer to `Flush`."""
    return Response(3, b"")


def info(name: str, height: int, root: bytes) -> Response:
    """Return the answer to `Info`: the last block that was committed, and the hash after it."""
    return Response(4, text(1, name) + number(4, height) + octets(5, root))


def chain_begun(root: bytes) -> Response:
    """Return the answer to `InitChain`: validators are those of CometBFT's genesis."""
    return Response(6, octets(3, root))


def queried(*, allowed: bool) -> Response:
    """Return the answer to `Query`: whether what it is about may be."""
    return Response(7, number(1, 0 if allowed else 1))


def checked(code: int, why: str) -> Response:
    """Return the answer to `CheckTx`: 0 lets it wait."""
    return Response(9, number(1, code) + text(3, why))


def committed() -> Response:
    """Return the answer to `Commit`: every block is kept."""
    return Response(12, b"")


def snapshots(known: Sequence[Snapshot]) -> Response:
    """Return the answer to `ListSnapshots`."""
    return Response(13, repeated(1, map(_encode_snapshot, known)))


def _encode_snapshot(one: Snapshot) -> bytes:
    return number(1, one.height) + number(2, one.form) + number(3, one.chunks) + octets(4, one.hash)


ACCEPT, ABORT, REJECT, REJECT_FORMAT = 1, 2, 3, 4
"""What is said of a snapshot that was offered; of a part, the first two and the following."""
RETRY_SNAPSHOT, REJECT_SNAPSHOT = 4, 5


def offer_answered(result: int) -> Response:
    """Return the answer to `OfferSnapshot`."""
    return Response(14, number(1, result))


def chunk(data: bytes) -> Response:
    """Return the answer to `LoadSnapshotChunk`."""
    return Response(15, octets(1, data))


def chunk_applied(result: int, liars: Sequence[str] = ()) -> Response:
    """Return the answer to `ApplySnapshotChunk`; from `liars` nothing more is wanted."""
    return Response(16, number(1, result) + b"".join(text(3, one) for one in liars))


def proposal(transactions: Sequence[bytes]) -> Response:
    """Return the answer to `PrepareProposal`."""
    return Response(17, repeated(1, transactions))


def proposal_judged(*, accept: bool) -> Response:
    """Return the answer to `ProcessProposal`."""
    return Response(18, number(1, 1 if accept else 2))


def executed(codes: Sequence[int], powers: Mapping[bytes, int], root: bytes) -> Response:
    """Return the answer to `FinalizeBlock`.

    Args:
        codes: of the transactions, in order: 0, or why the contract refused one.
        powers: validators whose power has changed, by public key; 0 ends one.
        root: the application hash after the block.
    """
    results = (number(1, code) for code in codes)
    changed = (message(1, octets(ED25519, key)) + number(2, power) for key, power in powers.items())
    return Response(21, repeated(2, results) + repeated(3, changed) + octets(5, root))
