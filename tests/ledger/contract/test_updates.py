"""Updates: bound before anybody sees one, opened as bound, included where a quorum holds them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ledger.contract.invariants import table_at
from tests.ledger.contract.kit import (
    World,
    digest,
    four_equals,
    key_of,
    member,
    names,
    only,
    raw_digest,
    refusal,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    attest,
    bitmap,
    carry,
    commit,
    drive_round,
    here,
    quorum_times_out,
    reveal,
    reveal_fields,
    start,
    time_out,
    update_of,
    walk_to,
)
from tests.ledger.contract.test_governance import rotation

from collegium.canonical import to_text
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.events import PhaseOpened, UpdatesIncluded
from collegium.ledger.contract.transactions import UpdateAvailable, UpdateCommit, UpdateReveal
from collegium.ledger.contract.updates import commitment
from collegium.ledger.hashing import lp, tagged_hash, u64

SITES = ("ada", "bo", "cy", "di")


def test_a_commitment_binds_to_ledger_place_member_and_update() -> None:
    update, salt = raw_digest("update"), raw_digest("salt")
    place = (b"g" * 32, "heart", 3, 2, "ada")
    expected = tagged_hash(
        "commitment", b"g" * 32, lp(b"heart"), u64(3), u64(2), lp(b"ada"), update, salt
    )
    assert commitment(*place, update, salt) == expected
    others = {
        commitment(b"h" * 32, "heart", 3, 2, "ada", update, salt),
        commitment(b"g" * 32, "hear", 3, 2, "tada", update, salt),
        commitment(b"g" * 32, "heart", 2, 3, "ada", update, salt),
        commitment(b"g" * 32, "heart", 3, 2, "bo", update, salt),
        commitment(*place, salt, update),
    }
    assert len(others - {expected}) == 5


def test_a_copied_commitment_cannot_be_opened() -> None:
    world = four_equals()
    start(world)
    stolen = commitment(world.identity, "heart", 1, 1, "ada", *update_of("ada", here(world)))
    say(world, "bo", UpdateCommit, **here(world), commitment=to_text(stolen))
    for name in ("ada", "cy", "di"):
        commit(world, name)
    assert refusal(world, "bo", UpdateReveal, **reveal_fields("ada", here(world))) == "refused"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"digest": digest("another")}, "refused"),
        ({"salt": digest("another")}, "refused"),
        ({"saturated": 1001}, "malformed"),
        ({"peak": 1 + (32767 << 8)}, "malformed"),
        ({"digest": "!" * 43}, "malformed"),
        ({"salt": "A" * 42 + "B"}, "malformed"),
    ],
)
def test_a_reveal_opens_the_commitment(change: dict[str, Any], code: str) -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    fields = {**reveal_fields("ada", here(world)), **change}
    assert refusal(world, "ada", UpdateReveal, **fields) == code
    reveal(world, "ada", peak=32767, saturated=1000)


def test_who_committed_nothing_reveals_nothing() -> None:
    world = four_equals()
    start(world)
    for name in SITES[:3]:
        commit(world, name)
    quorum_times_out(world)
    assert refusal(world, "di", UpdateReveal, **reveal_fields("di", here(world))) == "refused"


def test_what_was_committed_and_not_revealed_is_excluded() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    for name in SITES[:3]:
        reveal(world, name)
    quorum_times_out(world)
    for name in SITES:
        events = attest(world, name, SITES[:3])
    assert only(events, UpdatesIncluded).members == SITES[:3]


def test_included_is_what_more_than_two_thirds_of_the_power_hold() -> None:
    # ada's update reached everybody, bo's 5 of 9 (no quorum), cy's 7 of 9, di's nobody.
    world = world_of(member(name, power) for name, power in zip(SITES, (3, 2, 2, 2), strict=True))
    start(world)
    walk_to(world, "available")
    attest(world, "ada", ("ada", "bo", "cy"))
    attest(world, "bo", ("ada", "bo", "cy"))
    attest(world, "cy", ("ada", "cy"))
    events = attest(world, "di", ("ada",))
    assert names(events) == ["updates.included", "phase.opened"]
    assert only(events, UpdatesIncluded).members == ("ada", "cy")
    assert only(events, PhaseOpened).phase == "vote"


def test_a_silent_validators_word_is_not_waited_for() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "available")
    for name in SITES[:3]:
        attest(world, name, SITES)
    assert names(quorum_times_out(world)) == ["members.silent", "updates.included", "phase.opened"]


@pytest.mark.parametrize(
    "bits",
    [
        to_text(b""),
        to_text(b"\xf0\x00"),
        to_text(b"\xf8"),  # a fifth participant of four
        to_text(b"\x01"),
        to_text(b"\x10"),  # di has revealed nothing
        "8B",  # unused bits are set
        "!!",
        "\u00e9\u00e9",
    ],
)
def test_a_bitmap_names_participants_that_revealed(bits: str) -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    for name in SITES[:3]:
        reveal(world, name)
    quorum_times_out(world)
    assert refusal(world, "ada", UpdateAvailable, **here(world), bitmap=bits) == "malformed"
    say(world, "ada", UpdateAvailable, **here(world), bitmap=to_text(b"\xe0"))


def nine_sites() -> World:
    """Return nine sites, of which one validates, so that a bitmap takes two bytes."""
    sites = [member(f"site-{index}", 0, ["site"]) for index in range(8)]
    return world_of([*sites, member("val", 1)])


def test_bitmaps_go_on_in_a_second_byte() -> None:
    world = nine_sites()
    everybody = tuple(world.keys)
    start(world, owner="val", sites=everybody, per_round=9)
    walk_to(world, "available")
    assert bitmap(everybody, ("site-0", "val")) == to_text(b"\x80\x80")
    assert refusal(world, "val", UpdateAvailable, **here(world), bitmap=to_text(b"\xff\xc0")) == (
        "malformed"
    )
    events = attest(world, "val", ("site-0", "site-7", "val"))
    assert only(events, UpdatesIncluded).members == ("site-0", "site-7", "val")


def test_a_bitmaps_highest_bit_is_the_first_participant() -> None:
    everybody = tuple(f"p{index}" for index in range(10))
    assert attested(b"\x81\x40", everybody) == ("p0", "p7", "p9")
    assert attested(b"\x00\x00", everybody) == ()


def test_a_failed_attempts_updates_do_not_count_in_the_next() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    old = reveal_fields("ada", here(world))
    reveal(world, "ada")
    quorum_times_out(world)
    assert here(world)["attempt"] == 2
    assert refusal(world, "ada", UpdateReveal, **old) == "stale"
    walk_to(world, "reveal")
    for name in SITES[1:]:
        reveal(world, name)
    time_out(world, "ada")
    time_out(world, "bo")
    time_out(world, "cy")
    assert refusal(world, "ada", UpdateAvailable, **here(world), bitmap=to_text(b"\x80")) == (
        "malformed"
    )
    drive_round_from_available(world)


def drive_round_from_available(world: World) -> None:
    """Go on with what three have revealed."""
    for name in SITES:
        attest(world, name, SITES[1:])
    drive_round(world)


def recipients(world: World, attempt: int = 1) -> dict[str, str]:
    """To which keys updates of an attempt at the first round are sealed."""
    table = table_at(world.state, "studies", "heart", "rounds", "00000001", "recipients")
    prefix = f"{attempt:04d}/"
    return {
        key.removeprefix(prefix): value.decode()
        for key, value in table.items()
        if key.startswith(prefix)
    }


def reveal_sealed(world: World, who: str) -> None:
    fields = reveal_fields(who, here(world))
    say(world, who, UpdateReveal, **fields, sealed=digest(f"sealed by {who}"))


def test_a_reveal_may_name_a_sealed_blob_and_what_says_nothing_of_it_stays_as_it_was() -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    reveal(world, "ada")
    assert recipients(world) == {}
    reveal_sealed(world, "bo")
    table = table_at(world.state, "studies", "heart", "rounds", "00000001", "reveals")
    assert b"sealed" not in table["0001/ada"]
    assert f'"sealed":"{digest("sealed by bo")}"'.encode() in table["0001/bo"]


def test_the_first_sealed_reveal_fixes_to_which_keys_all_are_sealed() -> None:
    world = world_of([*map(member, SITES), member("eve", 0, ["site"])])
    start(world)
    walk_to(world, "reveal")
    reveal_sealed(world, "ada")
    before = {name: to_text(world.keys[name].public) for name in SITES}
    assert recipients(world) == before
    carry(world, rotation(world, "cy", "cy, later"), ("ada", "bo", "di"))
    world.keys["cy"] = key_of("cy, later")
    reveal_sealed(world, "bo")
    assert recipients(world) == before


def test_another_attempt_has_recipients_of_its_own() -> None:
    world = four_equals()
    start(world, max_attempts=3)
    walk_to(world, "reveal")
    reveal_sealed(world, "ada")
    carry(world, rotation(world, "cy", "cy, later"), ("ada", "bo", "di"))
    world.keys["cy"] = key_of("cy, later")
    quorum_times_out(world)  # one revealed of the two that are needed
    walk_to(world, "reveal")
    reveal_sealed(world, "bo")
    old, new = recipients(world, 1), recipients(world, 2)
    assert new["cy"] == to_text(key_of("cy, later").public) != old["cy"]
    assert {**new, "cy": ""} == {**old, "cy": ""}


@pytest.mark.parametrize("sealed", ["", "!" * 43, "A" * 42 + "B", "A" * 44])
def test_a_sealed_blob_is_named_by_a_digest(sealed: str) -> None:
    world = four_equals()
    start(world)
    walk_to(world, "reveal")
    fields = {**reveal_fields("ada", here(world)), "sealed": sealed}
    assert refusal(world, "ada", UpdateReveal, **fields) == "malformed"
    assert recipients(world) == {}
