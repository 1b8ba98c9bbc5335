"""A site that is to be put into a group: it binds itself to its keys before it sees others'."""

from __future__ import annotations

from collegium.canonical import to_text
from collegium.federation.speaking import Speaker, Speaking
from collegium.federation.view import StudyView
from collegium.mechanisms.groups.rules import keys_commitment
from collegium.mechanisms.groups.terms import SecaggBind
from collegium.secrecy.opening import secure_sum_named


def _bind(speaker: Speaker, view: StudyView) -> list[bytes]:
    here, member = view.here, speaker.identity
    if here is None:
        return []
    place = (view.study, view.number, view.attempt)
    keys = secure_sum_named(here.terms.design).advertise(member.own_secrets(*place))
    bound = keys_commitment(member.genesis, *place, member.member, keys.mask + keys.share)
    return [
        member.sign(
            SecaggBind, study=view.study, round=view.number, attempt=view.attempt,
            commitment=to_text(bound),
        )
    ]  # fmt: skip


SPEAKING = Speaking(sites={"sa.bind": _bind})
