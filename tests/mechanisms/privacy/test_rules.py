"""Privacy budgets: what is charged, when a round is refused, and that one update serves a round."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.ledger.contract.kit import (
    World,
    digest,
    four_equals,
    names,
    only,
    raw_digest,
    refusal,
    replayed,
    say,
)
from tests.ledger.contract.moves import (
    TERMS,
    accept,
    commit,
    drive_round,
    evaluate,
    here,
    model_now,
    quorum_times_out,
    register,
    reveal,
    reveal_fields,
    start,
    status_of,
    update_of,
    using,
)

from collegium.accounting.conversion import added, charge_of, conversion, micro_epsilon, times
from collegium.accounting.gaussian import gaussian_rdp
from collegium.accounting.pure import pure_rdp
from collegium.accounting.terms import PrivacyTerms, spent_after
from collegium.canonical import to_text
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.events import RoundOpened
from collegium.ledger.contract.tables import study_path
from collegium.ledger.contract.transactions import StudyRegister, UpdateCommit, UpdateReveal
from collegium.ledger.contract.updates import commitment
from collegium.mechanisms.privacy.rules import (
    LOSSES,
    Budget,
    CumulativePrivacy,
    cumulative_privacy_key,
)
from collegium.mechanisms.privacy.terms import BudgetExhausted, Charged

D = Decimal
SITES = ("ada", "bo", "cy", "di")


def terms(budget: int = 8_000_000, **changes: Any) -> PrivacyTerms:
    usual = PrivacyTerms(
        accountant="rdp@1", budget=budget, charge=charge_of(gaussian_rdp(D("1.4"), D("0.1")), 10),
        conversion=conversion(D("1e-5")), delta=10**10, evaluation=charge_of(pure_rdp(D(8))),
        mechanism="dp_sgd@1", noise=1_400_000, sampling=10**8, setup=charge_of(pure_rdp(D("0.4"))),
        steps=10, unit="patient",
    )  # fmt: skip
    return msgspec.structs.replace(usual, **changes)


def lasting(rounds: int) -> PrivacyTerms:
    """Terms whose budget is just enough for some rounds."""
    return terms(budget=spent_after(terms(), rounds))


def spent(opened: RoundOpened) -> tuple[int, ...]:
    charged = part_of(opened.parts, Charged)
    assert charged is not None
    assert charged.clip is msgspec.UNSET
    return charged.spent


def budget(world: World, site: str, study: str = "heart") -> Budget | None:
    return world.state.record(study_path(study, "budgets"), site, Budget)


def losses(world: World, site: str) -> tuple[int, ...]:
    found = world.state.record(LOSSES, cumulative_privacy_key(site, "patient"), CumulativePrivacy)
    return () if found is None else found.charge


def test_a_study_without_privacy_terms_keeps_no_budgets() -> None:
    world = four_equals()
    opened = only(start(world), RoundOpened)
    assert opened.parts is msgspec.UNSET
    assert budget(world, "ada") is None
    assert losses(world, "ada") == ()


def test_acceptance_and_each_round_are_charged_and_told() -> None:
    world, one = four_equals(), terms()
    register(world, **using(one))
    accept(world, "ada")
    assert budget(world, "ada") == Budget(rounds=0, spent=spent_after(one, 0))
    for site in SITES[1:]:
        events = accept(world, site)
    assert spent(only(events, RoundOpened)) == (spent_after(one, 1),) * 4
    events = drive_round(world)
    assert spent(only(events, RoundOpened)) == (spent_after(one, 2),) * 4
    assert budget(world, "bo") == Budget(rounds=2, spent=spent_after(one, 2))
    assert losses(world, "bo") == added(one.setup, times(one.charge, 2))


def test_a_round_beyond_the_budget_is_refused_and_the_last_good_model_is_final() -> None:
    world = four_equals()
    start(world, **using(lasting(2)), rounds=5)
    drive_round(world)
    events = drive_round(world)
    assert names(events)[-2:] == ["budget.exhausted", "test.opened"]
    assert only(events, BudgetExhausted).members == SITES
    assert only(events, BudgetExhausted).round == 3
    assert model_now(world) == digest("model 2")
    status = status_of(world)
    assert (status.phase, status.outcome, status.closed_rounds) == ("evaluation", "open", 2)
    found = budget(world, "ada")
    assert found is not None
    assert found.spent <= lasting(2).budget
    assert replayed(world).root() == world.state.root()


def test_a_budget_that_allows_no_round_fails_the_study() -> None:
    world = four_equals()
    events = start(world, **using(lasting(0)))
    assert names(events) == ["budget.exhausted", "study.failed"]
    assert status_of(world).outcome == "failed"


def test_sites_with_room_go_on_without_the_others() -> None:
    """One that came later has been in fewer rounds."""
    world = four_equals()
    register(world, **using(lasting(2)), rounds=5, min_sites=1)
    for site in SITES[:3]:
        accept(world, site)
    quorum_times_out(world)
    drive_round(world)
    accept(world, "di")
    opened = only(drive_round(world), RoundOpened)
    assert (opened.round, opened.participants) == (3, ("di",))


def test_an_attempt_that_is_tried_again_costs_nothing_more() -> None:
    world, one = four_equals(), terms()
    start(world, **using(one))
    before = budget(world, "ada"), losses(world, "ada")
    events = quorum_times_out(world)
    again = only(events, RoundOpened)
    assert (again.attempt, spent(again)) == (2, (spent_after(one, 1),) * 4)
    assert (budget(world, "ada"), losses(world, "ada")) == before


def in_second_attempt(world: World) -> dict[str, Any]:
    """Let ada reveal in a first attempt, which fails; return where it was."""
    start(world, **using(terms()), min_sites=4)
    for site in SITES:
        commit(world, site)
    reveal(world, "ada")
    first = here(world)
    quorum_times_out(world)
    assert here(world)["attempt"] == 2
    return first


def test_a_second_attempt_takes_the_update_of_the_first() -> None:
    world = four_equals()
    first = in_second_attempt(world)
    update, _ = update_of("ada", first)
    salt, at = raw_digest("another salt"), here(world)
    bound = commitment(world.identity, "heart", 1, 2, "ada", update, salt)
    say(world, "ada", UpdateCommit, commitment=to_text(bound), **at)
    for site in SITES[1:]:
        commit(world, site)
    opening = {"digest": to_text(update), "salt": to_text(salt), "peak": 0, "saturated": 0}
    say(world, "ada", UpdateReveal, **opening, **at)


def test_another_update_in_a_second_attempt_is_refused() -> None:
    world = four_equals()
    in_second_attempt(world)
    for site in SITES:
        commit(world, site)
    assert refusal(world, "ada", UpdateReveal, **reveal_fields("ada", here(world))) == "refused"
    reveal(world, "bo")  # nothing of it was seen in the first attempt


def test_without_privacy_every_attempt_has_its_own_update() -> None:
    world = four_equals()
    start(world, min_sites=4)
    for site in SITES:
        commit(world, site)
    reveal(world, "ada")
    quorum_times_out(world)
    for site in SITES:
        commit(world, site)
    reveal(world, "ada")


def test_a_statement_costs_the_units_of_the_test_part_and_losses_add_up_over_studies() -> None:
    world, one = four_equals(), terms()
    for study in ("heart", "again"):
        start(world, study=study, **using(one), rounds=1)
        drive_round(world, study)
        evaluate(world, "ada", study)
    trained = added(one.setup, one.charge)
    either = tuple(map(max, trained, one.evaluation))
    assert losses(world, "ada") == times(either, 2)
    assert losses(world, "bo") == times(trained, 2)
    assert micro_epsilon(losses(world, "ada"), one.conversion) > spent_after(one, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 0}, {"charge": (1,) * 71}, {"setup": (-1,) * 72}, {"delta": 0},
        {"sampling": 10**9 + 1}, {"unit": "hospital"}, {"accountant": "rdp@2"}, {"steps": 0},
        {"mechanism": "wish@1"}, {"conversion": (2**53,) * 72},
    ],
)  # fmt: skip
def test_terms_outside_of_their_ranges_are_malformed(wrong: dict[str, Any]) -> None:
    fields = {**TERMS, **using(terms(**wrong))}
    assert refusal(four_equals(), "ada", StudyRegister, **fields) == "malformed"
