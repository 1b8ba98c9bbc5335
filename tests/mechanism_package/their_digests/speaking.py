"""What a validator says before the vote."""

from __future__ import annotations

from tests.mechanism_package.their_digests.resolving import digest_of
from tests.mechanism_package.their_digests.terms import MECHANISM, DigestSay, DigestTerms

from collegium.data.split import split
from collegium.data.table import SiteRows
from collegium.federation.speaking import Speaker, Speaking
from collegium.federation.view import StudyView
from collegium.study.design import section_of
from collegium.study.document import Study


def _reserve(study: Study) -> int | None:
    asked = section_of(study, "digests", DigestTerms)
    return asked.reserve if asked is not None and isinstance(asked.reserve, int) else None


def _reserves(study: Study, rows: SiteRows) -> tuple[SiteRows, SiteRows] | None:
    percent = _reserve(study)
    return None if percent is None else split(rows, percent / 100, study.study.seed)


def _say(speaker: Speaker, view: StudyView) -> list[bytes]:
    here = view.here
    if here is None:
        return []
    if _reserve(speaker.study) is not None and MECHANISM.name not in speaker.reserved:
        return []
    return [
        speaker.identity.sign(
            DigestSay, study=view.study, round=view.number, attempt=view.attempt,
            digest=digest_of(here),
        )
    ]  # fmt: skip


SPEAKING = Speaking(validators={"digest": _say}, reserves=_reserves)
