"""What a data-protection officer reads: every epsilon with its meaning, or that there is none."""

from __future__ import annotations

import re
from dataclasses import replace as with_fields

import pytest
from msgspec.structs import replace
from tests.report.reading import Page
from tests.report.synthetic import SITES, inputs, verification

from collegium.accounting.units import UnitName
from collegium.audit.findings import LedgerPrivacySpent, StudyPrivacySpent
from collegium.report.page import render
from collegium.study.document import Privacy, SecureAggregation


def spent(**changes: object) -> tuple[StudyPrivacySpent, ...]:
    usual: dict[str, object] = {
        "study": "fever", "unit": "patient", "rounds": 12, "epsilon": 2.0, "budget": 4.0,
        "delta": 1e-5, "evaluation": 4.0, "mechanism": "dp_sgd@1", "sampling_rate": 0.1,
        "noise_multiplier": 3.9, "steps_per_round": 10, "accountant": "rdp@1", **changes,
    }  # fmt: skip
    return tuple(StudyPrivacySpent(site=site, **usual) for site in SITES)  # type: ignore[arg-type]


def section(**changes: object) -> str:
    told = verification(privacy=spent(**changes))
    return Page(render(inputs().content(verification=told))).sections["privacy"]


def test_without_differential_privacy_the_page_says_that_nothing_is_bounded() -> None:
    text = Page(render(inputs().content(verification=verification()))).sections["privacy"]
    assert "Secure aggregation was not used" in text
    assert "Nothing here bounds this" in text
    assert "epsilon" not in text


def test_under_secure_aggregation_the_page_says_who_could_open_an_update() -> None:
    one = inputs()
    masked = replace(one.study, privacy=Privacy(secure_aggregation=SecureAggregation()))
    text = Page(render(with_fields(one, study=masked).content(verification=verification())))
    said = text.sections["privacy"]
    assert "masked before it left (secagg)" in said
    assert "3 of a round's sites together could open" in said
    assert "was not used. A sum" in said


def test_sums_by_groups_and_their_checks_are_told_in_words() -> None:
    one = inputs()
    secure = SecureAggregation(groups=2, threshold=2, norm_bound=1.5, sum_check="pedersen")
    grouped = replace(one.study, privacy=Privacy(secure_aggregation=secure))
    text = Page(render(with_fields(one, study=grouped).content(verification=verification())))
    said = text.sections["privacy"]
    assert "the sums of 2 groups of" in said
    assert "2 of a group's sites together could open" in said
    assert "rejected if the norm of its sum exceeded what updates of norm 1.5 can reach" in said
    assert "checked against commitments that its sites made before masking" in said
    assert "does not show that the committed updates were honest" in said


def test_every_epsilon_has_unit_delta_sampling_and_accountant() -> None:
    text = section()
    for words in (
        "epsilon 4 at delta 1e-05, accountant rdp@1", "patient: all rows of one patient",
        "Poisson sampling: each unit is in a step with probability 0.1", "10 steps per round",
        "noise multiplier 3.9", "2.000 (delta 1e-05, per patient)",
    ):  # fmt: skip
        assert words in text
    for site in SITES:
        assert re.search(rf"{site}\s*12\s*2\.000", text)


@pytest.mark.parametrize(
    ("epsilon", "sure", "recognized"),
    [(1.0, "73.11 %", "at most 0.27 of 100"), (2.0, "88.08 %", "at most 0.74 of 100"),
     (8.0, "99.97 %", "not bounded by this budget")],
)  # fmt: skip
def test_what_an_epsilon_means_is_said_in_plain_words(
    epsilon: float, sure: str, recognized: str
) -> None:
    text = section(epsilon=epsilon)
    assert sure in text
    assert recognized in text


def test_where_a_clip_went_is_told() -> None:
    text = section(unit="client", mechanism="local_skellam@1", clips=(0.1, 0.25))
    assert "followed the norms of the updates, from 0.1 to 0.25" in text
    assert "Clip" not in section(unit="client", mechanism="local_skellam@1")


def test_a_tighter_account_is_told_beside_the_ledger_s() -> None:
    text = section(tight=1.83)
    assert "epsilon 1.83 at delta 1e-05 per patient, by privacy loss distributions (pld@1)" in text


def test_what_other_studies_cost_is_told_where_there_are_any() -> None:
    def page(*studies: str, unbounded: tuple[str, ...] = ()) -> str:
        total = LedgerPrivacySpent(
            site="north", unit="patient", epsilon=3.25, delta=1e-6, accountant="rdp@1",
            studies=studies, unbounded=unbounded,
        )  # fmt: skip
        told = verification(privacy=spent(), totals=(total,))
        return Page(render(inputs().content(verification=told))).sections["privacy"]

    assert "in all studies" not in page("fever")
    both = page("fever", "cough")
    assert "fever, cough" in both
    assert "3.250 (delta 1e-06, per patient, rdp@1)" in both
    assert "cough: no bound" in page("fever", unbounded=("cough",))


@pytest.mark.parametrize("unit", ["patient", "record", "client"])
def test_no_epsilon_stands_anywhere_on_the_page_without_what_it_means(unit: UnitName) -> None:
    """Every cell or paragraph with a figure has its delta, or says pure, and whose loss it is."""
    mechanism = "local_skellam@1" if unit == "client" else "dp_sgd@1"
    total = LedgerPrivacySpent(
        site="north", unit=unit, epsilon=3.25, delta=1e-6, accountant="rdp@1",
        studies=("fever", "cough"), unbounded=(),
    )  # fmt: skip
    told = verification(privacy=spent(unit=unit, mechanism=mechanism, tight=1.83), totals=(total,))
    page = render(inputs().content(verification=told))
    blocks = re.split(r"</?(?:p|td|th|dd|dt|li|caption|h[1-6])[^>]*>", page)
    figures = [re.sub(r"<[^>]+>", "", one) for one in blocks if re.search(r"epsilon (of )?\d", one)]
    assert len(figures) >= 2
    for one in figures:
        assert "delta" in one or "pure" in one, one
    section_ = Page(page).sections["privacy"]
    for words in (f"{unit}: ", "Sampling", "accountant rdp@1", "delta 1e-05"):
        assert words in section_


def test_what_is_left_is_never_less_than_nothing() -> None:
    assert "-" not in re.findall(r"per patient\)\s*(-?[\d.]+)", section(epsilon=4.2))[0]
