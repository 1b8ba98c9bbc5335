"""A validator attests what it holds, votes for what it recomputed, and keeps time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.federation.kit import (
    blobs_of,
    consortium,
    identity_of,
    kinds,
    resigned,
    said,
    site,
    step,
    until,
    validator,
)

from collegium.canonical import from_text, to_text
from collegium.federation import validator as validator_module
from collegium.federation.validator import Validator
from collegium.federation.view import StudyView
from collegium.learning.blobs import decode_model, decode_update
from collegium.ledger.contract.results import Failure, ModelResult
from collegium.ledger.contract.transactions import (
    EvidenceConflict,
    PhaseTimeout,
    RoundVote,
    UpdateAvailable,
    UpdateReveal,
)
from collegium.simulation.consortium import Consortium
from collegium.study.reading import read_study


def bits(envelope: bytes) -> str:
    """The bitmap of an attestation, a digit for each participant."""
    attestation = said(envelope)
    assert isinstance(attestation, UpdateAvailable)
    return f"{from_text(attestation.bitmap, 1)[0]:08b}"[:4]


def revealed(within: Consortium, name: str) -> UpdateReveal:
    """What a site reveals in the open attempt."""
    (envelope,) = site(within, name).reconcile(within.view(), idle=False)
    reveal = said(envelope)
    assert isinstance(reveal, UpdateReveal)
    return reveal


def hide(within: Consortium, digest: str) -> bytes:
    """Take a blob away from everybody; return its bytes."""
    path = within.exchange.folder.path / from_text(digest, 32).hex()
    data = path.read_bytes()
    path.unlink()
    return data


def to_available(within: Consortium, hidden: str) -> StudyView:
    """Go to where validators attest, with one site's update out of sight."""
    until(within, "reveal", 1)
    reveal = revealed(within, hidden)
    step(within)
    hide(within, reveal.digest)
    view = within.view()
    assert view.phase == "available"
    return view


def test_it_attests_every_update_that_is_there_and_sound(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "available", 1)
        (envelope,) = validator(within).reconcile(view, idle=False)
        assert bits(envelope) == "1111"


def test_it_waits_for_a_missing_update_until_its_timer_fires(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = to_available(within, hidden="hungarian")
        assert validator(within).reconcile(view, idle=False) == []
        (envelope,) = validator(within).reconcile(view, idle=True)
        assert bits(envelope) == "1011"


def test_it_serves_a_scarce_update_once_inclusion_is_fixed_and_not_before(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        until(within, "reveal", 1)
        digest = from_text(revealed(within, "hungarian").digest, 32)
        step(within)
        data = hide(within, within.view().reveals["hungarian"].digest)
        within.exchange.serve(digest, data, ["cleveland", "hungarian", "switzerland"])
        view = within.view()
        assert kinds(validator(within, "cleveland").reconcile(view, idle=False))
        assert validator(within, "va").reconcile(view, idle=False) == []
        (envelope,) = validator(within, "va").reconcile(view, idle=True)
        assert bits(envelope) == "1011"
        within.engine.submit([envelope])
        step(within, without=[validator(within, "va")])
        view = within.view()
        assert view.phase == "vote"
        assert view.scarce == {"hungarian"}
        assert validator(within, "va").reconcile(view, idle=False) == []
        assert kinds(validator(within, "cleveland").reconcile(view, idle=False)) == ["round.vote"]
        assert kinds(validator(within, "va").reconcile(view, idle=False)) == ["round.vote"]


def test_an_update_that_is_not_what_its_author_claims_is_not_attested(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "reveal", 1)
        (envelope,) = site(within, "hungarian").reconcile(view, idle=False)
        lie = resigned(within, "hungarian", envelope, peak=revealed(within, "hungarian").peak + 1)
        within.engine.submit([lie])
        step(within)
        view = within.view()
        assert view.phase == "available"
        (attestation,) = validator(within).reconcile(view, idle=True)
        assert bits(attestation) == "1011"


def test_it_votes_for_the_mean_that_anybody_can_calculate(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "vote", 1)
        (envelope,) = validator(within).reconcile(view, idle=False)
        vote = said(envelope)
        assert isinstance(vote, RoundVote)
        assert isinstance(vote.result, ModelResult)
        blobs = blobs_of(within, "va")
        data, start = blobs.fetch(from_text(vote.result.model, 32)), blobs.fetch(view.model)
        assert data is not None
        assert start is not None
        assert view.round is not None
        total, weights = np.zeros(decode_model(start).parameters.size), 0
        here = view.here
        assert here is not None
        for name, weight in here.weights.items():
            update = blobs.fetch(from_text(here.reveals[name].digest, 32))
            assert update is not None
            total += weight * decode_update(update)[0].units.astype("f8")
            weights += weight
        step_ = total / (weights * 2.0**view.round.exponent)
        expected = (decode_model(start).parameters.astype("f8") + step_).astype("f4")
        assert decode_model(data).parameters.tobytes() == expected.tobytes()


def started_again(within: Consortium, name: str) -> Validator:
    """A validator that has just been started and remembers nothing."""
    return Validator(
        identity_of(within, name), blobs_of(within, name), within.outbox, within.prepared.study
    )


def test_it_votes_that_there_is_no_model_where_an_update_has_vanished(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "vote", 1)
        hide(within, view.reveals["va"].digest)
        again = started_again(within, "va")
        assert again.reconcile(view, idle=False) == []
        (envelope,) = again.reconcile(view, idle=True)
        vote = said(envelope)
        assert isinstance(vote, RoundVote)
        assert vote.result == Failure(reason="unavailable")


def test_what_it_has_attested_it_need_not_fetch_again(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "vote", 1)
        vote = started_again(within, "va").reconcile(view, idle=False)
        hide(within, view.reveals["va"].digest)
        assert validator(within).reconcile(view, idle=False) == vote


def test_it_votes_on_a_round_that_closed_without_it(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        until(within, "vote", 1)
        step(within, without=[validator(within, "va")])
        view = within.view()
        assert (view.number, view.phase) == (2, "commit")
        (envelope,) = validator(within, "va").reconcile(view, idle=False)
        vote = said(envelope)
        assert isinstance(vote, RoundVote)
        assert (vote.round, vote.attempt) == (1, 1)
        assert vote.result == ModelResult(model=to_text(view.model))
        step(within)
        assert validator(within, "va").reconcile(within.view(), idle=False) == []


def test_it_waits_with_a_late_vote_for_what_is_not_to_be_had(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "vote", 1)
        missing = view.reveals["hungarian"].digest
        step(within, without=[validator(within, "va")])
        hide(within, missing)
        view, again = within.view(), started_again(within, "va")
        assert again.reconcile(view, idle=False) == []
        (envelope,) = again.reconcile(view, idle=True)
        vote = said(envelope)
        assert isinstance(vote, RoundVote)
        assert (vote.round, vote.result) == (1, Failure(reason="unavailable"))


def test_it_calculates_a_model_once_however_often_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "vote", 1)
        before = validator(within).reconcile(view, idle=False)
        step(within, without=[validator(within)])
        (late,) = validator(within).reconcile(within.view(), idle=False)
        assert [late] == before
        monkeypatch.setattr(validator_module, "resolve", lambda *_: pytest.fail("calculated"))
        assert validator(within).reconcile(within.view(), idle=False) == [late]


@pytest.mark.parametrize("damage", [True, False], ids=["emptied", "gone"])
def test_it_publishes_the_last_model_again_where_it_is_damaged(
    tmp_path: Path, damage: bool
) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "commit", 2)
        path = within.exchange.folder.path / view.model.hex()
        whole = hide(within, to_text(view.model))
        if damage:
            path.write_bytes(b"")
        assert validator(within).reconcile(view, idle=False) == []
        assert path.read_bytes() == whole


CONFLICT = (b"one envelope", b"another envelope")


def noticing(within: Consortium) -> StudyView:
    """A view that tells of an equivocation."""
    return StudyView(within.engine.application.state, within.view().study, (CONFLICT,))


def test_the_first_validator_puts_an_equivocation_on_record(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        until(within, "commit", 1)
        due = validator(within, "cleveland").reconcile(noticing(within), idle=False)
        assert kinds(due) == ["evidence.conflict"]
        evidence = said(due[0])
        assert isinstance(evidence, EvidenceConflict)
        assert (evidence.first, evidence.second) == tuple(map(to_text, CONFLICT))


@pytest.mark.parametrize("idle", [True, False], ids=["when idle", "at the next look"])
def test_the_others_do_if_it_is_still_open(tmp_path: Path, idle: bool) -> None:
    with consortium(tmp_path) as within:
        until(within, "commit", 1)
        va = validator(within, "va")
        if not idle:
            assert va.reconcile(noticing(within), idle=False) == []
        assert kinds(va.reconcile(noticing(within), idle=idle)) == ["evidence.conflict"]
        assert va.reconcile(within.view(), idle=False) == []
        assert va.reconcile(noticing(within), idle=False) == []


def test_its_timer_ends_a_phase_once(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "commit", 1)
        assert validator(within).reconcile(view, idle=False) == []
        assert validator(within).reconcile(view, idle=True) == []
        (envelope,) = validator(within).reconcile(view, idle=True)
        timeout = said(envelope)
        assert isinstance(timeout, PhaseTimeout)
        assert (timeout.round, timeout.attempt, timeout.phase) == (1, 1, "commit")
        within.engine.submit([envelope])
        assert validator(within).reconcile(within.view(), idle=True) == []


def test_who_was_admitted_while_a_round_is_open_sends_its_timer_too(tmp_path: Path) -> None:
    """Timers count by who validates now: without it, phases might never end."""
    with consortium(tmp_path) as within:
        view = until(within, "commit", 1)
        view.validators = {"cleveland": 1}
        assert validator(within).reconcile(view, idle=True) == []
        (envelope,) = validator(within).reconcile(view, idle=True)
        assert isinstance(said(envelope), PhaseTimeout)


def test_its_timer_ends_the_setup_of_a_study_too(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "setup")
        assert validator(within).reconcile(view, idle=True) == []
        (envelope,) = validator(within).reconcile(view, idle=True)
        timeout = said(envelope)
        assert isinstance(timeout, PhaseTimeout)
        assert (timeout.round, timeout.attempt, timeout.phase) == (0, 0, "setup")


def test_where_all_must_attend_it_votes_to_abandon_instead(tmp_path: Path) -> None:
    with consortium(tmp_path, "study.attendance=all") as within:
        view = until(within, "commit", 1)
        assert validator(within).reconcile(view, idle=True) == []
        due = validator(within).reconcile(view, idle=True)
        assert kinds(due) == ["study.abandon"]
        within.engine.submit(due)
        assert validator(within).reconcile(within.view(), idle=True) == []


def test_the_first_validator_closes_a_study_and_any_other_if_it_does_not(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        view = until(within, "closing")
        assert view.first_validator == "cleveland"
        assert kinds(validator(within, "cleveland").reconcile(view, idle=False)) == ["study.close"]
        assert validator(within, "va").reconcile(view, idle=False) == []
        assert kinds(validator(within, "va").reconcile(view, idle=True)) == ["study.close"]


def test_it_says_nothing_about_a_study_of_which_it_was_given_another_document(
    tmp_path: Path,
) -> None:
    with consortium(tmp_path) as within:
        other = read_study("heart", ["training.rounds=2", "study.title=Other"]).study
        stranger = Validator(
            identity_of(within, "va"), blobs_of(within, "va"), within.outbox, other
        )
        for phase in ("setup", "available", "vote", "evaluation"):
            view = until(within, phase)
            for idle in (False, True, True):
                assert stranger.reconcile(view, idle=idle) == []
            step(within)


def test_it_says_nothing_before_a_study_is_registered_or_after_it_is_closed(
    tmp_path: Path,
) -> None:
    with consortium(tmp_path) as within:
        assert validator(within).reconcile(within.view(), idle=True) == []
        until(within, "closed")
        assert validator(within).reconcile(within.view(), idle=True) == []
