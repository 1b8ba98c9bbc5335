"""Updates that validators vouched for and that are none: the blob is there, anybody can see it.

What a closed round was made of is recomputed with it. This is about the rest: whoever attested to
one of those without looking can be shown to have done so, whether or not it made a difference.
"""

from __future__ import annotations

from collegium.audit.evidence import Evidence
from collegium.audit.studies import Attempt, Place, Story
from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.learning.aggregation.next_model import checked_update
from collegium.ledger.contract.phases import is_masked
from collegium.ledger.hashing import DIGEST_SIZE


def refuted_updates(story: Story, evidence: Evidence) -> frozenset[Place]:
    """Return where an update that somebody attested to is at hand and is none."""
    return frozenset(
        (number, attempt, name)
        for (number, attempt), one in story.attempts.items()
        if not is_masked(one.opened.design)
        for name in one.reveals
        if (one.closed is None or name not in one.included)
        and one.vouching(name)
        and _is_unsound(story, one, evidence, name)
    )


def _is_unsound(story: Story, attempt: Attempt, evidence: Evidence, author: str) -> bool:
    reveal = attempt.reveals[author]
    try:
        data = evidence.update(attempt, author)
        if isinstance(data, str):
            return False
        checked_update(
            from_text(reveal.digest, DIGEST_SIZE), data, story.sent, attempt.opened.exponent,
            reveal.peak, reveal.saturated,
        )  # fmt: skip
    except FormatError:
        return True
    return False
