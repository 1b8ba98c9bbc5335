"""Proof that a sequencer left out what a quorum of validators had seen: docs/spec/10-log-engine.md.

The log's key signed the block; validators with a quorum signed that they had the transaction and
had handed it over; and the ledger before the block, whoever's copy it is, shows for how many
blocks the contract would have taken it. Whoever keeps such a folder needs not be believed.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from collegium.audit.invalid_block import InvalidBlock, SignedBlock, read_block
from collegium.canonical import malformed
from collegium.errors import RunError, reason_of
from collegium.ledger.contract.apply import known_sender
from collegium.ledger.engines.log.delivery import decode_delivery
from collegium.ledger.engines.log.demands import seen_size, transactions_in, within_of
from collegium.ledger.engines.log.evidence import ENVELOPE, GENESIS_FILE, SEEN, require_ledger
from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.engines.log.seen import LARGEST_SEEN, bound_since
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import read_frames
from collegium.ledger.validators import ValidatorSet, validator_set_of


@dataclass(frozen=True, slots=True)
class OverdueBlock:
    """What is found of a block: whether it is proven that it was overdue, and why or why not.

    Attributes:
        proven: whether it is.
        first: entries before it.
        transaction: the id of what it leaves out.
        author: who signed that, or empty where nobody of the ledger did.
        seen: after how many entries validators had seen it, by member.
        blocks: how many blocks in a row were without it, although the contract would have taken it.
        why: in words.
    """

    proven: bool
    first: int
    transaction: str = ""
    author: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    blocks: int = 0
    why: str = ""


def check_censorship(evidence: Path, ledger: Path, identity: bytes) -> OverdueBlock:
    """Return what a folder of evidence proves, with a copy of the ledger before the block.

    Args:
        evidence: one of a home's `evidence/`, or a copy of it.
        ledger: a run folder or a member's home whose log the block is said to follow.
        identity: the genesis digest that whoever asks trusts.

    Raises:
        RunError: the evidence is none of this kind, or the ledger is another one or too short.
        FormatError: the evidence is malformed, or the log's key did not sign its note.
    """
    genesis, envelope, words = _files(evidence)
    require_ledger(evidence, genesis, identity)
    found = read_block(evidence, ledger, identity)
    if isinstance(found, InvalidBlock):
        return OverdueBlock(False, found.first, why=found.why)
    decoded, first = decode_envelope(envelope), found.header.first
    transaction, within = decoded.transaction_id, within_of(found.genesis)
    name = transaction.hex()
    if within is None:
        return OverdueBlock(False, first, name, why="the genesis has no ordered_within")
    if transaction in transactions_in(found.block):
        return OverdueBlock(False, first, name, why="the block has the transaction")
    stands, judges, author = _replayed(found, envelope, transaction)
    told = {
        member: seen_size(note, transaction, identity, member, judges.key_of(member))
        for member, note in words.items()
    }
    seen = {member: size for member, size in told.items() if size is not None}
    bound = bound_since(seen, judges)
    if bound is None:
        why = "validators with a quorum have not said that they had seen it"
        return OverdueBlock(False, first, name, author, seen, why=why)
    since = takewhile(lambda one: one[1] and one[0] >= bound, reversed(stands))
    blocks = sum(1 for _ in since)
    why = (
        f"{blocks} blocks in a row are without it, although the contract would have taken it "
        f"before each; the genesis lets {within - 1} be so"
    )
    return OverdueBlock(blocks >= within, first, name, author, seen, blocks, why)


def _replayed(
    signed: SignedBlock, envelope: bytes, transaction: bytes
) -> tuple[list[tuple[int, bool]], ValidatorSet, str]:
    """Replay the ledger before a block.

    Returns:
        For each place where a block ends its size, and whether a transaction could have come there
        and did not come before it; who judges the block; and the transaction's author.
    """
    with (
        TemporaryDirectory() as folder,
        closing(open_log_copy(Path(folder), signed.genesis, lambda _: None)) as copy,
    ):
        stands, start = [], next(read_frames(signed.before)).end
        for block in (b"", *decode_delivery(signed.before[start:]).blocks):
            if block:
                copy.take(block)
            taken = copy.ledger.check(envelope) is None
            stands.append((copy.size, taken and transaction not in transactions_in(block)))
        state = copy.ledger.state
        sender = known_sender(state, decode_envelope(envelope).key_id)
        judges = validator_set_of(state, copy.ledger.identity)
        return stands, judges, "" if sender is None else sender.name


def _files(evidence: Path) -> tuple[bytes, bytes, dict[str, str]]:
    """Return the genesis, the transaction, and the words by member.

    Raises:
        RunError: they are not there.
        FormatError: a word is not UTF-8.
    """
    try:
        genesis, envelope = ((evidence / name).read_bytes() for name in (GENESIS_FILE, ENVELOPE))
        words = {
            path.stem.removeprefix(SEEN): path.read_bytes()[: LARGEST_SEEN + 1].decode()
            for path in sorted(evidence.glob(f"{SEEN}*.note"))
        }
    except OSError as error:
        raise RunError(
            "evidence.unreadable", f"{evidence} does not hold a transaction and who has seen it",
            reason_of(error), "name a folder censored-… of a home's evidence/",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise malformed("a word that a transaction was seen", "it is not UTF-8") from error
    return genesis, envelope, words
