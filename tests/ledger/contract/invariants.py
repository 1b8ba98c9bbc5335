"""What must hold of every state, computed anew from its entries and never by the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256

import msgspec
from tests.ledger.contract.kit import World
from tests.ledger.contract.moves import course_of, current, status_of

from collegium import canonical
from collegium.canonical import to_text
from collegium.ledger.contract.declared import phases_of
from collegium.ledger.contract.events import RoundOpened
from collegium.ledger.contract.sampling import sample_participants
from collegium.ledger.contract.tables import (
    GOVERNANCE,
    THE_ONE,
    Acceptance,
    Governance,
    MemberRecord,
    StudyRecord,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.merkle import tree_root
from collegium.ledger.state import BranchNode, Node, PrunedNode, State, TableNode
from collegium.mechanisms.dealing.starts import TABLE
from collegium.mechanisms.scores.score_medians import ScoreRecord


def naive_root(node: Node) -> bytes:
    """Return a node's root as docs/spec/4-ledger.md has it, from nothing but its entries."""
    if isinstance(node, PrunedNode):
        return node.root()
    if isinstance(node, TableNode):
        leaves = sorted((key.encode(), value) for key, value in node.encoded().items())
    else:
        present = {name: child for name, child in node.children.items() if not _empty(child)}
        leaves = sorted((name.encode(), naive_root(child)) for name, child in present.items())
    return tree_root([sha256(b"\0" + _lp(key) + _lp(value)).digest() for key, value in leaves])


def _empty(node: Node) -> bool:
    if isinstance(node, TableNode):
        return not node.entries
    return isinstance(node, BranchNode) and all(_empty(child) for child in node.children.values())


def _lp(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def node_at(state: State, *path: str) -> Node | None:
    """Return a node of the state, or None."""
    node: Node | None = state.top
    for name in path:
        node = node.children.get(name) if isinstance(node, BranchNode) else None
    return node


def table_at(state: State, *path: str) -> dict[str, bytes]:
    """Return a table's entries."""
    node = node_at(state, *path)
    if not isinstance(node, TableNode):
        return {}
    return dict(sorted(node.encoded().items()))


def studies_of(world: World) -> list[str]:
    """Return the ids of all registered studies."""
    node = node_at(world.state, "studies")
    names = sorted(node.children) if isinstance(node, BranchNode) else []
    return [name for name in names if table_at(world.state, "studies", name, "study")]


def record_of(world: World, study: str) -> StudyRecord:
    """Return what was registered."""
    return course_of(world, study).record


def check_counters(world: World) -> None:
    """Check that as many rounds are open as the contract counts, and the phases' counts."""
    standing = table_at(world.state, *GOVERNANCE).get(THE_ONE)
    counted = msgspec.json.decode(standing, type=Governance).open_rounds if standing else 0
    training = [name for name in studies_of(world) if status_of(world, name).phase == "rounds"]
    assert counted == (len(training) if world.genesis.contract == 1 else 0)
    for study in training:
        tables = {one.name: one.table for one in phases_of(record_of(world, study).modules)}
        now, status = current(world, study), status_of(world, study)
        path = ("studies", study, "rounds", f"{status.round:08d}")
        spoken = table_at(world.state, *path, tables[now.phase])
        mine = [key for key in spoken if key.startswith(f"{now.attempt:04d}/")]
        assert len(mine) == now.got < now.expected
        assert now.attempt <= record_of(world, study).max_attempts
        powers = table_at(world.state, *path, "validators").values()
        assert now.total_power == sum(map(int, powers))


def check_nothing_waits(world: World) -> None:
    """Check that no study holds an accepted change back; under contract 1 open rounds do."""
    proposals = table_at(world.state, "proposals").values()
    if world.genesis.contract >= 2:
        assert "accepted" not in {json.loads(one)["status"] for one in proposals}
        assert not table_at(world.state, *GOVERNANCE)


def check_recipients(world: World) -> None:
    """Check that updates are sealed to a round's validators, in attempts with sealed reveals.

    Who has left may have been one of them in one attempt, and none in another.
    """
    people = table_at(world.state, "members")
    left = {name for name, one in people.items() if not json.loads(one)["active"]}
    for study in studies_of(world):
        if status_of(world, study).phase != "rounds":
            continue
        path = ("studies", study, "rounds", f"{status_of(world, study).round:08d}")
        reveals = table_at(world.state, *path, "reveals").items()
        sealed = {key.partition("/")[0] for key, value in reveals if b'"sealed"' in value}
        validators = table_at(world.state, *path, "validators")
        expected = {f"{attempt}/{name}" for attempt in sealed for name in validators}
        found = set(table_at(world.state, *path, "recipients"))
        assert {one.partition("/")[2] for one in found ^ expected} <= left


def retired_by_quorum(world: World, study: str, number: int) -> bool:
    """Return whether everybody's updates of a round (0: of all) are retired by votes."""
    votes = table_at(world.state, "studies", study, "retirement_votes")
    people = {
        name: msgspec.json.decode(value, type=MemberRecord)
        for name, value in table_at(world.state, "members").items()
    }
    powers = {name: one.power for name, one in people.items() if one.active}
    yes = sum(power for name, power in powers.items() if f"{number:08d}/{name}" in votes)
    return 3 * yes > 2 * sum(powers.values())


def place_of(world: World, study: str) -> tuple[int, ...]:
    """Return where a study stands as numbers that must never go back."""
    status = status_of(world, study)
    order = ("setup", "rounds", "evaluation", "release", "closing", "closed")
    if status.phase != "rounds":
        return (order.index(status.phase), status.closed_rounds, status.round, 0, 0)
    now = current(world, study)
    names = [phase.name for phase in phases_of(record_of(world, study).modules)]
    phase = names.index(now.phase)
    return (1, status.closed_rounds, status.round, now.attempt, phase)


def closed_rounds(world: World) -> Iterator[tuple[tuple[str, int], bytes]]:
    """Yield every closed round with the root below it."""
    for study in studies_of(world):
        for number in range(1, status_of(world, study).closed_rounds + 1):
            node = node_at(world.state, "studies", study, "rounds", f"{number:08d}")
            assert node is not None
            yield (study, number), naive_root(node)


def powers_at(world: World, study: str, number: int) -> dict[str, int]:
    """Return the voting powers of a round."""
    table = table_at(world.state, "studies", study, "rounds", f"{number:08d}", "validators")
    return {name: int(value) for name, value in table.items()}


def voted_by_quorum(world: World, study: str, number: int, attempt: int, model: str) -> bool:
    """Return whether more than two thirds of the round's power agree on one result: this model."""
    path = ("studies", study, "rounds", f"{number:08d}")
    powers = {
        name: int(value) for name, value in table_at(world.state, *path, "validators").items()
    }
    votes = table_at(world.state, *path, "votes")
    behind = [
        sum(power for name, power in powers.items() if votes.get(f"{attempt:04d}/{name}") == ballot)
        for ballot in ballots_for(world, study, number, attempt, model)
    ]
    return 3 * max(behind, default=0) > 2 * sum(powers.values())


def ballots_for(world: World, study: str, number: int, attempt: int, model: str) -> set[bytes]:
    """Return all results that have this model, as accepted votes have them and the state does."""
    found = set()
    for data in world.accepted:
        said = json.loads(decode_envelope(data).payload)
        place = tuple(said.get(name) for name in ("kind", "study", "round", "attempt"))
        if place == ("round.vote", study, number, attempt):
            result = said["result"]
            if result.get("model") == model:
                found.add(canonical.encode(result))
    return found


def attested_by_quorum(world: World, study: str, number: int, attempt: int) -> list[str]:
    """Return whom validators with more than two thirds of the round's power attest."""
    path = ("studies", study, "rounds", f"{number:08d}")
    powers = {
        name: int(value) for name, value in table_at(world.state, *path, "validators").items()
    }
    bitmaps = table_at(world.state, *path, "available")
    result = []
    for index, name in enumerate(table_at(world.state, *path, "participants")):
        power = sum(
            powers[validator] for validator in powers
            if (bits := bitmaps.get(f"{attempt:04d}/{validator}")) is not None
            and bits[index // 8] & (128 >> index % 8)
        )  # fmt: skip
        if 3 * power > 2 * sum(powers.values()):
            result.append(name)
    return result


def medians_by_power(world: World, study: str, number: int, attempt: int) -> list[int]:
    """Return the lower median of the revealed scores of each included update, by repetition."""
    path = ("studies", study, "rounds", f"{number:08d}")
    power = {name: int(value) for name, value in table_at(world.state, *path, "scorers").items()}
    said = {
        name.partition("/")[2]: msgspec.json.decode(value, type=ScoreRecord).scores
        for name, value in table_at(world.state, *path, "scores").items()
        if name.startswith(f"{attempt:04d}/")
    }
    columns = zip(*(scores for scores in said.values()), strict=True)
    repeated = [
        sorted(one for one, name in zip(column, said, strict=True) for _ in range(power[name]))
        for column in columns
    ]
    return [column[(len(column) - 1) // 2] for column in repeated]


def check_no_statistics_exclude(world: World, event: RoundOpened) -> None:
    """Check that a round's participants and their part follow from the draw, whatever scores say.

    A demotion halves a weight at most.
    """
    record = record_of(world, event.study)
    barred = table_at(world.state, "studies", event.study, "barred")
    people = table_at(world.state, "members")
    weights = {
        name: msgspec.json.decode(value, type=Acceptance).weight
        for name, value in table_at(world.state, "studies", event.study, "sites").items()
        if name not in barred and msgspec.json.decode(people[name], type=MemberRecord).active
    }
    drawn = sample_participants(
        to_text(world.identity), event.study, record.seed, event.round, weights, record.per_round
    )
    if (
        summed := table_at(world.state, "studies", event.study, TABLE).get(event.model)
    ) is not None:
        drawn = json.loads(summed)["members"]  # a sum from this model may be known, of them alone
    assert list(event.participants) == drawn
    for name, weight in zip(event.participants, event.weights, strict=True):
        assert weights[name] // 2 <= weight <= weights[name]
        assert weight >= 1
