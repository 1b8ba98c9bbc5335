"""Trust roots: what an outsider knew before looking at a run; docs/spec/5-checkpoint.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from collegium.audit.policy import CosigningPolicy, parse_policy
from collegium.canonical import malformed
from collegium.errors import CollegiumError, FormatError, RunError, reason_of
from collegium.ledger.genesis import decode_genesis, genesis_digest
from collegium.ledger.note import (
    Checkpoint,
    open_checkpoint,
    origin_of,
    parse_verifier_key,
    verifier_key,
)

FORMAT = "collegium-policy/v1"
LARGEST_POLICY = 64 * 2**20
_ORIGIN = re.compile(r"collegium/[0-9a-f]{64}", re.ASCII)


class PolicyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of a policy file; `log` is absent for a ledger that has no log key."""

    format: str
    genesis: str
    members: dict[str, str]
    checkpoints: tuple[str, ...]
    log: str | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A genesis digest, and perhaps keys and checkpoints that were kept from earlier.

    `cosigning` is there where the policy says who must have cosigned.
    """

    genesis: bytes | None = None
    members: dict[str, str] | None = None
    log_key: bytes | None = None
    checkpoints: tuple[Checkpoint, ...] = field(default=())
    cosigning: CosigningPolicy | None = None


def genesis_root(text: str) -> TrustRoot:
    """Return the trust root of a genesis digest in hex.

    Raises:
        RunError: it is no SHA-256.
    """
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise RunError(
            "policy.genesis",
            f"{text[:80]!r} is no genesis digest",
            "it is a SHA-256: 64 hexadecimal digits",
            "copy it from where you keep it, not from the run that you verify",
        )
    return TrustRoot(digest)


def policy_root(path: Path) -> TrustRoot:
    """Return the trust root of a policy file, for one ledger.

    Raises:
        RunError: the file cannot be read.
        FormatError: it is no policy, contradicts itself, or speaks of several ledgers or none.
    """
    policy = read_policy(path)
    if isinstance(policy, TrustRoot):
        return policy
    ours = [(name, key) for name, key in policy.logs if _ORIGIN.fullmatch(name)]
    if len(ours) != 1:
        raise _no_policy(path, f"it names {len(ours)} ledgers, and one is what can be verified")
    name, key = ours[0]
    return TrustRoot(bytes.fromhex(name.partition("/")[2]), log_key=key, cosigning=policy)


def read_policy(path: Path) -> TrustRoot | CosigningPolicy:
    """Return what a policy file says: our JSON, or a C2SP tlog-policy.

    Raises:
        RunError: the file cannot be read.
        FormatError: it is no policy, or contradicts itself.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_POLICY + 1)
        if len(data) > LARGEST_POLICY:
            raise OSError("it is too large to be a policy")
    except (OSError, ValueError) as error:
        raise RunError(
            "policy.unreadable", f"{path} cannot be read", reason_of(error), "check the path"
        ) from error
    try:
        return _json_root(data) if data.lstrip()[:1] == b"{" else parse_policy(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _no_policy(path, str(error)) from error
    except CollegiumError as error:
        raise _no_policy(path, error.why) from error


def _json_root(data: bytes) -> TrustRoot:
    policy = msgspec.json.decode(data, type=PolicyFile)
    genesis = genesis_root(policy.genesis).genesis
    if genesis is None or policy.format != FORMAT:
        raise malformed("a policy", "its format or genesis is not one of ours")
    if isinstance(policy.log, msgspec.UnsetType):
        if policy.checkpoints:
            raise malformed("a policy", "it has checkpoints, and no key of a log that signed them")
        return TrustRoot(genesis, policy.members)
    name, log_key = parse_verifier_key(policy.log)
    if name != origin_of(genesis):
        raise malformed("a policy", "its format, genesis and log key do not belong together")
    checkpoints = [open_checkpoint(note, name, log_key) for note in policy.checkpoints]
    ordered = tuple(sorted(checkpoints, key=lambda checkpoint: checkpoint.size))
    return TrustRoot(genesis, policy.members, log_key, ordered)


def policy_text(genesis_bytes: bytes, log_key: bytes | None, checkpoints: list[str]) -> str:
    """Return the policy file of a ledger: what to hand to outsiders while it runs."""
    digest = genesis_digest(genesis_bytes)
    members = {member.id: member.key for member in decode_genesis(genesis_bytes).members}
    policy = PolicyFile(
        FORMAT,
        digest.hex(),
        members,
        tuple(checkpoints),
        msgspec.UNSET if log_key is None else verifier_key(origin_of(digest), log_key),
    )
    text: str = msgspec.json.format(msgspec.json.encode(policy), indent=1).decode()
    return text + "\n"


def _no_policy(path: Path, why: str) -> FormatError:
    return FormatError(
        "policy.malformed",
        f"{path} is not a policy file",
        why,
        "use the file as it was handed out; docs/spec/5-checkpoint.md describes it",
    )
