"""Sums by groups: lots that nobody chooses, groups that fail alone, and what retries keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.contract.kit import (
    World,
    digest,
    member,
    names,
    only,
    raw_digest,
    refusal,
    replayed,
    say,
    world_of,
)
from tests.ledger.contract.moves import (
    TERMS,
    advertise,
    attest,
    bind,
    bitmap,
    commit_fields,
    commit_masked,
    current,
    deal,
    fellows,
    for_model,
    for_nothing,
    group_of,
    here,
    keys_fields,
    participants,
    parts,
    quorum_times_out,
    reveal,
    share,
    sound_deals,
    start,
    using,
    vote,
    walk_to,
)

from collegium.canonical import to_text
from collegium.ledger.contract.declared import together
from collegium.ledger.contract.events import AttemptFailed, UpdatesIncluded
from collegium.ledger.contract.transactions import RoundVote, StudyRegister, UpdateCommit
from collegium.mechanisms.dealing.terms import (
    DealingTerms,
    Indicators,
    SecaggDeal,
    SecaggKeys,
    SoundDeals,
)
from collegium.mechanisms.groups.rules import draw_groups
from collegium.mechanisms.groups.terms import (
    GroupsDrawn,
    GroupsLost,
    GroupsRefused,
    GroupTerms,
    Without,
)
from collegium.mechanisms.sum_check.terms import Point, SumCheckTerms

SITES = tuple(f"s{number}" for number in range(1, 10))
NO_LARGE = Indicators(saturated=0, small=0)


def in_groups(
    threshold: int = 2, count: int = 3, fewest: int = 2, carrier: str = "secagg"
) -> dict[str, Any]:
    """Return the fields of a registration with groups."""
    groups = GroupTerms(count=count, fewest=fewest)
    return using(carrier, DealingTerms(threshold=threshold), groups)


GROUPED: dict[str, Any] = {**in_groups(), "min_sites": 2, "per_round": 9, "sites": SITES}


def grouped(phase: str = "sa.bind", **terms: Any) -> World:
    """Return a consortium of nine whose first round, in three groups, is in a phase."""
    world = world_of(member(name) for name in SITES)
    start(world, owner="s1", **{**GROUPED, **terms})
    walk_to(world, phase)
    return world


def inside(world: World, number: int) -> list[str]:
    return [name for name, one in group_of(world).items() if one == number]


def vote_without(world: World, who: str, *groups: int) -> Any:
    told = [Without(groups=groups)] if groups else []
    return vote(world, who, "new", NO_LARGE, *told)


def keys_of(names: Any) -> dict[str, bytes]:
    return {name: raw_digest(f"{name} 1") + raw_digest(f"{name} 2") for name in names}


@given(count=st.integers(1, 8), more=st.integers(0, 12), attempt=st.integers(1, 3))
def test_lots_make_groups_of_one_size(count: int, more: int, attempt: int) -> None:
    keys = keys_of(f"m{number}" for number in range(count + more))
    drawn = draw_groups("heart", 1, attempt, keys, count)
    sizes = Counter(drawn.values())
    assert list(drawn) == sorted(keys)
    assert set(drawn.values()) == set(range(1, count + 1))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    assert drawn == draw_groups("heart", 1, attempt, dict(reversed(keys.items())), count)


def test_lots_depend_on_everybody_and_on_the_place() -> None:
    keys = keys_of(SITES)
    drawn = draw_groups("heart", 1, 1, keys, 3)
    others = [
        draw_groups("heart", 1, 1, {**keys, "s1": bytes(64)}, 3),
        draw_groups("heart", 2, 1, keys, 3),
        draw_groups("heart", 1, 2, keys, 3),
        draw_groups("lungs", 1, 1, keys, 3),
    ]
    assert all(other != drawn for other in others)


def test_every_pair_meets_as_often_as_chance_has_it() -> None:
    together = Counter[tuple[str, str]]()
    draws = 400
    for number in range(draws):
        drawn = draw_groups("heart", number, 1, keys_of(SITES), 3)
        together.update(
            (one, two) for one in SITES for two in SITES if one < two and drawn[one] == drawn[two]
        )
    expected = draws * 2 / 8
    assert all(abs(count - expected) < 5 * (expected * 0.75) ** 0.5 for count in together.values())


def test_a_round_in_groups_goes_from_bindings_to_votes_and_replays() -> None:
    world = grouped("vote")
    for name in SITES[:6]:
        vote_without(world, name)
    assert names(vote_without(world, "s7")) == ["round.closed", "round.opened"]
    assert replayed(world).root() == world.state.root()


def test_groups_are_drawn_once_all_keys_are_there() -> None:
    world = grouped("sa.keys")
    for name in SITES[:-1]:
        assert advertise(world, name) == ()
    drawn = only(advertise(world, SITES[-1]), GroupsDrawn)
    assert dict(zip(drawn.members, drawn.groups, strict=True)) == group_of(world)
    assert sorted(Counter(drawn.groups).values()) == [3, 3, 3]


def test_keys_are_those_that_their_sender_bound_itself_to() -> None:
    world = grouped()
    bind(world, "s1")
    for name in SITES[2:]:
        bind(world, name)
    quorum_times_out(world)  # s2 has bound itself to nothing
    at = here(world)
    other = {**keys_fields("s1", at), "mask_key": keys_fields("s2", at)["mask_key"]}
    assert refusal(world, "s1", SecaggKeys, **other) == "refused"
    assert refusal(world, "s2", SecaggKeys, **keys_fields("s2", at)) == "refused"
    advertise(world, "s1")


def test_whoever_is_silent_before_the_lots_has_no_place() -> None:
    world = grouped("sa.keys")
    for name in SITES[1:]:
        advertise(world, name)
    quorum_times_out(world)
    assert "s1" not in group_of(world)
    assert (
        refusal(world, "s1", SecaggDeal, **here(world), digest=digest("x")) == "not-a-participant"
    )


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({}, None),
        (in_groups(2, count=4), None),
        (in_groups(1), "refused"),  # two in a group of three could be opened twice
        (in_groups(4), "refused"),
        (in_groups(1, count=10), "refused"),
        (in_groups(fewest=4), "refused"),
        (in_groups(carrier="threshold_he"), "malformed"),
        (in_groups(carrier="plain"), "malformed"),
        ({"modules": ("dealing@1", "secagg@1")}, "malformed"),
    ],
)
def test_groups_and_thresholds_are_held_against_a_round(
    terms: dict[str, Any], code: str | None
) -> None:
    world = world_of(member(name) for name in SITES)
    fields = {**TERMS, **GROUPED, **terms}
    if code is not None:
        assert refusal(world, "s1", StudyRegister, **fields) == code
        return
    say(world, "s1", StudyRegister, **fields)
    without = {**fields, "study": "x", "terms": together("terms", [DealingTerms(threshold=2)])}
    assert refusal(world, "s1", StudyRegister, **without) == "malformed"
    for missing in ({"count": 3}, {"fewest": 2}):
        without["terms"] = {"dealing": {"threshold": 2}, "groups": missing}
        assert refusal(world, "s1", StudyRegister, **without) == "malformed"


def silent_in(world: World, phase: str, silent: list[str]) -> Any:
    """Let everybody but some speak in a phase, and its time run out."""
    say_it: Callable[[str], Any] = {
        "sa.deal": lambda name: deal(world, name),
        "commit": lambda name: commit_masked(world, name, fellows(world, name)),
        "reveal": lambda name: reveal(world, name, peak=0),
        "share": lambda name: share(world, name, len(fellows(world, name))),
    }[phase]
    for name in group_of(world):
        if name not in silent:
            say_it(name)
    return quorum_times_out(world)


@pytest.mark.parametrize("phase", ["sa.deal", "commit", "reveal", "share"])
def test_a_group_bears_silence_down_to_its_threshold(phase: str) -> None:
    world = grouped(phase)
    silent = [inside(world, number)[0] for number in (1, 2, 3)]
    assert "groups.lost" not in names(silent_in(world, phase, silent))
    assert len(set(group_of(world).values())) == 3


@pytest.mark.parametrize("phase", ["sa.deal", "commit", "reveal", "share"])
def test_a_group_below_its_threshold_fails_and_the_others_go_on(phase: str) -> None:
    world = grouped(phase)
    gone, others = inside(world, 2), inside(world, 1) + inside(world, 3)
    lost = only(silent_in(world, phase, gone[:2]), GroupsLost)
    assert (lost.groups, lost.phase) == ((2,), phase)
    assert sorted(group_of(world)) == sorted(others)
    if phase in ("sa.deal", "commit"):
        at = here(world)
        fields = {**commit_fields(world, gone[2], at), **sound_deals(world, ())}
        if phase == "sa.deal":
            assert refusal(world, gone[2], UpdateCommit, **fields) == "not-a-participant"
    while current(world).phase != "vote":
        now = current(world).phase
        if now == "available":
            for name in SITES:
                events = attest(world, name, [one for one in others if one not in gone])
            assert sorted(only(events, UpdatesIncluded).members) == sorted(others)
        else:
            for name in others:
                if now == "commit":
                    commit_masked(world, name, fellows(world, name))
                elif now == "reveal":
                    reveal(world, name, peak=0)
                else:
                    share(world, name, len(fellows(world, name)))
    for name in SITES[:6]:
        vote_without(world, name)
    assert "round.closed" in names(vote_without(world, "s7"))
    assert replayed(world).root() == world.state.root()


def test_too_few_groups_end_the_attempt() -> None:
    world = grouped("commit")
    failed = silent_in(world, "commit", inside(world, 1)[:2] + inside(world, 2)[:2])
    assert only(failed, AttemptFailed).reason == "too-few"
    assert current(world).attempt == 2


def test_updates_that_cannot_be_had_take_their_group_with_them() -> None:
    world = grouped("available")
    gone = inside(world, 3)[:2]
    for name in SITES:
        events = attest(world, name, [one for one in SITES if one not in gone])
    assert only(events, GroupsLost).groups == (3,)
    left = sorted(inside(world, 1) + inside(world, 2))
    assert sorted(only(events, UpdatesIncluded).members) == left


def test_a_refused_deal_bars_its_dealer_and_a_contested_one_loses_its_group() -> None:
    world = grouped("commit", **in_groups(3))
    one, two, three = inside(world, 1)
    commit_masked(world, one, [one, two])  # three's deal is sound for two of three
    for name in SITES:
        if name != one:
            events = commit_masked(world, name, fellows(world, name))
    assert only(events, GroupsLost).groups == (1,)
    world = grouped("commit")
    one, two, three = inside(world, 1)
    for name in SITES:
        sound = [other for other in fellows(world, name) if other != three]
        events = commit_masked(world, name, sound)
    assert names(events)[:2] == ["dealer.barred", "attempt.failed"]


def test_deals_of_another_group_are_nobody_s_business() -> None:
    world = grouped("commit")
    name, stranger = inside(world, 1)[0], inside(world, 2)[0]
    fields = commit_fields(world, name, here(world))
    said = sound_deals(world, [stranger])
    assert refusal(world, name, UpdateCommit, **fields, **said) == "malformed"


def test_votes_agree_on_the_groups_that_a_model_is_made_without() -> None:
    world = grouped("vote")
    for name in SITES[:3]:
        vote_without(world, name, 2)
    for name in SITES[3:6]:
        events = vote_without(world, name)  # for the same model, of other groups
    assert names(events) == ["attempt.failed", "round.opened"]
    world = grouped("vote")
    for name in SITES[:6]:
        vote_without(world, name, 2)
    assert only(vote_without(world, "s7", 2), GroupsRefused).groups == (2,)
    world = grouped("vote")
    unsorted = for_model("new", NO_LARGE, Without(groups=(2, 1)))
    assert refusal(world, "s1", RoundVote, **here(world), **unsorted) == "malformed"
    failed = {"of": "none", "reason": "refused", "parts": {"groups": {"groups": [2]}}}
    assert refusal(world, "s1", RoundVote, **here(world), result=failed) == "malformed"


def test_a_retry_after_sums_were_known_keeps_its_groups() -> None:
    world = grouped("vote")
    before = group_of(world)
    for name in SITES[:3]:
        events = say(world, name, RoundVote, **here(world), **for_nothing("refused"))
    assert only(events, AttemptFailed).reason == "no-quorum"
    walk_to(world, "sa.deal")
    assert group_of(world) == before
    world = grouped("reveal")
    before = group_of(world)
    silent_in(world, "reveal", inside(world, 1)[:2] + inside(world, 2)[:2])
    walk_to(world, "sa.deal")
    assert group_of(world) != before  # nothing was opened, so lots are drawn again


def unheard(world: World) -> dict[str, int]:
    """Let time run out for shares of which none came to the ledger; return who was where."""
    before = group_of(world)
    assert only(quorum_times_out(world), AttemptFailed).reason == "too-few"
    return before


def test_groups_stay_though_no_share_came_to_the_ledger() -> None:
    world = grouped("share")
    before = unheard(world)
    walk_to(world, "sa.deal")
    assert group_of(world) == before


@pytest.mark.parametrize("phase", ["sa.keys", "sa.deal", "commit", "reveal"])
def test_a_group_that_was_asked_to_open_goes_on_whole_or_not_at_all(phase: str) -> None:
    world = grouped("share")
    before = unheard(world)
    gone = next(name for name, one in before.items() if one == 2)
    walk_to(world, phase)
    if phase == "sa.keys":
        for name in SITES:
            if name != gone:
                advertise(world, name)
        events = quorum_times_out(world)
    else:
        events = silent_in(world, phase, [gone])
    lost = only(events, GroupsLost)
    assert (lost.groups, lost.phase) == ((2,), phase)
    assert group_of(world) == {name: one for name, one in before.items() if one != 2}


def test_a_lost_group_comes_back_as_it_was_and_never_in_another() -> None:
    world = grouped("share")
    before = unheard(world)
    walk_to(world, "sa.deal")
    one, two = (next(name for name, at in before.items() if at == group) for group in (2, 3))
    silent_in(world, "sa.deal", [one, two])
    assert current(world).attempt == 3, "one group is too few"
    walk_to(world, "sa.deal")
    assert group_of(world) == before


def test_a_point_is_there_where_it_is_asked_for_and_is_one() -> None:
    sound = to_text(world_of([member("ada")]).keys["ada"].public)
    checked = using(
        "secagg", DealingTerms(threshold=2), GroupTerms(count=3, fewest=2),
        SumCheckTerms(by="pedersen"),
    )  # fmt: skip
    world = grouped("commit", **checked)
    name = inside(world, 1)[0]
    fields = commit_fields(world, name, here(world))
    deals = SoundDeals(deals=bitmap(participants(world), fellows(world, name)))
    assert refusal(world, name, UpdateCommit, **fields, **parts("commit", deals)) == "malformed"
    small = parts("commit", deals, Point(point=to_text(b"\1" + bytes(31))))
    assert refusal(world, name, UpdateCommit, **fields, **small) == "malformed"
    pointed = parts("commit", deals, Point(point=sound))
    say(world, name, UpdateCommit, **fields, **pointed)
    world = grouped("commit")
    name = inside(world, 1)[0]
    deals = SoundDeals(deals=bitmap(participants(world), fellows(world, name)))
    pointed = parts("commit", deals, Point(point=sound))
    assert refusal(world, name, UpdateCommit, **fields, **pointed) == "malformed"
