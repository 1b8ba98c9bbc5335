"""What the ledger says about members and studies as a whole, as a node asks it."""

from __future__ import annotations

from collegium.ledger.contract.members import active_member
from collegium.ledger.contract.tables import MEMBERS
from collegium.ledger.genesis import Role
from collegium.ledger.state import State


def registered_studies(state: State) -> list[str]:
    """Return the ids of all studies that are registered, in order."""
    return list(state.branches("studies"))


def members_with(state: State, role: Role) -> list[str]:
    """Return the ids of the active members that have a role, in order."""
    names = (name for name, _ in state.items(MEMBERS))
    records = ((name, active_member(state, name)) for name in names)
    return [name for name, record in records if record is not None and role in record.roles]
