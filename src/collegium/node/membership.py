"""Changes of the membership: what is proposed, who said what, and making a key's successor."""

from __future__ import annotations

from pathlib import Path
from secrets import token_bytes

import msgspec

from collegium.canonical import to_text
from collegium.errors import NodeError, reason_of
from collegium.ledger.contract.governance import rotation_message
from collegium.ledger.contract.rules import every_proposed
from collegium.ledger.contract.tables import PROPOSAL_VOTES, PROPOSALS, Proposal
from collegium.ledger.contract.transactions import Action, Admit, Adopt, Expel, Rotate
from collegium.ledger.keyfile import AskPassphrase, read_secret
from collegium.ledger.state import State
from collegium.node.config import read_config
from collegium.node.home import NODE_SECRET, add_ledger_key, read_genesis


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed change of the membership, as the ledger has it.

    `yes` and `no` are the validators that have voted.
    """

    proposal: str
    action: Action
    proposer: str
    status: str
    yes: tuple[str, ...]
    no: tuple[str, ...]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A change with the id that it is to be proposed under; a rotation's proof is over both."""

    action: Action
    proposal: str


def changes(state: State) -> tuple[Change, ...]:
    """Return every change that was ever proposed, in order of their ids."""
    ballots: dict[str, dict[str, bool]] = {}
    for name, ballot in state.items(PROPOSAL_VOTES):
        proposal, _, member = name.partition("/")
        ballots.setdefault(proposal, {})[member] = ballot == b"1"
    found = []
    for name, record in state.records(PROPOSALS, Proposal):
        said = ballots.get(name, {})
        change = Change(
            proposal=name, action=record.action, proposer=record.proposer, status=record.status,
            yes=tuple(one for one, approves in said.items() if approves),
            no=tuple(one for one, approves in said.items() if not approves),
        )  # fmt: skip
        found.append(change)
    return tuple(found)


def proposable() -> dict[str, type[msgspec.Struct]]:
    """Return the kinds of changes that can be proposed by their words, such as ``expel``.

    The fields of a mechanism's are what it is about, and the study where there is one.
    """
    kinds: tuple[type[msgspec.Struct], ...] = (Admit, Adopt, Expel, Rotate, *every_proposed())
    return {str(kind.__struct_config__.tag): kind for kind in kinds}


def new_proposal() -> str:
    """Return the id of a proposal that nobody has made; no command line takes it for an option."""
    while (name := to_text(token_bytes(16))).startswith("-"):
        pass
    return name


def new_key(home: Path, ask: AskPassphrase) -> Request:
    """Put a member's next ledger key into its home, and return what makes it the present one.

    Args:
        home: the member's; the new key is kept as its secret is, with or without a passphrase.
        ask: asks for the passphrase.

    Raises:
        CollegiumError: the home is not complete, or the passphrase is another one.
    """
    member = read_config(home).node.member
    _, genesis = read_genesis(home)
    given: list[str | None] = [None]

    def remembered() -> str | None:
        given[0] = ask()
        return given[0]

    read_secret(home / NODE_SECRET, remembered)
    key = add_ledger_key(home, given[0])
    proposal, public = new_proposal(), to_text(key.public)
    proof = key.sign(rotation_message(to_text(genesis), proposal, member, public))
    action = Rotate(key=public, member=member, proof=to_text(proof))
    return Request(action=action, proposal=proposal)


def read_request(path: Path) -> Request:
    """Return what `new_key` made, from a file.

    Raises:
        NodeError: the file is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Request)
    except (OSError, msgspec.MsgspecError) as error:
        raise NodeError(
            "home.request", f"{path} is no request for a new key", reason_of(error),
            "have the member make one with `collegium node rotate HOME --out FILE`",
        ) from error  # fmt: skip
