"""What CometBFT finds in a member's home: its keys, the genesis in its form, its settings.

All of it but keys and what was signed last follows from the ledger's genesis and `[cometbft]` of
node.toml, and is written anew at every start, so that nobody edits it. Timeouts are the same for
all members: whoever waited less would propose out of proportion.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from collegium.canonical import to_text
from collegium.errors import NodeError, reason_of
from collegium.ledger.contract.members import public_key
from collegium.ledger.durability import write_whole
from collegium.ledger.envelope import LARGEST_ENVELOPE
from collegium.ledger.genesis import Genesis
from collegium.ledger.keyfile import write_private
from collegium.ledger.keys import signing_key

FOLDER = "cometbft"
SOCKET = "app"
_CONSENSUS_KEY, _NODE_KEY = "config/priv_validator_key.json", "config/node_key.json"
SIGNED_LAST = "priv_validator_state.json"
"""What the consensus key signed last: whoever restores an old one may sign two votes."""

GENESIS_TIME = "2026-01-01T00:00:00Z"
"""When every chain begins: the first block's time, which all members must have alike."""

BLOCK_BYTES = 2 * 2**20
"""What a block may have in all; docs/decisions/0170."""

EVIDENCE_BLOCKS, EVIDENCE_DAYS = 100_000, 30
"""For how long a vote that was signed twice counts: hospitals change keys slowly."""


class Cometbft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[cometbft]`` of node.toml: where this member listens, and where it finds others.

    Attributes:
        listen: host and port for CometBFT of other members.
        peers: host and port of members that can be reached from here, by their ids. Of two members
            one must reach the other, over others if need be.
        rpc: the port on 127.0.0.1 at which CometBFT is asked by this node alone.
    """

    listen: str = "0.0.0.0:26656"
    peers: Mapping[str, str] = {}
    rpc: int = 26657


def make_key(home: Path, seed: bytes) -> str:
    """Write a new member's consensus key from a seed of 32 bytes; return its public half.

    It also names the member's node: by the contract's keys every node knows whom it lets in. What
    a node signs when it connects is 32 bytes of a transcript, and no vote is as short.

    Raises:
        RunError: it is there.
    """
    folder = home / FOLDER
    (folder / "config").mkdir(parents=True, mode=0o700)
    key = signing_key(seed)
    secret = _key("PrivKey", seed + key.public)
    write_private(folder / _CONSENSUS_KEY, _json({
        "address": address(key.public).hex().upper(),
        "pub_key": _key("PubKey", key.public), "priv_key": secret,
    }))  # fmt: skip
    write_private(folder / _NODE_KEY, _json({"priv_key": secret}))
    return to_text(key.public)


def forget_chain(home: Path) -> None:
    """Empty what CometBFT keeps, for another chain, in which its key has signed nothing."""
    data = home / FOLDER / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    write_private(data / SIGNED_LAST, _json({"height": "0", "round": 0, "step": 0}))


def forget_blocks(home: Path) -> None:
    """Empty what CometBFT keeps of its chain but for what was signed last."""
    data = home / FOLDER / "data"
    for path in data.iterdir():
        if path.name == SIGNED_LAST:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def address(public: bytes) -> bytes:
    """Return the name by which CometBFT knows a key: the first 20 bytes of its SHA-256."""
    return sha256(public).digest()[:20]


def consensus_key(home: Path) -> bytes:
    """Return the public consensus key of a home.

    Raises:
        NodeError: it is missing.
    """
    path = home / FOLDER / _CONSENSUS_KEY
    try:
        said = msgspec.json.decode(path.read_bytes())
        secret = base64.b64decode(said["priv_key"]["value"], validate=True)
        if len(secret) != 64:
            raise ValueError(len(secret))
    except (OSError, msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
        why = reason_of(error) if isinstance(error, OSError) else "it is no key of CometBFT"
        raise NodeError(
            "cometbft.key", f"{path} cannot be used", why,
            "restore the folder cometbft/config from the home's backup",
        ) from error  # fmt: skip
    return secret[32:]


def chain_id(identity: bytes) -> str:
    """Return how CometBFT calls the chain of a ledger, by its genesis digest."""
    return f"collegium-{identity.hex()[:32]}"


def genesis_document(genesis: Genesis, identity: bytes) -> bytes:
    """Return a ledger's genesis in CometBFT's form.

    Raises:
        NodeError: a validator has no consensus key.
    """
    validators = []
    for member in genesis.members:
        if not member.power:
            continue
        if not isinstance(member.consensus, str):
            raise NodeError(
                "cometbft.genesis", f"{member.id} validates without a consensus key",
                "the genesis was made for another engine",
                "found the ledger of cards that `collegium node init --engine cometbft` makes",
            )  # fmt: skip
        key = public_key(member.consensus)
        validators.append({
            "address": address(key).hex().upper(), "pub_key": _key("PubKey", key),
            "power": str(member.power), "name": member.id,
        })  # fmt: skip
    limits = {
        "block": {"max_bytes": str(BLOCK_BYTES), "max_gas": "-1"},
        "evidence": {
            "max_age_num_blocks": str(EVIDENCE_BLOCKS),
            "max_age_duration": str(EVIDENCE_DAYS * 86400 * 10**9), "max_bytes": "65536",
        },
        "validator": {"pub_key_types": ["ed25519"]},
        "version": {"app": "0"},
        "abci": {"vote_extensions_enable_height": "0"},
    }  # fmt: skip
    return _json({
        "genesis_time": GENESIS_TIME, "chain_id": chain_id(identity), "initial_height": "1",
        "consensus_params": limits, "validators": validators, "app_hash": "",
    })  # fmt: skip


def prepare(
    home: Path, genesis: Genesis, identity: bytes, settings: Cometbft, name: str,
    ids: Mapping[str, str],
) -> None:  # fmt: skip
    """Write what CometBFT is started with.

    Args:
        home: the member's; its keys are there.
        genesis: the ledger's.
        identity: its digest.
        settings: of node.toml.
        name: the member's id.
        ids: of members' nodes, by member.

    Raises:
        NodeError: a validator has no consensus key.
    """
    folder = home / FOLDER
    write_whole(folder / "config/genesis.json", genesis_document(genesis, identity))
    write_whole(folder / "config/config.toml", config_text(home, settings, name, ids).encode())


def config_text(home: Path, settings: Cometbft, name: str, ids: Mapping[str, str]) -> str:
    """Return CometBFT's config.toml; who is no member is left out of the peers."""
    peers = [f"{ids[one]}@{where}" for one, where in settings.peers.items() if one in ids]
    sections: Mapping[str, Mapping[str, str | int | bool]] = {
        "": {
            "proxy_app": f"unix://{home / FOLDER / SOCKET}", "moniker": name, "abci": "socket",
            "log_level": "info", "log_format": "json", "filter_peers": True,
        },
        "rpc": {
            "laddr": f"tcp://127.0.0.1:{settings.rpc}", "pprof_laddr": "",
            "max_body_bytes": 64 * LARGEST_ENVELOPE,
        },
        "p2p": {
            "laddr": f"tcp://{settings.listen}", "persistent_peers": ",".join(peers),
            "unconditional_peer_ids": ",".join(ids.values()), "pex": False,
            "addr_book_strict": False,
            "allow_duplicate_ip": True, "persistent_peers_max_dial_period": "5s",
            "flush_throttle_timeout": "10ms", "send_rate": 20480000, "recv_rate": 20480000,
        },
        "mempool": {
            "type": "flood", "recheck": True, "size": 5000, "cache_size": 10000,
            "keep-invalid-txs-in-cache": False, "max_tx_bytes": LARGEST_ENVELOPE,
        },
        "statesync": {"enable": False},
        "blocksync": {"version": "v0"},
        "consensus": {
            "timeout_propose": "1s", "timeout_propose_delta": "100ms",
            "timeout_prevote": "300ms", "timeout_prevote_delta": "100ms",
            "timeout_precommit": "300ms", "timeout_precommit_delta": "100ms",
            "timeout_commit": "100ms", "skip_timeout_commit": False,
            "create_empty_blocks": False, "create_empty_blocks_interval": "0s",
            "peer_gossip_sleep_duration": "10ms", "double_sign_check_height": 0,
        },
        "storage": {"discard_abci_responses": False},
        "tx_index": {"indexer": "null"},
        "instrumentation": {"prometheus": False},
    }  # fmt: skip
    lines = ["# Written by the node at every start; settings are in node.toml."]
    for section, keys in sections.items():
        lines += [f"[{section}]"] if section else []
        lines += [f"{key} = {_toml(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _toml(value: str | int | bool) -> str:
    return msgspec.json.encode(value).decode()


def _key(kind: str, data: bytes) -> dict[str, str]:
    return {"type": f"tendermint/{kind}Ed25519", "value": base64.b64encode(data).decode()}


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
