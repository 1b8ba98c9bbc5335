"""A blob is whole on the disk when it is named, and a damaged one is put right."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from tests.full_disk import no_file_beyond

from collegium.ledger import blobs as blobs_module
from collegium.ledger.blobs import BlobFolder, read_blob
from collegium.ledger.durability import write_whole

DATA = b"some bytes"
NAME = sha256(DATA)


@pytest.mark.parametrize("damaged", [b"", b"some bytez", b"some bytes more"])
@pytest.mark.parametrize("again", [True, False])
def test_a_damaged_blob_is_never_returned_and_is_written_anew(
    tmp_path: Path, damaged: bytes, again: bool
) -> None:
    folder = BlobFolder(tmp_path)
    folder.put(DATA)
    (tmp_path / NAME.hexdigest()).write_bytes(damaged)
    if again:
        folder = BlobFolder(tmp_path)
    assert folder.get(NAME.digest()) is None
    assert folder.put(DATA) == NAME.digest()
    assert folder.get(NAME.digest()) == read_blob(tmp_path, NAME.digest()) == DATA


@pytest.mark.parametrize("again", [True, False])
def test_many_blobs_are_read_as_each_of_them_is(tmp_path: Path, again: bool) -> None:
    folder = BlobFolder(tmp_path)
    names = [folder.put(b"blob %d" % number) for number in range(20)]
    (tmp_path / names[3].hex()).write_bytes(b"blob 4")
    (tmp_path / names[7].hex()).unlink()
    if again:
        folder = BlobFolder(tmp_path)
    found = folder.get_all([*names, bytes(32)])
    assert found == [folder.get(name) for name in (*names, bytes(32))]
    assert [place for place, data in enumerate(found) if data is None] == [3, 7, 20]
    assert folder.get_all([]) == []


def test_a_blob_that_has_vanished_is_written_anew(tmp_path: Path) -> None:
    folder = BlobFolder(tmp_path)
    folder.put(DATA)
    (tmp_path / NAME.hexdigest()).unlink()
    assert folder.get(NAME.digest()) is None
    folder.put(DATA)
    assert folder.get(NAME.digest()) == DATA


def test_what_this_process_has_put_is_neither_written_nor_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_module, "_KEPT_BYTES", 4)  # too little to keep any bytes in memory
    folder = BlobFolder(tmp_path)
    folder.put(DATA)
    before = os.stat(tmp_path / NAME.hexdigest())
    monkeypatch.setattr(blobs_module, "read_blob", lambda *_: pytest.fail("it is read"))
    folder.put(DATA)
    assert os.stat(tmp_path / NAME.hexdigest()) == before


def test_a_blob_is_synced_before_it_has_its_name_and_then_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[tuple[bool, int]]] = []

    def fsync(_: int) -> None:
        files = sorted(tmp_path.iterdir())
        seen.append([(path.name == NAME.hexdigest(), path.stat().st_size) for path in files])

    monkeypatch.setattr(os, "fsync", fsync)
    BlobFolder(tmp_path).put(DATA)
    assert seen[0] == [(False, len(DATA))]
    assert seen[1:] in ([], [[(True, len(DATA))]])


def test_what_its_author_keeps_is_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("it is synced"))
    folder = BlobFolder(tmp_path)
    assert folder.get(folder.put(DATA, sync=False)) == DATA


def test_memory_holds_a_bounded_number_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_module, "_KEPT_BYTES", 100)
    folder = BlobFolder(tmp_path)
    names = [folder.put(bytes([number]) * 20) for number in range(10)]
    assert [folder.get(name) for name in names] == [bytes([one]) * 20 for one in range(10)]
    assert sum(map(len, folder._kept.values())) <= 100


def test_a_deleted_blob_is_gone_with_what_a_killed_writer_left_of_it(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path)
    gone, kept = blobs.put(b"gone"), blobs.put(b"kept")
    (tmp_path / f".{gone.hex()}.4711").write_bytes(b"go")
    blobs.delete([gone, sha256(b"never here").digest()])
    assert blobs.get(gone) is None
    assert [path.name for path in tmp_path.iterdir()] == [kept.hex()]
    assert blobs.put(b"gone") == gone
    assert blobs.get(gone) == b"gone"


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    folder = BlobFolder(tmp_path / "blobs")
    with no_file_beyond(100), pytest.raises(OSError, match="File too large"):
        folder.put(bytes(1000))
    with no_file_beyond(100), pytest.raises(OSError, match="File too large"):
        write_whole(tmp_path / "blobs" / "whole", bytes(1000))
    assert list((tmp_path / "blobs").iterdir()) == []
    assert folder.get(folder.put(bytes(1000))) == bytes(1000)
