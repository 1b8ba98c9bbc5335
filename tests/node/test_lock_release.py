"""Giving up a cosigned block: only what binds, by its name, in a home whose node is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.contract.kit import four_equals
from tests.ledger.engines.log.kit import MEMBERS, Consortium, consortium
from tests.transport.kit import certify_member

from collegium.errors import NodeError, RunError
from collegium.ledger.genesis import encode_genesis
from collegium.node.home import held
from collegium.node.lock_release import locked_block, release_block
from collegium.node.templates import config_text
from collegium.transport.authority import create_authority


def stopped(us: Consortium, name: str) -> Path:
    """A member's home, with what a node's has, and nobody in it."""
    us.replicas.pop(name).close()
    home = us.home(name)
    (home / "node.toml").write_text(config_text(name, url="https://127.0.0.1:1"))
    (home / "genesis.json").write_bytes(encode_genesis(us.world.genesis))
    create_authority(us.folder / "authority", "trial")
    certify_member(us.folder / "authority", home / "tls", name)
    return home


@pytest.fixture
def bound(tmp_path: Path) -> Path:
    """The home of bo, which has cosigned a block that only it and ada have seen."""
    us = consortium(tmp_path, world=four_equals())
    us.settle("one")
    us.connect(None, ["cy", "di"])
    us.wires["ada"].submit([us.registration("two")])
    us.step(["ada", "bo"])
    home = stopped(us, "bo")
    us.close()
    return home


def test_what_binds_is_told_and_given_up_by_its_name(bound: Path) -> None:
    block = locked_block(bound, print)
    assert (block.first, block.size) == (1, 2)
    with pytest.raises(RunError, match=r"cosigned\.other"):
        release_block(bound, "A" * 43, print)
    assert locked_block(bound, print) == block, "nothing was given up by another name"
    assert release_block(bound, block.block, print) == block
    assert list((bound / "evidence").glob("released-*"))
    with pytest.raises(RunError, match=r"cosigned\.nothing"):
        release_block(bound, block.block, print)


def test_nothing_is_given_up_under_a_running_node_or_from_a_damaged_copy(bound: Path) -> None:
    with held(bound), pytest.raises(NodeError, match=r"home\.busy"):
        locked_block(bound, print)
    data = bytearray((bound / "ledger.log").read_bytes())
    data[len(data) // 4] ^= 1
    (bound / "ledger.log").write_bytes(data)
    (bound / "ledger.log.snapshot").unlink(missing_ok=True)
    with pytest.raises(NodeError, match=r"node\.copy"):
        locked_block(bound, print)


def test_who_is_bound_to_nothing_has_nothing_to_give_up(tmp_path: Path) -> None:
    us = consortium(tmp_path, world=four_equals())
    us.settle("one")
    home = stopped(us, MEMBERS[0])
    us.close()
    with pytest.raises(RunError, match=r"cosigned\.nothing"):
        locked_block(home, print)
