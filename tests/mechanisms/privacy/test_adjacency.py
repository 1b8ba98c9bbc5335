"""What change an epsilon is about, and whose losses add up: against formulas written out here."""

from __future__ import annotations

from math import exp, inf, log

import pytest
from tests.ledger.contract.kit import four_equals
from tests.ledger.contract.moves import drive_round, evaluate, start, using
from tests.mechanisms.privacy.test_totals import study_history
from tests.report.reading import Page
from tests.report.synthetic import SITES, inputs, verification

from collegium.audit.findings import LedgerPrivacySpent, StudyPrivacySpent
from collegium.cli.verdicts import total_line
from collegium.mechanisms.privacy.totals import totals
from collegium.node.policy import Policy, StudyRequest, objections
from collegium.node.privacy_spent import lost_elsewhere, privacy_spent
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


def pure_at(a: float, epsilon: float) -> float:
    """Randomized response at epsilon, the worst pure mechanism (Mironov 2017)."""
    p = 1 / (1 + exp(-epsilon))
    big = a * log(p) + (1 - a) * log(1 - p)
    small = a * log(1 - p) + (1 - a) * log(p)
    return (big + log(1 + exp(small - big))) / (a - 1)


def pure(epsilon: float, count: int) -> float:
    """So many of those."""
    return converted({a: count * pure_at(a, epsilon) for a in GRID})


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
    elsewhere = lost_elsewhere(world.state, "ada", "second")
    asked = StudyRequest(studies["second"], "00", "owner", "00", 85, lost=elsewhere)
    (only,) = objections(Policy(studies=("*",), epsilon_in_all=15.0), asked)
    assert "capped at 15" in only


def test_a_person_loses_by_studies_that_protect_its_whole_site() -> None:
    studies = {
        "persons": read("patient", "epsilon=8.0"),
        "local": read("client", "epsilon=50.0, mechanism='local'", *WHOLE),
        "central": read("client", "epsilon=50.0, mechanism='central'", *WHOLE),
    }
    world, noise = four_equals(), {}
    for name, study in studies.items():
        terms = privacy_terms(study)
        assert terms is not None
        noise[name] = terms.noise / 1e6
        start(world, name, **using(terms))
        drive_round(world, name)  # the second one opens
        if name == "persons":
            evaluate(world, "ada", name)
    person, site = privacy_spent(world.state, "ada", 20.0)
    histories = {name: study_history(one, evaluated=name == "persons")
                 for name, one in studies.items()}  # fmt: skip
    of_person, of_site = totals(histories, studies)  # type: ignore[arg-type]

    def moved(clips: int, name: str, a: float) -> float:
        return 2 * clips**2 * a / (2 * noise[name] ** 2)

    orders = [float(a) for a in range(2, 200)]  # Skellam noise is bounded at whole orders
    lost = converted({
        a: pure_at(a, 8.0) + moved(2, "local", a) + moved(2, "central", a) for a in orders
    })  # fmt: skip
    assert person.epsilon == of_person.epsilon == pytest.approx(lost, rel=0.01)
    assert (person.unit, person.studies) == ("person", ("central", "local", "persons"))
    lost = converted({a: moved(2, "local", a) + moved(1, "central", a) for a in GRID})
    assert site.epsilon == of_site.epsilon == pytest.approx(lost, rel=0.03)
    assert (site.unit, site.studies, site.cap) == ("client", ("central", "local"), None)
    assert of_site.unbounded == ("persons",)
    assert "without any bound in persons" in total_line(of_site)


def test_central_noise_for_sites_is_held_against_what_a_person_loses() -> None:
    def told(mechanism: str, cap: float) -> tuple[str, ...]:
        study = read("client", f"epsilon=50.0, mechanism='{mechanism}'", *WHOLE)
        asked = StudyRequest(study, "00", "owner", "00", 85)
        return objections(Policy(studies=("*",), epsilon_in_all=cap), asked)

    assert told("local", 51.0) == ()
    (only,) = told("central", 165.0)
    assert "one person of this site would have lost epsilon 170 in all" in only
    assert told("central", 170.0) == ()


def test_check_and_report_say_what_a_person_loses_by_whole_sites() -> None:
    for mechanism, name in (("local", "local_skellam@1"), ("central", "central_skellam@1")):
        terms = privacy_terms(read("client", f"epsilon=50.0, mechanism='{mechanism}'", *WHOLE))
        assert terms is not None
        assert "One person of a site loses at most" in in_words(terms, 60)
        spent = StudyPrivacySpent(
            study="fever", site=SITES[0], unit="client", rounds=60, epsilon=50.0, budget=50.0,
            delta=1e-5, evaluation=0.0, mechanism=name, sampling_rate=1.0,
            noise_multiplier=terms.noise / 1e6, steps_per_round=1, accountant="rdp@1",
        )  # fmt: skip
        both = tuple(
            LedgerPrivacySpent(
                site=SITES[0], unit=unit, epsilon=9.0, delta=1e-5, accountant="rdp@1",
                studies=("fever", "cough"), unbounded=(),
            )
            for unit in ("person", "client")
        )  # fmt: skip
        told = verification(privacy=(spent,), totals=both)
        page = Page(render(inputs().content(verification=told)))
        assert "towards what one person loses in all studies" in page.sections["privacy"]
        assert "bound nothing of a whole site" in page.sections["privacy"]


def test_the_statement_on_the_test_part_counts_towards_the_cap_of_all() -> None:
    study = read("patient", "epsilon=8.0, noise_multiplier=40.0")
    asked = StudyRequest(study, "00", "owner", "00", 85)
    (only,) = objections(Policy(studies=("*",), epsilon_in_all=7.0), asked)
    assert f"epsilon {pure(8.0, 1):.2f}"[:9] in only
    assert objections(Policy(studies=("*",), epsilon_in_all=8.5), asked) == ()
