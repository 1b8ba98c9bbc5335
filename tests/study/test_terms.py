"""What is registered beside a document follows from it, by whole numbers."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from collegium.ledger.contract.declared import mechanisms, part_of, together
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.registering import VERSIONED, differing_terms, registered_terms
from collegium.mechanisms.compression.terms import CompressionTerms
from collegium.mechanisms.dealing.terms import DealingTerms
from collegium.plugins import aspects
from collegium.study.reading import read_study
from collegium.study.terms import SITES_LIMIT, dropouts, fewest_sites, sites_per_round

FREE = {"format", "genesis", "code", "document", "model", "parameters", "sites"}
"""Fields of a registration that no document says."""


def test_every_field_of_a_registration_is_a_term_or_is_not_the_documents() -> None:
    terms = registered_terms(read_study("heart").study, 4)
    assert set(StudyRegister.__struct_fields__) == set(terms) | FREE


def test_a_term_that_is_registered_otherwise_is_told_with_both_values() -> None:
    study = read_study("heart").study
    terms = registered_terms(study, 4)
    versions = {name: f"{terms[name]}@7" for name in VERSIONED}
    assert differing_terms(study, 4, terms | versions) == {}
    for name, value in terms.items():
        if name == "terms":
            continue
        other = 99 if isinstance(value, int) else "other@1"
        differing = differing_terms(study, 4, terms | versions | {name: other})
        assert list(differing) == [name]
        assert differing[name][1] == value


def test_what_mechanisms_are_registered_with_is_told_by_their_names() -> None:
    study = read_study("heart").study
    terms = registered_terms(study, 4)
    versions = {name: f"{terms[name]}@7" for name in VERSIONED}
    more = together("terms", [CompressionTerms(keep=7), DealingTerms(threshold=3)])
    assert differing_terms(study, 4, terms | versions | {"terms": more}) == {
        "compression": (CompressionTerms(keep=7), None),
        "dealing": (DealingTerms(threshold=3), None),
    }
    assert terms["terms"] is msgspec.UNSET


SECURE = "privacy.secure_aggregation={protocol = 'secagg'}"


@pytest.mark.parametrize(
    ("changes", "modules"),
    [
        ((), ("plain@1",)),
        ((SECURE,), ("dealing@1", "secagg@1")),
        ((SECURE.replace("secagg'", "secagg_plus'"),), ("dealing@1", "secagg_plus@1")),
        ((SECURE.replace("secagg'", "threshold_he'"),), ("dealing@1", "threshold_he@1")),
        (("training.early_stopping={patience = 2}",), ("plain@1", "search@1")),
        (
            ("privacy.differential_privacy={epsilon = 8.0, delta = 1e-5, unit = 'patient'}",),
            ("plain@1", "privacy@1"),
        ),
    ],
)
def test_a_document_registers_the_modules_that_it_uses_and_what_they_say(
    changes: tuple[str, ...], modules: tuple[str, ...]
) -> None:
    study = read_study("heart", changes).study
    terms = registered_terms(study, 4)
    assert terms["modules"] == modules
    for name in modules:
        kind = mechanisms()[name].parts.get("terms")
        said = None if kind is None else part_of(terms["terms"], kind)  # type: ignore[arg-type]
        assert (said is None) == (kind is None)


def test_every_mechanism_says_when_a_document_uses_it() -> None:
    assert aspects("design").keys() == aspects("terms").keys()


@pytest.mark.parametrize(
    ("sites", "changes", "drawn", "needed"),
    [
        (4, (), 4, 3),
        (3, (), 3, 2),
        (1, (), 1, 1),
        (10, ("training.client_fraction=0.3",), 3, 2),
        (10, ("training.client_fraction=0.01",), 1, 1),
        (10, ("training.client_fraction=0.3", "study.attendance=all"), 3, 3),
        (4, ("study.min_sites=1",), 4, 1),
    ],
)
def test_how_many_are_drawn_and_how_many_of_them_must_send(
    sites: int, changes: tuple[str, ...], drawn: int, needed: int
) -> None:
    study = read_study("heart", changes).study
    assert (sites_per_round(study, sites), fewest_sites(study, sites)) == (drawn, needed)


@pytest.mark.parametrize(
    ("share", "participants", "absent"),
    [(0.29, 100, 29), (0.57, 100, 57), (0.1, 9, 0), (0.1, 10, 1), (0.999, 4, 3), (0.0, 9, 0)],
)
def test_a_share_of_dropouts_is_the_decimal_that_was_written(
    share: float, participants: int, absent: int
) -> None:
    assert dropouts(share, participants) == absent


def test_no_study_has_more_sites_than_a_registration_has_room_for() -> None:
    (sites,) = (one for one in msgspec.structs.fields(StudyRegister) if one.name == "sites")
    assert get_args(sites.type)[1].max_length == SITES_LIMIT
