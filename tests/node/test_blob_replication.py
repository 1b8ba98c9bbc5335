"""A member comes to hold every blob that the ledger names, and gives a store back what it lost."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from tests.node.kit import Clock

from collegium.canonical import from_text
from collegium.errors import StoreError
from collegium.federation.identity import identity
from collegium.federation.secrets import simulated_secret
from collegium.ledger.blobs import read_blob
from collegium.ledger.contract.events import UpdatesRetired, encode_events
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import BlobRetire, UpdateReveal
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import (
    BLOCK,
    ENTRY,
    decode_entry,
    encode_entry,
    encode_frame,
    read_frames,
)
from collegium.ledger.genesis import genesis_digest
from collegium.ledger.retirement import reveals_and_retirements
from collegium.mechanisms.dealing.terms import SecaggDeal
from collegium.node.blob_limit import Kind
from collegium.node.blob_replication import AT_ONCE, BlobReplicator
from collegium.node.room import GIB, Room
from collegium.simulation.execution import run


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: its blobs are those of the shared store."""
    folder = tmp_path_factory.mktemp("keeping") / "run"
    return run("heart", out=folder, changes=["training.rounds=2", "evaluation.bootstrap=0"]).folder


@dataclass
class Store:
    """A shared store that can be away, and a home that begins empty."""

    folder: Path
    home: set[bytes] = field(default_factory=set)
    given: set[bytes] = field(default_factory=set)
    away: bool = False
    asked: int = 0
    limits: set[int] = field(default_factory=set)
    forgotten: set[bytes] = field(default_factory=set)
    waiting: set[bytes] = field(default_factory=set)

    def holds(self, digest: bytes) -> bool:
        return digest in self.home

    def forget(self, digests: Collection[bytes]) -> None:
        self.forgotten.update(digests)
        self.home.difference_update(digests)

    def fetch(self, digest: bytes, most: int) -> bytes | None:
        self.asked += 1
        self.limits.add(most)
        if self.away:
            raise StoreError("store.unavailable", "it", "is", "away")
        data = read_blob(self.folder, digest)
        if data is not None:
            self.home.add(digest)
        return data

    def catch_up(self) -> None:
        self.given |= self.waiting if not self.away else set()

    def ask_again(self) -> None:
        self.away = False

    def offer(self, digest: bytes, most: int) -> None:
        if self.away:
            raise StoreError("store.unavailable", "it", "is", "away")
        self.given.add(digest)


SIZES: dict[Kind, int] = {"document": 2**21, "model": 2**22, "update": 2**23, "other": 2**24}


def replicator(
    done: Path,
    store: Store,
    *,
    updates: bool = True,
    ledger: Path | None = None,
    quota: float = 1.0,
    clock: Callable[[], float] = monotonic,
) -> BlobReplicator:
    path = ledger or done / "ledger.log"
    return BlobReplicator(
        path,
        store,
        updates=lambda: updates,
        most=lambda study, kind: SIZES[kind],
        room=Room(done / "blobs", quota, Clock()),
        clock=clock,
    )


def test_each_blob_is_fetched_up_to_what_its_kind_may_have(done: Path) -> None:
    store = Store(done / "blobs")
    work(replicator(done, store))
    assert store.limits == set(SIZES.values())


def test_a_full_home_fetches_nothing_for_the_record(done: Path) -> None:
    store = Store(done / "blobs")
    one = replicator(done, store, quota=1e-6)
    work(one)
    assert store.asked == 0
    assert one.missing == len(names(done)), "it is told, and fetched when there is room"
    assert (one.missing_of("heart"), one.missing_of("another")) == (one.missing, 0)


def test_what_was_not_tried_yet_may_come_however_long_it_has_been_missing(done: Path) -> None:
    store, clock = Store(done / "blobs", away=True), Clock()
    one = replicator(done, store, clock=clock)
    one.look()
    one.fetch(1)
    clock.now = 70.0
    assert one.fetching == one.missing - 1, "one was tried in vain for long, the others never"


def test_what_a_failed_study_names_and_nobody_has_troubles_nobody(tmp_path: Path) -> None:
    changes = [
        "training.rounds=2", "evaluation.bootstrap=0", "study.min_sites=4", "study.max_attempts=1",
        "threat.attack=withheld_reveal", 'threat.attackers=["va"]',
    ]  # fmt: skip
    failed = run("heart", out=tmp_path / "run", changes=changes).folder
    (tmp_path / "empty").mkdir()
    store, clock = Store(tmp_path / "empty"), Clock()
    one = replicator(failed, store, clock=clock)
    work(one)
    clock.now = 70.0
    work(one)
    assert one.missing
    assert (one.missing_for, one.fetching) == (0.0, 0)


def test_how_long_the_first_blob_has_been_missing_is_told(done: Path) -> None:
    store, clock = Store(done / "blobs", away=True), Clock()
    one = replicator(done, store, clock=clock)
    work(one)
    assert one.missing_for == 0.0
    assert one.fetching == one.missing > 0
    clock.now = 70.0
    work(one)
    assert one.missing_for == 70.0
    assert (one.missing, one.fetching) == (len(names(done)), 0), "it was tried for long"
    store.away = False
    work(one)
    assert (one.missing, one.missing_for) == (0, 0.0)


def test_what_the_disk_refuses_is_still_missing(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(done / "blobs")
    one = replicator(done, store)

    def full(digest: bytes, most: int) -> bytes | None:
        raise OSError(errno.ENOSPC, "No space left on device")

    one.look()
    with monkeypatch.context() as patched:
        patched.setattr(store, "fetch", full)
        with pytest.raises(OSError, match="No space left"):
            one.work()
    assert one.missing == len(names(done))
    work(one)
    assert one.missing == 0


def test_nothing_larger_than_what_is_left_is_fetched(done: Path) -> None:
    held = sum(path.stat().st_size for path in (done / "blobs").iterdir())
    store = Store(done / "blobs")
    one = replicator(done, store, quota=(held + 2**22) / GIB)
    work(one)
    assert max(store.limits) <= 2**22


def names(done: Path) -> set[str]:
    return {path.name for path in (done / "blobs").iterdir()}


def work(one: BlobReplicator) -> None:
    for _ in range(20):
        one.look()
        one.work()


def test_everything_that_the_ledger_names_is_fetched(done: Path) -> None:
    store = Store(done / "blobs")
    one = replicator(done, store)
    work(one)
    assert one.missing == 0
    assert {digest.hex() for digest in store.home} == names(done)


def test_who_may_not_have_updates_fetches_all_but_those(done: Path) -> None:
    store = Store(done / "blobs")
    work(replicator(done, store, updates=False))
    left = names(done) - {digest.hex() for digest in store.home}
    assert len(left) == 2 * 4, "four updates in each of two rounds"


def test_what_is_held_is_not_asked_for(done: Path) -> None:
    store = Store(done / "blobs", {bytes.fromhex(name) for name in names(done)})
    work(replicator(done, store))
    assert store.asked == 0


def test_what_is_retired_is_deleted_and_never_fetched_again(done: Path, tmp_path: Path) -> None:
    """Site va retires its updates; the entry is appended as the contract would accept it."""
    path = tmp_path / "ledger.log"
    shutil.copyfile(done / "ledger.log", path)
    va = identity("va", genesis_of(path), simulated_secret(43, "va"))
    retire = va.sign(BlobRetire, study="heart", round=0, updates="own")
    event = UpdatesRetired(study="heart", members=("va",), round=0)
    own = {
        from_text(said.digest, 32) for sender, said, _ in reveals_and_retirements(path.read_bytes())
        if sender == "va" and isinstance(said, UpdateReveal)
    }  # fmt: skip
    assert len(own) == 2
    store = Store(done / "blobs")
    one = replicator(done, store, ledger=path)
    work(one)
    assert own <= store.home
    with path.open("ab") as file:
        file.write(encode_frame(ENTRY, encode_entry(retire, encode_events((event,)))))
    asked = store.asked
    work(one)
    assert store.forgotten == own
    assert one.missing == 0
    work(replicator(done, store, ledger=path))  # after a restart
    assert store.asked == asked
    assert not own & store.home
    one.offer_again()
    store.given.clear()
    work(one)
    assert not own & store.given


def genesis_of(path: Path) -> bytes:
    return genesis_digest(next(read_frames(path.read_bytes())).body)


def test_a_turn_is_short_and_an_absent_store_is_asked_again(done: Path) -> None:
    store = Store(done / "blobs", away=True)
    one = replicator(done, store)
    one.look()
    one.work()
    assert store.asked == AT_ONCE
    wanted = one.missing
    assert wanted == len(names(done))
    work(one)
    assert one.missing == wanted
    store.away = False
    work(one)
    assert one.missing == 0


def test_amid_news_some_are_fetched_and_what_is_here_by_now_is_not_asked_for(done: Path) -> None:
    store = Store(done / "blobs")
    one = replicator(done, store)
    one.look()
    wanted = one.missing
    one.fetch(1)
    assert (store.asked, one.missing) == (1, wanted - 1)
    store.home |= {bytes.fromhex(name) for name in names(done)}
    one.fetch(1)
    assert (store.asked, one.missing) == (1, wanted - 1 - AT_ONCE)


def test_what_the_ledger_gains_is_noticed(done: Path, tmp_path: Path) -> None:
    data = (done / "ledger.log").read_bytes()
    ends = [frame.end for frame in read_frames(data) if frame.kind == BLOCK]
    path = tmp_path / "ledger.log"
    store = Store(done / "blobs")
    path.write_bytes(data[: ends[0]])
    one = replicator(done, store, ledger=path)
    work(one)
    assert len(store.home) == 2, "the study's document and its first model"
    for end in ends[1:]:
        path.write_bytes(data[:end])
        work(one)
    assert len(store.home) == len(names(done))


def test_a_tail_that_was_replaced_is_read_again(done: Path, tmp_path: Path) -> None:
    data = (done / "ledger.log").read_bytes()
    entries = [frame for frame in read_frames(data) if frame.kind == ENTRY]
    path = tmp_path / "ledger.log"
    store = Store(done / "blobs")
    path.write_bytes(data[: entries[9].end])
    one = replicator(done, store, ledger=path)
    work(one)
    path.write_bytes(data[: entries[8].end])  # shorter, then longer again and not aligned
    work(one)
    path.write_bytes(data[: entries[8].end] + data[entries[8].end :])
    one._read = entries[9].end + 3
    work(one)
    assert len(store.home) == len(names(done))


def test_what_only_an_open_round_needs_is_offered_and_not_fetched(tmp_path: Path) -> None:
    secagg = "privacy.secure_aggregation={ protocol='secagg' }"
    changes = ["training.rounds=1", "evaluation.bootstrap=0", secagg]
    masked = run("heart", out=tmp_path / "run", changes=changes).folder
    data = (masked / "ledger.log").read_bytes()
    said = [
        decode_transaction(decode_envelope(decode_entry(frame.body)[0]).payload)
        for frame in read_frames(data)
        if frame.kind == ENTRY
    ]
    deals = {from_text(one.digest, 32) for one in said if isinstance(one, SecaggDeal)}
    assert len(deals) == 8, "of a round, and of what the sites counted"
    store = Store(masked / "blobs", home={min(deals)})
    work(replicator(masked, store))
    assert min(deals) in store.given, "its dealer gives it again"
    assert not (deals - {min(deals)}) & store.home, "nobody else keeps it"


def test_after_an_outage_the_store_gets_the_latest_blobs_again(done: Path) -> None:
    store = Store(done / "blobs", {bytes.fromhex(name) for name in names(done)})
    one = replicator(done, store)
    work(one)
    assert {digest.hex() for digest in store.given} == names(done)
    store.given.clear()
    work(one)
    assert store.given == set(), "once is enough"
    store.away = True
    one.offer_again()
    work(one)
    store.away = False
    work(one)
    assert {digest.hex() for digest in store.given} == names(done)
