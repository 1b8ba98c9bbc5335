"""What CometBFT finds in a home."""

from __future__ import annotations

import json
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.ledger.engines.cometbft.kit import NAMES, consensus_key, world

from collegium.canonical import to_text
from collegium.errors import NodeError
from collegium.ledger.engines.cometbft.engine import COMETBFT, is_address
from collegium.ledger.engines.cometbft.home import (
    FOLDER,
    SIGNED_LAST,
    Cometbft,
    address,
    chain_id,
    config_text,
    forget_blocks,
    forget_chain,
    genesis_document,
    make_key,
)
from collegium.ledger.engines.cometbft.home import (
    consensus_key as key_in,
)
from collegium.ledger.engines.cometbft.listening import LONGEST_PATH, require_short

IDS = {name: address(consensus_key(name).public).hex() for name in NAMES}


def config(**settings: object) -> dict[str, Any]:
    return tomllib.loads(config_text(Path("/home/ada"), Cometbft(**settings), "ada", IDS))  # type: ignore[arg-type]


def test_features_that_would_halt_or_open_a_chain_are_off() -> None:
    told = config()
    assert told["consensus"]["create_empty_blocks"] is False
    assert told["mempool"]["type"] == "flood"
    assert told["p2p"]["pex"] is False
    assert told["filter_peers"] is True
    assert str(told["rpc"]["laddr"]).startswith("tcp://127.0.0.1:")
    assert told["rpc"]["pprof_laddr"] == ""
    assert told["consensus"]["double_sign_check_height"] == 0, "a restart within ten blocks is none"


def test_members_are_reached_by_their_keys_and_others_are_left_out() -> None:
    told = config(peers={"bo": "bo.example:26656", "mallory": "m.example:26656"})
    assert told["p2p"]["persistent_peers"] == f"{IDS['bo']}@bo.example:26656"


def test_the_genesis_follows_from_the_ledgers_alone() -> None:
    of = world()
    told = json.loads(genesis_document(of.genesis, of.identity))
    assert told["chain_id"] == chain_id(of.identity)
    assert len(told["chain_id"]) <= 50
    assert [one["name"] for one in told["validators"]] == list(NAMES)
    assert told["consensus_params"]["abci"]["vote_extensions_enable_height"] == "0"
    assert genesis_document(of.genesis, of.identity) == genesis_document(of.genesis, of.identity)


def test_a_validator_without_a_consensus_key_is_named() -> None:
    of = world()
    first, *others = of.genesis.members
    bare = msgspec.structs.replace(first, consensus=msgspec.UNSET)
    with pytest.raises(NodeError) as caught:
        genesis_document(msgspec.structs.replace(of.genesis, members=(bare, *others)), of.identity)
    assert (caught.value.code, "ada" in caught.value.what) == ("cometbft.genesis", True)


def test_a_new_chain_forgets_what_was_signed_and_fetching_anew_does_not(tmp_path: Path) -> None:
    public = make_key(tmp_path, bytes(32))
    forget_chain(tmp_path)
    assert to_text(key_in(tmp_path)) == public
    assert address(key_in(tmp_path)) == sha256(key_in(tmp_path)).digest()[:20]
    signed = tmp_path / FOLDER / "data" / SIGNED_LAST
    assert signed.stat().st_mode & 0o777 == 0o600
    signed.write_text("signed a lot")
    (signed.parent / "blockstore.db").mkdir()
    forget_blocks(tmp_path)
    assert [one.name for one in signed.parent.iterdir()] == [SIGNED_LAST]
    assert signed.read_text() == "signed a lot"
    forget_chain(tmp_path)
    assert json.loads(signed.read_text())["height"] == "0"


@pytest.mark.parametrize("content", [None, b"{}", b"[]", b'{"priv_key":{"value":"AAAA"}}'])
def test_a_key_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / FOLDER / "config/priv_validator_key.json"
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NodeError) as caught:
        key_in(tmp_path)
    assert caught.value.code == "cometbft.key"


def test_settings_that_cannot_work_are_named() -> None:
    wrong = Cometbft(listen="26656", peers={"bo": "bo.example"}, rpc=70000)
    assert [key for key, *_ in COMETBFT.faults(wrong)] == ["listen", "peers", "rpc"]
    assert list(COMETBFT.faults(Cometbft())) == []
    assert is_address("[::1]:80")


def test_a_sockets_path_has_its_length() -> None:
    require_short(Path("/" + "a" * (LONGEST_PATH - 1)))
    with pytest.raises(NodeError) as caught:
        require_short(Path("/" + "a" * LONGEST_PATH))
    assert caught.value.code == "cometbft.socket"
