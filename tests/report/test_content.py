"""What the report says follows from its inputs alone."""

from dataclasses import replace as with_fields
from typing import Any, get_args

import pytest
from msgspec.structs import replace
from tests.report.synthetic import ROUNDS, SITES, Inputs, inputs, round_line

from collegium.canonical import to_text
from collegium.data.table import Task
from collegium.report.figures import NO_STATEMENT, PostedStatement
from collegium.report.measurements import FinalLine, Interval, Quality
from collegium.study.document import Threat

BINARY = inputs("binary")


def final(one: Inputs) -> FinalLine:
    line = one.lines[-1]
    assert isinstance(line, FinalLine)
    return line


def with_final(one: Inputs, **changed: Any) -> Inputs:
    return with_fields(one, lines=(*one.lines[:-1], replace(final(one), **changed)))


def test_the_answer_puts_the_figures_in_plain_words() -> None:
    overall = dict(final(BINARY).federated.overall)  # type: ignore[union-attr]
    bounds = final(BINARY).federated.overall_intervals  # type: ignore[union-attr]
    auc, sure = overall["auc"], bounds["auc"]
    assert auc is not None
    assert sure is not None
    lead = BINARY.content().answer.lead
    assert (
        f"in {round(100 * auc)} of 100 ({round(100 * sure.low)} to {round(100 * sure.high)}) "
        "pairs" in lead
    )
    assert "At the pre-specified threshold of 0.5 it flags " in lead


def test_the_answer_tells_the_signed_counts_and_the_weakest_sites() -> None:
    said = " ".join(BINARY.content().answer.sentences)
    counts = [one.statement for one in BINARY.posted if one.statement.kind == "federated"]
    correct = sum(one.correct for one in counts)  # type: ignore[misc]
    assert f"classifies {correct} of {sum(one.rows for one in counts)} test cases correctly" in said
    told = {
        one.site: next(v.value for v in one.statement.values if v.name == "accuracy") / 1e9
        for one in BINARY.posted
        if one.statement.kind == "federated"
    }
    weakest = min(told, key=lambda site: told[site])
    assert f"accuracy ranges from {told[weakest]:.3f} ({weakest})" in said
    # The site with one class tells accuracy alone, so it is in no other range.
    assert "cagliari" not in said.partition("sensitivity ranges from")[2]


def test_no_benefit_is_claimed_that_the_intervals_do_not_show() -> None:
    around = dict.fromkeys(("accuracy", "auc", "brier"), Interval(-0.01, 0.2))
    content = with_final(BINARY, difference_to_local=around).content()
    answer = content.answer
    said = " ".join((answer.lead, *answer.sentences, *(told for _, told in answer.facts)))
    assert dict(answer.facts)["Against each site alone"].startswith("No difference detected.")
    assert "AUC does not differ detectably from local-only training" in said
    assert "better" not in said
    assert "favors the federated model" not in said


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        (Interval(0.01, 0.2), "Better."), (Interval(-0.2, -0.01), "Worse."),
        (Interval(-0.1, 0.1), "No difference detected."),
    ],
)  # fmt: skip
def test_the_answer_begins_with_better_worse_or_no_different(
    interval: Interval, verdict: str
) -> None:
    content = with_final(BINARY, difference_to_local={"auc": interval}).content()
    assert dict(content.answer.facts)["Against each site alone"].startswith(verdict)


def test_a_comparison_that_was_not_made_is_not_in_the_answer() -> None:
    reason = "pooling needs everybody's rows"
    content = with_final(
        BINARY, pooled=None, pooled_reason=reason, difference_to_pooled={}
    ).content()
    assert not any("pooled" in one for one in content.answer.sentences)
    assert not any("pooled" in name for name, _ in content.answer.facts)
    assert content.quality.pooled["auc"].absent == reason


def test_a_consortium_without_a_secure_sum_has_the_sites_figures_only() -> None:
    content = with_final(
        BINARY, federated=None, local=None, difference_to_local={}, difference_to_pooled={}
    ).content()
    assert content.answer.lead == "No figure over all sites is available."
    assert content.quality.federated["auc"].absent == (
        "not measured: a figure over all sites needs a secure sum"
    )
    assert content.quality.sites[0].federated["auc"].value is not None
    assert any("counts that the sites signed" in one for one in content.answer.sentences)


def test_counts_that_sites_signed_give_the_accuracy_and_no_interval() -> None:
    counted = Quality(overall={"accuracy": 0.81}, sites={}, overall_intervals={}, site_intervals={})
    content = with_final(
        BINARY, federated=counted, local=None, difference_to_local={}, difference_to_pooled={}
    ).content()
    assert content.answer.lead == "The model classifies 81 of 100 test cases correctly."
    accuracy = content.quality.federated["accuracy"]
    assert accuracy.absent == "no interval: it is the sum of counts that the sites signed"
    assert content.quality.federated["auc"].absent == (
        "not measured: a figure over all sites needs a secure sum"
    )


def test_rounds_that_votes_certify_are_not_called_recomputed() -> None:
    sealed = replace(BINARY.verification, levels={"certified_by_votes": 5})
    summary = with_fields(BINARY, verification=sealed).content().evidence.summary
    assert "5 of 5 rounds, whose updates are not available to this check, certified" in summary
    assert "computed again" not in summary
    mixed = replace(BINARY.verification, levels={"recomputed": 2, "certified_by_votes": 3})
    summary = with_fields(BINARY, verification=mixed).content().evidence.summary
    assert "2 of 5 rounds recomputed" in summary
    assert "3 of 5 rounds, whose updates" in summary


def test_an_unfinished_run_says_what_is_missing() -> None:
    cut_short = replace(BINARY.verification, complete=False)
    content = with_fields(
        BINARY, lines=BINARY.lines[:3], posted=(), verification=cut_short
    ).content()
    assert content.outcome == "unfinished"
    assert len(content.rounds) == 3
    assert (
        content.quality.federated["auc"].absent
        == "no measurements: metrics.jsonl is missing or incomplete"
    )
    assert content.reliability is None


def test_a_report_needs_no_measurements_at_all() -> None:
    content = with_fields(BINARY, lines=()).content()
    assert content.outcome == "completed", "the ledger says so"
    assert [one.site for one in content.quality.sites] == list(SITES)
    assert content.seconds == ()
    assert content.curves == ()


def test_a_round_that_was_measured_twice_counts_once_and_as_it_was_last() -> None:
    again = round_line("binary", ROUNDS, entries=999)
    lines = (*BINARY.lines[:-1], again, BINARY.lines[-1])
    content = with_fields(BINARY, lines=lines).content()
    assert len(content.rounds) == ROUNDS
    assert content.rounds[-1].entries == 999


def test_a_statement_about_another_model_counts_as_none() -> None:
    about_another = [
        PostedStatement(one.site, replace(one.statement, model=to_text(bytes(32))))
        if one.site == "aachen" and one.statement.kind == "federated"
        else one
        for one in BINARY.posted
    ]
    content = with_fields(BINARY, posted=tuple(about_another)).content()
    [aachen] = [one for one in content.quality.sites if one.site == "aachen"]
    assert aachen.federated["auc"].absent == NO_STATEMENT
    assert aachen.local["auc"].value is not None


def test_no_curve_is_drawn_of_a_site_that_withholds() -> None:
    [auc, _] = BINARY.content().curves
    assert [one.name for one in auc.sites] == ["aachen", "brugge", "dorpat"]


def test_a_planted_adversary_is_told() -> None:
    study = replace(BINARY.study, threat=Threat(attack="lie", attackers=("brugge",), rounds=(5, 6)))
    assert BINARY.content(study=study).threat == "“lie” by brugge in rounds 5, 6"


def test_refused_and_surplus_messages_are_counted() -> None:
    content = with_final(
        BINARY, rejected={"brugge: already": 3, "dorpat: stale": 0}, dropped={"brugge": 2}
    ).content()
    assert content.rejected == (("brugge: already", 3), ("brugge: surplus", 2))


@pytest.mark.parametrize("task", get_args(Task))
def test_the_same_inputs_give_the_same_content(task: Task) -> None:
    assert inputs(task).content() == inputs(task).content()


@pytest.mark.parametrize(
    ("value", "told"),
    [(1.0, "100"), (0.9982, "99.8"), (0.99996, "99.9"), (0.994, "99"), (0.0, "0"), (0.0001, "0.1")],
)
def test_nearly_all_of_a_hundred_are_not_called_all(value: float, told: str) -> None:
    counted = Quality(
        overall={"accuracy": value}, sites={}, overall_intervals={}, site_intervals={}
    )
    content = with_final(
        BINARY, federated=counted, local=None, difference_to_local={}, difference_to_pooled={}
    ).content()
    assert content.answer.lead == f"The model classifies {told} of 100 test cases correctly."
