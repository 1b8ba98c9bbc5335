"""Groups of a round with masked updates: drawn by lots that nobody can choose, and who is left.

docs/spec page 17, docs/decisions/0072. A sum is opened of each group by itself, and a rule that
bears bad values reduces the groups' means. A group that too few of its members stay with is out of
the attempt; the others go on while there are enough of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from collegium.ledger.contract.events import Event, GroupsDrawn, GroupsLost
from collegium.ledger.contract.phases import is_grouped
from collegium.ledger.contract.tables import (
    RoundRecord,
    StudyRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    round_path,
    threshold_of,
)
from collegium.ledger.hashing import lp, tag, tagged_hash, u64
from collegium.ledger.state import State

INSIDE = ("sa.deal", "commit", "reveal", "share")
"""Phases in which members of a group speak."""

Groups = Mapping[str, int]
"""Each member's group, counted from 1, in order of names."""


def keys_commitment(
    genesis: bytes, study: str, number: int, attempt: int, member: str, keys: bytes
) -> bytes:
    """Return what binds a member to the keys from which, among others', lots follow.

    Args:
        genesis: the ledger's digest.
        study: its id.
        number: the round.
        attempt: its try.
        member: whose keys they are.
        keys: both public keys, 64 bytes.
    """
    place = (lp(study.encode()), u64(number), u64(attempt))
    return tagged_hash("group-keys", genesis, *place, lp(member.encode()), keys)


def draw_groups(
    study: str, number: int, attempt: int, keys: Mapping[str, bytes], count: int
) -> dict[str, int]:
    """Return the groups of an attempt, whose sizes differ by one at most.

    They follow from everybody's keys. Who bound itself to its keys before it saw another's can
    choose nothing but to stay silent, and then has no place.

    Args:
        study: its id.
        number: the round.
        attempt: its try.
        keys: 64 bytes of each who has advertised.
        count: how many groups there are.
    """
    said = [part for name in sorted(keys) for part in (lp(name.encode()), keys[name])]
    place = (lp(study.encode()), u64(number), u64(attempt), u64(count))
    seed = tagged_hash("groups", *place, *said)
    lots = {name: sha256(tag("group-lot") + seed + lp(name.encode())).digest() for name in keys}
    drawn = sorted(keys, key=lambda name: lots[name])
    numbers = {name: 1 + place % count for place, name in enumerate(drawn)}
    return {name: numbers[name] for name in sorted(numbers)}


def groups_of(state: State, study: str, number: int, attempt: int) -> dict[str, int]:
    """Return who is in which group of an attempt that still goes on, in order of names."""
    path = round_path(study, number, "groups")
    return {name: int(value) for name, value in attempt_items(state, path, attempt)}


def count_of(record: StudyRecord) -> int:
    """Return how many groups a study's rounds have; 0 where they have none."""
    return record.groups if isinstance(record.groups, int) else 0


def fewest_of(record: StudyRecord) -> int:
    """Return how many groups an attempt needs; 0 where it has none."""
    return record.fewest_groups if isinstance(record.fewest_groups, int) else 0


def of_one_group(groups: Groups, member: str, names: Collection[str]) -> tuple[str, ...]:
    """Return who of some members is in a member's group; all of them where there are no groups."""
    if not groups:
        return tuple(names)
    return tuple(name for name in names if groups.get(name) == groups.get(member))


def members_by_group(groups: Groups, names: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Return some members by their groups, both in order; who is in none is left out."""
    found: dict[int, list[str]] = {}
    for name in names:
        if name in groups:
            found.setdefault(groups[name], []).append(name)
    return {number: tuple(found[number]) for number in sorted(found)}


def draw(state: State, study: str, record: StudyRecord, number: int, attempt: int) -> list[Event]:
    """Draw an attempt's groups, or keep those of an earlier one of which a sum may be known.

    Sums of the same updates over other groups would show differences.
    """
    keys = dict(attempt_items(state, round_path(study, number, "sa_keys"), attempt))
    drawn = draw_groups(study, number, attempt, keys, count_of(record))
    kept = {name: int(value) for name, value in state.items(round_path(study, number, "opened"))}
    if kept:
        drawn = {name: kept[name] for name in keys if name in kept}
    path = round_path(study, number, "groups")
    state.put_all(path, {attempt_key(attempt, name): b"%d" % one for name, one in drawn.items()})
    return [
        GroupsDrawn(
            study=study, round=number, attempt=attempt, members=tuple(drawn),
            groups=tuple(drawn.values()),
        )
    ]  # fmt: skip


def around(
    state: State, study: str, number: int, attempt: int, names: Collection[str]
) -> frozenset[int]:
    """Return the groups that some members are in."""
    groups = groups_of(state, study, number, attempt)
    return frozenset(groups[name] for name in names if name in groups)


def thin(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord,
    there: Collection[str], *, broken: Collection[int] = (),
) -> tuple[list[str], bool, list[Event]]:  # fmt: skip
    """Take groups out of an attempt that fewer than the threshold have stayed with.

    Args:
        state: changed.
        study: its id.
        record: its registration.
        status: where it stands.
        current: the attempt's record.
        there: who has spoken in the phase that ends, or whose update is included.
        broken: groups that are out for another reason.

    Returns:
        who of them is in a group that goes on; whether enough groups are left; what happened.
    """
    if not is_grouped(record.design) or current.phase in ("sa.bind", "vote"):
        return list(there), True, []
    number, attempt = status.round, current.attempt
    groups = groups_of(state, study, number, attempt)
    staying = members_by_group(groups, sorted(there))
    everybody = sorted(set(groups.values()))
    lost = [
        one
        for one in everybody
        if one in broken or len(staying.get(one, ())) < threshold_of(record)
    ]
    for name, one in groups.items():
        if one in lost:
            for table in ("groups", "included"):
                state.put(round_path(study, number, table), attempt_key(attempt, name), None)
    left = [name for name in there if name in groups and groups[name] not in lost]
    events: list[Event] = []
    if lost:
        events.append(
            GroupsLost(
                study=study, round=number, attempt=attempt, phase=current.phase, groups=tuple(lost)
            )
        )
    return left, len(everybody) - len(lost) >= fewest_of(record), events
