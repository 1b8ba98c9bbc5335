"""C2SP tlog-policy: which logs and cosigners are trusted, and how many of them; 11-receipts.md.

Groups cannot weigh their members. Where a consortium's powers differ, more than two thirds of the
power is written as groups that accept exactly the same members, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from collegium.canonical import malformed
from collegium.errors import FormatError
from collegium.ledger.cosignature import cosignatures
from collegium.ledger.note import COSIGNATURE, ED25519, parse_verifier_key, verifier_key

NONE = "none"
"""The quorum that asks for no cosignature."""

_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

VerifierKey = tuple[str, bytes]
"""A key's name and the public key."""


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses or groups, of which at least `threshold` must stand behind a checkpoint."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(slots=True)
class CosigningPolicy:
    """The logs' keys, the witnesses' keys by name, groups in order of definition, the quorum."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    quorum: str = ""

    def cosigners(self, note: str) -> dict[str, int]:
        """Return which witnesses cosigned a note, and when (seconds since 1970).

        Raises:
            FormatError: a line under a witness's key does not hold.
        """
        found = {}
        for name, (key_name, public) in self.witnesses.items():
            for seconds in cosignatures(note, {key_name: public}).values():
                found[name] = seconds
        return found

    def satisfied_by(self, cosigners: Collection[str]) -> bool:
        """Return whether those witnesses are a quorum."""
        standing = set(cosigners)
        for group in self.groups:
            if sum(name in standing for name in group.members) >= group.threshold:
                standing.add(group.name)
        return self.quorum == NONE or self.quorum in standing


def parse_policy(data: bytes) -> CosigningPolicy:
    """Return the policy in a file's bytes. Addresses of logs and witnesses are passed over.

    Raises:
        FormatError: it breaks a rule of tlog-policy; the line is named.
    """
    policy = CosigningPolicy()
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            if _FORBIDDEN.search(line):
                raise _wrong("it holds a control character; lines end with a newline alone")
            # Octets above 127 are opaque to the standard; this keeps different ones different.
            words = line.decode("utf-8", "surrogateescape").replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if words and not words[0].startswith("#"):
                _define(policy, words)
        except FormatError as error:
            raise malformed("a policy", f"line {number}: {error.why}") from error
    if not policy.quorum:
        raise malformed("a policy", "it has no quorum line")
    return policy


def _define(policy: CosigningPolicy, words: list[str]) -> None:
    """Take over what one line defines."""
    match words:
        case ["log", key] | ["log", key, _]:
            log = parse_verifier_key(key, ED25519)
            if any(log[1] == public for _, public in policy.logs):
                raise _wrong("two logs have one public key")
            policy.logs.append(log)
        case ["witness", name, key] | ["witness", name, key, _]:
            _check_new(policy, name)
            witness = parse_verifier_key(key, COSIGNATURE)
            if any(witness[1] == public for _, public in policy.witnesses.values()):
                raise _wrong("two witnesses have one public key")
            policy.witnesses[name] = witness
        case ["group", name, threshold, *members] if members:
            _check_new(policy, name)
            policy.groups.append(Group(name, _threshold(threshold, len(members)), tuple(members)))
            _check_members(policy)
        case ["quorum", name]:
            if policy.quorum:
                raise _wrong("it is a second quorum line")
            if name != NONE and name not in _names(policy):
                raise _wrong(f"quorum {name!r} is not defined before")
            policy.quorum = name
        case _:
            raise _wrong("it is no definition of a log, witness, group or quorum")


def _names(policy: CosigningPolicy) -> set[str]:
    return {*policy.witnesses, *(group.name for group in policy.groups)}


def _check_new(policy: CosigningPolicy, name: str) -> None:
    if name == NONE or name in _names(policy):
        raise _wrong(f"the name {name!r} is taken")


def _threshold(text: str, members: int) -> int:
    count = {"all": members, "any": 1}.get(text)
    if count is None and _THRESHOLD.fullmatch(text):
        count = int(text)
    if count is None or not 1 <= count <= members:
        raise _wrong(f"a threshold is all, any or a number from 1 to {members}")
    return count


def _check_members(policy: CosigningPolicy) -> None:
    """Check the members of the group defined last; each name counts in one group only."""
    *before, group = policy.groups
    known = {*policy.witnesses, *(one.name for one in before)}
    used = [name for one in before for name in one.members]
    for name in group.members:
        if name not in known:
            raise _wrong(f"{name!r} is not defined before")
        if name in used:
            raise _wrong(f"{name!r} is in a group already")
        used.append(name)


def _wrong(why: str) -> FormatError:
    return malformed("a policy", why)


def policy_lines(policy: CosigningPolicy) -> list[str]:
    """Return a policy's lines, as `parse_policy` reads them."""
    lines = [f"log {verifier_key(name, public)}" for name, public in policy.logs]
    for name, (key_name, public) in policy.witnesses.items():
        lines.append(f"witness {name} {verifier_key(key_name, public, COSIGNATURE)}")
    for group in policy.groups:
        lines.append(f"group {group.name} {group.threshold} {' '.join(group.members)}")
    return [*lines, f"quorum {policy.quorum}"]


def two_thirds(powers: Mapping[str, int]) -> tuple[list[Group], str]:
    """Return groups that accept exactly the members with more than two thirds of the power.

    Args:
        powers: positive power by member's id.

    Returns:
        The groups in order of definition, and the name of the quorum: a group's, or a member's
        who decides alone. Groups' names have a capital letter, which no member's id has.

    Raises:
        FormatError: no such groups are found.
    """
    ordered = sorted(powers.items(), key=lambda one: (-one[1], one[0]))
    return _quorum(ordered, 2 * sum(powers.values()) // 3 + 1, 0)


def _quorum(ordered: Sequence[tuple[str, int]], needed: int, depth: int) -> tuple[list[Group], str]:
    """Return groups that accept the members who have what is needed, the strongest given first."""
    names = [name for name, _ in ordered]
    powers = [power for _, power in ordered]
    own_name = f"Rest-{depth}" if depth else "More-than-two-thirds"
    count = next(n for n in range(1, len(powers) + 1) if sum(powers[:n]) >= needed)
    if sum(powers[-count:]) >= needed:  # any so many members have enough, and no fewer have
        if len(names) == 1:
            return [], names[0]
        return [Group(own_name, count, tuple(sorted(names)))], own_name
    strongest, rest = powers[0], sum(powers[1:])
    if rest < needed:  # nothing without the strongest
        if strongest >= needed:
            return [], names[0]
        groups, name = _quorum(ordered[1:], needed - strongest, depth + 1)
        return [*groups, Group(own_name, 2, (names[0], name))], own_name
    if strongest >= needed:  # the strongest alone, or the others without it
        groups, name = _quorum(ordered[1:], needed, depth + 1)
        return [*groups, Group(own_name, 1, (names[0], name))], own_name
    told = ", ".join(f"{name} {power}" for name, power in ordered)
    raise FormatError(
        "policy.weights",
        "more than two thirds of the power cannot be written as groups of tlog-policy",
        f"its groups count members, and these powers do not come down to counting: {told}",
        "hand out what `collegium audit policy --keep` writes; the check weighs by power with it",
    )
