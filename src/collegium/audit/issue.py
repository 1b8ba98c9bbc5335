"""Making receipts and policies from the log in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collegium.audit.entry import EntryDescription, keys_of, read_entry
from collegium.audit.log import Log, find_entry, newest_checkpoint, read_log
from collegium.audit.membership import CosigningPower, backing
from collegium.audit.policy import NONE, CosigningPolicy, policy_lines, two_thirds
from collegium.audit.receipt import Receipt, encode_extra, encode_receipt
from collegium.audit.trust import policy_text
from collegium.canonical import from_text
from collegium.errors import RunError
from collegium.ledger.cosignature import cosigner_name
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.proof import inclusion_proof, subtrees


@dataclass(frozen=True, slots=True)
class IssuedReceipt:
    """A receipt as text, what it is of, and who stands behind its checkpoint."""

    text: str
    index: int
    size: int
    said: EntryDescription
    backing: CosigningPower


def issue_receipt(folder: Path, wanted: str) -> IssuedReceipt:
    """Make a receipt of one entry of the log in a folder, under its newest checkpoint.

    Args:
        folder: a run folder or a member's home.
        wanted: the entry's index, or its transaction's id in hex.

    Raises:
        RunError: there is no such log or entry, or no checkpoint covers it yet.
        FormatError: the log or its checkpoint do not hold.
    """
    log = read_log(folder)
    index = find_entry(log, wanted)
    note, checkpoint = newest_checkpoint(log)
    if index >= checkpoint.size:
        raise RunError(
            "receipt.not-final",
            f"entry {index} is not final",
            f"the newest checkpoint is over the first {checkpoint.size} entries",
            "wait until a quorum has cosigned a longer log",
        )
    proof = inclusion_proof(subtrees(log.hashes[: checkpoint.size]), index, checkpoint.size)
    entry = log.entries[index]
    receipt = Receipt(index, tuple(proof), note, encode_extra(log.genesis_bytes, entry))
    return IssuedReceipt(
        encode_receipt(receipt),
        index,
        checkpoint.size,
        read_entry(entry, log.identity, keys_of(log.known_members())),
        backing(note, log.origin, log.judges(checkpoint.size)),
    )


def issue_kept_policy(folder: Path) -> str:
    """Return our JSON policy, which weighs by the genesis's powers and keeps the newest checkpoint.

    Raises:
        RunError: there is no such log, or it has no checkpoint.
        FormatError: the log or its checkpoint do not hold.
    """
    log = read_log(folder)
    note, _ = newest_checkpoint(log)
    return policy_text(log.genesis_bytes, log.log_key, [note])


def issue_policy(folder: Path, *, log_only: bool) -> str:
    """Return the C2SP tlog-policy of the log in a folder, for whoever checks its receipts.

    Args:
        folder: a run folder or a member's home.
        log_only: ask for no cosignature, so that the log's key alone is trusted.

    Raises:
        RunError: there is no such log.
        FormatError: the log does not hold, or its members' powers make no groups.
    """
    log = read_log(folder)
    size = len(log.entries)
    validators = {name: one for name, one in log.members(size).items() if one.power}
    policy = CosigningPolicy([(log.origin, log.log_key)])
    policy.quorum = NONE
    if log_only:
        rule = "Asks for no cosignature: whoever holds the log's key is trusted."
    else:
        for name, member in sorted(validators.items()):
            key = from_text(member.key, KEY_SIZE, "a key")
            policy.witnesses[name] = (cosigner_name(log.origin, name), key)
        powers = {name: member.power for name, member in validators.items()}
        policy.groups, policy.quorum = two_thirds(powers)
        rule = "Asks for validators with more than two thirds of the power."
    about = [
        f"# Policy for receipts of the ledger {log.genesis.chain} (C2SP tlog-policy).",
        f"# {rule}",
        f"# {_as_of(log, size)}",
    ]
    return "".join(f"{line}\n" for line in [*about, *policy_lines(policy)])


def _as_of(log: Log, size: int) -> str:
    if log.members(size) == {member.id: member for member in log.genesis.members}:
        return "Members are those of the genesis."
    return f"Members and keys are those after {size} entries; a later change needs a new policy."
