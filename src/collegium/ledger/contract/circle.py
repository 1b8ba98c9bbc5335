"""The circle of an attempt with masked updates: who dealt, to whom it is sound, who is barred.

docs/spec page 13, docs/decisions/0020 to 0023. The contract fixes who speaks and for whom, so that
everybody unmasks the same sum; what is in a deal it never sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

import msgspec

from collegium.canonical import from_text, malformed
from collegium.ledger.contract.bitmaps import attested, read_bitmap
from collegium.ledger.contract.events import DealerBarred, Event
from collegium.ledger.contract.graph import Graph, draw_graph
from collegium.ledger.contract.groups import groups_of, of_one_group
from collegium.ledger.contract.phases import OPENING, is_masked, opens_one_key
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import (
    RoundRecord,
    StudyRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    attempt_names,
    degree_of,
    round_path,
    study_path,
    threshold_of,
)
from collegium.ledger.contract.transactions import UpdateCommit
from collegium.ledger.keys import KEY_SIZE, usable_key
from collegium.ledger.state import State

SHARE_SIZE = 32


def take_soundness(state: State, tx: UpdateCommit, sender: str, record: StudyRecord) -> None:
    """Record which deals are sound for a participant that commits to a masked update.

    Raises:
        Rejected: it has dealt nothing, or the bitmap is missing, misplaced or malformed.
    """
    if not is_masked(record.design):
        if tx.deals is not msgspec.UNSET:
            raise Rejected("malformed", f"the design {record.design} has no deals")
        return
    dealers = dealers_of(state, tx.study, tx.round, tx.attempt)
    groups = groups_of(state, tx.study, tx.round, tx.attempt)
    dealers = of_one_group(groups, sender, dealers)
    if sender not in dealers:
        raise Rejected("refused", f"{sender} has dealt nothing in this attempt")
    if tx.deals is msgspec.UNSET:
        raise Rejected("malformed", "it does not say which deals are sound")
    graph = graph_of(state, tx.study, tx.round, tx.attempt, record)
    if graph is not None:
        dealers = tuple(name for name in dealers if name in graph[sender])
    participants = state.names(round_path(tx.study, tx.round, "participants"))
    bitmap = read_bitmap(tx.deals, participants, dealers)
    state.put(round_path(tx.study, tx.round, "sound"), attempt_key(tx.attempt, sender), bitmap)


def graph_of(
    state: State, study: str, number: int, attempt: int, record: StudyRecord
) -> Graph | None:
    """Return who is whose neighbour in an attempt; None where everybody is everybody's."""
    degree = degree_of(record)
    if degree is None:
        return None
    keys = attempt_items(state, round_path(study, number, "sa_keys"), attempt)
    return draw_graph(study, number, attempt, tuple(keys), degree)


def take_point(state: State, tx: UpdateCommit, sender: str, record: StudyRecord) -> None:
    """Record a participant's Pedersen commitment to what it masks, where the study asks for one.

    Raises:
        Rejected: it is missing, misplaced, or no point of the group of prime order.
    """
    asked = record.sum_check is not msgspec.UNSET
    if asked != isinstance(tx.point, str):
        raise Rejected("malformed", f"a point is {'missing' if asked else 'not asked for'}")
    if isinstance(tx.point, str):
        point = from_text(tx.point, KEY_SIZE, "a point")
        if not usable_key(point):
            raise Rejected("malformed", "it is no point of the group of prime order")
        path = round_path(tx.study, tx.round, "points")
        state.put(path, attempt_key(tx.attempt, sender), point)


def dealers_of(state: State, study: str, number: int, attempt: int) -> tuple[str, ...]:
    """Return who has dealt in an attempt, in order."""
    return attempt_names(state, round_path(study, number, "sa_deals"), attempt)


def sound_dealers(
    state: State, study: str, number: int, attempt: int
) -> dict[str, tuple[str, ...]]:
    """Return, by who has committed in an attempt, whose deals it called sound, in order."""
    participants = state.names(round_path(study, number, "participants"))
    bitmaps = attempt_items(state, round_path(study, number, "sound"), attempt)
    return {name: attested(bitmap, participants) for name, bitmap in bitmaps}


def sound_for(state: State, study: str, number: int, attempt: int, member: str) -> tuple[str, ...]:
    """Return whose deals a member called sound in an attempt, in order."""
    bitmap = state.get(round_path(study, number, "sound"), attempt_key(attempt, member))
    participants = state.names(round_path(study, number, "participants"))
    return () if bitmap is None else attested(bitmap, participants)


def shares_by_dealer(shares: bytes, dealers: tuple[str, ...]) -> dict[str, bytes]:
    """Return the shares in a `share.post`, by the dealers whose deals its sender called sound.

    Raises:
        FormatError: these are more or fewer shares.
    """
    if len(shares) != SHARE_SIZE * len(dealers):
        raise malformed("a list of shares", f"it does not hold {len(dealers)}")
    starts = range(0, len(shares), SHARE_SIZE)
    return {name: shares[at : at + SHARE_SIZE] for name, at in zip(dealers, starts, strict=True)}


def judge_deals(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord
) -> tuple[list[str], list[Event]]:
    """Return whose deals cannot be opened again, and who is barred for that.

    To open one takes the threshold of holders for whom it is sound, among those who have committed
    (in its dealer's group, where there are groups); where the key of the sum is opened, of holders
    for whom every deal is. A dealer is barred whose deal more than half of them refuse; where fewer
    do, one side lies.
    """
    voices = sound_dealers(state, study, status.round, current.attempt)
    sound = _counted(state, study, record, status, current, voices)
    unsound = [name for name, (count, _) in sound.items() if count < threshold_of(record)]
    able = sum(len(voice) == len(sound) for voice in voices.values())
    if opens_one_key(record.design) and able < threshold_of(record):
        unsound = [name for name, (count, holders) in sound.items() if count < holders]
    events: list[Event] = []
    for name in unsound:
        count, holders = sound[name]
        if 2 * count < holders:
            events += bar(state, study, status, current, name, "refused")
    return unsound, events


def can_be_opened(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord
) -> bool:
    """Return whether those who go on from a phase hold enough shares of every dealer's secrets.

    Over the complete graph their number tells, and nothing else is asked of them.
    """
    table = {"available": "included", "share": "shares"}.get(current.phase)
    if degree_of(record) is None or table is None:
        return True
    path = round_path(study, status.round, table)
    present = frozenset(attempt_names(state, path, current.attempt))
    voices = sound_dealers(state, study, status.round, current.attempt)
    there = {name: voice for name, voice in voices.items() if name in present}
    sound = _counted(state, study, record, status, current, there)
    return all(count >= threshold_of(record) for count, _ in sound.values())


def is_thin(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord
) -> bool:
    """Return whether fewer than a threshold of some dealer's neighbours have committed at all."""
    if degree_of(record) is None:
        return False
    voices = sound_dealers(state, study, status.round, current.attempt)
    counted = _counted(state, study, record, status, current, voices)
    return any(holders < threshold_of(record) for _, holders in counted.values())


def _counted(
    state: State, study: str, record: StudyRecord, status: StudyStatus, current: RoundRecord,
    voices: Mapping[str, tuple[str, ...]],
) -> dict[str, tuple[int, int]]:  # fmt: skip
    """Return of each dealer how many of its holders who speak call it sound, and how many speak."""
    number, attempt = status.round, current.attempt
    graph = graph_of(state, study, number, attempt, record)
    dealers = dealers_of(state, study, number, attempt)
    if graph is None:
        counts = Counter(dealer for voice in voices.values() for dealer in voice)
        groups = groups_of(state, study, number, attempt)
        inside = [name for name in dealers if name in groups or not groups]
        return {name: (counts[name], len(of_one_group(groups, name, voices))) for name in inside}
    sound = {(holder, dealer) for holder, voice in voices.items() for dealer in voice}
    found = {}
    for name in dealers:
        holders = [holder for holder in graph[name] if holder in voices]
        found[name] = sum((holder, name) in sound for holder in holders), len(holders)
    return found


def bar(
    state: State, study: str, status: StudyStatus, current: RoundRecord, member: str,
    proof: Literal["opened", "refused"],
) -> list[Event]:  # fmt: skip
    """Let a member take part in a study no more."""
    state.put(study_path(study, "barred"), member, b"%d" % status.round)
    state.put(round_path(study, status.round, "participants"), member, None)
    return [
        DealerBarred(
            study=study, round=status.round, attempt=current.attempt, member=member, proof=proof
        )
    ]


def keep_the_circle(state: State, study: str, status: StudyStatus, current: RoundRecord) -> None:
    """Let only those go on with a round whose sum may be known, and need all of them.

    Sums of the same updates over two different sets would show their difference.
    """
    if current.phase not in (*OPENING, "vote"):
        return
    if not attempt_names(state, round_path(study, status.round, "shares"), current.attempt):
        return
    path = round_path(study, status.round, "participants")
    included = attempt_names(state, round_path(study, status.round, "included"), current.attempt)
    groups = groups_of(state, study, status.round, current.attempt)
    for name in state.keys(path):
        if name in included:
            state.put(round_path(study, status.round, "opened"), name, b"%d" % groups.get(name, 1))
        else:
            state.put(path, name, None)


def needs_everybody(state: State, study: str, number: int) -> bool:
    """Return whether a sum of the open round may be known."""
    return state.count(round_path(study, number, "opened")) > 0
