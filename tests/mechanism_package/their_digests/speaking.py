"""What a validator says before the vote."""

from __future__ import annotations

from tests.mechanism_package.their_digests.resolving import digest_of
from tests.mechanism_package.their_digests.terms import DigestSay

from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.view import StudyView


def _say(identity: Identity, view: StudyView, blobs: Blobs) -> list[bytes]:
    here = view.here
    if here is None:
        return []
    return [
        identity.sign(
            DigestSay, study=view.study, round=view.number, attempt=view.attempt,
            digest=digest_of(here),
        )
    ]  # fmt: skip


SPEAKING = {"digest": _say}
