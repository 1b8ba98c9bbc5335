"""What a document says about differential privacy, what it comes to, and what it is told."""

from __future__ import annotations

import msgspec
import pytest

from collegium.accounting.orders import MICRO
from collegium.accounting.terms import affordable_rounds, spent_after
from collegium.errors import StudyError
from collegium.ledger.contract.declared import together
from collegium.ledger.registering import differing_terms, registered_terms
from collegium.study.canonical import document_bytes, study_from_document
from collegium.study.document import Study
from collegium.study.privacy import in_words, privacy_terms
from collegium.study.reading import ReadStudy, read_study


def read(*changes: str, rounds: int = 30, **settings: object) -> ReadStudy:
    usual = {"unit": "patient", "epsilon": 8.0, "delta": 1e-5, **settings}
    written = ", ".join(f"{key} = {value!r}" for key, value in usual.items() if value is not None)
    return read_study(
        "heart",
        [f"privacy.differential_privacy={{{written}}}", f"training.rounds={rounds}", *changes],
    )


def study(*changes: str, rounds: int = 30, **settings: object) -> Study:
    return read(*changes, rounds=rounds, **settings).study


def refused(**settings: object) -> StudyError:
    with pytest.raises(StudyError) as caught:
        read(rounds=30, **settings)
    return caught.value


def test_without_differential_privacy_there_are_no_terms_and_the_document_is_as_before() -> None:
    plain = read_study("heart").study
    assert privacy_terms(plain) is None
    assert b"differential" not in document_bytes(plain)
    assert registered_terms(plain, 4)["modules"] == ("plain@1",)


def test_a_document_with_differential_privacy_has_one_form() -> None:
    one = study()
    assert study_from_document(document_bytes(one)) == one


@pytest.mark.parametrize(
    ("epsilon", "published"), [(8.0, 1.38), (4.0, 2.21), (2.0, 3.89), (1.0, 7.14)]
)
def test_the_noise_is_the_least_that_keeps_the_rounds_and_the_size_within_epsilon(
    epsilon: float, published: float
) -> None:
    terms = privacy_terms(study(epsilon=epsilon))
    assert terms is not None
    assert terms.steps == 10
    assert terms.noise / MICRO == pytest.approx(published, rel=0.04)
    assert terms.noise / MICRO > published * 0.98  # telling the size costs a little
    assert spent_after(terms, 30) <= terms.budget == epsilon * MICRO
    assert affordable_rounds(terms, 1000) == 30


def test_less_noise_lasts_for_fewer_rounds_and_the_owner_is_warned() -> None:
    found = read(noise_multiplier=1.0)
    terms = privacy_terms(found.study)
    assert terms is not None
    rounds = affordable_rounds(terms, 30)
    assert 0 < rounds < 30
    assert spent_after(terms, rounds) <= terms.budget < spent_after(terms, rounds + 1)
    (warning,) = (one for one in found.notices if one.level == "warning")
    assert warning.code == "privacy.budget-ends"
    assert f"{rounds} of 30" in warning.text


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"unit": None}, "study.missing-key"),
        ({"delta": None}, "study.missing-key"),
        ({"unit": "hospital"}, "study.unknown-choice"),
        ({"epsilon": 0}, "study.range"),
        ({"epsilon": float("inf")}, "study.range"),
        ({"delta": 1}, "study.range"),
        ({"delta": 0}, "study.range"),
        ({"sampling_rate": 1.5}, "study.range"),
        ({"clip": 0}, "study.range"),
        ({"noise": 1.0}, "study.unknown-key"),
        ({"noise_multiplier": 0.0}, "study.range"),
        ({"noise_multiplier": 0.2}, "study.epsilon"),
        ({"epsilon": 0.01, "delta": 1e-15}, "study.epsilon"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], code: str) -> None:
    assert refused(**settings).code == code


def test_an_epsilon_never_appears_without_what_makes_it_mean_something() -> None:
    found = read()
    terms = privacy_terms(found.study)
    assert terms is not None
    for text in (in_words(terms, 30), *(one.text for one in found.notices)):
        if "epsilon" in text and "at delta" in text:
            for word in ("unit patient", "delta 1e-05", "rate 0.1", "rdp@1", "30 rounds"):
                assert word in text
    codes = {one.code for one in found.notices}
    assert codes == {"privacy.epsilon", "privacy.simulated", "privacy.batch-size"}


def test_robust_rules_are_warned_of() -> None:
    codes = {one.code for one in read("aggregation.rule=median", "aggregation.tolerate=1").notices}
    assert "privacy.robust-rule" in codes


def test_a_registration_with_smaller_charges_differs_from_its_document() -> None:
    one = study()
    registered = registered_terms(one, 4) | {"rule": "fedavg@1", "server": "mean@1"}
    registered["server"] = "none@1"
    assert differing_terms(one, 4, registered) == {}
    terms = privacy_terms(one)
    assert terms is not None
    cheaper = msgspec.structs.replace(terms, charge=tuple(c // 2 for c in terms.charge))
    cheap = {"terms": together("terms", [cheaper])}
    assert set(differing_terms(one, 4, registered | cheap)) == {"privacy"}
    assert set(differing_terms(one, 4, registered | {"terms": msgspec.UNSET})) == {"privacy"}
