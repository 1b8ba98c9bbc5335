"""Results as the command line prints them: stable JSON keys, and a few lines for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from collegium.accounting.loss_distribution import NAME
from collegium.assembly.preparation import Prepared
from collegium.assembly.privacy import Spending
from collegium.audit.findings import ClippedUpdates, SiteShare
from collegium.cli.threat_lines import threat_json, threat_lines
from collegium.data.table import Schema
from collegium.data.tabular.left_out import sentence
from collegium.ledger.engines.simnet.figures import ConsensusFigures
from collegium.measuring.result import RunResult
from collegium.measuring.scored_rows import ScoredRow
from collegium.release.masks import marked
from collegium.release.prediction import Predictions
from collegium.report.convergence import unsettled
from collegium.report.measurements import FinalLine, HeldOutQuality, Interval, Quality
from collegium.report.preparation import preparation_of
from collegium.report.wording import counted
from collegium.simulation.execution import summary
from collegium.study.canonical import digest
from collegium.study.message import Outbound
from collegium.study.rendering import resolved, without_absent
from collegium.study.tables import smallest_of


def run_json(
    result: RunResult, shares: Sequence[SiteShare] = (), clipped: Sequence[ClippedUpdates] = ()
) -> dict[str, Any]:
    """Return what ``run --json`` prints; shares of the weight are none where it has no say."""
    measured = result.measured
    found: dict[str, Any] = {
        "run": str(result.folder),
        "model": result.model,
        "rounds": result.rounds,
        "outcome": result.outcome,
        "quality": {
            "federated": summary(measured.federated),
            "local": summary(measured.local),
            "pooled": summary(measured.pooled),
        },
        "intervals": {
            "federated": _intervals(measured.federated),
            "local": _intervals(measured.local),
            "pooled": _intervals(measured.pooled),
            "federated_minus_pooled": measured.difference_to_pooled,
            "federated_minus_local": measured.difference_to_local,
        },
        "ledger": {
            "entries": result.entries,
            "app_hash": result.app_hash,
            "genesis": result.genesis,
        },
    }
    found["clipped"] = {
        one.site: {"rounds": list(one.rounds), "coordinates": one.coordinates} for one in clipped
    }
    if shares:
        found["shares"] = {
            one.site: {
                "claimed": one.claimed, "weight": one.weight, "least": one.least, "most": one.most,
            }
            for one in shares
        }  # fmt: skip
    if measured.pooled_reason is not None:
        found["quality"]["pooled_reason"] = measured.pooled_reason
    if measured.local_missing:
        found["quality"]["local_missing"] = list(measured.local_missing)
    if measured.site_alone is not None:
        found["quality"]["site_alone"] = measured.site_alone
    if measured.left_out:
        found["left_out"] = msgspec.to_builtins(measured.left_out)
    if measured.convergence is not None:
        found["convergence"] = msgspec.to_builtins(measured.convergence)
    if measured.consensus is not None:
        found["consensus"] = msgspec.to_builtins(measured.consensus)
    for name, apart in _kept_apart(measured):
        found["quality"][name] = {
            kind: summary(getattr(apart, kind)) for kind in ("federated", "local", "pooled")
        }
        found["intervals"][name] = {
            "federated": _intervals(apart.federated),
            "federated_minus_pooled": apart.difference_to_pooled,
            "federated_minus_local": apart.difference_to_local,
        }
    if result.spending is not None:
        found["privacy"] = msgspec.to_builtins(result.spending)
    if result.study.threat is not None:
        found["threat"] = {
            "attack": result.study.threat.attack,
            "attackers": list(result.attackers),
        } | threat_json(measured.threat)
    return found


def consensus_line(found: ConsensusFigures) -> str:
    """Return in words what consensus cost, which is simulated."""
    median, late = found.seconds_a_commit.median, found.seconds_a_commit.p95
    joules, grams = found.joules, found.co2e_g
    cost = ""
    if joules is not None and grams is not None:
        cost = f"; {joules.marginal:.4g} J and {joules.idle:.4g} J idle, {grams:.3g} g CO2e"
    return (
        f"{found.protocol} of {found.validators} on {found.network} (simulated): {found.commits}"
        f" blocks in {found.virtual_seconds:.4g} s, {median:.3g} s a transaction"
        f" (95 %: {late:.3g} s), {found.messages} messages and {found.other_messages} besides{cost}"
    )


def run_lines(result: RunResult, report: Path, shares: Sequence[SiteShare]) -> Iterator[str]:
    """Yield what `run` prints for people."""
    yield f"{result.study.study.title}: {result.outcome} after {result.rounds} rounds"
    yield from quality_lines(result.measured)
    if left_out := sentence(result.measured.left_out):
        yield f"  {left_out}"
    if result.measured.consensus is not None:
        yield f"  consensus {consensus_line(result.measured.consensus)}"
    yield from threat_lines(result.measured.threat)
    if warning := unsettled(result.measured.convergence):
        yield f"  {warning}"
    if result.spending is not None:
        yield f"  privacy  {privacy_line(result.spending)}"
    if shares:
        yield f"  weight   {', '.join(f'{one.site} {100 * one.most:.1f} %' for one in shares)}"
    yield f"  model    {result.model}"
    yield f"  ledger   {result.entries} entries, application hash {result.app_hash}"
    yield f"  folder   {result.folder}"
    yield f"  report   {report}"
    yield f"  verify it with: collegium verify {result.folder} --genesis {result.genesis}"


def diverged(result: RunResult) -> bool:
    """Return whether training diverged where no adversary was to make it."""
    found = result.measured.convergence
    return result.study.threat is None and found is not None and found.verdict == "diverged"


def privacy_line(spending: Spending) -> str:
    """Return what was spent, with unit, delta, sampling and accountant."""
    return (
        f"epsilon {spending.epsilon:.3g} spent at delta {spending.delta:g}, unit {spending.unit},"
        f" {spending.mechanism}, sampling rate {spending.sampling_rate:g}, noise multiplier"
        f" {spending.noise_multiplier:g}, accountant {spending.accountant}"
        f"{'' if spending.tight is None else f' ({spending.tight:.3g} by {NAME})'}"
    )


_SHOWN = ("accuracy", "auc", "qwk", "c_index", "dice", "iou", "poisson_deviance", "mae", "r2")


def quality_lines(measured: FinalLine) -> Iterator[str]:
    """Yield a line for each of federated, local-only and pooled, with 95 % intervals."""
    yield from _three_lines(measured)
    if measured.local is None and measured.pooled is not None:
        yield "  local-only not available: training diverged at every site"
    for name, apart in _kept_apart(measured):
        rows = sum(apart.rows.values())
        yield f"  {_APART[name].format(rows=rows)}:"
        yield from _three_lines(apart)


_APART = {
    "unseen": (
        "on {rows} rows held out from all sites (local-only: the mean of the sites' own models)"
    ),
    "out_of_fold": "out of fold, on all {rows} rows",
}


def _kept_apart(measured: FinalLine) -> list[tuple[str, HeldOutQuality]]:
    """Return what was measured on rows kept apart, by name."""
    both = (("unseen", measured.unseen), ("out_of_fold", measured.out_of_fold))
    return [(name, apart) for name, apart in both if apart is not None]


def _three_lines(measured: FinalLine | HeldOutQuality) -> Iterator[str]:
    rows = (("federated", measured.federated), ("local-only", measured.local),
            ("pooled", measured.pooled))  # fmt: skip
    for name, quality in rows:
        shown = [] if quality is None else [one for one in _SHOWN if one in quality.overall]
        if quality is not None and shown:
            told = (_with_interval(quality, metric) for metric in shown)
            yield f"  {name:<11}{'   '.join(told)}"
    if measured.local_missing:
        told_of = ", ".join(measured.local_missing)
        yield f"  local-only without {told_of}: its own training diverged there"


def _with_interval(quality: Quality, metric: str) -> str:
    value, interval = quality.overall[metric], quality.overall_intervals.get(metric)
    if value is None:
        return f"{metric} undefined"
    around = f" [{interval.low:.3f}, {interval.high:.3f}]" if interval is not None else ""
    return f"{metric} {value:.3f}{around}"


def _intervals(quality: Quality | None) -> dict[str, Any] | None:
    if quality is None:
        return None
    sites: dict[str, dict[str, Interval | None]] = quality.site_intervals
    return {"overall": quality.overall_intervals, "sites": sites}


def check_json(prepared: Prepared, sent: Sequence[Outbound] | None) -> dict[str, Any]:
    """Return what ``check --json`` prints."""
    found: dict[str, Any] = {
        "study": without_absent(msgspec.to_builtins(prepared.study)),
        "digest": digest(prepared.study),
        "sites": {
            name: {"training_rows": len(prepared.train[name].y), "test_rows": len(rows.y)}
            for name, rows in prepared.test.items()
        },
        "notices": [
            {
                "level": one.level,
                "code": one.code,
                "text": one.text,
                "parameters": dict(one.parameters),
            }
            for one in prepared.notices
        ],
    }
    if prepared.table is not None:
        found["left_out"] = msgspec.to_builtins(prepared.table.left_out)
    if sent is not None:
        found["outbound"] = [
            {
                "kind": one.kind, "contents": one.contents, "to": one.to,
                "protection": one.protection, "kept": one.kept, "from_rows": one.from_rows,
                "transactions": list(one.transactions),
            }
            for one in sent
        ]  # fmt: skip
    return found


def check_lines(prepared: Prepared) -> Iterator[str]:
    """Yield what `check` prints for people: the resolved document, then what to know."""
    yield resolved(prepared.study).rstrip()
    yield ""
    yield f"# digest {digest(prepared.study)}"
    for name, rows in prepared.test.items():
        yield f"# {name}: {len(prepared.train[name].y)} training rows, {len(rows.y)} test rows"
    if prepared.table is not None:
        agreed = preparation_of(prepared.table.agreement, smallest_of(prepared.study))
        for name, what, enters, sites, missing in agreed.columns:
            absence = ", with a missing-value indicator" if missing == "yes" else ""
            where = "" if agreed.described else f", at {sites} sites"
            yield f"# column {name}: {what}{where}; encoded as {enters}{absence}"
        if left_out := sentence(prepared.table.left_out):
            yield f"# {left_out}"
    for notice in prepared.notices:
        yield f"# {notice.level}: {notice.text} [{notice.code}]"
    warnings = sum(one.level == "warning" for one in prepared.notices)
    yield "# valid" + (f", with {counted(warnings, 'warning')}" if warnings else "")


def outbound_lines(prepared: Prepared, sent: Sequence[Outbound]) -> Iterator[str]:
    """Yield what ``check --outbound`` prints for people."""
    yield (
        f"What a site sends in the study {prepared.study.study.id!r}. Patient rows never "
        "leave the site."
    )
    for one in sent:
        yield ""
        yield f"{one.kind}{' (computed from rows)' if one.from_rows else ''}"
        yield f"  contents    {one.contents}"
        yield f"  to          {one.to}"
        yield f"  protection  {one.protection}"
        yield f"  kept        {one.kept}"


def prediction_json(found: Predictions) -> dict[str, Any]:
    """Return what ``predict --json`` prints."""
    rows: list[dict[str, Any]] = [
        {"scores": [float(score) for score in scores]} for scores in found.scores
    ]
    for index, row in enumerate(rows if found.ids else ()):
        row["id"] = {name: cells[index] for name, cells in found.ids.items()}
    for row, name in zip(rows, found.classes, strict=bool(found.classes)):
        row["class"] = name
    if found.explained is not None:
        for row, parts in zip(rows, found.explained.parts, strict=True):
            row["parts"] = dict(zip(found.explained.features, parts.tolist(), strict=True))
    return {
        "model": found.about.model,
        "bundle": found.bundle,
        "study": found.about.study_id,
        "not_for_clinical_use": True,
        "notes": list(found.notes),
        "beyond_training": None if found.beyond is None else [asdict(one) for one in found.beyond],
        "rows": rows,
    } | (
        {} if found.explained is None
        else {"reference_scores": found.explained.reference.tolist()}
    )  # fmt: skip


def prediction_lines(found: Predictions) -> Iterator[str]:
    """Yield a CSV: row, the columns that were kept, score or scores, class, parts of a score.

    The parts are what each feature adds to the score of the class. Of a segmentation it is how many
    pixels are marked.
    """
    if found.schema.task == "segmentation":
        yield _csv(["row", *found.ids, "marked_pixels", "pixels"])
        for index, mask in enumerate(marked(found)):
            kept = (cells[index] for cells in found.ids.values())
            yield _csv([str(index + 1), *kept, str(mask.sum()), str(mask.size)])
        return
    columns = found.scores.shape[1]
    names = ["score"] if columns == 1 else [f"score_{name}" for name in found.schema.classes]
    parts, told = _parts(found)
    names += [*(["class"] if found.classes else []), *parts]
    ids = [f"id_{name}" if name in ("row", *names) else name for name in found.ids]
    yield _csv(["row", *ids, *names])
    for index, scores in enumerate(found.scores):
        cells = [str(index + 1), *(column[index] for column in found.ids.values())]
        cells += [f"{score:.6f}" for score in scores]
        cells += [found.classes[index]] if found.classes else []
        yield _csv([*cells, *(f"{part:.6f}" for part in told[index])])


def scored_rows_json(tested: Sequence[ScoredRow], ids: Sequence[str]) -> dict[str, Any]:
    """Return what ``predict --test-rows --json`` prints."""
    return {
        "rows": [
            asdict(one) | {"ids": dict(zip(ids, one.ids, strict=True))} for one in tested
        ]
    }  # fmt: skip


def scored_rows_lines(
    schema: Schema, tested: Sequence[ScoredRow], ids: Sequence[str]
) -> Iterator[str]:
    """Yield a CSV: site, row, the columns that were kept, the true values, score or scores."""
    true = ["true", "event"] if schema.task == "survival" else ["true"]
    one_score = not tested or len(tested[0].scores) == 1
    scores = ["score"] if one_score else [f"score_{name}" for name in schema.classes]
    names = ["site", "row", *true, *scores]
    kept = [f"id_{name}" if name in names else name for name in ids]
    yield _csv(["site", "row", *kept, *true, *scores])
    for one in tested:
        cells = [one.site, str(one.row), *one.ids, *map(str, one.true)]
        yield _csv([*cells, *(f"{score:.6f}" for score in one.scores)])


def _csv(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _parts(found: Predictions) -> tuple[list[str], list[list[float]]]:
    """Return columns and cells of what features add to the largest score of each row."""
    if found.explained is None:
        return [], [[] for _ in found.scores]
    shown = found.scores.argmax(axis=1)
    parts = found.explained.parts[np.arange(len(shown)), :, shown]
    return [f"by_{name}" for name in found.explained.features], parts.tolist()
