"""A block's header and the votes for it, checked without CometBFT (spec/core/data_structures).

The file ``commit`` beside ledger.log is what CometBFT answers at ``/commit``. Its header is of the
block after the last one with transactions, since a header says what the application was before its
block. Hashes are RFC 6962 trees over fields in Protocol Buffers; a vote is a `CanonicalVote`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated

import msgspec

from collegium.canonical import malformed
from collegium.ledger.contract.members import is_quorum
from collegium.ledger.engines.cometbft.home import address
from collegium.ledger.engines.cometbft.protobuf import (
    delimited,
    fixed,
    message,
    number,
    octets,
    text,
)
from collegium.ledger.keys import SIGNATURE_SIZE, signature_holds

NAME = "commit"
"""The file in a home and in a run folder."""

PRECOMMIT, FOR_BLOCK = 2, 2
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)

Int = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,19}$")]
Hex = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9A-Fa-f]{2}){0,64}$")]


class Parts(msgspec.Struct, frozen=True):
    """How many parts a block was sent in, and their tree's root."""

    total: int
    hash: Hex


class BlockId(msgspec.Struct, frozen=True):
    """Which block: its header's hash, and its parts."""

    hash: Hex
    parts: Parts


class Version(msgspec.Struct, frozen=True):
    """Of blocks, and of the application."""

    block: Int = "0"
    app: Int = "0"


class Header(msgspec.Struct, frozen=True):
    """A block's header. `app_hash` is the application's before the block."""

    version: Version
    chain_id: str
    height: Int
    time: str
    last_block_id: BlockId
    last_commit_hash: Hex
    data_hash: Hex
    validators_hash: Hex
    next_validators_hash: Hex
    consensus_hash: Hex
    app_hash: Hex
    last_results_hash: Hex
    evidence_hash: Hex
    proposer_address: Hex

    def hash(self) -> bytes:
        """Return the header's hash: the root over its fourteen fields."""
        hashes = (
            self.last_commit_hash, self.data_hash, self.validators_hash, self.next_validators_hash,
            self.consensus_hash, self.app_hash, self.last_results_hash, self.evidence_hash,
            self.proposer_address,
        )  # fmt: skip
        version = number(1, int(self.version.block)) + number(2, int(self.version.app))
        return tree_root([
            version, text(1, self.chain_id), number(1, int(self.height)), timestamp(self.time),
            _block_id(self.last_block_id), *(octets(1, bytes.fromhex(one)) for one in hashes),
        ])  # fmt: skip


class Signature(msgspec.Struct, frozen=True):
    """One validator's vote; `block_id_flag` is 2 where it is for the block."""

    block_id_flag: int
    validator_address: Hex = ""
    timestamp: str = ""
    signature: str | None = None


class Commit(msgspec.Struct, frozen=True):
    """The votes for a block."""

    height: Int
    round: int
    block_id: BlockId
    signatures: tuple[Signature, ...]


class SignedHeader(msgspec.Struct, frozen=True):
    """What the file holds."""

    header: Header
    commit: Commit


_DECODER = msgspec.json.Decoder(SignedHeader)


def decode_commit(data: bytes) -> SignedHeader:
    """Read the file.

    Raises:
        FormatError: it is none.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise malformed("the commit", str(error)) from error


def check_commit(
    said: SignedHeader, chain: str, app_hash: bytes, sets: Sequence[Mapping[bytes, int]]
) -> int:
    """Check that more than two thirds of the power voted for a block that follows a ledger.

    Args:
        said: header and votes.
        chain: how CometBFT calls the ledger's chain.
        app_hash: the application hash after the ledger's last block.
        sets: validators' powers by consensus key, as the contract had them before that block and
            after it: the header says which ones judged.

    Returns:
        How many votes were checked.

    Raises:
        FormatError: it does not follow, or too few voted for it.
    """
    header, commit = said.header, said.commit
    what = "the commit"
    if header.chain_id != chain:
        raise malformed(what, f"it is of the chain {header.chain_id[:60]!r}, not {chain}")
    if bytes.fromhex(header.app_hash) != app_hash:
        raise malformed(what, "its header names another application hash than the ledger's last")
    if header.hash() != bytes.fromhex(commit.block_id.hash) or header.height != commit.height:
        raise malformed(what, "its votes are for another header")
    wanted = bytes.fromhex(header.validators_hash)
    powers = next((one for one in sets if validators_hash(one) == wanted), None)
    if powers is None:
        raise malformed(what, "its validators are not the contract's")
    keys = {address(key): key for key in powers}
    voted: set[bytes] = set()
    for one in commit.signatures:
        key = keys.get(bytes.fromhex(one.validator_address))
        if one.block_id_flag != FOR_BLOCK or key is None or key in voted:
            continue
        signature = base64.b64decode(one.signature or "", validate=False)
        vote = vote_bytes(
            PRECOMMIT, int(commit.height), commit.round, commit.block_id, one.timestamp, chain
        )
        if len(signature) != SIGNATURE_SIZE or not signature_holds(key, vote, signature):
            raise malformed(what, f"the vote of {one.validator_address} does not hold")
        voted.add(key)
    if not is_quorum(sum(powers[key] for key in voted), sum(powers.values())):
        raise malformed(what, "two thirds of the power or less voted for it")
    return len(voted)


def vote_bytes(kind: int, height: int, round_: int, block: BlockId, when: str, chain: str) -> bytes:
    """Return what a validator signs: the `CanonicalVote`, with its length before it.

    Raises:
        FormatError: `when` is no time.
    """
    parts = number(1, block.parts.total) + octets(2, bytes.fromhex(block.parts.hash))
    named = octets(1, bytes.fromhex(block.hash)) + message(2, parts)
    return delimited(
        number(1, kind) + fixed(2, height) + fixed(3, round_)
        + (message(4, named) if block.hash else b"") + message(5, timestamp(when)) + text(6, chain)
    )  # fmt: skip


def validators_hash(powers: Mapping[bytes, int]) -> bytes:
    """Return the root over validators: most power first, then by address."""
    ordered = sorted(powers, key=lambda key: (-powers[key], address(key)))
    return tree_root([
        message(1, octets(1, key)) + number(2, powers[key]) for key in ordered
    ])  # fmt: skip


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of an RFC 6962 tree."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def timestamp(when: str) -> bytes:
    """Return a time of RFC 3339, in UTC, as a `google.protobuf.Timestamp`.

    Raises:
        FormatError: it is none.
    """
    match = _TIME.fullmatch(when)
    if match is None:
        raise malformed("the commit", f"{when[:40]!r} is no time in UTC")
    try:
        whole = datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC)
    except ValueError as error:
        raise malformed("the commit", f"{when[:40]!r} is no time") from error
    nanoseconds = int((match.group(2) or "").ljust(9, "0"))
    return number(1, int(whole.timestamp())) + number(2, nanoseconds)


def _block_id(block: BlockId) -> bytes:
    parts = number(1, block.parts.total) + octets(2, bytes.fromhex(block.parts.hash))
    return octets(1, bytes.fromhex(block.hash)) + message(2, parts)
