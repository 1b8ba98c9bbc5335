"""Groups of a round with masked updates: drawn by lots that nobody can choose, and who is left.

docs/spec page 17, docs/decisions/0072. A sum is opened of each group by itself, and a rule that
bears bad values reduces the groups' means. A group that too few of its members stay with is out of
the attempt; the others go on while there are enough of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from collegium.canonical import from_text
from collegium.ledger.contract import members, rounds
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.declared import may_be_open, part_of
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import enter
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.rules import Closing, Ending, Rules, without_record
from collegium.ledger.contract.tables import (
    StudyRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    round_path,
)
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE, lp, tag, tagged_hash, u64
from collegium.ledger.state import State
from collegium.mechanisms.dealing.rules import threshold_of
from collegium.mechanisms.dealing.starts import note
from collegium.mechanisms.groups.terms import (
    MECHANISM,
    GroupsDrawn,
    GroupsLost,
    GroupsRefused,
    GroupTerms,
    SecaggBind,
    Without,
)

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
    terms = part_of(record.terms, GroupTerms)
    return 0 if terms is None else terms.count


def fewest_of(record: StudyRecord) -> int:
    """Return how many groups an attempt needs; 0 where it has none."""
    terms = part_of(record.terms, GroupTerms)
    return 0 if terms is None else terms.fewest


def members_by_group(groups: Groups, names: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Return some members by their groups, both in order; who is in none is left out."""
    found: dict[int, list[str]] = {}
    for name in names:
        if name in groups:
            found.setdefault(groups[name], []).append(name)
    return {number: tuple(found[number]) for number in sorted(found)}


def _holders(tx: StudyRegister) -> tuple[int, int]:
    """Return the sizes of a full round's smallest and largest group.

    Raises:
        Rejected: there are more groups than members, or than an attempt has.
    """
    terms = part_of(tx.terms, GroupTerms)
    if terms is None or not terms.fewest <= terms.count <= tx.per_round:
        raise Rejected("refused", "fewest <= count <= per_round does not hold of groups")
    return tx.per_round // terms.count, -(-tx.per_round // terms.count)


def bind(state: State, sender: str, tx: SecaggBind) -> list[Event]:
    """Record what binds a participant to the keys that it will advertise."""
    at = enter(state, tx, sender, "sa.bind")
    at.put("sa_bound", sender, from_text(tx.commitment, DIGEST_SIZE, "a commitment"))
    return rounds.spoke(at)


def _advertises(at: RoundAt, sender: str, keys: bytes) -> None:
    """Refuse keys that their sender did not bind itself to before it saw others'."""
    place = (ledger_of(at.record.genesis), at.study, at.number, at.attempt)
    if at.get("sa_bound", sender) != keys_commitment(*place, sender, keys):
        raise Rejected("refused", f"{sender} bound itself to other keys, or to none")


def _groups(at: RoundAt) -> dict[str, int]:
    return groups_of(at.state, at.study, at.number, at.attempt)


def _arranges(at: RoundAt) -> Mapping[str, tuple[str, ...]]:
    groups = _groups(at)
    inside = members_by_group(groups, tuple(groups))
    return {name: inside[number] for name, number in groups.items()}


def _fewest(record: StudyRecord) -> int:
    return threshold_of(record) * fewest_of(record)


def _enters(at: RoundAt, sender: str, phase: str) -> None:
    if phase in INSIDE and not at.has("groups", sender):
        raise Rejected("not-a-participant", f"{sender} is in no group that goes on")


def _draw(at: RoundAt) -> Event:
    """Draw an attempt's groups, or keep those of an earlier one of which a sum may be known.

    Sums of the same updates over other groups would show differences.
    """
    keys = dict(at.items("sa_keys"))
    drawn = draw_groups(at.study, at.number, at.attempt, keys, count_of(at.record))
    kept = {name: int(value) for name, value in at.state.items(at.table("opened"))}
    if kept:
        drawn = {name: kept[name] for name in keys if name in kept}
    entries = {attempt_key(at.attempt, name): b"%d" % one for name, one in drawn.items()}
    at.state.put_all(at.table("groups"), entries)
    return GroupsDrawn(**at.here, members=tuple(drawn), groups=tuple(drawn.values()))


def _incomplete(at: RoundAt, staying: Mapping[int, tuple[str, ...]]) -> set[int]:
    """Return the groups of which a sum may be known, and lacks somebody who was in it."""
    if members.contract_version(at.state) < 2 or may_be_open(at.record.modules, at.current.phase):
        return set()
    there = at.members("participants")
    kept = {name: int(one) for name, one in at.state.items(at.table("opened")) if name in there}
    return {
        number
        for number, names in members_by_group(kept, tuple(kept)).items()
        if not set(names).issubset(staying.get(number, ()))
    }


def _phase_ends(at: RoundAt, ending: Ending) -> Ending:
    """Draw groups once keys are there; take those out that fewer than the threshold stay with.

    Of one of which a sum may be known, everybody has to stay: the others go on without it.
    """
    phase, events = at.current.phase, [*ending.events]
    if phase == "sa.keys":
        events.append(_draw(at))
    if phase in ("sa.bind", "vote"):
        return ending
    groups = _groups(at)
    broken = {groups[name] for name in ending.unsound if name in groups}
    staying = members_by_group(groups, sorted(ending.there))
    everybody = sorted(set(groups.values()))
    broken |= _incomplete(at, staying)
    lost = [
        one
        for one in everybody
        if one in broken or len(staying.get(one, ())) < threshold_of(at.record)
    ]
    for name, one in groups.items():
        if one in lost:
            at.put("groups", name, None)
            at.put("included", name, None)
    left = tuple(name for name in ending.there if name in groups and groups[name] not in lost)
    if lost:
        events.append(GroupsLost(**at.here, phase=phase, groups=tuple(lost)))
    enough = len(everybody) - len(lost) >= fewest_of(at.record)
    return replace(
        ending, there=left, events=tuple(events), unsound=(),
        failed=None if enough else "too-few",
    )  # fmt: skip


def _includes(at: RoundAt, names: list[str]) -> list[str]:
    groups = _groups(at)
    return [name for name in names if name in groups]


def _attempt_fails(at: RoundAt) -> None:
    """Keep who is in which group where a sum may be known."""
    groups, version = _groups(at), members.contract_version(at.state)
    for name in at.members("opened"):
        if name in groups or version < 2:
            at.state.put(at.table("opened"), name, b"%d" % groups.get(name, 1))
    if at.members("opened"):
        _note(at, at.course.status.model)


def _note(at: RoundAt, model: str) -> None:
    """Note of whom the groups' sums from a model are."""
    groups = _groups(at)
    note(at, model, {name: groups[name] for name in at.names("included") if name in groups})


def _votes(record: StudyRecord, result: ModelResult) -> None:
    without = part_of(result.parts, Without)
    if without is not None and list(without.groups) != sorted(set(without.groups)):
        raise Rejected("malformed", "groups are sorted, each once")


def _left_out(at: RoundAt, result: ModelResult) -> frozenset[str]:
    without, groups = part_of(result.parts, Without), _groups(at)
    gone = () if without is None else without.groups
    return frozenset(name for name, number in groups.items() if number in gone)


def _round_closes(at: RoundAt, result: ModelResult, before: StudyStatus) -> Closing:
    _note(at, before.model)
    without = part_of(result.parts, Without)
    if without is None:
        return Closing()
    return Closing((GroupsRefused(**at.here, groups=without.groups),))


RULES = Rules(
    MECHANISM,
    handlers={SecaggBind: without_record(bind)},
    holders=_holders,
    advertises=_advertises,
    arranges=_arranges,
    fewest=_fewest,
    fewest_openers=_fewest,
    enters=_enters,
    includes=_includes,
    phase_ends=_phase_ends,
    attempt_fails=_attempt_fails,
    votes=_votes,
    left_out=_left_out,
    round_closes=_round_closes,
)
