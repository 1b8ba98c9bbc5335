"""Trust roots: what an outsider knew before looking at a run; docs/spec/5-checkpoint.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from collegium.errors import CollegiumError, FormatError, RunError
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


class PolicyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of a policy file."""

    format: str
    genesis: str
    log: str
    members: dict[str, str]
    checkpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A genesis digest, and perhaps keys and checkpoints that were kept from earlier."""

    genesis: bytes | None = None
    members: dict[str, str] | None = None
    log_key: bytes | None = None
    checkpoints: tuple[Checkpoint, ...] = field(default=())


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
    """Return the trust root of a policy file.

    Raises:
        RunError: the file cannot be read.
        FormatError: it is no policy, or contradicts itself.
    """
    try:
        if path.stat().st_size > LARGEST_POLICY:
            raise OSError("it is too large to be a policy")
        policy = msgspec.json.decode(path.read_bytes(), type=PolicyFile)
        genesis = genesis_root(policy.genesis).genesis
        name, log_key = parse_verifier_key(policy.log)
    except OSError as error:
        raise RunError(
            "policy.unreadable", f"{path} cannot be read", str(error), "check the path"
        ) from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _no_policy(path, str(error)) from error
    except CollegiumError as error:
        raise _no_policy(path, error.why) from error
    if genesis is None or policy.format != FORMAT or name != origin_of(genesis):
        raise _no_policy(path, "its format, genesis and log key do not belong together")
    try:
        checkpoints = [open_checkpoint(note, name, log_key) for note in policy.checkpoints]
    except FormatError as error:
        raise _no_policy(path, error.why) from error
    ordered = tuple(sorted(checkpoints, key=lambda checkpoint: checkpoint.size))
    return TrustRoot(genesis, policy.members, log_key, ordered)


def policy_text(genesis_bytes: bytes, log_key: bytes, checkpoints: list[str]) -> str:
    """Return the policy file of a ledger: what to hand to outsiders while it runs."""
    digest = genesis_digest(genesis_bytes)
    members = {member.id: member.key for member in decode_genesis(genesis_bytes).members}
    policy = PolicyFile(
        FORMAT,
        digest.hex(),
        verifier_key(origin_of(digest), log_key),
        members,
        tuple(checkpoints),
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
