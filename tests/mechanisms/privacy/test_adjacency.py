"""What change an epsilon is about, and whose losses add up: against formulas written out here."""

from __future__ import annotations

from math import exp, inf, log

import pytest
from tests.ledger.contract.kit import four_equals
from tests.ledger.contract.moves import drive_round, evaluate, start, using
from tests.mechanisms.privacy.test_totals import study_history
from tests.report.reading import Page
from tests.report.synthetic import SITES, inputs, verification

from collegium.audit.findings import StudyPrivacySpent
from collegium.federation.view import StudyView
from collegium.mechanisms.privacy.totals import totals
from collegium.node.policy import Policy, StudyRequest, objections
from collegium.node.privacy_spent import privacy_spent
from collegium.report.page import render
from collegium.study.document import Study
from collegium.study.privacy import in_words, privacy_terms
from collegium.study.reading import read_study

WHOLE = ("aggregation.weights=equal", "aggregation.exponent=8", "training.rounds=60")


def read(unit: str, more: str, *changes: str) -> Study:
    wanted = f"privacy.differential_privacy={{unit='{unit}', delta=1e-5, {more}}}"
    return read_study("heart", [wanted, "training.rounds=1", *changes]).study


def converted(rdp: dict[float, float], delta: float = 1e-5) -> float:
    """Canonne, Kamath and Steinke 2020, proposition 12."""
    return min(
        (r + log((a - 1) / a) - (log(delta) + log(a)) / (a - 1) for a, r in rdp.items()),
        default=inf,
    )


GRID = [1 + k / 8 for k in range(1, 2000)]


def pure(epsilon: float, count: int) -> float:
    """Randomized response at epsilon, the worst pure mechanism, so many times (Mironov 2017)."""

    def at(a: float) -> float:
        p = 1 / (1 + exp(-epsilon))
        big = a * log(p) + (1 - a) * log(1 - p)
        small = a * log(1 - p) + (1 - a) * log(p)
        return (big + log(1 + exp(small - big))) / (a - 1)

    return converted({a: count * at(a) for a in GRID})


def test_central_noise_says_what_it_costs_to_exchange_a_site_s_rows() -> None:
    study = read("client", "epsilon=50.0, mechanism='central'", *WHOLE)
    terms = privacy_terms(study)
    assert terms is not None
    z = terms.noise / 1e6
    removed = converted({a: 60 * a / (2 * z * z) for a in GRID})
    # Skellam noise is bounded at whole orders alone, which shows where epsilon is large
    exchanged = converted({float(a): 60 * 4 * a / (2 * z * z) for a in range(2, 200)})
    said = in_words(terms, 60)
    assert removed == pytest.approx(50, rel=0.03)
    assert "counted or left out" in said
    told = float(said.split("Exchanged for any others: epsilon ")[1].split()[0].rstrip("."))
    assert told == pytest.approx(exchanged, rel=0.002)
    spent = StudyPrivacySpent(
        study="fever", site=SITES[0], unit="client", rounds=60, epsilon=50.0, budget=50.0,
        delta=1e-5, evaluation=0.0, mechanism="central_skellam@1", sampling_rate=1.0,
        noise_multiplier=z, steps_per_round=1, accountant="rdp@1",
    )  # fmt: skip
    page = Page(render(inputs().content(verification=verification(privacy=(spent,)))))
    assert "all rows of one site, counted or left out" in page.sections["privacy"]
    assert (
        f"epsilon {told:.4g} at delta 1e-05, where a site's rows are exchanged"
        in (page.sections["privacy"])
    )


def test_local_noise_is_about_exchanged_rows_and_dp_sgd_about_one_person_more() -> None:
    local = privacy_terms(read("client", "epsilon=50.0, mechanism='local'", *WHOLE))
    assert local is not None
    z = local.noise / 1e6
    assert converted({a: 60 * 4 * a / (2 * z * z) for a in GRID}) == pytest.approx(50, rel=0.03)
    assert "exchanged for any others" in in_words(local, 60)
    person = privacy_terms(read("patient", "epsilon=4.0"))
    assert person is not None
    assert "added or removed" in in_words(person, 1)


def test_a_person_s_losses_as_a_patient_and_as_a_record_are_one_sum() -> None:
    studies = {"first": read("patient", "epsilon=8.0"), "second": read("record", "epsilon=8.0")}
    world = four_equals()
    for name, study in studies.items():
        terms = privacy_terms(study)
        assert terms is not None
        start(world, name, **using(terms))
        drive_round(world, name)
        evaluate(world, "ada", name)
    (lost,) = privacy_spent(world.state, "ada", None)
    told = {name: study_history(one, evaluated=True) for name, one in studies.items()}
    for one in told.values():
        one.attempts = {(1, 1): one.attempts[1, 1]}
    (total,) = totals(told, studies)  # type: ignore[arg-type]
    assert (lost.unit, total.unit) == ("person", "person")
    assert lost.epsilon == total.epsilon
    assert lost.epsilon == pytest.approx(pure(8.0, 2), rel=0.03)
    elsewhere = StudyView(world.state, "second").losses.elsewhere("ada")
    asked = StudyRequest(studies["second"], "00", "owner", "00", 85, lost=elsewhere)
    (only,) = objections(Policy(studies=("*",), epsilon_in_all=15.0), asked)
    assert "capped at 15" in only


def test_the_statement_on_the_test_part_counts_towards_the_cap_of_all() -> None:
    study = read("patient", "epsilon=8.0, noise_multiplier=40.0")
    asked = StudyRequest(study, "00", "owner", "00", 85)
    (only,) = objections(Policy(studies=("*",), epsilon_in_all=7.0), asked)
    assert f"epsilon {pure(8.0, 1):.2f}"[:9] in only
    assert objections(Policy(studies=("*",), epsilon_in_all=8.5), asked) == ()
