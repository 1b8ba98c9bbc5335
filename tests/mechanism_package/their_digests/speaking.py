"""What a validator says before the vote."""

from __future__ import annotations

from tests.mechanism_package.their_digests.resolving import digest_of
from tests.mechanism_package.their_digests.terms import DigestSay

from collegium.federation.speaking import Speaker, Speaking
from collegium.federation.view import StudyView


def _say(speaker: Speaker, view: StudyView) -> list[bytes]:
    here = view.here
    if here is None:
        return []
    return [
        speaker.identity.sign(
            DigestSay, study=view.study, round=view.number, attempt=view.attempt,
            digest=digest_of(here),
        )
    ]  # fmt: skip


SPEAKING = Speaking(validators={"digest": _say})
