"""A member's blobs: its own folder first, and nothing lost while the store is down."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from collegium.errors import StoreError
from collegium.federation.in_process_blobs import Blobs
from collegium.ledger.blobs import BlobFolder
from collegium.storage.backoff import Backoff
from collegium.storage.cached import CachedBlobs
from collegium.storage.store import LARGEST, BlobStore

AT_ONCE = Backoff(first=0, most=0)
LONG = Backoff(first=1e9, most=1e9)


class Shelf:
    """A store in memory that is down when told so; it satisfies `BlobStore`."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.asked: list[str] = []
        self.most: list[int] = []
        self.down = False
        self.refused = b""

    def put(self, data: bytes) -> bytes:
        self.ask("put")
        if digest(data) == self.refused:
            raise StoreError("store.refused", "the shelf takes it not", "it is too large", "wait")
        self.kept[digest(data)] = data
        return digest(data)

    def get(self, name: bytes, most: int = LARGEST) -> bytes | None:
        self.ask("get")
        self.most.append(most)
        data = self.kept.get(name)
        return None if data is None or len(data) > most else data

    def has(self, name: bytes) -> bool:
        self.ask("has")
        return name in self.kept

    def delete(self, name: bytes) -> None:
        self.ask("delete")
        self.kept.pop(name, None)

    def ask(self, what: str) -> None:
        self.asked.append(what)
        if self.down:
            raise StoreError("store.unavailable", "the shelf is empty-handed", "it is down", "wait")


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


class Member:
    """A member's home with its blobs, opened as often as it is started."""

    def __init__(self, home: Path, shelf: BlobStore, rests: Backoff = AT_ONCE) -> None:
        self.home, self.shelf, self.rests = home, shelf, rests
        self.warnings: list[str] = []
        self.blobs = self.start()

    def start(self) -> CachedBlobs:
        folder = BlobFolder(self.home / "blobs")
        waiting = self.home / "waiting"
        return CachedBlobs(folder, self.shelf, waiting, self.warnings.append, self.rests)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_what_one_publishes_the_others_fetch_and_keep(tmp_path: Path, shelf: Shelf) -> None:
    author: Blobs = Member(tmp_path / "author", shelf).blobs
    reader = Member(tmp_path / "reader", shelf)
    name = author.publish(b"blob")
    assert name == digest(b"blob")
    assert reader.blobs.fetch(name) == b"blob"
    shelf.down = True
    assert reader.start().fetch(name) == b"blob"
    assert reader.blobs.fetch(digest(b"nobody's")) is None


def test_what_is_here_is_not_asked_for(tmp_path: Path, shelf: Shelf) -> None:
    member = Member(tmp_path, shelf)
    name = member.blobs.publish(b"blob")
    assert member.blobs.fetch(name) == b"blob"
    assert shelf.asked == ["put"]


@pytest.mark.parametrize("sync", [True, False])
def test_what_is_published_while_the_store_is_down_comes_later(
    tmp_path: Path, shelf: Shelf, sync: bool
) -> None:
    shelf.down = True
    member = Member(tmp_path, shelf)
    name = member.blobs.publish(b"blob", sync=sync)
    assert member.blobs.fetch(name) == b"blob"
    assert member.blobs.catch_up() == 1
    shelf.down = False
    assert member.blobs.catch_up() == 0
    assert shelf.kept == {name: b"blob"}


def test_a_blob_that_is_refused_keeps_no_other_waiting(tmp_path: Path, shelf: Shelf) -> None:
    shelf.down = True
    member = Member(tmp_path, shelf)
    names = sorted(member.blobs.publish(b"%d" % number) for number in range(3))
    shelf.down, shelf.refused = False, names[0]
    assert member.blobs.catch_up() == 1
    assert set(shelf.kept) == set(names[1:])


def test_a_rest_ends_when_the_store_may_be_back(tmp_path: Path, shelf: Shelf) -> None:
    shelf.down = True
    member = Member(tmp_path, shelf, LONG)
    name = member.blobs.publish(b"blob")
    shelf.down = False
    assert member.blobs.catch_up() == 1, "it still rests"
    member.blobs.ask_again()
    assert member.blobs.catch_up() == 0
    assert shelf.kept == {name: b"blob"}


def test_what_waits_survives_the_process(tmp_path: Path, shelf: Shelf) -> None:
    shelf.down = True
    member = Member(tmp_path, shelf)
    name = member.blobs.publish(b"blob")
    shelf.down = False
    assert member.start().catch_up() == 0
    assert shelf.kept == {name: b"blob"}
    assert member.start().catch_up() == 0
    assert shelf.asked.count("put") == 2


def test_what_a_power_cut_took_no_longer_waits(tmp_path: Path, shelf: Shelf) -> None:
    shelf.down = True
    member = Member(tmp_path, shelf)
    name = member.blobs.publish(b"blob", sync=False)
    (tmp_path / "blobs" / name.hex()).unlink()
    shelf.down = False
    assert member.start().catch_up() == 0
    assert shelf.kept == {}


def test_a_store_that_is_down_rests_and_nobody_waits_for_it(tmp_path: Path, shelf: Shelf) -> None:
    shelf.down = True
    member = Member(tmp_path, shelf, LONG)
    for number in range(5):
        member.blobs.publish(b"%d" % number)
        assert member.blobs.fetch(digest(b"absent")) is None
    assert shelf.asked == ["put"]
    assert len(member.warnings) == 1
    assert "it is down" in member.warnings[0]


def test_what_the_store_refuses_is_told_until_it_does_it(tmp_path: Path, shelf: Shelf) -> None:
    member, told = Member(tmp_path, shelf), list[str | None]()
    told.append(member.blobs.trouble)
    shelf.down = True
    member.blobs.publish(b"one")
    told.append(member.blobs.trouble)
    shelf.down, shelf.kept[digest(b"two")] = False, b"two"
    assert member.blobs.fetch(digest(b"two")) == b"two"
    told.append(member.blobs.trouble)  # to give is another thing than to get
    member.blobs.catch_up()
    told.append(member.blobs.trouble)
    refused = "the shelf is empty-handed: it is down"
    assert told == [None, refused, refused, None]


def test_each_spell_of_failures_is_told_of_once(tmp_path: Path, shelf: Shelf) -> None:
    member = Member(tmp_path, shelf)
    for _ in range(2):
        shelf.down = True
        for number in range(3):
            member.blobs.publish(b"%d" % number)
        shelf.down = False
        member.blobs.catch_up()
    assert len(member.warnings) == 2


def test_what_is_forgotten_is_gone_here_and_in_the_store(tmp_path: Path, shelf: Shelf) -> None:
    member = Member(tmp_path, shelf)
    gone, kept = member.blobs.publish(b"gone"), member.blobs.publish(b"kept")
    left_by_a_kill = tmp_path / "blobs" / f".{gone.hex()}.4711"
    left_by_a_kill.write_bytes(b"gon")
    shelf.down = True
    member.blobs.forget([gone])
    assert not left_by_a_kill.exists()
    assert member.blobs.fetch(gone) is None
    shelf.down = False
    again = member.start()
    again.catch_up()
    assert shelf.kept == {kept: b"kept"}
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == [kept.hex()]


def test_what_is_said_last_holds(tmp_path: Path, shelf: Shelf) -> None:
    shelf.down = True
    member = Member(tmp_path, shelf)
    blobs = [b"forgotten at last", b"published at last"]
    for data in blobs:
        member.blobs.publish(data)
        member.blobs.forget([digest(data)])
    member.blobs.publish(blobs[1])
    shelf.down = False
    member.blobs.catch_up()
    assert list(shelf.kept.values()) == [blobs[1]]


def test_a_wrong_blob_of_a_store_is_never_kept(tmp_path: Path, shelf: Shelf) -> None:
    """A store that breaks its promise to check is no way round the check of the folder."""
    shelf.kept[digest(b"right")] = b"wrong"
    member = Member(tmp_path, shelf)
    assert member.blobs.fetch(digest(b"right")) is None
    assert member.blobs.fetch(digest(b"right")) is None


def test_a_blob_beyond_what_the_ledger_allows_is_not_fetched(tmp_path: Path, shelf: Shelf) -> None:
    allowed = [4]
    shelf.put(b"large")
    blobs = CachedBlobs(BlobFolder(tmp_path / "blobs"), shelf, tmp_path / "waiting", lambda _: None)
    assert blobs.fetch(digest(b"large"), lambda _: allowed[0]) is None
    assert blobs.fetch_all([digest(b"large")], lambda _: allowed[0]) == [None]
    allowed[0] = 5
    assert blobs.fetch(digest(b"large"), lambda _: allowed[0]) == b"large"
