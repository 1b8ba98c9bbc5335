"""Masked updates: fresh keys, deals that hold, shares of one kind, sums opened once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.ledger.contract.kit import (
    World,
    digest,
    four_equals,
    member,
    names,
    only,
    refusal,
    replayed,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    TERMS,
    advertise,
    attest,
    come_to,
    commit_fields,
    commit_masked,
    current,
    deal,
    for_model,
    for_nothing,
    here,
    keys_fields,
    participants,
    parts,
    quorum_times_out,
    reveal,
    reveal_fields,
    share,
    sound_deals,
    start,
    status_of,
    using,
    vote,
    walk_to,
)

from collegium.canonical import to_text
from collegium.ledger.contract.events import (
    AttemptFailed,
    MembersSilent,
    MembersSkipped,
    RoundOpened,
    StudyFailed,
    UpdatesIncluded,
)
from collegium.ledger.contract.transactions import (
    RoundVote,
    StudyRegister,
    UpdateCommit,
    UpdateReveal,
)
from collegium.mechanisms.dealing.terms import (
    DealerBarred,
    DealingTerms,
    Indicators,
    SecaggDeal,
    SecaggKeys,
    SoundDeals,
)
from collegium.mechanisms.secagg.terms import SharePost

SITES = ("ada", "bo", "cy", "di")
MASKED: dict[str, Any] = {**using("secagg", DealingTerms(threshold=3)), "min_sites": 2}


def threshold(shares: int) -> dict[str, Any]:
    """Return the fields of a registration whose secrets so many shares open."""
    return using("secagg", DealingTerms(threshold=shares))


def masked(phase: str = "sa.keys", **terms: Any) -> World:
    """Return a consortium whose first round, with masked updates, is in a phase."""
    return come_to(four_equals(), phase, **{**MASKED, **terms})


def told(saturated: int = 0, small: int = 0) -> Indicators:
    """What a vote tells of masked updates."""
    return Indicators(saturated=saturated, small=small)


def of_six(contract: int = 2) -> World:
    """Return a masked round of six equal members, in its vote."""
    six = tuple("abcdef")
    fields = {**MASKED, **threshold(5), "sites": six, "per_round": 6}
    return come_to(
        world_of(map(member, six), contract=contract), "vote", **{**fields, "owner": "a"}
    )


def blame(world: World, who: str, dealer: str) -> Any:
    """Vote that a dealer's deal has failed."""
    return say(world, who, RoundVote, **here(world), **for_nothing("deal", dealer))


def test_a_masked_round_goes_from_keys_to_votes_and_replays() -> None:
    world = masked("vote")
    for name in SITES[:2]:
        vote(world, name, "new", told())
    assert names(vote(world, "cy", "new", told())) == ["round.closed", "round.opened"]
    assert current(world).phase == "sa.keys"
    assert replayed(world).root() == world.state.root()


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (threshold(2), "refused"),  # two pairs could each open one of a member's secrets
        (threshold(5), "refused"),
        (using("plain", DealingTerms(threshold=3)), "malformed"),
        ({**threshold(3), "per_round": 3}, None),
        ({**threshold(2), "per_round": 3}, None),
    ],
)
def test_a_threshold_is_more_than_half_of_a_round(terms: dict[str, Any], code: str | None) -> None:
    world = four_equals()
    fields = {**TERMS, **MASKED, **terms}
    if code is None:
        say(world, "ada", StudyRegister, **fields)
    else:
        assert refusal(world, "ada", StudyRegister, **fields) == code
    fields |= {"study": "other", "terms": msgspec.UNSET}
    assert refusal(world, "ada", StudyRegister, **fields) == "malformed"


def test_a_circle_is_not_larger_than_a_transaction_of_shares_has_room_for() -> None:
    people = [member(f"s{number:03d}") for number in range(251)]
    world = world_of(people)
    fields = {**TERMS, **MASKED, "sites": tuple(one.id for one in people), "per_round": 251}
    assert refusal(world, "s000", StudyRegister, **{**fields, **threshold(200)}) == "refused"


def test_keys_are_sound_fresh_and_for_one_use() -> None:
    world = masked()
    at = here(world)
    good = keys_fields("ada", at)
    low = to_text(bytes(32))
    assert refusal(world, "ada", SecaggKeys, **{**good, "mask_key": low}) == "malformed"
    same = {**good, "share_key": good["mask_key"]}
    assert refusal(world, "ada", SecaggKeys, **same) == "refused"
    say(world, "ada", SecaggKeys, **good)
    assert refusal(world, "ada", SecaggKeys, **good) == "already"
    quorum_times_out(world)  # one of four has keys: the attempt fails
    again = {**good, "attempt": 2}
    assert refusal(world, "ada", SecaggKeys, **again) == "refused"
    swapped = {**again, "mask_key": good["share_key"], "share_key": digest("other")}
    assert refusal(world, "ada", SecaggKeys, **swapped) == "refused"
    say(world, "ada", SecaggKeys, **keys_fields("ada", here(world)))


def test_each_step_needs_the_one_before() -> None:
    world = masked()
    for name in SITES[:3]:
        advertise(world, name)
    quorum_times_out(world)
    deal_of_di = {**here(world), "digest": digest("deal")}
    assert refusal(world, "di", SecaggDeal, **deal_of_di) == "refused"
    for name in SITES[:3]:
        deal(world, name)
    assert current(world).phase == "commit"
    commit = commit_fields(world, "di", here(world))
    assert (
        refusal(world, "di", UpdateCommit, **commit, **sound_deals(world, SITES[:3])) == "refused"
    )


def test_a_commitment_says_which_deals_are_sound() -> None:
    world = masked("commit")
    fields = commit_fields(world, "ada", here(world))
    assert refusal(world, "ada", UpdateCommit, **fields) == "malformed"
    for wrong in (b"\xf8", b"\xf0\x00"):
        said = parts("commit", SoundDeals(deals=to_text(wrong)))
        assert refusal(world, "ada", UpdateCommit, **fields, **said) == "malformed"
    say(world, "ada", UpdateCommit, **fields, **parts("commit", SoundDeals(deals=to_text(b"\xf0"))))


def test_a_plain_commitment_speaks_of_no_deals() -> None:
    world = four_equals()
    start(world)
    fields = commit_fields(world, "ada", here(world))
    said = sound_deals(world, SITES)
    assert refusal(world, "ada", UpdateCommit, **fields, **said) == "malformed"
    assert refusal(world, "ada", UpdateCommit, **fields, parts={}) == "malformed"


def test_a_masked_reveal_shows_no_indicators() -> None:
    world = masked("reveal")
    at = here(world)
    for fields in ({"peak": 1}, {"saturated": 1}):
        wrong = {**reveal_fields("ada", at, peak=0), **fields}
        assert refusal(world, "ada", UpdateReveal, **wrong) == "malformed"
    sealed = {**reveal_fields("ada", at, peak=0), "sealed": digest("sealed")}
    assert refusal(world, "ada", UpdateReveal, **sealed) == "malformed"


@pytest.mark.parametrize("phase", ["sa.keys", "sa.deal", "commit", "reveal", "share"])
def test_whoever_falls_silent_in_any_phase_is_survived_down_to_the_threshold(phase: str) -> None:
    world = masked(phase)
    present = SITES[:3]
    dealers = present if phase in ("sa.keys", "sa.deal") else SITES
    moves = {
        "sa.keys": lambda name: advertise(world, name),
        "sa.deal": lambda name: deal(world, name),
        "commit": lambda name: commit_masked(world, name, dealers),
        "reveal": lambda name: reveal(world, name, peak=0),
        "share": lambda name: share(world, name, len(dealers)),
    }
    for step in list(moves)[list(moves).index(phase) :]:
        for name in present:
            moves[step](name)
        if step == phase:
            quorum_times_out(world)
        if step == "reveal":
            for name in SITES:
                attest(world, name, present)
    assert current(world).phase == "vote"
    assert current(world).attempt == 1


@pytest.mark.parametrize("phase", ["sa.keys", "sa.deal", "commit", "reveal", "share"])
def test_below_the_threshold_the_attempt_fails(phase: str) -> None:
    world = masked(phase)
    for name in SITES[:2]:
        match phase:
            case "sa.keys":
                advertise(world, name)
            case "sa.deal":
                deal(world, name)
            case "commit":
                commit_masked(world, name, SITES)
            case "reveal":
                reveal(world, name, peak=0)
            case "share":
                share(world, name)
    failed = only(quorum_times_out(world), AttemptFailed)
    assert failed.reason == "too-few"
    assert (current(world).attempt, current(world).phase) == (2, "sa.keys")


def test_a_deal_that_too_few_can_use_ends_the_attempt_and_bars_its_dealer() -> None:
    world = masked("commit")
    commit_masked(world, "ada", SITES)
    for name in ("bo", "cy"):
        commit_masked(world, name, ("bo", "cy", "di"))
    events = commit_masked(world, "di", ("bo", "cy", "di"))
    assert names(events) == ["dealer.barred", "attempt.failed", "round.opened"]
    barred = only(events, DealerBarred)
    assert (barred.member, barred.proof) == ("ada", "refused")
    assert only(events, AttemptFailed).reason == "bad-deal"
    assert only(events, RoundOpened).participants == ("bo", "cy", "di")
    assert refusal(world, "ada", SecaggKeys, **keys_fields("ada", here(world))) == (
        "not-a-participant"
    )


def test_half_against_half_bars_nobody() -> None:
    world = masked("commit")
    for name in ("ada", "bo"):
        commit_masked(world, name, SITES)
    commit_masked(world, "cy", ("bo", "cy", "di"))
    events = commit_masked(world, "di", ("bo", "cy", "di"))
    assert names(events) == ["attempt.failed", "round.opened"]
    assert participants(world) == list(SITES)


def test_one_complaint_that_leaves_a_threshold_is_no_reason_to_stop() -> None:
    world = masked("commit")
    for name in SITES[:3]:
        commit_masked(world, name, SITES)
    commit_masked(world, "di", ("bo", "cy", "di"))
    assert current(world).phase == "reveal"


def test_shares_are_one_for_each_deal_that_was_called_sound() -> None:
    world = masked("commit")
    for name in SITES[:3]:
        commit_masked(world, name, SITES)
    commit_masked(world, "di", ("bo", "cy", "di"))
    walk_to(world, "share")
    for count in (3, 5):
        fields = {**here(world), "shares": to_text(bytes(32 * count))}
        assert refusal(world, "ada", SharePost, **fields) == "malformed"
    share(world, "ada", 4)
    share(world, "di", 3)
    assert refusal(world, "ada", SharePost, **here(world), shares=to_text(b"x" * 128)) == "already"


def test_only_survivors_post_shares() -> None:
    world = masked("available")
    for name in SITES:
        events = attest(world, name, SITES[:3])
    assert only(events, UpdatesIncluded).members == SITES[:3]
    fields = {**here(world), "shares": to_text(bytes(128))}
    assert refusal(world, "di", SharePost, **fields) == "not-a-participant"


def test_votes_agree_only_with_the_same_indicators() -> None:
    world = masked("vote")
    for name in SITES[:2]:
        vote(world, name, "new", told(small=3))
    vote(world, "cy", "new", told(small=2))
    events = vote(world, "di", "new", told(small=3))
    assert names(events)[0] == "round.closed"
    assert only(events, RoundOpened).exponent == 22, "3 of 4 have small peaks"


def test_votes_about_masked_updates_carry_indicators_and_others_none() -> None:
    world = masked("vote")
    assert refusal(world, "ada", RoundVote, **here(world), **for_model("new")) == "malformed"
    one_of_two = {"of": "model", "model": digest("new"), "parts": {"dealing": {"saturated": 1}}}
    assert refusal(world, "ada", RoundVote, **here(world), result=one_of_two) == "malformed"
    both = {"dealing": {"saturated": 1, "small": 1}}
    failed = {"of": "none", "reason": "shares", "parts": both}
    assert refusal(world, "ada", RoundVote, **here(world), result=failed) == "malformed"
    plain = four_equals()
    start(plain)
    walk_to(plain, "vote")
    fields = {**here(plain), **for_model("new", told(1, 1))}
    assert refusal(plain, "ada", RoundVote, **fields) == "malformed"


def test_a_dealer_whom_more_than_a_third_blames_is_barred_and_the_rest_go_on_alone() -> None:
    world = masked("vote")
    blame(world, "bo", "ada")
    events = blame(world, "cy", "ada")
    assert only(events, DealerBarred).proof == "opened"
    assert only(events, RoundOpened).participants == ("bo", "cy", "di")
    walk_to(world, "vote")
    for wrong in (for_nothing("deal", "eve"), for_nothing("shares", "bo")):
        assert refusal(world, "bo", RoundVote, **here(world), **wrong) == "malformed"
    plain = come_to(four_equals(), "vote")
    nobody_deals = {**here(plain), **for_nothing("deal", "bo")}
    assert refusal(plain, "ada", RoundVote, **nobody_deals) == "malformed"


def test_a_third_of_the_power_bars_nobody_though_no_model_can_win_any_more() -> None:
    world = of_six()
    blame(world, "b", "a")
    assert blame(world, "c", "a") == (), "the others say whether a dealer has lied"
    for name in "ade":
        assert vote(world, name, "new", told()) == ()
    assert names(vote(world, "f", "new", told())) == ["attempt.failed", "round.opened"]
    assert participants(world) == list("abcdef")


@pytest.mark.parametrize("timed_out", [False, True])
def test_the_third_of_six_who_blames_a_dealer_bars_it(timed_out: bool) -> None:
    world = of_six()
    for name in "bc":
        blame(world, name, "a")
    vote(world, "d", "new", told())
    events = blame(world, "e", "a")
    assert names(events) == ["dealer.barred", "attempt.failed", "round.opened"]
    world = of_six()
    for name in "bc":
        blame(world, name, "a")
    assert names(quorum_times_out(world)) == ["members.silent", "attempt.failed", "round.opened"]


def test_on_older_ledgers_a_third_of_the_power_bars_a_dealer() -> None:
    world = of_six(contract=1)
    blame(world, "b", "a")
    assert names(blame(world, "c", "a")) == ["dealer.barred", "attempt.failed", "round.opened"]


@pytest.mark.parametrize("powers", [(1, 1, 1, 1), (2, 1, 1, 2), (3, 3, 3, 1), (1, 2, 3, 4, 5, 6)])
def test_a_dealer_is_barred_exactly_where_an_honest_validator_blames_it(
    powers: tuple[int, ...],
) -> None:
    """Less than a third of the power lies; whoever does not, agrees about a deal."""
    total, people = sum(powers), tuple("abcdef"[: len(powers)])
    for liars in range(1 << len(powers)):
        lying = [name for place, name in enumerate(people) if liars >> place & 1]
        bad = sum(power for name, power in zip(people, powers, strict=True) if name in lying)
        if 3 * bad > total or len(lying) == len(people):
            continue
        for is_false in (True, False):
            fields = {**MASKED, **threshold(len(people)), "sites": people, "per_round": len(people)}
            world = world_of(map(member, people, powers))
            come_to(world, "vote", **{**fields, "owner": "a"})
            seen: list[str] = []
            for name in (*lying, *(name for name in people if name not in lying)):
                if {"attempt.failed", "round.closed"} & set(seen):
                    break
                blames = is_false if name not in lying else not is_false
                said = blame(world, name, "a") if blames else vote(world, name, "new", told())
                seen += names(said)
            assert ("dealer.barred" in seen) == is_false


def test_a_barred_dealer_stays_out_of_later_rounds() -> None:
    world = masked("vote")
    blame(world, "bo", "ada")
    blame(world, "cy", "ada")
    walk_to(world, "vote")
    for name in ("bo", "cy"):
        vote(world, name, "new", told())
    opened = only(vote(world, "di", "new", told()), RoundOpened)
    assert (opened.round, opened.participants) == (2, ("bo", "cy", "di"))


def test_a_sum_that_may_be_known_is_opened_again_only_for_the_same_members() -> None:
    world = masked("share")
    for name in SITES:
        share(world, name)
    for name, model in zip(SITES, ("one", "two", "three"), strict=False):
        vote(world, name, model, told())
    assert current(world).attempt == 2
    for name in SITES[:3]:
        advertise(world, name)
    failed = only(quorum_times_out(world), AttemptFailed)
    assert failed.reason == "too-few", "three of four would show the fourth's update"


def fail_unheard(world: World) -> None:
    """Let time run out for shares of which none came to the ledger."""
    assert only(quorum_times_out(world), AttemptFailed).reason == "too-few"


def test_a_sum_may_be_known_though_no_share_came_to_the_ledger() -> None:
    world = masked("share")
    fail_unheard(world)
    for name in SITES[:3]:
        advertise(world, name)
    assert only(quorum_times_out(world), AttemptFailed).reason == "too-few"
    walk_to(world, "share")
    assert participants(world) == list(SITES)


def test_who_was_not_asked_to_open_goes_no_further_in_the_round() -> None:
    world = masked("available")
    for name in SITES:
        attest(world, name, SITES[:3])
    fail_unheard(world)
    assert participants(world) == list(SITES[:3])


def test_before_members_are_asked_to_open_another_set_may_go_on() -> None:
    world = masked("available")
    quorum_times_out(world)
    for name in SITES[:3]:
        advertise(world, name)
    quorum_times_out(world)
    assert current(world).phase == "sa.deal"


def test_on_older_ledgers_only_a_share_on_the_ledger_binds_its_set() -> None:
    world = world_of((member(name) for name in SITES), contract=1)
    come_to(world, "share", **MASKED)
    fail_unheard(world)
    for name in SITES[:3]:
        advertise(world, name)
    quorum_times_out(world)
    assert current(world).phase == "sa.deal"


def test_a_deal_that_is_kept_from_its_holders_takes_nobody_out_of_a_set_that_is_bound() -> None:
    world = masked("share")
    fail_unheard(world)
    walk_to(world, "commit")
    for name in SITES:
        events = commit_masked(world, name, ("bo", "cy", "di"))
    assert names(events) == ["attempt.failed", "round.opened"]
    assert participants(world) == list(SITES)


def test_a_member_that_never_returns_ends_the_study_and_no_other_sum_is_opened() -> None:
    world = masked("share", max_attempts=3)
    fail_unheard(world)
    for _ in range(2):
        for name in SITES[:3]:
            advertise(world, name)
        events = quorum_times_out(world)
    assert only(events, StudyFailed).reason == "attempts"


def test_a_mark_of_silence_takes_nobody_out_of_a_set_that_is_bound() -> None:
    world = masked("share")
    for name in SITES[:3]:
        share(world, name)
    assert only(quorum_times_out(world), MembersSilent).members == ("di",)
    for name, model in zip(SITES, ("one", "two", "three"), strict=False):
        vote(world, name, model, told())
    assert current(world).attempt == 2
    assert participants(world) == list(SITES), "another set would show what di hid"
    for name in SITES[:3]:
        advertise(world, name)
    assert current(world).phase == "sa.keys", "di is waited for though it is marked"
    advertise(world, "di")
    walk_to(world, "vote")
    for name in SITES[:3]:
        events = vote(world, name, "new", told())
    assert only(events, MembersSkipped).members == ("di",)
    assert participants(world) == list(SITES[:3]), "the next round has a model of its own"


def test_who_was_not_in_the_sum_is_not_in_the_next_one() -> None:
    world = masked("available")
    for name in SITES:
        attest(world, name, SITES[:3])
    for name in SITES[:3]:
        share(world, name)
    for name, model in zip(SITES, ("one", "two", "three"), strict=False):
        vote(world, name, model, told())
    assert participants(world) == list(SITES[:3])


def test_with_too_few_members_left_the_study_fails() -> None:
    world = masked("vote")
    blame(world, "bo", "ada")
    blame(world, "cy", "ada")
    walk_to(world, "vote")
    blame(world, "cy", "bo")
    events = blame(world, "di", "bo")
    assert only(events, StudyFailed).reason == "too-few"
    assert status_of(world).outcome == "failed"
