"""What members say in phases that mechanisms bring: `SPEAKING` of a mechanism's ``speaking`` file.

Sites and validators know the phases of every attempt, and those of mechanisms that are built in. Of
any other phase they look up here what to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.view import StudyView
from collegium.ledger.contract.declared import phase_of
from collegium.plugins import aspects

Speaks = Callable[[Identity, StudyView, Blobs], list[bytes]]
"""Returns the signed transactions that a member says in a phase; none while it has to wait."""


@cache
def every_speaking() -> Mapping[str, Speaks]:
    """Return what is said in the phases that mechanisms bring, by the phase's name."""
    found: dict[str, Speaks] = {}
    for module in aspects("speaking").values():
        found.update(vars(module).get("SPEAKING", {}))
    return found


def said_in_phase(
    identity: Identity, view: StudyView, blobs: Blobs, speakers: str
) -> list[bytes]:  # fmt: skip
    """Return what a mechanism has a member say in the open phase, unless it has spoken.

    Args:
        identity: the member.
        view: the study as the ledger has it.
        blobs: the member's.
        speakers: as what it speaks, ``participants`` or ``validators``.
    """
    says = every_speaking().get(view.phase)
    if says is None or view.round is None or view.registration is None:
        return []
    phase = phase_of(view.registration.modules, view.phase)
    if phase is None or phase.speakers != speakers or view.has_spoken(phase.table, identity.member):
        return []
    return says(identity, view, blobs)
