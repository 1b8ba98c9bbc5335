"""What a vote tells of the updates that it is for."""

from __future__ import annotations

from tests.mechanism_package.their_digests.terms import MECHANISM, Digested

from collegium.canonical import to_text
from collegium.ledger.hashing import tagged_hash
from collegium.resolving.attempt import Attempt, update_of
from collegium.resolving.seam import Found, Resolving


def digest_of(attempt: Attempt) -> str:
    """Return the digest of the included updates, in the order of their sites."""
    names = (update_of(attempt.reveals[name]) for name in sorted(attempt.included))
    return to_text(tagged_hash("digests", b"".join(names)))


def _tells(found: Found) -> Digested:
    return Digested(digest=digest_of(found.attempt))


RESOLVING = Resolving(MECHANISM, tells=_tells)
