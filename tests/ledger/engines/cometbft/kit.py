"""A ledger whose validators have consensus keys, and what CometBFT would ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from tests.ledger.contract.kit import World, envelope, four_equals, key_of
from tests.ledger.contract.moves import proposal_id

from collegium.canonical import to_text
from collegium.errors import RunError
from collegium.ledger.contract.transactions import Expel, MemberPropose, MemberVote
from collegium.ledger.engines.cometbft import abci, binary
from collegium.ledger.engines.cometbft.cosigning import NOBODYS
from collegium.ledger.engines.cometbft.execution import Execution
from collegium.ledger.engines.cometbft.home import address, chain_id
from collegium.ledger.engines.cometbft.opening import open_home
from collegium.ledger.genesis import encode_genesis, genesis_digest
from collegium.ledger.keys import SigningKey

NAMES = ("ada", "bo", "cy", "di")

OPENED: list[Execution] = []
"""What a test has opened."""


def consensus_key(name: str) -> SigningKey:
    """Return the consensus key that a member's name stands for."""
    return key_of(f"consensus of {name}")


def world() -> World:
    """Return four members of power 1, each with a consensus key; the log's key is nobody's."""
    found = four_equals()
    members = tuple(
        msgspec.structs.replace(one, consensus=to_text(consensus_key(one.id).public))
        for one in found.genesis.members
    )
    log = to_text(NOBODYS.public)
    found.genesis = msgspec.structs.replace(
        found.genesis, members=members, log=log, ordered_within=msgspec.UNSET
    )
    found.identity = genesis_digest(encode_genesis(found.genesis))
    return found


def opened(home: Path, of: World) -> Execution:
    """Return the application of a home."""
    application, height = open_home(home, of.genesis, lambda _: None)
    OPENED.append(Execution(home, application, height))
    return OPENED[-1]


def begin(of: World) -> abci.InitChain:
    """Return what CometBFT asks first."""
    powers = {consensus_key(name).public: 1 for name in NAMES}
    return abci.InitChain(chain_id(of.identity), powers, 1)


def proposal(of: World, sender: str, label: str, expelled: str = "di") -> bytes:
    """Return a transaction: a proposal to expel somebody."""
    return envelope(of, sender, MemberPropose, action=Expel(expelled), proposal=proposal_id(label))


def vote(of: World, sender: str, label: str) -> bytes:
    """Return a transaction: a vote for that proposal."""
    return envelope(of, sender, MemberVote, approve=True, proposal=proposal_id(label))


def block(
    height: int, transactions: Sequence[bytes] = (), proposer: str = "bo"
) -> abci.FinalizeBlock:
    """Return a decided block."""
    named = address(consensus_key(proposer).public)
    return abci.FinalizeBlock(height, tuple(transactions), (), b"\1" * 32, named)


def decide(
    execution: Execution, height: int, *transactions: bytes, proposer: str = "bo"
) -> abci.Response:
    """Execute a block and commit it; return what was answered to the first."""
    answer = execution.answer(block(height, transactions, proposer))
    execution.answer(abci.Commit())
    return answer


def has_cometbft() -> str | None:
    """Return why there is no CometBFT to try, or None where there is one."""
    try:
        binary.find()
    except RunError as error:
        return f"{error.what}: `collegium network install` builds one"
    return None
