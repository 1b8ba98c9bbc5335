"""`audit check`: what a receipt proves to somebody who holds a policy and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from collegium.audit.entry import EntryDescription, keys_of, read_entry, sender_signed
from collegium.audit.findings import NOT_PROVEN, SIMULATED, Finding, of_error
from collegium.audit.membership import backing
from collegium.audit.policy import NONE, CosigningPolicy
from collegium.audit.receipt import Receipt, decode_extra, decode_receipt
from collegium.audit.subjects import AboutReceipt, Value
from collegium.audit.trust import TrustRoot
from collegium.errors import CollegiumError, FormatError
from collegium.ledger.frames import entry_hash
from collegium.ledger.genesis import Genesis, decode_genesis, genesis_digest, log_key_of
from collegium.ledger.note import Checkpoint, open_checkpoint, origin_of
from collegium.ledger.proof import inclusion_holds

_Part = Literal["checkpoint", "entry", "extra", "file", "proof"]

Policy = TrustRoot | CosigningPolicy
"""A policy.json that a run handed out, or a C2SP tlog-policy."""


class ReceiptCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The result of checking a receipt. `ok` is false exactly when a finding is an error.

    `cosigned` are times (seconds since 1970) by the cosigner's name in the policy; `behind` says in
    words what the policy makes of the checkpoint.
    """

    ok: bool
    claims: str
    log: str
    index: int
    size: int
    root: str
    entry: EntryDescription | None
    cosigned: dict[str, int]
    behind: str
    findings: tuple[Finding, ...]
    not_proven: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Carried:
    """What a receipt carries beside its proof: the ledger's genesis and the entry."""

    identity: bytes
    genesis: Genesis
    entry: bytes
    said: EntryDescription


@dataclass(frozen=True, slots=True)
class _Support:
    """Who stands behind a checkpoint by a policy, the same in words, and whether it is enough."""

    cosigned: dict[str, int]
    behind: str
    enough: bool


def check_receipt(data: bytes, policy: Policy) -> ReceiptCheck:
    """Check a receipt's bytes against a policy. Whatever they are, this raises nothing."""
    findings: list[Finding] = []
    index = size = 0
    origin = root = ""
    said: EntryDescription | None = None
    support = _Support({}, "signed by nobody that the policy knows", enough=False)
    simulated = False
    try:
        receipt = _decode(data)
        carried = _carried(receipt)
        index, simulated = receipt.index, carried.genesis.keys == "simulated"
        checkpoint = _open_note(receipt.note, carried, policy)
        origin, size, root = checkpoint.origin, checkpoint.size, checkpoint.root.hex()
        if not inclusion_holds(
            entry_hash(carried.entry), index, size, receipt.proof, checkpoint.root
        ):
            raise _Failed("receipt.inclusion", "proof", {"index": index, "size": size})
        said = carried.said
        findings += _sender(carried)
        support = _support(receipt.note, checkpoint, carried.genesis, policy)
        if not support.enough:
            raise _Failed("receipt.quorum", "checkpoint", {"behind": support.behind})
    except _Failed as failed:
        findings.append(failed.finding)
    ok = not any(finding.severity == "error" for finding in findings)
    return ReceiptCheck(
        ok=ok,
        claims=_claims(index, size, support) if ok else "The receipt proves nothing.",
        log=origin,
        index=index,
        size=size,
        root=root,
        entry=said,
        cosigned=support.cosigned,
        behind=support.behind,
        findings=tuple(findings),
        not_proven=(*_NOT_PROVEN, *NOT_PROVEN, *((SIMULATED,) if simulated else ())),
    )


_NOT_PROVEN = (
    "that nothing later in the log changes what this entry meant",
    "that what other entries say follows from them: `collegium verify` replays a whole ledger",
)


class _Failed(Exception):
    """Checking cannot go on after this finding."""

    def __init__(self, code: str, part: _Part, told: dict[str, Value] | None = None) -> None:
        super().__init__(code)
        self.finding = Finding(code, "error", AboutReceipt(part), told or {})


def _decode(data: bytes) -> Receipt:
    try:
        return decode_receipt(data)
    except FormatError as error:
        raise _Failed("receipt.malformed", "file", of_error(error)) from error


def _carried(receipt: Receipt) -> _Carried:
    """Return genesis and entry, which are of one ledger; nothing vouches for them yet."""
    try:
        data, entry = decode_extra(receipt.extra)
        genesis, identity = decode_genesis(data), genesis_digest(data)
        said = read_entry(entry, identity, keys_of(genesis.members))
    except CollegiumError as error:
        raise _Failed("receipt.extra", "extra", of_error(error)) from error
    return _Carried(identity, genesis, entry, said)


def _open_note(note: str, carried: _Carried, policy: Policy) -> Checkpoint:
    """Return the checkpoint of a note that a log of the policy signed, the genesis's own."""
    origin = origin_of(carried.identity)
    if isinstance(policy, CosigningPolicy):
        keys = [public for name, public in policy.logs if name == origin]
    else:
        key = policy.log_key or log_key_of(carried.genesis)
        keys = [key] if key is not None and policy.genesis == carried.identity else []
    if not keys:
        raise _Failed("receipt.ledger", "extra", {"log": origin})
    why = ""
    for public in keys:
        try:
            return open_checkpoint(note, origin, public)
        except FormatError as error:
            why = error.why
    raise _Failed("receipt.checkpoint", "checkpoint", {"why": why})


def _sender(carried: _Carried) -> Iterator[Finding]:
    """Yield what is wrong or unknown about who signed the entry."""
    signed = sender_signed(carried.entry, keys_of(carried.genesis.members))
    if signed is None:
        yield Finding("receipt.sender", "note", AboutReceipt("entry"))
    elif not signed:
        told: dict[str, Value] = {"sender": carried.said.sender or ""}
        yield Finding("receipt.signature", "error", AboutReceipt("entry"), told)


def _support(note: str, checkpoint: Checkpoint, genesis: Genesis, policy: Policy) -> _Support:
    """Return who stands behind a checkpoint, by the policy's rule."""
    try:
        if isinstance(policy, CosigningPolicy):
            return _by_groups(note, policy)
        return _by_power(note, checkpoint, genesis, policy)
    except FormatError as error:
        raise _Failed("receipt.cosignature", "checkpoint", of_error(error)) from error


def _by_groups(note: str, policy: CosigningPolicy) -> _Support:
    cosigned = policy.cosigners(note)
    names = ", ".join(cosigned) or "nobody"
    behind = f"cosigned by {names}"
    if policy.quorum == NONE and not cosigned:
        behind = "signed by the log alone, which is enough for this policy"
    return _Support(cosigned, behind, policy.satisfied_by(cosigned))


def _by_power(note: str, checkpoint: Checkpoint, genesis: Genesis, trust: TrustRoot) -> _Support:
    """Weigh cosignatures by the genesis's powers; a checkpoint that was kept needs none."""
    members = {member.id: member for member in genesis.members}
    keys = {name: member.key for name, member in members.items()}
    log_key = log_key_of(genesis)
    if trust.members not in (None, keys) or trust.log_key not in (None, log_key):
        raise _Failed("anchor.keys", "extra")
    kept = [one for one in trust.checkpoints if one.size == checkpoint.size]
    if any(one.root != checkpoint.root for one in kept):
        raise _Failed("receipt.contradicted", "checkpoint")
    found = backing(note, checkpoint.origin, members)
    names = ", ".join(found.cosigners) or "nobody"
    behind = f"cosigned by {names} (power {found.power} of {found.total} in the genesis)"
    if kept and not found.quorum:
        return _Support(found.cosigners, "one that this policy has kept", enough=True)
    return _Support(found.cosigners, behind, found.quorum)


def _claims(index: int, size: int, support: _Support) -> str:
    return (
        f"Entry {index}, as told below, is in this ledger's log of {size} entries; "
        f"the checkpoint is {support.behind}."
    )
