"""Orders: what a member's operator asks of the node that runs, through the folder ``orders/``.

The running node holds the keys, the ledger and the line to the sequencer, so commands ask it;
docs/decisions/0019. An order is a file ``NAME.json``; the answer is ``NAME.answer``, written when
what was asked is final on the ledger, or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep

import msgspec

from collegium.canonical import from_text
from collegium.errors import CollegiumError, NodeError
from collegium.federation.identity import Identity
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.tables import PROPOSAL_VOTES, PROPOSALS
from collegium.ledger.contract.transactions import Action, MemberPropose, MemberVote, Rotate
from collegium.ledger.durability import write_whole
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.ordering import Refused
from collegium.ledger.sealing import KeyOf
from collegium.ledger.state import State
from collegium.node.home import ORDERS
from collegium.node.membership import Change
from collegium.node.sender import AnsweredTransaction
from collegium.node.status_page import ask_status

LOOK_EVERY = 0.05
"""Seconds between two looks for an answer."""

_ORDER, _ANSWER = ".json", ".answer"


class OperatorCommand(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="order", kw_only=True
):
    """What every order is about: a proposal's id."""

    proposal: str


class Propose(OperatorCommand, frozen=True, tag="propose", kw_only=True):
    """Propose a change of the membership under an id."""

    action: Action


class Vote(OperatorCommand, frozen=True, tag="vote", kw_only=True):
    """Say yes or no to a proposal."""

    approve: bool


class CommandAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order: `code` and `reason` say why it was refused, if it was."""

    done: bool
    code: str = ""
    reason: str = ""


def give_command(home: Path, order: OperatorCommand, patience: float) -> None:
    """Ask something of the node that runs in a home; return when it is final on the ledger.

    Args:
        home: the member's.
        order: what is asked.
        patience: seconds to wait for.

    Raises:
        NodeError: no node runs there, it refused, or it has not answered in time.
    """
    ask_status(home)
    (home / ORDERS).mkdir(mode=0o700, exist_ok=True)
    path = home / ORDERS / f"{token_hex(8)}{_ORDER}"
    write_whole(path, msgspec.json.encode(order))
    answer = path.with_suffix(_ANSWER)
    until = monotonic() + patience
    while not answer.exists():
        if monotonic() > until:
            raise NodeError(
                "node.unanswered", f"the node has not done it within {patience:.0f} s",
                f"nothing has become final; the order stays in {path}",
                "see `collegium node status`; remove the file to take the order back",
            )  # fmt: skip
        sleep(LOOK_EVERY)
    told = msgspec.json.decode(answer.read_bytes(), type=CommandAnswer)
    answer.unlink()
    if not told.done:
        raise NodeError(
            "node.refused", f"the {order.__struct_config__.tag} was refused ({told.code})",
            told.reason, "look at `collegium node proposals`",
        )  # fmt: skip


def change_after_vote(home: Path, proposal: str, patience: float) -> Change | None:
    """Return a proposal as the node shows it once it shows the member's vote, or None.

    The status page is as of the node's last turn, and so may be a moment behind an answer.
    """
    until = monotonic() + patience
    while monotonic() < until:
        status = ask_status(home)
        for one in status.changes:
            if one.proposal == proposal and status.member in (*one.yes, *one.no):
                return one
        sleep(LOOK_EVERY)
    return None


class OperatorCommands:
    """A running node's side of its ``orders/``. Whatever is found twice is said once."""

    def __init__(
        self, home: Path, identity: Callable[[], Identity | None], state: Callable[[], State],
        key_of: KeyOf,
    ) -> None:  # fmt: skip
        self._folder = home / ORDERS
        self._identity, self._state, self._key_of = identity, state, key_of
        self._said: dict[bytes, Path] = {}

    def due(self) -> list[bytes]:
        """Return the transactions that are due to orders; answer what is final or impossible.

        Call it only while everything that is held is final.
        """
        found: list[bytes] = []
        for path in sorted(self._folder.glob(f"*{_ORDER}")):
            try:
                order = msgspec.json.decode(path.read_bytes(), type=Propose | Vote)
                identity = self._identity()
                if identity is None:
                    self._answer(path, "unknown-member", "this home's member is no member now")
                elif self._is_done(identity.member, order):
                    self._answer(path)
                else:
                    envelope = self._envelope(identity, order)
                    decode_transaction(decode_envelope(envelope).payload)  # an id may be malformed
                    self._said[envelope] = path
                    found.append(envelope)
            except CollegiumError as error:
                self._answer(path, error.code, f"{error.what}: {error.why}")
            except msgspec.MsgspecError as error:
                self._answer(path, "malformed", str(error))
            except OSError:  # it was taken back
                continue
        return found

    def hear(self, answered: AnsweredTransaction) -> None:
        """Hear what became of a transaction, whoever it was due to."""
        path = self._said.pop(answered.envelope, None)
        if path is not None and isinstance(answered.answer, Refused):
            self._answer(path, answered.answer.code, answered.answer.reason)

    def _is_done(self, member: str, order: Propose | Vote) -> bool:
        state = self._state()
        if isinstance(order, Propose):
            return state.get(PROPOSALS, order.proposal) is not None
        ballot = b"1" if order.approve else b"0"
        return state.get(PROPOSAL_VOTES, f"{order.proposal}/{member}") == ballot

    def _envelope(self, identity: Identity, order: Propose | Vote) -> bytes:
        if isinstance(order, Vote):
            self._require_first(identity.member, order.proposal)
            return identity.sign(MemberVote, approve=order.approve, proposal=order.proposal)
        action = order.action
        if isinstance(action, Rotate) and action.member == identity.member:
            self._require_key(action)
        return identity.sign(MemberPropose, action=action, proposal=order.proposal)

    def _require_first(self, member: str, proposal: str) -> None:
        """Refuse a second vote: signed, it would prove that the member said two things."""
        if self._state().get(PROPOSAL_VOTES, f"{proposal}/{member}") is not None:
            raise NodeError(
                "node.voted", f"{member} has voted on this proposal, otherwise",
                "a vote stands", "let the others vote, or make a new proposal",
            )  # fmt: skip

    def _require_key(self, action: Rotate) -> None:
        """Refuse a rotation to a key that this node does not hold: it could not speak after it."""
        if self._key_of(from_text(action.key, KEY_SIZE)) is None:
            raise NodeError(
                "node.key", "this home does not hold the new ledger key",
                "after the rotation it could sign nothing",
                "make the key with `collegium node rotate`",
            )  # fmt: skip

    def _answer(self, path: Path, code: str = "", reason: str = "") -> None:
        answer = CommandAnswer(done=not code, code=code, reason=reason)
        write_whole(path.with_suffix(_ANSWER), msgspec.json.encode(answer))
        path.unlink(missing_ok=True)
