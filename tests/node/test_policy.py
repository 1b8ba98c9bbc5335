"""A site allows what its policy names and nothing else; every objection is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collegium.accounting.conversion import added, times
from collegium.errors import NodeError
from collegium.node.policy import POLICY, Policy, StudyRequest, objections, read_policy
from collegium.node.policy_file import PolicyFile
from collegium.study.canonical import digest
from collegium.study.document import DifferentialPrivacy, Privacy, SecureAggregation
from collegium.study.privacy import privacy_terms
from collegium.study.reading import read_study

STUDY = read_study("heart", ["consensus.engine=log"]).study
ASKED = StudyRequest(STUDY, digest(STUDY), "cleveland", "ab" * 32, rows=85)


def test_a_policy_that_says_nothing_allows_nothing() -> None:
    assert objections(Policy(), ASKED) == (
        f"studies does not allow 'heart', document {ASKED.document}",
        "updates would be plain (plain_updates = false)",
    )


def test_masked_updates_are_not_plain() -> None:
    masked = msgspec.structs.replace(
        STUDY,
        privacy=msgspec.structs.replace(STUDY.privacy, secure_aggregation=SecureAggregation()),
    )
    assert objections(Policy(studies=("heart",)), replace(ASKED, study=masked)) == ()


@pytest.mark.parametrize("named", ["heart", "he*", "*", ASKED.document, ASKED.document[:8] + "*"])
def test_a_study_is_allowed_by_id_by_digest_or_by_a_glob(named: str) -> None:
    assert objections(Policy(studies=(named,), plain_updates=True), ASKED) == ()


@pytest.mark.parametrize("named", ["Heart", "hear", "heart10", "0" * 64])
def test_another_name_allows_nothing(named: str) -> None:
    assert len(objections(Policy(studies=(named,), plain_updates=True), ASKED)) == 1


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (Policy(enabled=False, studies=("*",), plain_updates=True), "switched off"),
        (Policy(studies=("*",), models=("mlp", "linear"), plain_updates=True), "'logistic'"),
        (Policy(studies=("*",), owners=("va",), plain_updates=True), "'cleveland'"),
        (Policy(studies=("*",), code=("cd" * 32,), plain_updates=True), "ab" * 32),
        (Policy(studies=("*",)), "plain"),
        (Policy(studies=("*",), epsilon=8.0, plain_updates=True), "capped at 8"),
        (Policy(studies=("*",), minimum_rows=86, plain_updates=True), "fewer than 86"),
    ],
)
def test_each_rule_refuses_by_itself(policy: Policy, told: str) -> None:
    (only,) = objections(policy, ASKED)
    assert told in only


def test_a_validator_tries_updates_on_its_rows_only_where_it_may() -> None:
    scored = read_study(
        "heart",
        [
            "consensus.engine=log",
            "aggregation.rule=zeno",
            "aggregation.tolerate=1",
            "aggregation.scores={}",
        ],
    ).study
    policy = Policy(studies=("*",), plain_updates=True)
    asked = replace(ASKED, study=scored, validates=True)
    (only,) = objections(policy, asked)
    assert "scores = false" in only
    assert objections(msgspec.structs.replace(policy, scores=True), asked) == ()
    assert objections(policy, replace(asked, validates=False)) == ()  # others' rows, not its own
    assert objections(policy, replace(ASKED, validates=True)) == ()


def private(epsilon: float) -> StudyRequest:
    wanted = DifferentialPrivacy(unit="patient", epsilon=epsilon, delta=1e-5)
    study = msgspec.structs.replace(STUDY, privacy=Privacy(differential_privacy=wanted))
    return replace(ASKED, study=study)


def test_differential_privacy_is_a_protection_up_to_the_cap() -> None:
    policy = Policy(studies=("*",), epsilon=4.0)
    assert objections(policy, private(4.0)) == ()
    (only,) = objections(policy, private(4.5))
    assert "epsilon 4.5 of a patient" in only
    assert "capped at 4" in only


def test_what_other_studies_have_cost_counts_towards_the_cap_of_all() -> None:
    asked = private(4.0)
    terms = privacy_terms(asked.study)
    assert terms is not None
    once = added(terms.setup, times(terms.charge, STUDY.training.rounds))
    policy = Policy(studies=("*",), epsilon_in_all=5.0)
    assert objections(policy, asked) == ()
    (only,) = objections(policy, replace(asked, lost=((once,),)))
    assert "epsilon_in_all is capped at 5" in only
    assert len(objections(policy, replace(ASKED, lost=()))) == 2  # plain, and without bound


def test_rows_that_are_not_known_yet_are_no_objection() -> None:
    policy = Policy(studies=("*",), minimum_rows=86, plain_updates=True)
    assert objections(policy, replace(ASKED, rows=None)) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("studies = 'heart'", "settings.value"),
        ("study = ['heart']", "settings.unknown-key"),
        ("epsilon = -1.0", "settings.value"),
        ("epsilon = nan", "settings.value"),
        ("epsilon_in_all = -0.5", "settings.value"),
        ("minimum_rows = -5", "settings.value"),
        ("enabled = yes", "settings.syntax"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / POLICY).write_text(text)
    with pytest.raises(NodeError) as caught:
        read_policy(tmp_path)
    assert caught.value.code == code
    assert "policy.toml:1" in caught.value.what


def test_a_running_node_sees_a_change_and_is_off_while_the_file_is_broken(tmp_path: Path) -> None:
    path = tmp_path / POLICY
    path.write_text('studies = ["heart"]\n')
    policy = PolicyFile(tmp_path)
    assert policy.now().studies == ("heart",)
    path.write_text('studies = ["heart"\n')
    assert not policy.now().enabled
    assert "is not TOML" in str(policy.fault)
    path.write_text('studies = ["lung", "heart"]\n')
    assert policy.now().studies == ("lung", "heart")
    assert policy.fault is None
    path.unlink()
    assert not policy.now().enabled
    path.write_text("")
    assert policy.now() == Policy()
