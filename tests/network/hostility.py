"""A member of a trial that registers studies made to stop everybody."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tests.node.hostile import documents, registration

from collegium.canonical import from_text
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.ordering import Ordered
from collegium.network.record import home_of, read_record
from collegium.node.config import order_of, read_config
from collegium.node.home import read_genesis, read_keys
from collegium.transport.client import connect
from collegium.transport.relayed import RelayStore


def register_hostile_studies(folder: Path, member: str) -> None:
    """Publish the documents, sign their registrations rightly as a member, and see them ordered."""
    home, sites = home_of(folder, member), read_record(folder).members
    genesis, identity = read_genesis(home)
    (card,) = (one for one in genesis.members if one.id == member)
    owner = read_keys(home, lambda: None).identity(member, identity, from_text(card.key, KEY_SIZE))
    assert owner is not None
    with closing(connect(home, order_of(read_config(home)))) as line:
        for name, data in documents().items():
            named = b"\x11" * 32 if data is None else RelayStore(line).put(data)
            (answer,) = line.submit([registration(owner, name, named, bytes(32), sites)])
            assert isinstance(answer, Ordered), (name, answer)
