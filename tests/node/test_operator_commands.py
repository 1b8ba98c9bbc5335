"""What an operator asks of a running node: once, answered from the ledger, and never half."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.node.kit import Town, town

from collegium.errors import NodeError, RunError
from collegium.ledger.contract.transactions import Expel, Rotate
from collegium.ledger.frames import read_frames
from collegium.ledger.keyfile import write_secret
from collegium.ledger.ordering import Refused
from collegium.node.home import LEDGER_KEY, ORDERS, add_ledger_key
from collegium.node.keyring import KeyRing
from collegium.node.membership import changes, new_key, new_proposal
from collegium.node.operator_commands import (
    CommandAnswer,
    OperatorCommand,
    OperatorCommands,
    Propose,
    Vote,
    give_command,
)
from collegium.node.sender import AnsweredTransaction


def orders_of(at: Town, member: str) -> OperatorCommands:
    acting = at.acting[member]
    ring = KeyRing(acting.home, lambda: None)
    return OperatorCommands(acting.home, lambda: acting.identity, acting.state, ring.of)


def put(home: Path, order: OperatorCommand) -> Path:
    (home / ORDERS).mkdir(exist_ok=True)
    path = home / ORDERS / "one.json"
    path.write_bytes(msgspec.json.encode(order))
    return path.with_suffix(".answer")


def answer(path: Path) -> CommandAnswer:
    return msgspec.json.decode(path.read_bytes(), type=CommandAnswer)


def hand_over(at: Town, orders: OperatorCommands) -> None:
    for envelope in orders.due():
        (outcome,) = at.engine.submit([envelope])
        if isinstance(outcome, Refused):
            orders.hear(AnsweredTransaction(envelope, outcome))


def test_an_order_is_done_when_the_ledger_shows_it_and_is_said_once(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        orders, proposal = orders_of(at, "va"), new_proposal()
        answered = put(at.home("va"), Propose(action=Expel(member="hungarian"), proposal=proposal))
        assert orders.due() == orders.due(), "what is said again is the same transaction"
        hand_over(at, orders)
        assert not answered.exists()
        assert orders_of(at, "va").due() == [], "another process finds it done"
        assert answer(answered).done
        assert [one.proposal for one in changes(at.engine.application.state)] == [proposal]
        answered = put(at.home("va"), Vote(approve=True, proposal=proposal))
        hand_over(at, orders)
        assert orders.due() == []
        assert answer(answered).done
        assert changes(at.engine.application.state)[0].yes == ("va",)


def test_what_the_contract_refuses_is_answered_with_its_reason(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        orders = orders_of(at, "va")
        answered = put(at.home("va"), Vote(approve=True, proposal=new_proposal()))
        hand_over(at, orders)
        told = answer(answered)
        assert (told.done, told.code, told.reason) == (
            False,
            "refused",
            "there is no such proposal",
        )
        assert orders.due() == []


def test_what_is_no_order_is_answered_and_taken_away(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        answered = put(at.home("va"), Vote(approve=True, proposal="x"))
        answered.with_suffix(".json").write_bytes(b"{")
        assert orders_of(at, "va").due() == []
        assert answer(answered).code == "malformed"


def test_a_rotation_to_a_key_that_the_node_does_not_hold_is_not_proposed(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        home, orders = at.home("va"), orders_of(at, "va")
        (home / "genesis.json").write_bytes(genesis_bytes(at))
        request = new_key(home, lambda: None)
        assert isinstance(request.action, Rotate)
        added = home / "keys" / "ledger-0002.pem"
        kept = added.read_bytes()
        added.unlink()
        answered = put(home, Propose(action=request.action, proposal=request.proposal))
        assert orders.due() == []
        assert answer(answered).code == "node.key"
        write_back(added, kept)
        put(home, Propose(action=request.action, proposal=request.proposal))
        hand_over(at, orders)
        assert changes(at.engine.application.state)[0].action == request.action


def genesis_bytes(at: Town) -> bytes:
    return next(iter(read_frames((at.folder / "ledger.log").read_bytes()))).body


def write_back(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)


def test_a_key_that_is_added_under_the_passphrase_of_the_start_is_found(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    write_secret(tmp_path / "keys" / "node.pem", bytes(32), "secret")
    write_secret(tmp_path / LEDGER_KEY, bytes([1] * 32), "secret")
    asked: list[str] = []

    def ask() -> str:
        asked.append("once")
        return "secret"

    ring = KeyRing(tmp_path, ask)
    key = add_ledger_key(tmp_path, "secret")
    assert ring.of(key.public) == key
    assert ring.of(bytes(32)) is None
    assert asked == ["once"]
    other = add_ledger_key(tmp_path, "another")
    with pytest.raises(RunError) as caught:
        ring.of(other.public)
    assert caught.value.code == "key.passphrase"


def test_no_order_is_left_where_no_node_runs(tmp_path: Path) -> None:
    with pytest.raises(NodeError) as caught:
        give_command(tmp_path, Vote(approve=True, proposal="x"), 1.0)
    assert caught.value.code == "node.not-running"
    assert not (tmp_path / ORDERS).exists()


def test_an_id_that_is_none_is_answered_and_never_sent(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        orders = orders_of(at, "va")
        answered = put(at.home("va"), Vote(approve=True, proposal="nonsense"))
        assert orders.due() == []
        assert answer(answered).code == "format.malformed"


def test_a_member_does_not_vote_twice_and_otherwise(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        orders, proposal = orders_of(at, "va"), new_proposal()
        put(at.home("va"), Propose(action=Expel(member="hungarian"), proposal=proposal))
        hand_over(at, orders)
        orders.due()
        put(at.home("va"), Vote(approve=True, proposal=proposal))
        hand_over(at, orders)
        orders.due()
        answered = put(at.home("va"), Vote(approve=False, proposal=proposal))
        assert orders.due() == [], "signed, it would prove that va said two things"
        assert answer(answered).code == "node.voted"
        answered = put(at.home("va"), Vote(approve=True, proposal=proposal))
        assert orders.due() == []
        assert answer(answered).done
