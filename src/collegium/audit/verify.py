"""`verify`: a run folder goes in, and what can be said about it without trusting anybody comes out.

Architecture 3.8. It needs ledger.log and blobs/ alone; study.toml and model/ are checked when
they are there. It claims no more than its anchor is worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from collegium.audit.attestations import refuted_updates
from collegium.audit.blobs import Fetch, read_blobs, unnamed_blobs, unnamed_files
from collegium.audit.bundle import check_bundle
from collegium.audit.faults import faults, has_sequencer
from collegium.audit.finality import certified_size, noted
from collegium.audit.findings import (
    NOT_PROVEN,
    SIMULATED,
    Anchor,
    Finding,
    Level,
    Scoring,
    SecureSumOutcome,
    Selection,
    Severity,
    StudyPrivacySpent,
    Verification,
)
from collegium.audit.history import History, read_history
from collegium.audit.recompute import check_statements, recompute_rounds
from collegium.audit.registration import registered_study
from collegium.audit.studies import StudyHistory, gather
from collegium.audit.subjects import (
    AboutFile,
    AboutLedger,
    AboutMember,
    AboutRound,
    AboutStudy,
    Value,
)
from collegium.audit.succession import succession
from collegium.audit.trust import TrustRoot
from collegium.canonical import from_text
from collegium.errors import CollegiumError, RunError
from collegium.ledger.blobs import read_blob
from collegium.ledger.frames import read_ledger
from collegium.ledger.genesis import log_key_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import SigningKey
from collegium.ledger.retirement import retired_updates
from collegium.mechanisms.dealing.checking import check_masked
from collegium.mechanisms.privacy.checking import check_budgets
from collegium.mechanisms.privacy.totals import totals
from collegium.mechanisms.scores.checking import scoring_of
from collegium.mechanisms.search.checking import selection_of
from collegium.mechanisms.statistics.checking import check_set_up
from collegium.mechanisms.sums.checking import check_sums
from collegium.resolving.blobs import StoredBlobs
from collegium.study.document import Study
from collegium.study.reading import document_of

NO_TRUST = TrustRoot()


def verify(
    run: str | Path,
    *,
    trust: TrustRoot = NO_TRUST,
    partial: bool = False,
    keys: Collection[SigningKey] = (),
    predecessor: Path | None = None,
) -> Verification:
    """Verify a run folder.

    Args:
        run: the folder with ``ledger.log`` and ``blobs/``.
        trust: what was known beforehand: nothing, a genesis digest, or a policy's checkpoints.
        partial: whether a history that is not complete may be ok.
        keys: a member's ledger keys, present and former: they open the updates sealed to it, so
            that rounds are recomputed for which otherwise the votes stand.
        predecessor: the folder of the ledger that this one says it succeeds.

    Raises:
        RunError: the folder has no readable ledger.log.
    """
    return examined(run, trust=trust, partial=partial, keys=keys, predecessor=predecessor)[0]


def examined(
    run: str | Path,
    *,
    trust: TrustRoot = NO_TRUST,
    partial: bool = False,
    keys: Collection[SigningKey] = (),
    predecessor: Path | None = None,
) -> tuple[Verification, Mapping[str, StudyHistory]]:
    """Verify a run folder as `verify` does; return also what its ledger tells of each study."""
    folder = Path(run)
    note = noted(folder)
    try:
        data = read_ledger(folder / "ledger.log")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RunError(
            "run.unreadable",
            f"{folder} is not a run folder",
            f"its ledger.log cannot be read: {reason}",
            "name the folder that `collegium run` wrote",
        ) from error
    history = read_history(data)
    findings = history.findings
    anchored = _anchor(history, trust)
    findings += succession(history, predecessor)
    cosigned = certified_size(folder, note, history, trust)
    simulated = history.genesis is not None and history.genesis.keys == "simulated"
    if cosigned is not None and anchored == "genesis" and not simulated:
        anchored = "checkpoint"
    study_histories, equivocations = gather(history.said)
    for study_history in study_histories.values():
        study_history.can_silence = has_sequencer(history.genesis)
    blobs, blob_findings = read_blobs(folder / "blobs")
    findings += blob_findings
    checked = _counts(history, study_histories, len(blobs))
    levels: dict[Level, int] = {}
    privacy: list[StudyPrivacySpent] = []
    selections: list[Selection] = []
    scorings: list[Scoring] = []
    sums: list[SecureSumOutcome] = []
    documents: dict[str, Study] = {}

    def read(digest: bytes) -> bytes | None:
        return read_blob(folder / "blobs", digest) if digest.hex() in blobs else None

    def fetch(name: str) -> bytes | None:
        return read(from_text(name, DIGEST_SIZE))

    retired = retired_updates((one.sender, one.transaction, one.events) for one in history.said)
    held = {key.public: key for key in keys}
    evidence = StoredBlobs(
        read, lambda names: [read(name) for name in names], held.get, retired=retired,
        opened=True,
    )  # fmt: skip
    findings += unnamed_blobs(folder / "blobs", blobs, retired)
    for study_id, study_history in study_histories.items():
        try:
            study, found = registered_study(study_history, fetch)
            findings += found
            if study is not None:
                documents[study_id] = study
                steps, found = check_set_up(study_history, study, fetch)
                findings += found
                if steps:
                    checked["statistics"] = checked.get("statistics", 0) + steps
                recomputed, summed, found = check_sums(study_history, study, evidence)
                findings += found
                sums += summed
                if study_history.sums:
                    checked["sums"] = checked.get("sums", 0) + recomputed
                reached, found = recompute_rounds(study_history, study, evidence)
                spent, overdrawn = check_budgets(study_history, study)
                findings += found + overdrawn
                if spent:
                    checked["budgets"] = checked.get("budgets", 0) + len(spent)
                privacy += spent
                scorings += [
                    one for one in (scoring_of(study_id, study_history),) if one is not None
                ]
                selections += [
                    one for one in (selection_of(study_history, study),) if one is not None
                ]
                for level, count in reached.items():
                    levels[level] = levels.get(level, 0) + count
            findings += check_masked(study_id, study_history, evidence)
            statements, found = check_statements(study_history, fetch)
            checked["statements"] += statements
            planted = study is not None and study.faults.traps is not None
            refuted = refuted_updates(study_history, evidence)
            findings += found + faults(study_id, study_history, refuted, traps=planted)
            findings += _folder(
                folder, study_history, study, fetch, alone=len(study_histories) == 1
            )
        except Exception as error:  # a study that breaks its own check keeps no other from it
            broken: dict[str, Value] = {"kind": type(error).__name__, "why": str(error)[:300]}
            findings.append(Finding("study.unchecked", "error", AboutStudy(study_id), broken))
    for (member, kind), count in Counter((one.member, one.kind) for one in equivocations).items():
        told: dict[str, Value] = {"transaction": kind, "count": count}
        findings.append(Finding("member.equivocated", "fault", AboutMember(member), told))
    findings += unnamed_files(blobs, study_histories)
    if not history.complete and history.genesis is not None and not partial:
        findings.append(Finding("ledger.incomplete", "error", AboutLedger()))
    entries = max(history.roots, default=0)
    story_list = list(study_histories.values())
    verification = Verification(
        ok=not any(finding.severity == "error" for finding in findings),
        anchored=anchored,
        complete=history.complete,
        checked=checked,
        levels=levels,
        findings=tuple(findings),
        not_proven=(*NOT_PROVEN, *((SIMULATED,) if simulated else ())),
        claims=_claims(findings, anchored, trust, cosigned, entries, simulated=simulated),
        genesis=history.identity.hex(),
        app_hash=history.app_hash.hex(),
        entries=entries,
        model=from_text(story_list[-1].model, DIGEST_SIZE).hex() if story_list else None,
        simulated=simulated,
        privacy=tuple(privacy),
        totals=tuple(totals(study_histories, documents)),
        selections=tuple(selections),
        scorings=tuple(scorings),
        sums=tuple(sums),
    )
    return verification, study_histories


def _anchor(history: History, trust: TrustRoot) -> Anchor:
    """Compare a history with what was known beforehand; note in it where they part."""
    if trust.genesis is None or history.genesis is None:
        return "none"
    if trust.genesis != history.identity:
        other: dict[str, Value] = {"genesis": history.identity.hex()}
        history.findings.append(Finding("anchor.genesis", "error", AboutLedger("genesis"), other))
        return "none"
    keys = {member.id: member.key for member in history.genesis.members}
    log_key = log_key_of(history.genesis)
    if trust.members not in (None, keys) or trust.log_key not in (None, log_key):
        history.findings.append(Finding("anchor.keys", "error", AboutLedger("genesis")))
        return "none"
    agreed = 0  # entries
    for checkpoint in trust.checkpoints:
        if history.roots.get(checkpoint.size) == checkpoint.root:
            agreed = checkpoint.size
            continue
        number = history.rounds_at.get(agreed, 0) + 1
        entries = max(history.roots, default=0)
        told: dict[str, Value] = {
            "case": "ends" if checkpoint.size > entries else "other", "size": checkpoint.size,
            "entries": entries, "agreed": agreed,
        }  # fmt: skip
        history.findings.append(Finding("anchor.checkpoint", "error", AboutRound("", number), told))
        return "none"
    return "checkpoint" if trust.checkpoints else "genesis"


def _counts(
    history: History, study_histories: dict[str, StudyHistory], blobs: int
) -> dict[str, int]:
    rounds = [
        attempt
        for study_history in study_histories.values()
        for attempt in study_history.closed_rounds
    ]
    return {
        "signatures": len(history.said),
        "entries": max(history.roots, default=0),
        "blocks": history.blocks,
        "rounds": len(rounds),
        "votes": sum(len(attempt.votes) for attempt in rounds),
        "blobs": blobs,
        "statements": 0,
    }


def _folder(
    folder: Path, study_history: StudyHistory, study: Study | None, fetch: Fetch, *, alone: bool
) -> Iterator[Finding]:
    """Check what lies beside the evidence: the study as a file, and the released model."""
    toml = folder / "study.toml"
    if alone and study is not None and toml.is_file():
        try:
            if document_of(toml.read_text("utf-8")) != study:
                yield Finding("study.altered", "error", AboutFile("study.toml"))
        except (CollegiumError, OSError, UnicodeError) as error:
            yield Finding("study.unreadable", "error", AboutFile("study.toml"), {"why": str(error)})
    if alone and (folder / "model").exists():
        if study_history.release is not None:
            agreement = None if study_history.begun is None else study_history.begun.agreement
            yield from check_bundle(
                folder / "model",
                study_history.release.bundle,
                fetch(study_history.model),
                agreement,
            )
        else:
            severity: Severity = "note" if study_history.closed is None else "error"
            yield Finding("bundle.unreleased", severity, AboutFile("model/"))


def _claims(
    findings: list[Finding],
    anchored: Anchor,
    trust: TrustRoot,
    cosigned: int | None,
    entries: int,
    *,
    simulated: bool,
) -> str:
    """Say in words what an anchor is worth."""
    if any(finding.code.startswith("anchor.") for finding in findings):
        return "This is not the history that you trust."
    if any(finding.code == "final.quorum" for finding in findings):
        return "Nothing here shows the quorum that your policy asks for."
    if any(finding.severity == "error" for finding in findings):
        return "The evidence does not hold, so it proves nothing."
    if anchored == "none":
        return (
            "Consistent with itself only: the keys are this run's own, so anybody could have "
            "written it. Give --genesis or --policy to hold it to something."
        )
    if anchored == "genesis":
        who = "whoever ran it held all keys and" if simulated else "whoever held all keys"
        return f"These members' ledger, but {who} could have written another history under it."
    told = []
    if trust.checkpoints:
        kept = trust.checkpoints[-1].size
        covered = "it was" if kept == entries else f"its first {kept} of {entries} entries were"
        told.append(
            f"the same history that {len(trust.checkpoints)} checkpoint(s) kept outside speak of: "
            f"{covered} not rewritten since"
        )
    if cosigned is not None and not simulated:
        covered = "it" if cosigned == entries else f"its first {cosigned} of {entries} entries"
        told.append(f"a quorum replayed and cosigned {covered}: for another, members signed both")
    return f"These members' ledger, and {'; '.join(told)}."
