"""A validator's vote on the set-up of a study of tables: what follows from what sites said."""

from __future__ import annotations

from collegium.canonical import to_text
from collegium.data.tabular.agreed_preparation import AgreedPreparation, decode_agreed
from collegium.data.tabular.combining_statistics import conclusion
from collegium.errors import CollegiumError, FormatError
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.speaking import Speaker
from collegium.federation.view import StudyView
from collegium.mechanisms.statistics.terms import StatisticsVote
from collegium.study.tables import task_of


def agreed_before(view: StudyView, blobs: Blobs) -> AgreedPreparation | None:
    """Return the agreement of the last finished step, or None where it is not to be had."""
    name = view.set_up.agreement
    data = None if name is None else blobs.fetch(name)
    try:
        return None if data is None else decode_agreed(data)
    except FormatError:
        return None


def statistics_vote(speaker: Speaker, view: StudyView) -> list[bytes]:
    """Return the vote that is due in the present attempt, if one is."""
    set_up, source, registration = view.set_up, speaker.study.data.source, view.registration
    if registration is None or isinstance(source, str):
        return []
    member, blobs = speaker.identity.member, speaker.blobs
    if member not in view.current_validators or set_up.has_voted(member):
        return []
    before = None if set_up.agreement is None else blobs.fetch(set_up.agreement)
    said = {name: blobs.fetch(digest) for name, digest in set_up.posted.items()}
    lacking = None in said.values() or (set_up.agreement is not None and before is None)
    if lacking and speaker.patient:
        return []
    answer = {"fail": "unavailable"}
    if set_up.agreement is None or before is not None:
        try:
            found = conclusion(source, task_of(speaker.study), before, said, registration.min_sites)
            answer = {"agreement": to_text(blobs.publish(found))}
        except CollegiumError:
            answer = {"fail": "unavailable" if lacking else "refused"}
    return [
        speaker.identity.sign(StatisticsVote, study=view.study, attempt=set_up.attempt, **answer)
    ]
