"""Blobs through the port: whole or not at all, and never sent twice where a part is there."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.full_disk import no_file_beyond
from tests.ledger.engines.log.kit import MEMBERS
from tests.transport.kit import Port, served

from collegium.errors import RunError, StoreError
from collegium.transport import relayed
from collegium.transport.client import HttpAnswer, HttpsConnection
from collegium.transport.relay import LARGEST_BLOB, Relay
from collegium.transport.relayed import RelayStore

DATA = bytes(range(256)) * 40
NAME = sha256(DATA).hexdigest()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relayed, "PIECE", 1000)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("data", [b"", b"x", bytes(1000), DATA])
def test_what_one_puts_another_gets(port: Port, data: bytes) -> None:
    ada, bo = (RelayStore(port.connection(name)) for name in MEMBERS[:2])
    digest = sha256(data).digest()
    assert bo.get(digest) is None
    assert not bo.has(digest)
    assert ada.put(data) == digest
    assert ada.put(data) == digest
    assert bo.has(digest)
    assert bo.get(digest) == data
    assert (port.folder / "blobs" / digest.hex()).read_bytes() == data


@pytest.mark.usefixtures("small_pieces")
def test_a_blob_beyond_the_limit_is_not_asked_for(port: Port) -> None:
    ada, data = RelayStore(port.connection("ada")), bytes(2**20)
    digest = ada.put(data)
    asked = port.connection("bo")
    methods: list[str] = []

    class Noting(HttpsConnection):
        def __init__(self) -> None:
            pass

        def ask(self, method: str, *rest: Any, **more: Any) -> HttpAnswer:
            methods.append(method)
            return asked.ask(method, *rest, **more)

    bo = RelayStore(Noting())
    assert bo.get(digest, len(data) - 1) is None
    assert methods == ["HEAD"]
    assert bo.get(digest, len(data)) == data


def test_an_upload_goes_on_where_it_stopped(port: Port) -> None:
    ada = RelayStore(port.connection("ada"))
    Relay(port.folder / "blobs").append("ada", NAME, 0, DATA[:4321], len(DATA))
    ada.put(DATA)
    assert ada.get(bytes.fromhex(NAME)) == DATA
    assert list((port.folder / "blobs" / "partial").iterdir()) == []


@pytest.mark.usefixtures("small_pieces")
def test_what_was_uploaded_wrongly_is_refused_and_sent_anew(port: Port) -> None:
    ada = RelayStore(port.connection("ada"))
    Relay(port.folder / "blobs").append("ada", NAME, 0, b"another" + DATA[7:4321], len(DATA))
    with pytest.raises(StoreError) as caught:
        ada.put(DATA)
    assert caught.value.code == "store.refused"
    assert not (port.folder / "blobs" / NAME).exists()
    ada.put(DATA)
    assert ada.get(bytes.fromhex(NAME)) == DATA


def test_a_blob_that_was_altered_in_the_relay_is_as_if_it_were_not_there(port: Port) -> None:
    ada = RelayStore(port.connection("ada"))
    ada.put(DATA)
    (port.folder / "blobs" / NAME).write_bytes(b"x" * len(DATA))
    assert ada.get(bytes.fromhex(NAME)) is None


def test_nobody_deletes_what_the_ledger_does_not_call_retired(port: Port) -> None:
    ada = RelayStore(port.connection("ada"))
    digest = ada.put(DATA)
    with pytest.raises(StoreError) as caught:
        ada.delete(digest)
    assert caught.value.code == "store.refused"
    assert ada.get(digest) == DATA


def test_uploads_of_two_members_do_not_meet(tmp_path: Path) -> None:
    relay = Relay(tmp_path)
    relay.append("ada", NAME, 0, b"wrong", len(DATA))
    assert relay.offset("bo", NAME) == 0
    relay.append("bo", NAME, 0, DATA, len(DATA))
    assert relay.path(NAME) is not None


@pytest.mark.parametrize(
    ("offset", "data", "length", "code"),
    [
        (7, b"x", 100, "relay.offset"),
        (0, b"xyz", 2, "relay.too-large"),
        (0, b"x", LARGEST_BLOB + 1, "relay.too-large"),
        (0, b"x", 1, "relay.digest"),
    ],
)
def test_a_piece_that_cannot_be_is_refused(
    tmp_path: Path, offset: int, data: bytes, length: int, code: str
) -> None:
    with pytest.raises(RunError) as caught:
        Relay(tmp_path).append("ada", NAME, offset, data, length)
    assert caught.value.code == code
    assert Relay(tmp_path).path(NAME) is None


def test_a_member_may_fill_its_share_and_no_more(tmp_path: Path) -> None:
    relay = Relay(tmp_path, quota=3 * len(DATA) // 2)
    relay.append("ada", NAME, 0, DATA, len(DATA))
    other = DATA[1:]
    name = sha256(other).hexdigest()
    with pytest.raises(RunError, match=r"relay\.quota"):
        relay.append("ada", name, 0, other[:10], len(other))
    relay.append("bo", name, 0, other, len(other))
    assert (relay.used("ada"), relay.used("bo")) == (len(DATA), len(other))
    again = Relay(tmp_path, quota=3 * len(DATA) // 2)
    assert again.used("ada") == len(DATA), "it is known after a start"
    again.delete(NAME)
    assert again.used("ada") == 0
    third = DATA[2:]
    again.append("ada", sha256(third).hexdigest(), 0, third, len(third))


def test_a_part_counts_once_while_it_grows(tmp_path: Path) -> None:
    relay = Relay(tmp_path, quota=len(DATA))
    half = len(DATA) // 2
    relay.append("ada", NAME, 0, DATA[:half], len(DATA))
    assert relay.used("ada") == half
    relay.append("ada", NAME, half, DATA[half:], len(DATA))
    assert relay.used("ada") == len(DATA)


def test_a_full_share_is_told_over_the_port(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = RelayStore(port.connection("ada"))
    monkeypatch.setattr(Relay, "used", lambda self, member: 2**60)
    with pytest.raises(StoreError, match=r"store\.refused") as caught:
        ada.put(DATA)
    assert "retire the updates" in caught.value.todo


def test_what_rots_on_the_relay_s_disk_is_dropped_so_that_it_can_be_given_again(
    port: Port,
) -> None:
    ada, bo = (RelayStore(port.connection(name)) for name in MEMBERS[:2])
    digest = ada.put(DATA)
    assert bo.get(digest) == DATA
    path = port.folder / "blobs" / NAME
    path.write_bytes(b"?" + DATA[1:])
    assert not bo.has(digest)
    assert bo.get(digest) is None
    bo.put(DATA)
    assert ada.get(digest) == DATA


def test_a_disk_that_is_full_is_told_and_nothing_half_written_stays(port: Port) -> None:
    ada, small = RelayStore(port.connection("ada")), b"small"
    with no_file_beyond(4000):
        for _ in range(2):
            with pytest.raises(StoreError, match="disk takes no blob"):
                ada.put(DATA)
        digest = ada.put(small)
        assert ada.get(digest) == small
        assert ada.get(bytes.fromhex(NAME)) is None
    (piece,) = (port.folder / "blobs" / "partial").iterdir()
    assert piece.stat().st_size == 0
    assert ada.put(DATA).hex() == NAME
    assert ada.get(bytes.fromhex(NAME)) == DATA


def test_a_full_disk_is_told_until_it_takes_a_piece_or_nobody_tries(tmp_path: Path) -> None:
    now, told = [0.0], list[str]()
    relay = Relay(tmp_path, clock=lambda: now[0], tell=lambda event, /, **_: told.append(event))
    relay.append("ada", NAME, 0, DATA[:100], len(DATA))

    def refused() -> None:
        with no_file_beyond(4000), pytest.raises(RunError, match=r"relay\.disk"):
            relay.append("ada", NAME, 100, DATA[100:], len(DATA))
        assert relay.offset("ada", NAME) == 100, "what had come before goes on"
        assert relay.disk == f"{tmp_path}: File too large"

    refused()
    refused()
    assert told == ["disk fails"]
    now[0] = 200.0
    assert relay.disk == ""
    refused()
    relay.append("ada", NAME, 100, DATA[100:], len(DATA))
    assert relay.disk == ""
    assert relay.path(NAME) is not None
