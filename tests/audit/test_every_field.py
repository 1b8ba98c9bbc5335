"""Every field of every kind of transaction, changed: by a clumsy forger and by one with all keys.

The clumsy one exchanges a payload. The other signs it anew, lets the contract say what then
happens, and repairs every hash and the checkpoint. What he can change without a trace is listed
in `FREE`, with the reason: nothing else in a run folder depends on it. A policy finds that too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from tests.audit.changes import Change, changes, known_values
from tests.audit.eventful import GUEST_KEYS, SEED
from tests.audit.forging import (
    Keys,
    Transcript,
    forged,
    naive,
    read_transcript,
    simulated_keys,
)

from collegium.audit.findings import Finding
from collegium.audit.history import read_history
from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.federation.identity import member_key
from collegium.federation.secrets import simulated_secret
from collegium.ledger.contract.transactions import AnyTransaction
from collegium.ledger.keys import SigningKey

COMMON = ("kind", "format", "genesis", "study", "round", "attempt", "step", "proposal")
"""Fields that place a transaction; elsewhere it has no place, so it is malformed or refused."""

REFUSED, MALFORMED = "entry.refused", "entry.malformed"

FREE = {
    "blob.retire: round": "a vote that stayed alone, for whichever round",
    "evidence.conflict: first": "who contradicts himself once can do so in many ways",
    "evidence.conflict: second": "who contradicts himself once can do so in many ways",
    "member.propose: action.member.id": "the refused proposal's; nobody came of it",
    "member.propose: action.member.key": "the refused proposal's; nobody came of it",
    "member.propose: action.member.name": "a printed name is printed, and nothing else",
    "member.propose: action.member.power": "the refused proposal's; nobody came of it",
    "member.propose: action.member.roles": "a role that its holder never uses",
    "member.return: nonce": "a number that its sender drew, and compares with its own",
    "member.vote: approve": "a vote on a proposal on which nothing rests later",
    "round.vote: result.reason": "a validator's reason to have no model is its own",
    "statistics.vote: agreement": "of a validator that is named for its vote, whatever it says",
    "statistics.vote: fail": "a validator's reason to see nothing follow is its own",
    "study.accept: weight": "of a site whose update came into no sum",
    "study.accept: snapshot": "a commitment whose key stays at the site",
    "update.commit: commitment": "of an attempt that failed before anybody revealed",
    "update.reveal: peak": "of the round of which an update was retired: votes stand for it",
    "update.reveal: sealed": "where the update itself is here, nobody needs to open another blob",
}

FOUND = {
    "blob.retire: round": {REFUSED, "named blob.retired"},
    "blob.retire: updates": {"named blob.retired", "named blob.withheld"},
    "evaluation.post: federated": {"blob.missing", "named blob.stray", "named sum.rows"},
    "evaluation.post: local": {"blob.missing", "named blob.stray"},
    "evaluation.post: model": {REFUSED},
    "evidence.conflict: first": {MALFORMED},
    "evidence.conflict: second": {MALFORMED},
    "member.here: phase": {REFUSED},
    "member.propose: action.do": {MALFORMED},
    "member.propose: action.key": {REFUSED},
    "member.propose: action.member": {REFUSED},
    "member.propose: action.member.id": {REFUSED},
    "member.propose: action.member.key": {REFUSED},
    "member.propose: action.member.power": {MALFORMED, REFUSED},
    "member.propose: action.member.roles": {REFUSED},
    "member.propose: action.proof": {REFUSED},
    "member.vote: approve": {REFUSED},
    "model.release: bundle": {"bundle.altered"},
    "model.release: model": {REFUSED},
    "phase.timeout: phase": {MALFORMED, REFUSED},
    "round.vote: result": {REFUSED, "named validator.gave-up", "named validator.outvoted"},
    "round.vote: result.of": {MALFORMED},
    "round.vote: result.model": {REFUSED, "named validator.outvoted"},
    "round.vote: result.parts.dealing.saturated": {"named validator.outvoted"},
    "round.vote: result.parts.dealing.small": {MALFORMED, "named validator.outvoted"},
    "round.vote: result.total": {REFUSED},
    "sa.deal: digest": {"named blob.withheld", "round.updates", "sum.refused"},
    "sa.keys: mask_key": {"round.updates", "sum.refused"},
    "sa.keys: share_key": {"round.updates", "sum.refused"},
    "score.commit: commitment": {REFUSED},
    "score.reveal: salt": {REFUSED},
    "score.reveal: scores": {REFUSED},
    "share.post: shares": {"round.updates", "sum.refused"},
    "sum.open: digest": {"named share.missing", "round.updates"},
    "study.accept: code": {"named code.differs"},
    "study.accept: document": {REFUSED},
    "study.accept: weight": {MALFORMED, "round.model"},
    "study.register: attendance": {REFUSED, "study.registration"},
    "study.register: code": {"named code.differs"},
    "study.abandon: phase": {MALFORMED, REFUSED},
    "study.register: document": {REFUSED},
    "study.register: exponent": {"study.registration"},
    "study.register: max_attempts": {"study.registration"},
    "study.register: min_sites": {REFUSED, "study.registration"},
    "study.register: modules": {MALFORMED, REFUSED},
    "study.register: model": {
        "named study.first-model",
        "blob.missing",
        "round.model",
        "round.updates",
        "study.registration",
    },
    "study.register: parameters": {MALFORMED, "study.registration"},
    "study.register: per_round": {REFUSED},
    "study.register: rounds": {MALFORMED, REFUSED, "study.registration"},
    "study.register: rule": {"named rule.missing", "study.registration"},
    "study.register: terms.scores.by": {MALFORMED},
    "study.register: terms.scores.demote": {MALFORMED, "study.registration"},
    "study.register: terms.scores.demotion": {MALFORMED},
    "study.register: terms.scores.threshold": {"study.registration"},
    "study.register: seed": {"study.registration"},
    "study.register: server": {"study.registration"},
    "study.register: sites": {MALFORMED, REFUSED},
    "study.register: terms.statistics.steps": {REFUSED},
    "study.register: terms.sums.evaluation": {MALFORMED},
    "study.register: terms.sums.threshold": {REFUSED},
    "statistics.post: digest": {"named blob.stray", "statistics.agreement"},
    "statistics.vote: agreement": {REFUSED},
    "statistics.vote: fail": {REFUSED},
    "study.begin: agreement": {REFUSED},
    "study.begin: model": {"blob.missing", "round.model", "study.registration"},
    "study.begin: parameters": {"study.registration"},
    "study.register: terms": {MALFORMED},
    "study.register: terms.dealing.threshold": {REFUSED},
    "study.register: weights": {"study.registration"},
    "update.available: bitmap": {MALFORMED, "named update.contested", "round.model"},
    "update.commit: commitment": {REFUSED},
    "update.commit: parts.dealing.deals": {MALFORMED, REFUSED, "named deal.contested"},
    "update.reveal: digest": {REFUSED},
    "update.reveal: peak": {MALFORMED, "round.updates"},
    "update.reveal: salt": {REFUSED},
    "update.reveal: saturated": {MALFORMED, "round.updates", "named site.clipped"},
    "update.reveal: sealed": {MALFORMED, "named blob.withheld", "round.updates"},
}
"""What names the cause: an error's code, or "named" and the code of a fault or note."""


EXTENTS = pytest.mark.parametrize(
    "extent",
    [
        "few",
        pytest.param("enough", marks=pytest.mark.long),
        pytest.param("all", marks=pytest.mark.long),
    ],
)


def places_it(field: str) -> bool:
    """Whether a field places its transaction, and so would do nowhere else."""
    return field.partition(": ")[2] in COMMON and field not in FOUND


@dataclass(frozen=True, slots=True)
class Case:
    """A run folder to forge in, and what it was before."""

    folder: Path
    data: bytes
    transcript: Transcript
    keys: Keys
    before: frozenset[Finding]
    policy: Path
    reader: SigningKey

    def changes(self, extent: str) -> Iterator[tuple[int, Change]]:
        """Yield changes: "all" of every entry, or "enough" that all outcomes occur, or "few".

        Enough are the first and the last to speak in a phase, and where a field places a
        transaction, the first of its kind. Few are every seventh of these.
        """
        entries = self.transcript.entries
        known, ends = known_values(entries), dict[object, tuple[int, int]]()
        for index, entry in enumerate(entries):
            phase = tuple(entry.payload.get(name) for name in ("kind", "round", "attempt"))
            for key in (phase, phase[0]):
                ends[key] = (ends.get(key, (index,))[0], index)
        counted = 0
        for index, entry in enumerate(entries):
            phase = tuple(entry.payload.get(name) for name in ("kind", "round", "attempt"))
            for change in changes(entry, known, self.keys):
                enough = (
                    ends[phase[0]][:1]
                    if places_it(change.field)
                    else ends[phase]
                    if phase[1]
                    else (index,)
                )
                if extent == "all" or index in enough:
                    counted += 1
                    if extent != "few" or counted % 7 == 0:
                        yield index, change


@pytest.fixture
def cases(
    eventful: Path, abandoned: Path, sealed: Path, masked: Path, encrypted: Path, set_up: Path,
    scored: Path, tmp_path: Path,
) -> list[Case]:  # fmt: skip
    runs = (eventful, abandoned, sealed, masked, encrypted, set_up, scored)
    return [_case(run, tmp_path / str(index)) for index, run in enumerate(runs)]


def _case(run: Path, copy: Path) -> Case:
    copytree(run, copy, ignore=ignore_patterns("members"))
    data = (copy / "ledger.log").read_bytes()
    transcript = read_transcript(data)
    keys = simulated_keys(transcript, SEED, *GUEST_KEYS)
    reader = member_key(simulated_secret(SEED, "va"))
    verification = verify(copy, keys=[reader])
    assert verification.ok
    before = frozenset(verification.findings)
    return Case(copy, data, transcript, keys, before, copy / "policy.json", reader)


def outcome(case: Case, data: bytes) -> str:
    """Return the code of what is found first in a forged ledger without a trust root, or "free".

    What is no error without one must be an error under the policy that was kept.
    """
    told = read_history(data).findings
    if not told:
        (case.folder / "ledger.log").write_bytes(data)
        trust = policy_root(case.policy)
        told = list(verify(case.folder, trust=trust, keys=[case.reader]).findings)
    new = [finding for finding in told if finding not in case.before]
    errors = [finding.code for finding in new if finding.severity == "error"]
    causes = [code for code in errors if code != "anchor.checkpoint"]
    if causes:
        return causes[0]
    assert errors, "it is not found under the policy either"
    named = [finding.code for finding in new if finding.severity != "error"]
    return f"named {named[0]}" if named else "free"


@EXTENTS
def test_a_change_that_is_not_repaired_breaks_signature_and_hashes(
    cases: list[Case], extent: str
) -> None:
    for case in cases:
        for index, change in case.changes(extent):
            entry = case.transcript.entries[index]
            codes = [
                one.code for one in read_history(naive(case.data, entry, change.payload)).findings
            ]
            assert codes[0] in ("entry.signature", MALFORMED), (change, codes)
            assert "block.app-hash" in codes, (change, codes)
            assert "checkpoint.mismatch" in codes, (change, codes)


@EXTENTS
def test_a_change_that_is_repaired_is_found_by_what_depends_on_it(
    cases: list[Case], extent: str
) -> None:
    found: dict[str, set[str]] = {}
    kinds: set[str] = set()
    for case in cases:
        for index, change in case.changes(extent):
            data = forged(case.transcript, index, change.payload, case.keys)
            seen = outcome(case, data)
            found.setdefault(change.field, set()).add(seen)
            kinds.add(change.field.partition(": ")[0])
    common = {field for field in found if places_it(field)}
    assert set().union(*(found[field] for field in common)) == {MALFORMED, REFUSED}
    expected = {
        field: FOUND.get(field, set()) | ({"free"} if field in FREE else set())
        for field in FOUND.keys() | FREE.keys()
    }
    others = {field: seen for field, seen in found.items() if field not in common}
    if extent == "few":
        assert not {f: s for f, s in others.items() if not s <= expected[f]}
        return
    everything = {kind.__struct_config__.tag for kind in AnyTransaction.__args__}
    assert kinds == everything - {"sa.bind"}
    assert others == expected


def test_statements_exchanged_between_sites_need_a_checkpoint_to_be_found(
    cases: list[Case],
) -> None:
    # A statement does not say whose it is, so two sites' may be exchanged by who holds their keys.
    case = cases[0]
    posts = [
        index
        for index, entry in enumerate(case.transcript.entries)
        if entry.payload["kind"] == "evaluation.post"
    ]
    first, second = (case.transcript.entries[index].payload for index in posts[:2])
    data = forged(case.transcript, posts[0], {**first, "federated": second["federated"]}, case.keys)
    transcript = read_transcript(data)
    data = forged(transcript, posts[1], {**second, "federated": first["federated"]}, case.keys)
    assert outcome(case, data) == "free"
