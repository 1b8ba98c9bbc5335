"""Governance: members admit, expel and rotate keys by vote, adopt modules, and what these add.

What a quorum accepts takes effect at once: a round that is open has its own voters and powers, and
no study can hold a change back (docs/decisions/0136). On ledgers of contract 1 all but a new key
wait until no round is open.
"""

from __future__ import annotations

import msgspec

from collegium import canonical
from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.ledger.contract import members
from collegium.ledger.contract.declared import require_module
from collegium.ledger.contract.events import (
    Event,
    MembershipChanged,
    ProposalAccepted,
    ProposalRefused,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import every_proposed
from collegium.ledger.contract.tables import (
    GOVERNANCE,
    KEYS,
    MEMBERS,
    MODULES,
    PROPOSAL_VOTES,
    PROPOSALS,
    THE_ONE,
    Governance,
    MemberRecord,
    Proposal,
)
from collegium.ledger.contract.transactions import (
    Action,
    Admit,
    Adopt,
    Expel,
    MemberPropose,
    MemberVote,
    Rotate,
)
from collegium.ledger.genesis import check_member
from collegium.ledger.hashing import tagged_hash
from collegium.ledger.keys import KEY_SIZE, SIGNATURE_SIZE, signature_holds, usable_key
from collegium.ledger.state import State

OPEN_PROPOSALS_A_MEMBER = 4


def propose(state: State, sender: str, tx: MemberPropose) -> list[Event]:
    """Record a proposal that could take effect as things stand.

    Raises:
        Rejected: its id is taken, its proposer has too many open, or it makes no sense.
    """
    from_text(tx.proposal, 16, "a proposal's id")
    if state.record(PROPOSALS, tx.proposal, Proposal) is not None:
        raise Rejected("already", "a proposal has this id")
    mine = sum(
        1
        for _, record in state.records(PROPOSALS, Proposal)
        if record.proposer == sender and record.status == "open"
    )
    if mine >= OPEN_PROPOSALS_A_MEMBER:
        raise Rejected("refused", f"{sender} has {mine} open proposals, the most there may be")
    why_not = _obstacle(state, tx.action, tx.genesis, tx.proposal)
    if why_not:
        raise Rejected("refused", why_not)
    record = Proposal(action=tx.action, proposer=sender, status="open")
    state.put(PROPOSALS, tx.proposal, record)
    return []


def vote(state: State, sender: str, tx: MemberVote) -> list[Event]:
    """Count a validator's vote; at a quorum the change is accepted, and applied when it may be.

    A validator may repeat its vote, not change it, where expulsions since have made it decisive.

    Raises:
        Rejected: no such open proposal, or the validator has voted on it.
    """
    proposal = state.record(PROPOSALS, tx.proposal, Proposal)
    if proposal is None:
        raise Rejected("refused", "there is no such proposal")
    if proposal.status != "open":
        raise Rejected("stale", f"the proposal is {proposal.status}")
    key = f"{tx.proposal}/{sender}"
    before, ballot = state.get(PROPOSAL_VOTES, key), b"1" if tx.approve else b"0"
    if before not in (None, ballot):
        raise Rejected("already", f"{sender} has voted the other way on this proposal")
    state.put(PROPOSAL_VOTES, key, ballot)

    current = members.validator_powers(state)
    total = sum(current.values())
    ballots = {name: state.get(PROPOSAL_VOTES, f"{tx.proposal}/{name}") for name in current}
    yes = sum(power for name, power in current.items() if ballots[name] == b"1")
    no = sum(power for name, power in current.items() if ballots[name] == b"0")
    if members.is_quorum(yes, total):
        accepted: list[Event] = [ProposalAccepted(proposal=tx.proposal)]
        if isinstance(proposal.action, Rotate) or _at_once(state):
            return [*accepted, _apply(state, tx.proposal, proposal)]
        _set_status(state, tx.proposal, proposal, "accepted")
        standing = _standing(state)
        waiting = Governance(
            open_rounds=standing.open_rounds, waiting=(*standing.waiting, tx.proposal)
        )
        state.put(GOVERNANCE, THE_ONE, waiting)
        return [*accepted, *apply_waiting(state)]
    if not members.is_quorum(total - no, total):
        _set_status(state, tx.proposal, proposal, "refused")
        return [ProposalRefused(proposal=tx.proposal)]
    if before is not None:
        raise Rejected("already", f"{sender} has voted on this proposal")
    return []


def _at_once(state: State) -> bool:
    return members.contract_version(state) >= 2


def round_opens(state: State) -> None:
    """Note that a round is open, so that membership changes wait where they do."""
    if _at_once(state):
        return
    standing = _standing(state)
    record = Governance(open_rounds=standing.open_rounds + 1, waiting=standing.waiting)
    state.put(GOVERNANCE, THE_ONE, record)


def round_ends(state: State) -> list[Event]:
    """Note that a round ended, and apply what waited if none is open."""
    if _at_once(state):
        return []
    standing = _standing(state)
    record = Governance(open_rounds=standing.open_rounds - 1, waiting=standing.waiting)
    state.put(GOVERNANCE, THE_ONE, record)
    return apply_waiting(state)


def apply_waiting(state: State) -> list[Event]:
    """Apply accepted changes in order, unless a round is open; the impossible is refused."""
    standing = _standing(state)
    if standing.open_rounds or not standing.waiting:
        return []
    events: list[Event] = []
    for name in standing.waiting:
        proposal = state.record(PROPOSALS, name, Proposal)
        if proposal is None:
            continue
        events.append(_apply(state, name, proposal))
    state.put(GOVERNANCE, THE_ONE, Governance(open_rounds=0, waiting=()))
    return events


def _apply(state: State, name: str, proposal: Proposal) -> Event:
    """Make an accepted change, or refuse it where it has become impossible."""
    if _obstacle(state, proposal.action, None, name):
        _set_status(state, name, proposal, "refused")
        return ProposalRefused(proposal=name)
    _change(state, proposal.action)
    _set_status(state, name, proposal, "applied")
    return MembershipChanged(action=proposal.action, proposal=name)


def rotation_message(
    genesis: str,
    proposal: str,
    member: str,
    key: str,
    consensus: str | msgspec.UnsetType = msgspec.UNSET,
) -> bytes:
    """Return what the new key signs to show that its holder wants the rotation."""
    said = [genesis, proposal, member, key]
    if isinstance(consensus, str):
        said.append(consensus)
    return tagged_hash("rotate", canonical.encode(said))


def _standing(state: State) -> Governance:
    return state.record(GOVERNANCE, THE_ONE, Governance) or Governance(open_rounds=0, waiting=())


def _set_status(state: State, name: str, proposal: Proposal, status: str) -> None:
    record = Proposal(action=proposal.action, proposer=proposal.proposer, status=status)  # type: ignore[arg-type]
    state.put(PROPOSALS, name, record)


def _obstacle(state: State, action: Action, genesis: str | None, proposal: str) -> str | None:
    """Return why a change cannot take effect now, or None. With a genesis, proofs are checked."""
    proposed = every_proposed().get(type(action))
    if proposed is not None:
        return proposed.obstacle(state, action)
    if isinstance(action, Adopt):
        return f"{action.module} is admitted" if state.has(MODULES, action.module) else None
    if isinstance(action, Admit):
        try:
            check_member(action.member)
        except FormatError as error:
            return error.why
        if state.record(MEMBERS, action.member.id, MemberRecord) is not None:
            return f"{action.member.id} is or was a member"
        return _key_obstacle(state, action.member.key, action.member.consensus)
    if not isinstance(action, Expel | Rotate):
        raise LookupError(type(action))
    member = members.active_member(state, action.member)
    if member is None:
        return f"{action.member} is not a member"
    if isinstance(action, Expel):
        others = {name for name in members.validator_powers(state) if name != action.member}
        return None if others else "nobody would be left to validate"
    if genesis is not None:
        key = from_text(action.key, KEY_SIZE, "a new key")
        proof = from_text(action.proof, SIGNATURE_SIZE, "a proof of possession")
        message = rotation_message(genesis, proposal, action.member, action.key, action.consensus)
        if not usable_key(key) or not signature_holds(key, message, proof):
            return "the new key did not sign for the rotation"
    return _key_obstacle(state, action.key, action.consensus)


def _key_obstacle(state: State, key: str, consensus: str | msgspec.UnsetType) -> str | None:
    names = [members.key_name(key)]
    if isinstance(consensus, str):
        if members.contract_version(state) < 2:
            return "members have consensus keys from contract 2 on"
        if not usable_key(from_text(consensus, KEY_SIZE, "a consensus key")):
            return "the consensus key is not a sound Ed25519 point"
        names += [members.key_name(consensus), members.consensus_address(consensus)]
    if members.contract_version(state) >= 2:
        names.append(members.consensus_address(key))
    taken = len(set(names)) < len(names) or any(state.has(KEYS, name) for name in names)
    return "the key is or was in use" if taken else None


def _change(state: State, action: Action) -> None:
    if isinstance(action, Admit):
        members.admit(state, action.member)
        return
    if (proposed := every_proposed().get(type(action))) is not None:
        proposed.apply(state, action)
        return
    if isinstance(action, Adopt):
        require_module(action.module)
        state.put(MODULES, action.module, b"1")
        return
    if not isinstance(action, Expel | Rotate):
        raise LookupError(type(action))
    member = members.active_member(state, action.member)
    if member is None:
        raise LookupError(action.member)
    if isinstance(action, Rotate):
        state.put(KEYS, members.key_name(action.key), action.member.encode())
        changed = msgspec.structs.replace(member, key=action.key)
        if isinstance(action.consensus, str):
            state.put(
                KEYS, members.consensus_address(action.consensus), members.SPEAKS_IN_CONSENSUS
            )
            changed = msgspec.structs.replace(changed, consensus=action.consensus)
    else:
        changed = msgspec.structs.replace(member, active=False, power=0)
    state.put(MEMBERS, action.member, changed)
