"""What `verify` prints. Nothing here needs training code, so an auditor waits for none to load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from collegium.audit.english import VERDICTS, checks_of
from collegium.audit.findings import (
    LedgerPrivacySpent,
    Scoring,
    SecureSumOutcome,
    Selection,
    Verification,
    findings_json,
)


def verification_json(verification: Verification) -> dict[str, Any]:
    """Return what ``verify --json`` prints."""
    found: dict[str, Any] = msgspec.to_builtins(verification)
    findings = findings_json(verification.findings)
    return {"verdict": verification.verdict} | found | {"findings": findings}


def total_line(total: LedgerPrivacySpent) -> str:
    """Return what a site's units have lost in all studies, in words."""
    told = (
        f"{total.site}: epsilon {total.epsilon:.3g} in total over {', '.join(total.studies)}, "
        f"delta {total.delta:g}, unit {total.unit}, accountant {total.accountant}"
    )
    if total.unbounded:
        told += f"; without any bound in {', '.join(total.unbounded)}"
    return told


def chosen_line(chosen: Selection) -> str:
    """Return by which look at the rows held out a final model was chosen, in words."""
    of_trial = f"trial {chosen.trial} of {len(chosen.trials)}, " if chosen.trials else ""
    return (
        f"{of_trial}round {chosen.measured}: validation loss {chosen.loss:.4f}, the lowest of "
        f"{chosen.looks} measurements"
    )


def scoring_line(scoring: Scoring) -> str:
    """Return what validators' scores came to, on one line."""
    changes = [f"{one.site} {one.change} after round {one.round}" for one in scoring.standings[:3]]
    more = len(scoring.standings) - len(changes)
    changes += [f"and {more} more changes"] if more else []
    told = "; ".join(changes) or "nobody was demoted"
    return f"{len(scoring.rounds)} rounds scored by {scoring.by}: {told}"


def sum_line(summed: SecureSumOutcome) -> str:
    """Return what a secure sum over test rows tells, on one line."""
    told = f"{summed.rows} test rows of {len(summed.sites)} sites in total"
    auc = summed.measures.get("auc")
    if auc is not None:
        told += f", AUC {auc:.4f} of binned scores"
    if summed.auc_error is not None:
        told += f" (exact scores: within {summed.auc_error:.2g})"
    hidden = {"nothing": "", "calls": "calls by class"}.get(summed.withheld, "everything by class")
    return f"{told}; not reported because too small: {hidden}" if hidden else told


def verification_lines(verification: Verification) -> Iterator[str]:
    """Yield what `verify` prints for people."""
    yield VERDICTS[verification.verdict]
    if verification.genesis:
        yield f"  genesis   {verification.genesis}"
        yield f"  app hash  {verification.app_hash}"
    if verification.model:
        yield f"  model     {verification.model}"
    yield "  checked:"
    for text in checks_of(verification.checked):
        yield f"    - {text}"
    for one in verification.privacy:
        yield (
            f"  privacy   {one.site}: epsilon {one.epsilon:.3g} of {one.budget:g} spent in"
            f" {one.rounds} rounds, delta {one.delta:g}, unit {one.unit}, {one.mechanism},"
            f" sampling rate {one.sampling_rate:g}, accountant {one.accountant}"
        )
    for total in verification.totals:
        if len(total.studies) + len(total.unbounded) > 1:
            yield f"  in all    {total_line(total)}"
    for told in verification.scorings:
        yield f"  scores    {scoring_line(told)}"
    for summed in verification.sums:
        yield f"  sum       {sum_line(summed)}"
    for chosen in verification.selections:
        yield f"  chosen    {chosen_line(chosen)}"
    for level, count in verification.levels.items():
        yield f"  rounds    {count} {level.replace('_', ' ')}"
    for finding in verification.findings:
        yield f"  {finding.severity:<9} {finding.what} ({finding.where}) [{finding.code}]"
    yield f"  anchored  {verification.anchored}: {verification.claims}"
    yield "  not proven:"
    for text in verification.not_proven:
        yield f"    - {text}"
