"""Updates that validators vouched for and that are none: the blob is there, anybody can see it.

What a closed round was made of is recomputed with it. This is about the rest: whoever attested to
one of those without looking can be shown to have done so, whether or not it made a difference.
"""

from __future__ import annotations

from collegium.audit.gathering import frozen
from collegium.audit.studies import Author, StudyHistory
from collegium.errors import FormatError
from collegium.ledger.contract.declared import is_masked
from collegium.resolving.attempt import Attempt
from collegium.resolving.blobs import StoredBlobs


def refuted_updates(study_history: StudyHistory, evidence: StoredBlobs) -> frozenset[Author]:
    """Return where an update that somebody attested to is at hand and is none."""
    return frozenset(
        (number, attempt, name)
        for (number, attempt), one in study_history.attempts.items()
        if not is_masked(one.opened.design)
        for name in one.reveals
        if (one.closed is None or name not in one.included)
        and one.vouching(name)
        and _is_unsound(frozen(study_history, one), evidence, name)
    )


def _is_unsound(attempt: Attempt, evidence: StoredBlobs, author: str) -> bool:
    try:
        evidence.update(attempt, author)
    except FormatError:
        return True
    return False
