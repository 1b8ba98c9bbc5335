"""Modules: a ledger knows those that it admits, whatever else is installed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.kit import (
    World,
    digest,
    envelope,
    four_equals,
    member,
    names,
    payload,
    refusal,
    refusal_of,
    replayed,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    TERMS,
    ballot,
    carry,
    commit_fields,
    for_model,
    here,
    keys_fields,
    parts,
    proposal_id,
    propose,
    register,
    start,
    using,
)

from collegium.canonical import to_text
from collegium.errors import PluginError
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.declared import mechanisms, used
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.tables import MODULES
from collegium.ledger.contract.transactions import (
    Adopt,
    EvidenceConflict,
    MemberPropose,
    PhaseTimeout,
    RoundVote,
    StudyRegister,
    Transaction,
    UpdateCommit,
    natural_key,
)
from collegium.ledger.envelope import decode_envelope, sign_envelope
from collegium.mechanisms.dealing.terms import DealingTerms, Indicators, SecaggKeys, SoundDeals
from collegium.mechanisms.scores.terms import Restore
from collegium.mechanisms.secagg.terms import SharePost
from collegium.mechanisms.statistics.terms import StatisticsPost

SITES = ("ada", "bo", "cy", "di")
PLAIN = ("plain@1",)
MASKED = using("secagg", DealingTerms(threshold=3))


def plain_only() -> World:
    """Return a consortium whose ledger admits plain updates and nothing else."""
    return four_equals(modules=PLAIN)


def natural_keys(world: World) -> list[tuple[str, ...]]:
    """Return the natural keys of some transactions, decoded as a node would."""
    place = {"study": "s", "round": 1, "attempt": 2}
    said: list[tuple[type[Transaction], dict[str, Any]]] = [
        (StudyRegister, dict(TERMS)),
        (UpdateCommit, commit_fields(world, "ada", place)),
        (RoundVote, {**place, **for_model("new")}),
        (PhaseTimeout, {**place, "phase": "vote"}),
        (SharePost, {**place, "shares": "AAAA"}),
        (StatisticsPost, {"study": "s", "step": 3, "digest": digest("x")}),
    ]
    found = (decode_envelope(envelope(world, "ada", kind, **one)).payload for kind, one in said)
    return [natural_key(decode_transaction(data)) for data in found]


NATURAL_KEYS = [
    ("study.register", "heart"),
    ("update.commit", "s", "1", "2"),
    ("round.vote", "s", "1", "2"),
    ("phase.timeout", "s", "1", "2", "vote"),
    ("share.post", "s", "1", "2"),
    ("statistics.post", "s", "3"),
]


def test_natural_keys_are_kind_place_and_what_a_module_adds_to_its_own() -> None:
    assert natural_keys(four_equals()) == NATURAL_KEYS


def test_a_genesis_with_a_module_that_is_not_installed_is_not_opened() -> None:
    with pytest.raises(PluginError, match="quantum@7") as caught:
        world_of([member("ada")], modules=["plain@1", "quantum@7"])
    assert caught.value.code == "plugin.module"


def test_another_version_of_a_module_that_is_installed_is_another_module() -> None:
    with pytest.raises(PluginError, match="plain@2"):
        world_of([member("ada")], modules=["plain@2"])


def test_a_study_uses_modules_that_its_ledger_admits() -> None:
    world = plain_only()
    named = {**TERMS, "modules": MASKED["modules"]}
    assert refusal(world, "ada", StudyRegister, **named) == "refused"
    assert refusal(world, "ada", StudyRegister, **{**TERMS, "modules": ("nobody@1",)}) == "refused"
    register(world)


@pytest.mark.parametrize("who", ["ada", "stranger", "*log"])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (SecaggKeys, keys_fields("ada", {"study": "heart", "round": 1, "attempt": 1})),
        (StatisticsPost, {"study": "heart", "step": 1, "digest": digest("x")}),
        (
            UpdateCommit,
            {
                "study": "heart", "round": 1, "attempt": 1, "commitment": digest("x"),
                **parts("commit", SoundDeals(deals=to_text(b"\xf0"))),
            },
        ),
        (
            RoundVote,
            {
                "study": "heart", "round": 1, "attempt": 1,
                **for_model("new", Indicators(saturated=0, small=0)),
            },
        ),
        (MemberPropose, {"action": Restore("di", "heart"), "proposal": "A" * 22}),
        (StudyRegister, {**TERMS, **MASKED, "study": "other"}),
    ],
    ids=["transaction", "set-up", "commitment", "vote", "proposal", "registration"],
)  # fmt: skip
def test_what_is_said_of_a_module_that_is_not_admitted_is_malformed_whoever_signed(
    kind: type[Transaction], fields: dict[str, Any], who: str
) -> None:
    """As without it, where these bytes could not be read: nothing else may be looked at first."""
    world = plain_only()
    start(world)
    assert refusal(world, who, kind, **fields) == "malformed"
    forged = sign_envelope(payload(world, kind, **fields) + b" ", world.keys["ada"])
    assert refusal_of(world, forged) == "malformed"


@pytest.mark.parametrize("modules", [PLAIN, tuple(mechanisms())], ids=["plain", "all"])
def test_half_of_a_proof_is_malformed_where_its_module_is_not_admitted(
    modules: tuple[str, ...],
) -> None:
    world = four_equals(modules)
    start(world)
    place = {"study": "heart", "round": 1, "attempt": 1}
    both = (envelope(world, "di", SecaggKeys, **keys_fields(who, place)) for who in ("cy", "di"))
    first, second = sorted(both, key=lambda data: decode_envelope(data).payload)
    proof = {"first": to_text(first), "second": to_text(second)}
    if modules == PLAIN:
        assert refusal(world, "ada", EvidenceConflict, **proof) == "malformed"
    else:
        assert names(say(world, "ada", EvidenceConflict, **proof)) == ["member.equivocated"]


def test_members_adopt_a_module_by_vote_and_then_it_is_used() -> None:
    world = plain_only()
    for name in MASKED["modules"]:
        events = carry(world, Adopt(name), SITES[:3], label=name)
        assert names(events) == ["proposal.accepted", "membership.changed"]
    assert world.state.names(MODULES) == tuple(sorted((*PLAIN, *MASKED["modules"])))
    assert names(start(world, **MASKED)) == ["round.opened"]
    say(world, "ada", SecaggKeys, **keys_fields("ada", here(world)))
    assert replayed(world).root() == world.state.root()


def test_a_module_is_adopted_once_and_also_while_a_round_is_open() -> None:
    world = plain_only()
    admitted = {"action": Adopt("plain@1"), "proposal": proposal_id("plain")}
    assert refusal(world, "ada", MemberPropose, **admitted) == "refused"
    start(world)
    events = carry(world, Adopt("compression@1"), SITES[:3])
    assert names(events) == ["proposal.accepted", "membership.changed"]
    assert world.state.has(MODULES, "compression@1")


@pytest.mark.parametrize("module", ["compression", "compression@0", "Compression@1", "x" * 60])
def test_what_is_adopted_has_the_form_of_a_module(module: str) -> None:
    fields = {"action": Adopt(module), "proposal": proposal_id("one")}
    assert refusal(plain_only(), "ada", MemberPropose, **fields) == "malformed"


def test_a_node_that_lacks_what_members_adopt_stops_and_says_so() -> None:
    world = plain_only()
    propose(world, "ada", Adopt("quantum@7"))
    for name in SITES[:2]:
        ballot(world, name)
    before = world.state.root()
    with pytest.raises(PluginError, match="quantum@7") as caught:
        ballot(world, "cy")
    assert caught.value.code == "plugin.module"
    assert world.state.root() == before, "the vote is not counted by halves"


def test_what_a_ledger_admits_is_in_its_state_from_the_start() -> None:
    world = plain_only()
    assert initial_state(world.genesis).names(MODULES) == PLAIN
    assert initial_state(four_equals().genesis).names(MODULES) == tuple(mechanisms())
    assert world.state.root() != four_equals().state.root()


def test_a_ledger_with_fewer_modules_refuses_and_accepts_the_same_where_they_are_not_used() -> None:
    def history(world: World) -> list[list[str]]:
        start(world)
        return [names(apply(world.state, world.identity, data)[2]) for data in more(world)]

    def more(world: World) -> list[bytes]:
        at = here(world)
        return [
            envelope(world, who, UpdateCommit, **commit_fields(world, who, at)) for who in SITES
        ]

    assert history(plain_only()) == history(four_equals())


def test_an_unknown_module_is_not_used() -> None:
    with pytest.raises(LookupError):
        used(("nobody@1",))
