"""Who can fetch what: everybody what was published, some what was served to them, nobody a lie."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from collegium.federation import in_process_blobs as exchange_module
from collegium.federation.in_process_blobs import InProcessBlobs
from collegium.ledger.blobs import BlobFolder

DATA = b"an update"
NAME = sha256(DATA).digest()


def exchange(tmp_path: Path) -> InProcessBlobs:
    return InProcessBlobs(BlobFolder(tmp_path / "blobs"))


def test_what_one_publishes_everybody_fetches(tmp_path: Path) -> None:
    store = exchange(tmp_path)
    assert store.view("a").fetch(NAME) is None
    assert store.view("a").publish(DATA) == NAME
    assert store.view("b").fetch(NAME) == DATA
    assert store.published_bytes == len(DATA)


def test_what_is_served_to_some_the_others_do_not_see(tmp_path: Path) -> None:
    store = exchange(tmp_path)
    store.serve(NAME, DATA, ["a"])
    assert store.view("a").fetch(NAME) == DATA
    assert store.view("b").fetch(NAME) is None
    assert store.published_bytes == 0


def test_whoever_fetched_it_can_publish_it_for_all(tmp_path: Path) -> None:
    store = exchange(tmp_path)
    store.serve(NAME, DATA, ["a"])
    fetched = store.view("a").fetch(NAME)
    assert fetched is not None
    store.view("a").publish(fetched)
    assert store.view("b").fetch(NAME) == DATA


def test_bytes_under_anothers_digest_are_never_fetched(tmp_path: Path) -> None:
    store = exchange(tmp_path)
    store.serve(NAME, b"a lie", ["a"])
    assert store.view("a").fetch(NAME) is None


def test_what_was_published_wins_over_what_was_served(tmp_path: Path) -> None:
    store = exchange(tmp_path)
    store.serve(NAME, b"a lie", ["a"])
    store.view("b").publish(DATA)
    assert store.view("a").fetch(NAME) == DATA


def test_a_blob_that_was_altered_on_the_disk_is_not_fetched(tmp_path: Path) -> None:
    store = exchange(tmp_path)
    store.view("a").publish(DATA)
    (tmp_path / "blobs" / NAME.hex()).write_bytes(b"another")
    assert store.view("a").fetch(NAME) is None


def test_what_was_sound_is_looked_at_again_in_the_next_pass(tmp_path: Path) -> None:
    store = exchange(tmp_path)
    store.view("a").publish(DATA, sync=False)
    assert store.view("b").fetch(NAME) == DATA
    (tmp_path / "blobs" / NAME.hex()).unlink()
    assert store.view("b").fetch(NAME) == DATA
    store.settle()
    assert store.view("b").fetch(NAME) is None


def test_a_pass_keeps_a_bounded_number_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_module, "KEPT_BYTES", 2 * len(DATA))
    store = exchange(tmp_path)
    blobs = [DATA[:-1] + bytes([number]) for number in range(3)]
    names = [store.view("a").publish(data, sync=False) for data in blobs]
    assert None not in [store.view("b").fetch(name) for name in names]
    for name in names:
        (tmp_path / "blobs" / name.hex()).unlink()
    found = [store.view("b").fetch(name) is not None for name in names]
    assert found == [True, True, False]
