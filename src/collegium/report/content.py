"""What the report says, as values: a pure function from a run's evidence and measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collegium.audit.findings import Scoring, SecureSumOutcome, Selection, Verification
from collegium.canonical import from_text
from collegium.data.partition import made_up_sites
from collegium.data.table import DataSet, Schema, Task
from collegium.data.tabular.agreed_preparation import AgreedPreparation
from collegium.data.tabular.left_out import RowsLeftOut
from collegium.ledger.contract.shares import HALF
from collegium.report.answer import AllRows, Answer, answer_of
from collegium.report.calibration import Reliability, reliability_of
from collegium.report.comparison import Comparison, compare, compare_local
from collegium.report.evidence import Evidence, evidence_of
from collegium.report.figures import (
    NO_SUM,
    Figure,
    PostedStatement,
    SiteFigures,
    by_site,
    disagreements,
    measured,
    predictive,
    signed_accuracy,
)
from collegium.report.held_out_quality import HeldOutSection, held_out_sections
from collegium.report.measurements import (
    AttackEffect,
    CalledRows,
    Explanation,
    FinalLine,
    Line,
    Picture,
    Risks,
    RoundLine,
    SiteTable,
    Subgroup,
)
from collegium.report.modelled import Modelled, modelled_of
from collegium.report.preparation import Preparation, preparation_of
from collegium.report.process import (
    Cost,
    Curves,
    Participant,
    RoundRow,
    costs,
    curves,
    participants,
    planted,
    refused,
    round_rows,
    tried_rounds,
)
from collegium.report.protections import Protections, protections_of
from collegium.study.document import Data, Study, TableSource
from collegium.study.message import Outbound
from collegium.study.rendering import resolved


@dataclass(frozen=True, slots=True)
class Provenance:
    """What one must know about a data set to read a report about it, without its rows.

    `made_up` says in words how the sites were made up, empty where institutions are sites;
    `preparation` is what the sites of a study of tables agreed on; `caution` is what a study of
    these rows must not forget.
    """

    title: str
    license: str
    citation: str
    url: str
    schema: Schema
    made_up: str = ""
    preparation: Preparation | None = None
    caution: str = ""


@dataclass(frozen=True, slots=True)
class QualitySection:
    """Figures over all sites by measure, of three models; comparisons; figures by site.

    `correct` is (correct rows, rows) from the sites' signed counts, None if not all tell them.
    `site_alone` is the main measure of knowing no more of a test row than its site.
    `disagreements` say where measurements contradict signed statements.
    """

    federated: dict[str, Figure]
    local: dict[str, Figure]
    pooled: dict[str, Figure]
    comparisons: tuple[Comparison, ...]
    sites: tuple[SiteFigures, ...]
    correct: tuple[int, int] | None
    disagreements: tuple[str, ...]
    replicates: int
    site_alone: float | None


@dataclass(frozen=True, slots=True)
class ReportContent:
    """The whole page.

    `outcome` is what the ledger says: completed, failed or unfinished. `rejected` are refused and
    surplus messages by participant. `threat` says in words which adversary was planted, empty
    without one, and `threatened` what it was granted and did, as far as that was measured.
    `one_machine` says that it was a trial, with a process for each member. `sent` is what leaves a
    site in the study. `tested` is of all test rows, `predictive` what calls are worth by measure.
    `selection` is what the final model was chosen from, `curves` are of the chosen trial. `told` is
    what mechanisms tell of the study by names of their own, as in `Verification`.
    """

    title: str
    study_id: str
    question: str
    task: Task
    schema: Schema
    threshold: float
    simulated: bool
    one_machine: bool
    tested: CalledRows | None
    predictive: dict[str, Figure]
    site_table: SiteTable | None
    pictures: tuple[Picture, ...]
    sent: tuple[Outbound, ...]
    personal: str
    outcome: str
    answer: Answer
    quality: QualitySection
    reliability: Reliability | None
    risks: Risks | None
    curves: tuple[Curves, ...]
    participants: tuple[Participant, ...]
    largest_share: float
    rejected: tuple[tuple[str, int], ...]
    protections: Protections
    threat: str
    threatened: AttackEffect | None
    evidence: Evidence
    rounds: tuple[RoundRow, ...]
    seconds: tuple[Cost, ...]
    bytes: tuple[Cost, ...]
    document: str
    data: Provenance
    versions: tuple[tuple[str, str], ...]
    apart: tuple[HeldOutSection, ...]
    selection: Selection | None
    scoring: Scoring | None
    left_out: tuple[RowsLeftOut, ...]
    subgroups: tuple[Subgroup, ...]
    usual_subgroups: bool
    explanation: Explanation | None
    summed: SecureSumOutcome | None = None
    told: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    modelled: Modelled | None = None


def provenance_of(
    dataset: DataSet,
    data: Data,
    agreement: AgreedPreparation | None = None,
    *,
    summed: bool = False,
) -> Provenance:
    """Return what a report tells of a data set: how its rows fell to sites and were prepared."""
    return Provenance(
        dataset.title, dataset.license, dataset.citation, dataset.url, dataset.schema,
        made_up_sites(dataset, data.partition),
        preparation_of(agreement, data.source.smallest, summed=summed)
        if agreement is not None and isinstance(data.source, TableSource)
        else None,
        dataset.caution,
    )  # fmt: skip


def build_content(
    study: Study,
    data: Provenance,
    lines: Sequence[Line],
    verification: Verification,
    posted: Sequence[PostedStatement],
    versions: Mapping[str, str],
    sent: Sequence[Outbound] = (),
) -> ReportContent:
    """Return what the report of a run says.

    Args:
        study: the document as registered.
        data: where the rows come from, and what their columns mean.
        lines: of ``metrics.jsonl``; of a round that was closed twice (a resumed run) the later
            line counts. Without lines the page says what is missing.
        verification: of this run.
        posted: the statements that the ledger's ``evaluation.post`` entries name; one about
            another model than the final one counts as none.
        versions: of what made the page, by name, such as collegium and python.
        sent: every kind of message that a member sends in the study, where that is known.
    """
    rounds = list({line.round: line for line in lines if isinstance(line, RoundLine)}.values())
    final = next((line for line in reversed(lines) if isinstance(line, FinalLine)), None)
    task = data.schema.task
    sites = _sites(rounds, final, posted)
    summed = next((one for one in verification.sums if one.study == study.study.id), None)
    quality = _quality(
        study, task, sites, final, _about(verification.model, posted), hides=summed is not None,
        by_sum=summed is not None and not verification.simulated,
    )  # fmt: skip
    tested = None if final is None else final.tested
    risks = None if final is None or final.federated is None else final.federated.risks
    calls = predictive(tested, by_sum=summed is not None and not verification.simulated)
    evidence = evidence_of(verification)
    apart = held_out_sections(task, final)
    chosen = (one for one in verification.selections if one.study == study.study.id)
    selection = next(chosen, None)
    chosen_rounds = tried_rounds(study, rounds, selection)
    tellers = [one.site for one in quality.sites if one.rows is not None and not one.withheld]
    drawn = curves(task, tellers, chosen_rounds)
    first = drawn[0] if drawn else None
    return ReportContent(
        title=study.study.title,
        study_id=study.study.id,
        question=study.study.question,
        task=task,
        schema=data.schema,
        threshold=study.evaluation.threshold,
        simulated=verification.simulated,
        one_machine=final is not None and final.one_machine,
        tested=tested,
        predictive=calls,
        site_table=None if final is None else final.site_table,
        pictures=() if final is None else final.pictures,
        sent=tuple(sent),
        personal="" if study.personalization is None else study.personalization.method,
        outcome=_outcome(verification, final),
        answer=answer_of(
            task,
            study.evaluation.threshold,
            quality.federated,
            quality.sites,
            quality.correct,
            quality.comparisons,
            apart,
            None if final is None else final.convergence,
            AllRows(calls, tested, risks),
        ),
        quality=quality,
        reliability=reliability_of(
            () if final is None or final.federated is None else final.federated.calibration
        ),
        risks=risks,
        curves=drawn,
        participants=participants(
            sites,
            rounds,
            final,
            {s.site: s.rows for s in quality.sites},
            {s.site: s for s in verification.shares if s.study == study.study.id},
        ),
        largest_share=study.aggregation.largest_share or HALF / 1000,
        rejected=refused(final),
        protections=protections_of(study, len(sites), verification, lines),
        threat=planted(study),
        threatened=None if final is None else final.threat,
        evidence=evidence,
        rounds=round_rows(sites, rounds),
        seconds=costs([line.seconds for line in rounds], {} if final is None else final.seconds),
        bytes=costs([line.bytes for line in rounds], {} if final is None else final.bytes),
        document=resolved(study),
        data=data,
        versions=tuple(versions.items()),
        apart=apart,
        selection=selection,
        scoring=next((one for one in verification.scorings if one.study == study.study.id), None),
        left_out=() if final is None else final.left_out,
        subgroups=() if final is None else final.subgroups,
        usual_subgroups=study.evaluation.subgroups is None,
        explanation=None if final is None else final.explanation,
        summed=summed,
        modelled=modelled_of(
            study,
            chosen_rounds,
            "" if first is None else first.measure,
            None if first is None else first.overall,
            final,
        ),
        told={
            name: of_study
            for name, told in verification.told.items()
            if (of_study := tuple(one for one in told if one.study == study.study.id))
        },
    )


def _sites(
    rounds: Sequence[RoundLine], final: FinalLine | None, posted: Sequence[PostedStatement]
) -> tuple[str, ...]:
    """Return every site that anything speaks of, in order of names."""
    named = {name for line in rounds for name in line.included}
    named |= {one.site for one in posted} | (set() if final is None else set(final.rows))
    return tuple(sorted(named))


def _about(model: str | None, posted: Sequence[PostedStatement]) -> list[PostedStatement]:
    """Return the statements that are about the final model, or about a site's own."""
    return [
        one
        for one in posted
        if one.statement.kind == "local" or from_text(one.statement.model, 32).hex() == model
    ]


def _quality(
    study: Study,
    task: Task,
    sites: Sequence[str],
    final: FinalLine | None,
    posted: Sequence[PostedStatement],
    *,
    hides: bool,
    by_sum: bool,
) -> QualitySection:
    none = (
        "no measurements: metrics.jsonl is missing or incomplete"
        if final is None
        else "not measured"
    )
    federated = measured(
        task,
        None if final is None else final.federated,
        none if final is None else NO_SUM,
        by_sum=by_sum,
    )
    local = measured(task, None if final is None else final.local, none)
    pooled_reason = (final.pooled_reason if final else None) or none
    pooled = measured(task, None if final is None else final.pooled, pooled_reason)
    noised = study.privacy.differential_privacy is not None  # signed figures differ on purpose
    exact = None if final is None or noised else final.federated
    to_pooled = {} if final is None else final.difference_to_pooled
    return QualitySection(
        federated=federated,
        local=local,
        pooled=pooled,
        comparisons=(
            compare(task, "local-only training", federated, local, {})
            if final is None
            else compare_local(task, federated, local, final),
            compare(task, "pooled training", federated, pooled, to_pooled),
        ),
        sites=by_site(task, sites, posted, hides=hides),
        correct=signed_accuracy(posted, len(sites)),
        disagreements=disagreements(posted, exact, len(sites)),
        replicates=study.evaluation.bootstrap,
        site_alone=None if final is None else final.site_alone,
    )


def _outcome(verification: Verification, final: FinalLine | None) -> str:
    """Return how the study ended, by the ledger; where that is cut short, as it was measured."""
    if verification.complete:
        failed = any(finding.code == "study.failed" for finding in verification.findings)
        return "failed" if failed else "completed"
    return "unfinished" if final is None else final.outcome
