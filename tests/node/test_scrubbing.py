"""Blobs are read from the disk again: what rots is fetched, what the store lost it gets back."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from tests.node.kit import Clock

from collegium.errors import StoreError
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.frames import BLOCK, ENTRY, encode_entry, encode_frame
from collegium.node.blob_replication import NamedBlob
from collegium.node.scrubbing import AT_ONCE, RESTS, Scrubber
from collegium.storage.store import LARGEST

COUNT = 3 * AT_ONCE
BLOBS = [b"blob %d" % number for number in range(COUNT)]
DIGESTS = [sha256(blob).digest() for blob in BLOBS]
EVERY = 100.0


@dataclass
class Home:
    """A folder of blobs, and a store that remembers what it was offered."""

    folder: BlobFolder
    offered: list[bytes] = field(default_factory=list)
    away: bool = False

    def check(self, digest: bytes) -> bool:
        return self.folder.check(digest)

    def offer(self, digest: bytes, most: int) -> None:
        if self.away:
            raise StoreError("store.unavailable", "it", "is", "away")
        self.offered.append(digest)


@dataclass
class Walk:
    home: Home
    clock: Clock
    wanted: list[bytes]
    scrubber: Scrubber
    path: Path

    def work(self, turns: int = COUNT) -> None:
        for _ in range(turns):
            self.scrubber.work()


def named(entry: bytes) -> list[NamedBlob]:
    return [NamedBlob(digest, "heart", "other") for digest in DIGESTS if digest in entry]


@pytest.fixture
def walk(tmp_path: Path) -> Walk:
    """A ledger whose entries name one blob each, and a home that has them all."""
    home, clock = Home(BlobFolder(tmp_path / "blobs")), Clock()
    wanted: list[bytes] = []
    entries = [encode_frame(ENTRY, encode_entry(digest, b"[]")) for digest in DIGESTS]
    path = tmp_path / "ledger.log"
    path.write_bytes(b"".join(entries) + encode_frame(BLOCK, bytes(208)))
    for blob in BLOBS:
        home.folder.put(blob)
    scrubber = Scrubber(
        path, home, named, lambda one: wanted.append(one.digest), lambda *_: LARGEST, EVERY, clock
    )
    return Walk(home, clock, wanted, scrubber, path)


def test_a_walk_begins_when_it_is_due_and_takes_a_few_at_a_time(walk: Walk) -> None:
    walk.work()
    assert walk.home.offered == []
    walk.clock.now += EVERY
    walk.work(1)
    assert walk.home.offered
    assert set(walk.home.offered) <= set(DIGESTS[:AT_ONCE])
    walk.work()
    assert walk.home.offered == DIGESTS, "once, until the next walk"
    walk.clock.now += EVERY
    walk.work()
    assert walk.home.offered == 2 * DIGESTS


def test_a_byte_that_turned_is_seen_whatever_memory_and_the_times_of_the_file_say(
    walk: Walk,
) -> None:
    path = walk.home.folder.path / DIGESTS[5].hex()
    before, data = path.stat(), bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert walk.home.folder.get(DIGESTS[5]) == BLOBS[5], "it is taken from memory"
    (walk.home.folder.path / DIGESTS[7].hex()).unlink()
    walk.clock.now += EVERY
    walk.work()
    assert walk.wanted == [DIGESTS[5], DIGESTS[7]]
    assert walk.home.folder.get(DIGESTS[5]) is None, "so that it is fetched"
    assert set(walk.home.offered) == set(DIGESTS) - {DIGESTS[5], DIGESTS[7]}


def test_a_store_that_is_away_is_left_alone_for_a_while(walk: Walk) -> None:
    walk.home.away = True
    walk.clock.now += EVERY
    walk.work()
    walk.home.away = False
    walk.work()
    assert walk.home.offered == []
    walk.clock.now += RESTS
    walk.work()
    assert len(walk.home.offered) >= COUNT - 1


def test_a_ledger_that_is_being_mended_is_no_error(walk: Walk) -> None:
    walk.path.unlink()
    walk.clock.now += EVERY
    walk.work()
    assert walk.wanted == []
