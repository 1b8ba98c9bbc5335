"""What members say in phases that mechanisms bring: `SPEAKING` of a mechanism's ``speaking`` file.

Sites and validators know the phases of every attempt, and some of mechanisms that are built in. Of
any other phase they look up here what to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from collegium.data.table import SiteRows
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.outbox import WriteOnce
from collegium.federation.view import StudyView
from collegium.learning.models import ModelSpec
from collegium.learning.trainer import Trainer
from collegium.ledger.contract.silence import Silence
from collegium.ledger.contract.transactions import MemberHere
from collegium.plugins import aspects
from collegium.resolving.attempt import blob_of
from collegium.resolving.blobs import StoredBlobs
from collegium.study.document import Study


@dataclass(frozen=True, slots=True)
class ReservedRows:
    """Rows of sites on which nobody trains, and what a mechanism may work on them with."""

    study: Study
    spec: ModelSpec
    trainer: Trainer
    rows: Mapping[str, SiteRows]


@dataclass(frozen=True, slots=True)
class Speaker:
    """A member in a study, and what it speaks with.

    Attributes:
        identity: the member.
        study: the document.
        blobs: the member's.
        outbox: where it keeps what it is about to say, if it could not make the same again.
        patient: whether it waits for blobs that are not there yet.
        read: reads what is in blobs, of a validator.
        reserved: rows that are reserved by each mechanism, of a validator with rows.
    """

    identity: Identity
    study: Study
    blobs: Blobs
    outbox: WriteOnce
    patient: bool
    read: StoredBlobs | None = None
    reserved: Mapping[str, ReservedRows] = field(default_factory=dict)


Speaks = Callable[[Speaker, StudyView], list[bytes]]
"""Returns the signed transactions that a member says in a phase; none while it has to wait."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """What members say because of a mechanism.

    Attributes:
        sites: what sites say, by phase.
        validators: what validators say, by phase.
        reserves: the training rows of a site that validates without those that it reserves, and
            those; None where a study asks for none.
    """

    sites: Mapping[str, Speaks] = field(default_factory=dict)
    validators: Mapping[str, Speaks] = field(default_factory=dict)
    reserves: Callable[[Study, SiteRows], tuple[SiteRows, SiteRows] | None] | None = None


@cache
def every_speaking() -> Mapping[str, Speaking]:
    """Return what is said because of the mechanisms of this installation, by their names."""
    modules = aspects("speaking").items()
    return {name: one.SPEAKING for name, one in modules if hasattr(one, "SPEAKING")}


def said_by_sites() -> dict[str, Speaks]:
    """Return what sites say in the phases that mechanisms bring."""
    return {phase: say for one in every_speaking().values() for phase, say in one.sites.items()}


def said_by_validators() -> dict[str, Speaks]:
    """Return what validators say in the phases that mechanisms bring."""
    spoken = every_speaking().values()
    return {phase: say for one in spoken for phase, say in one.validators.items()}


def said_in_phase(speaker: Speaker, view: StudyView, says: Mapping[str, Speaks]) -> list[bytes]:
    """Return what a mechanism has a member say in the open phase, if that waits for the member."""
    say = says.get(view.phase)
    if say is None or (view.round is not None and speaker.identity.member not in view.outstanding):
        return []
    return say(speaker, view)


def back_again(identity: Identity, view: StudyView, silences: Iterable[Silence]) -> list[bytes]:
    """Return that a member is there again, for each place since which nobody waits for it."""
    return [
        identity.sign(
            MemberHere, study=view.study, round=one.round, attempt=one.attempt, phase=one.phase
        )
        for one in silences
    ]


def reserve(
    study: Study, spec: ModelSpec, trainer: Trainer, rows: Mapping[str, SiteRows],
    validators: Collection[str],
) -> tuple[dict[str, SiteRows], dict[str, ReservedRows]]:  # fmt: skip
    """Return sites' rows without those that validators reserve, and these by mechanism."""
    left, reserved = dict(rows), dict[str, ReservedRows]()
    for mechanism, one in every_speaking().items():
        apart: dict[str, SiteRows] = {}
        for name in validators if one.reserves is not None else ():
            found = one.reserves(study, left[name]) if one.reserves and name in left else None
            if found is not None:
                left[name], apart[name] = found
        if apart:
            reserved[mechanism] = ReservedRows(study, spec, trainer, apart)
    return left, reserved


def serve_scarce(view: StudyView, blobs: Blobs) -> None:
    """Serve the included updates that others may lack, now that it is fixed who is included.

    Before, that would hide which site served whom.
    """
    for name in view.scarce:
        data = blobs.fetch(blob_of(view.reveals[name]))
        if data is not None:
            blobs.publish(data)
