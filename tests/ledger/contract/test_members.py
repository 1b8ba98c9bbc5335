"""Who may speak: members, with their current keys, in their roles, on this ledger."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.ledger.contract.kit import (
    envelope,
    four_equals,
    member,
    payload,
    refusal,
    refusal_of,
    submit,
    world_of,
)
from tests.ledger.contract.moves import TERMS, acceptance, carry, register, status_of

from collegium.canonical import encode, to_text
from collegium.errors import FormatError
from collegium.ledger.contract import apply as contract
from collegium.ledger.contract import members
from collegium.ledger.contract.events import Event
from collegium.ledger.contract.preconditions import study_of
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Handler
from collegium.ledger.contract.tables import MemberRecord
from collegium.ledger.contract.transactions import Expel, StudyAbandon, StudyAccept, StudyRegister
from collegium.ledger.envelope import Envelope, encode_envelope, sign_envelope
from collegium.ledger.genesis import check_member
from collegium.ledger.keys import key_id
from collegium.ledger.state import State

SETUP = {"study": "heart", "round": 0, "attempt": 0, "phase": "setup"}


def test_a_stranger_is_not_heard() -> None:
    world = four_equals()
    register(world)
    assert refusal(world, "stranger", StudyAccept, **acceptance()) == "unknown-member"


def test_the_log_key_signs_no_transactions() -> None:
    world = four_equals()
    register(world)
    assert refusal(world, "*log", StudyAbandon, **SETUP) == "unknown-member"


def test_an_expelled_member_is_not_heard() -> None:
    world = four_equals()
    carry(world, Expel("di"), by=("ada", "bo", "cy"))
    assert refusal(world, "di", StudyRegister, **TERMS) == "unknown-member"


def test_another_ones_signature_is_refused() -> None:
    world = four_equals()
    said = payload(world, StudyRegister, **TERMS)
    forged = Envelope(said, key_id(world.keys["ada"].public), world.keys["bo"].sign(said))
    assert refusal_of(world, encode_envelope(forged)) == "signature"


def test_a_signature_over_other_bytes_is_refused() -> None:
    world = four_equals()
    data = envelope(world, "ada", StudyRegister, **TERMS)
    other = payload(world, StudyRegister, **{**TERMS, "seed": 8})
    good = contract.open_transaction(data, world.identity).envelope
    assert refusal_of(world, encode_envelope(Envelope(other, good.key_id, good.signature))) == (
        "signature"
    )


def test_what_was_meant_for_another_ledger_is_refused() -> None:
    elsewhere = world_of([member("ada"), member("bo")])
    data = envelope(elsewhere, "ada", StudyRegister, **{**TERMS, "sites": ("ada", "bo")})
    assert refusal_of(four_equals(), data) == "malformed"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 5000,
        b'{"format":1,"genesis":"","kind":"study.close"}',
        b'{"format":1,"kind":"study.abolish","study":"heart"}',
        b"\xff\xfe",
        b'{"format":1,"genesis":"\\ud800","kind":"study.close","study":"heart"}',
    ],
)
def test_a_signed_payload_of_no_known_kind_is_refused(said: bytes) -> None:
    world = four_equals()
    assert refusal_of(world, sign_envelope(said, world.keys["ada"])) == "malformed"


@pytest.mark.parametrize(
    "change",
    [{"extra": 1}, {"seed": 7.0}, {"seed": -1}, {"sites": None}, {"format": 2}, {"rounds": True}],
)
def test_a_payload_with_another_field_or_type_is_refused(change: dict[str, Any]) -> None:
    world = four_equals()
    fields = {"kind": "study.register", "format": 1, "genesis": to_text(world.identity), **TERMS}
    changed = encode({**fields, **change})
    assert refusal_of(world, sign_envelope(changed, world.keys["ada"])) == "malformed"


def test_a_payload_with_white_space_is_refused() -> None:
    world = four_equals()
    said = payload(world, StudyRegister, **TERMS).replace(b",", b", ")
    assert refusal_of(world, sign_envelope(said, world.keys["ada"])) == "malformed"


@pytest.mark.parametrize("role", ["site", "validator"])
def test_only_an_owner_registers(role: Any) -> None:
    power = int(role == "validator")
    world = world_of([member("ada"), member("eve", power, [role])])
    terms = {**TERMS, "sites": ("ada",), "min_sites": 1, "per_round": 1}
    assert refusal(world, "eve", StudyRegister, **terms) == "role"


def test_a_transaction_refused_half_way_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def half_way(state: State, sender: str, me: MemberRecord, tx: StudyAbandon) -> list[Event]:
        state.put(("studies", "heart", "fresh", "table"), sender, b"%d" % me.power)
        course = study_of(state, tx.study)
        for phase in ("closing", "closed"):
            course.move(phase=phase)
        state.freeze(("studies", "heart"))
        raise Rejected("refused", "after having written")

    patched: dict[Any, Handler] = {**contract.handlers_of(), StudyAbandon: half_way}
    monkeypatch.setattr(contract, "handlers_of", lambda: patched)
    world = four_equals()
    register(world)
    assert refusal(world, "ada", StudyAbandon, **SETUP) == "refused"
    assert status_of(world).phase == "setup"
    for name in ("bo", "cy"):  # and nothing is frozen
        submit(world, envelope(world, name, StudyAccept, **acceptance()))


def test_quorum_is_more_than_two_thirds() -> None:
    assert [members.is_quorum(yes, 3) for yes in range(4)] == [False, False, False, True]
    assert [members.is_quorum(yes, 4) for yes in range(5)] == [False, False, False, True, True]
    assert not members.is_quorum(2 * 2**52, 3 * 2**52)
    assert members.is_quorum(2 * 2**52 + 1, 3 * 2**52)


def test_a_member_may_have_the_name_of_its_institution() -> None:
    for name in ("Universitätsklinikum Łódź", "Αθήνα (2nd)", "東京大学", "St. Mary's & Co."):
        check_member(replace(member("ada"), name=name))


@pytest.mark.parametrize("name", ["", " a", "a_b", "a\u202eb", "a\nb", "\U0001fae0", "a\u1e9eb"])
def test_letters_are_those_of_a_fixed_list(name: str) -> None:
    with pytest.raises(FormatError):
        check_member(replace(member("ada"), name=name))


@pytest.mark.parametrize("version", [1, 2])
def test_a_ledger_keeps_the_version_of_its_genesis(version: int) -> None:
    genesis = replace(four_equals().genesis, contract=version)
    assert members.contract_version(contract.initial_state(genesis)) == version
