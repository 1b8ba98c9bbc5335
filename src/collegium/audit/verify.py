"""`verify`: a run folder goes in, and what can be said about it without trusting anybody comes out.

Architecture 3.8. It needs ledger.log and blobs/ alone; study.toml and model/ are checked when
they are there. It claims no more than its anchor is worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from collegium.audit.attestations import refuted_updates
from collegium.audit.blobs import Fetch, read_blobs, unnamed_blobs, unnamed_files
from collegium.audit.bundle import check_bundle
from collegium.audit.clipping import clipped_updates
from collegium.audit.committed import KIND as COMETBFT
from collegium.audit.faults import faults, has_sequencer
from collegium.audit.finality import certified_size, read_beside
from collegium.audit.findings import (
    DESCRIBED,
    NOT_PROVEN,
    SIMULATED,
    Anchor,
    Finding,
    Level,
    Severity,
    Verification,
)
from collegium.audit.gathering import gather
from collegium.audit.history import History, read_history
from collegium.audit.recompute import check_statements, recompute_rounds
from collegium.audit.registration import registered_study
from collegium.audit.seam import Audited, every_checking
from collegium.audit.studies import StudyHistory
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
from collegium.audit.weights import site_shares
from collegium.canonical import from_text, to_text
from collegium.data.tabular.agreed_preparation import encode_agreed
from collegium.data.tabular.described_columns import described_preparation
from collegium.errors import CollegiumError, RunError, reason_of
from collegium.ledger.blobs import read_blob
from collegium.ledger.frames import read_ledger
from collegium.ledger.genesis import log_key_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import SigningKey
from collegium.ledger.retirement import retired_updates
from collegium.mechanisms.privacy.totals import totals
from collegium.resolving.blobs import StoredBlobs
from collegium.study.document import Study
from collegium.study.reading import document_of
from collegium.study.refusal import Refusal

NO_TRUST = TrustRoot()


def verify(
    run: str | Path,
    *,
    trust: TrustRoot = NO_TRUST,
    partial: bool = False,
    keys: Collection[SigningKey] = (),
    predecessor: Path | None = None,
    settled: Callable[[int], None] | None = None,
) -> Verification:
    """Verify a run folder.

    Args:
        run: the folder with ``ledger.log`` and ``blobs/``.
        trust: what was known beforehand: nothing, a genesis digest, or a policy's checkpoints.
        partial: whether a history that is not complete may be ok.
        keys: a member's ledger keys, present and former: they open the updates sealed to it, so
            that rounds are recomputed for which otherwise the votes stand.
        predecessor: the folder of the ledger that this one says it succeeds.
        settled: is called with the entries that were read, before the blobs are: it waits while
            the folder is still being given some that they name.

    Raises:
        RunError: the folder has no readable ledger.log.
    """
    return examined(
        run, trust=trust, partial=partial, keys=keys, predecessor=predecessor, settled=settled
    )[0]


def examined(
    run: str | Path,
    *,
    trust: TrustRoot = NO_TRUST,
    partial: bool = False,
    keys: Collection[SigningKey] = (),
    predecessor: Path | None = None,
    settled: Callable[[int], None] | None = None,
) -> tuple[Verification, Mapping[str, StudyHistory]]:
    """Verify a run folder as `verify` does; return also what its ledger tells of each study."""
    folder = Path(run)
    beside = read_beside(folder)
    try:
        data = read_ledger(folder / "ledger.log")
    except (OSError, ValueError) as error:
        reason = reason_of(error)
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
    cosigned = certified_size(folder, beside, history, trust)
    simulated = history.genesis is not None and history.genesis.keys == "simulated"
    if cosigned is not None and anchored == "genesis" and not simulated:
        anchored = "checkpoint"
    study_histories, equivocations = gather(history.said)
    for study_history in study_histories.values():
        study_history.can_silence = has_sequencer(history.genesis)
    if settled is not None:
        settled(max(history.roots, default=0))
    blobs, blob_findings = read_blobs(folder / "blobs")
    findings += blob_findings
    checked = _counts(history, study_histories, len(blobs))
    levels: Counter[Level] = Counter()
    told: dict[str, list[msgspec.Struct]] = {}
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
            one = _study(study_history, evidence, fetch)
            findings += one.findings
            findings += _folder(
                folder, study_history, one.study, fetch, alone=len(study_histories) == 1
            )
        except Exception as error:  # a study that breaks its own check keeps no other from it
            broken: dict[str, Value] = {"kind": type(error).__name__, "why": str(error)[:300]}
            findings.append(Finding("study.unchecked", "error", AboutStudy(study_id), broken))
            continue
        if one.study is not None:
            documents[study_id] = one.study
        levels.update(one.levels)
        for kind, count in one.checked.items():
            checked[kind] = checked.get(kind, 0) + count
        for name, added in one.told.items():
            told.setdefault(name, []).extend(added)
    for (member, kind), count in Counter((one.member, one.kind) for one in equivocations).items():
        twice: dict[str, Value] = {"transaction": kind, "count": count}
        findings.append(Finding("member.equivocated", "fault", AboutMember(member), twice))
    findings += unnamed_files(blobs, study_histories)
    if not history.complete and history.genesis is not None and not partial:
        findings.append(Finding("ledger.incomplete", "error", AboutLedger()))
    entries = max(history.roots, default=0)
    story_list = list(study_histories.values())
    fields = Verification.__struct_fields__
    verification = Verification(
        ok=not any(finding.severity == "error" for finding in findings),
        anchored=anchored,
        complete=history.complete,
        checked=checked,
        levels=dict(levels),
        findings=tuple(findings),
        not_proven=(
            *NOT_PROVEN,
            *((DESCRIBED,) if any(one.data.columns for one in documents.values()) else ()),
            *((SIMULATED,) if simulated else ()),
        ),
        claims=_claims(findings, anchored, trust, cosigned, entries, simulated=simulated),
        genesis=history.identity.hex(),
        app_hash=history.app_hash.hex(),
        entries=entries,
        model=from_text(story_list[-1].model, DIGEST_SIZE).hex() if story_list else None,
        simulated=simulated,
        totals=tuple(totals(study_histories, documents)),
        told={name: tuple(added) for name, added in told.items() if name not in fields},
        **{name: tuple(told[name]) for name in fields if name in told},  # type: ignore[arg-type]
    )
    return verification, study_histories


@dataclass(frozen=True, slots=True)
class _Study:
    """What the check of a study comes to: its document, and what `Verification` has of it."""

    study: Study | None
    findings: list[Finding]
    levels: Mapping[Level, int]
    checked: Mapping[str, int]
    told: Mapping[str, list[msgspec.Struct]]


def _study(study_history: StudyHistory, evidence: StoredBlobs, fetch: Fetch) -> _Study:
    """Check a study: its registration, what mechanisms check, its rounds, and who is at fault."""
    study, findings = registered_study(study_history, fetch)
    audited = Audited(study_history, study, evidence)
    checked: Counter[str] = Counter()
    told: dict[str, list[msgspec.Struct]] = {}
    for one in every_checking():
        if one.checks is None:
            continue
        found = one.checks(audited)
        findings += found.findings
        for kind, count in found.counts.items():
            checked[kind] += count
        for name, added in found.told.items():
            told.setdefault(name, []).extend(added)
    levels: Mapping[Level, int] = {}
    if study is not None:
        levels, of_rounds = recompute_rounds(study_history, study, evidence)
        findings += of_rounds
        told["shares"] = [*site_shares(study_history, study)]
        told["clipped"] = [*clipped_updates(study_history)]
    statements, of_statements = check_statements(study_history, fetch)
    checked["statements"] += statements
    planted = study is not None and study.faults.traps is not None
    refuted = refuted_updates(study_history, evidence)
    findings += of_statements + faults(audited.name, study_history, refuted, traps=planted)
    return _Study(study, findings, levels, checked, told)


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
        **({"commits": history.commits} if COMETBFT in history.certificates else {}),
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
            yield Finding(
                "study.unreadable", "error", AboutFile("study.toml"), {"why": reason_of(error)}
            )
    if alone and (folder / "model").exists():
        if study_history.release is not None:
            agreement = None if study_history.begun is None else study_history.begun.agreement
            with suppress(Refusal):  # said of the document already
                found = None if study is None else described_preparation(study)
                if found is not None:
                    agreement = to_text(sha256(encode_agreed(found)).digest())
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
