"""Retiring updates after a study: who may say that their blobs are kept no longer.

A site retires its own updates by its own word: they came of its rows. Everybody's updates take
more than two thirds of the validators' power, because with them goes what an outsider could
recompute a round from, and no single member may take that away (docs/decisions/0017).
"""

from __future__ import annotations

from collegium.ledger.contract import members
from collegium.ledger.contract.events import Event, UpdatesRetired
from collegium.ledger.contract.preconditions import study_of
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import MemberRecord, study_path
from collegium.ledger.contract.transactions import BlobRetire
from collegium.ledger.state import State

EVERYBODY = "*"  # no member's id


def retire(state: State, sender: str, member: MemberRecord, tx: BlobRetire) -> list[Event]:
    """Record that updates of a closed study are kept no longer: the sender's own, or a vote.

    Raises:
        Rejected: the study is not closed, had no such round, or they are retired already; or the
            sender took no part (own updates), or is no validator (everybody's).
    """
    status = study_of(state, tx.study).status
    sites = state.keys(study_path(tx.study, "sites"))
    if tx.updates == "all":
        members.require_role(member, "validator", "vote to retire everybody's updates")
    elif sender not in sites:
        raise Rejected("not-a-participant", f"{sender} takes no part in the study")
    if status.phase != "closed":
        raise Rejected("early", f"the study is in {status.phase}; updates are kept until it closes")
    if tx.round > status.round:
        raise Rejected("refused", f"the study had {status.round} rounds")
    whose = EVERYBODY if tx.updates == "all" else sender
    if is_retired(state, tx.study, tx.round, whose):
        raise Rejected("already", "they are retired")
    if tx.updates == "all":
        votes = study_path(tx.study, "retirement_votes")
        if not members.vote_counts(state, votes, f"{tx.round:08d}", sender, "voted to retire them"):
            return []
    state.put(study_path(tx.study, "retired"), f"{tx.round:08d}/{whose}", b"1")
    named = tuple(sites) if tx.updates == "all" else (sender,)
    return [UpdatesRetired(study=tx.study, round=tx.round, members=named)]


def is_retired(state: State, study: str, number: int, whose: str) -> bool:
    """Return whether updates are retired: of a round or of all (0), a member's or everybody's."""
    retired = study_path(study, "retired")
    return any(
        state.has(retired, f"{place:08d}/{name}")
        for place in (0, number)
        for name in (EVERYBODY, whose)
    )
