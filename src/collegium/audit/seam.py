"""The seam of mechanisms in an audit: what each gathers of a history, checks, and has to say of it.

A mechanism's file `checking` names its `CHECKING`. Auditors read it, so it imports no trainer.
Where several mechanisms do something at one point, they do it in order of their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from collegium.audit.findings import Finding
from collegium.audit.studies import AttemptRecord, StudyHistory
from collegium.audit.subjects import Subject
from collegium.plugins import aspects
from collegium.resolving.blobs import StoredBlobs
from collegium.study.document import Study


@dataclass(frozen=True, slots=True)
class Audited:
    """A study that is audited: its history, its document if that can be had, and the blobs."""

    history: StudyHistory
    study: Study | None
    evidence: StoredBlobs

    @property
    def name(self) -> str:
        """The study's id."""
        return self.history.registration.study


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check comes to.

    Attributes:
        findings: what was noticed.
        counts: how many were checked, by kind; a kind that is named is shown, though it be none.
        told: what it adds to a field of `Verification`, or under a name of its own to `told`
            there; each says in `study` of which study it is.
    """

    findings: list[Finding]
    counts: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[str, tuple[msgspec.Struct, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checking:
    """What an auditor does because of a mechanism.

    Attributes:
        takes: gathers what a member said, by the kind of its transaction, from the study's history,
            the sender and the transaction.
        notes: gathers an event of the study, by its kind.
        decided: gathers what members decided together about the study, by the kind of the action.
        opens: an attempt at a round of training has opened.
        fixes: fields of the `Attempt` that follows from a record of one.
        left_out: whether a member was left out of an attempt before a phase.
        begins: whether a participant had to speak, and has not, before what every attempt asks;
            None where it owes nothing here. The last argument is whether the attempt is over.
        unsaid: codes of faults of a validator that left unsaid what it owed; the last argument is
            whether the attempt is over.
        differs: says of what it is about that a recomputed result has another part of a kind than
            was voted.
        counted: what its counts are of, by kind, as `audit.english.CHECKS` has it.
        texts: the English of findings whose codes are its own, as `audit.english.TEXTS` has it.
        checks: what is checked of every study, whether or not it asks for the mechanism.
    """

    takes: Mapping[type, Callable[[StudyHistory, str, Any], None]] = field(default_factory=dict)
    notes: Mapping[type, Callable[[StudyHistory, Any], None]] = field(default_factory=dict)
    decided: Mapping[type, Callable[[StudyHistory, Any], None]] = field(default_factory=dict)
    opens: Callable[[StudyHistory, AttemptRecord], None] | None = None
    fixes: Callable[[AttemptRecord], Mapping[str, Any]] | None = None
    left_out: Callable[[AttemptRecord, str, str], bool] | None = None
    begins: Callable[[AttemptRecord, str, bool], bool | None] | None = None
    unsaid: Callable[[AttemptRecord, str, bool], Iterator[str]] | None = None
    differs: Mapping[type[msgspec.Struct], Callable[[Subject], Finding]] = field(
        default_factory=dict
    )
    counted: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    checks: Callable[[Audited], Checked] | None = None


@cache
def every_checking() -> tuple[Checking, ...]:
    """Return what auditors do because of the mechanisms of this installation, in order of names."""
    return tuple(one.CHECKING for one in aspects("checking").values())
