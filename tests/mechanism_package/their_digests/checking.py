"""What an auditor notices of digests: a validator that said another one than was voted for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.mechanism_package.their_digests.terms import Digested, DigestSay

from collegium.audit.findings import Finding
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutRound
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.results import ModelResult


@dataclass(slots=True)
class Said:
    """An attempt's digests, by validator."""

    digests: dict[str, str] = field(default_factory=dict)


def _takes(study_history: StudyHistory, sender: str, tx: DigestSay) -> None:
    study_history.at(tx.round, tx.attempt).of(Said).digests[sender] = tx.digest


def _findings(audited: Audited) -> Iterator[Finding]:
    for record in audited.history.closed_rounds:
        voted = record.voted
        told = part_of(voted.parts, Digested) if isinstance(voted, ModelResult) else None
        for member, digest in record.of(Said).digests.items():
            if told is not None and digest != told.digest:
                where = AboutRound(audited.name, record.opened.round)
                yield Finding("digest.other", "fault", where, {"member": member})


def _checks(audited: Audited) -> Checked:
    said = [len(one.of(Said).digests) for one in audited.history.closed_rounds]
    return Checked([*_findings(audited)], {"digests": sum(said)})


CHECKING = Checking(takes={DigestSay: _takes}, checks=_checks)
