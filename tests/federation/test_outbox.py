"""The outbox: what is in it is on the disk, whole, and never another thing."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import RunError
from collegium.federation.outbox import Compartment, Outbox


def write(path: Path, *entries: tuple[str, bytes]) -> bytes:
    with closing(Outbox(path)) as outbox:
        for key, value in entries:
            outbox.put(key, value)
    return path.read_bytes()


def read(path: Path, *keys: str) -> list[bytes | None]:
    with closing(Outbox(path)) as outbox:
        return [outbox.get(key) for key in keys]


def test_what_was_put_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "home" / "outbox"
    write(path, ("a", b"one"), ("b", b""), ("ä", bytes(1000)))
    assert read(path, "a", "b", "ä", "c") == [b"one", b"", bytes(1000), None]


def test_a_key_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    with closing(Outbox(path)) as outbox:
        assert outbox.put("a", b"first") == b"first"
        before = path.read_bytes()
        assert outbox.put("a", b"second") == b"first"
    assert path.read_bytes() == before
    assert write(path, ("a", b"third")) == before


def test_a_value_is_synced_before_it_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox"
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.read_bytes()))
    with closing(Outbox(path)) as outbox:
        outbox.put("a", b"value")
        assert len(synced) == 1
        assert b"value" in synced[0]


def test_members_of_one_process_share_a_file_and_a_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox"
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.read_bytes()))
    with closing(Outbox(path)) as outbox:
        ada, bo = Compartment(outbox, "ada"), Compartment(outbox, "bo")
        assert ada.put("a", b"of ada") == b"of ada"
        assert bo.put("a", b"of bo") == b"of bo"
        assert synced == []
        assert (ada.get("a"), bo.get("a"), bo.get("b")) == (b"of ada", b"of bo", None)
        outbox.sync()
        outbox.sync()
        assert len(synced) == 1
        assert b"of ada" in synced[0]
        assert b"of bo" in synced[0]
    assert read(path, "ada/a", "bo/a") == [b"of ada", b"of bo"]


@given(st.integers(min_value=1))
@settings(max_examples=60, deadline=None)
def test_a_torn_last_record_is_dropped_and_can_be_written_again(
    tmp_path_factory: pytest.TempPathFactory, lost: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "outbox"
    first = write(path, ("a", b"kept"))
    whole = write(path, ("b", b"torn"))
    path.write_bytes(whole[: len(whole) - 1 - lost % (len(whole) - len(first))])
    assert read(path, "a", "b") == [b"kept", None]
    assert path.read_bytes() == first
    assert write(path, ("b", b"torn")) == whole


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_changed_byte_never_changes_a_value(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("changed") / "outbox"
    write(path, ("a", b"first"))
    whole = bytearray(write(path, ("b", b"second")))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with pytest.raises(RunError, match=r"\[outbox\.corrupt\]"):
        Outbox(path)
    assert path.read_bytes() == whole


def test_corruption_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    first = write(path, ("a", b"first"))
    whole = bytearray(write(path, ("b", b"second")))
    whole[len(first) + 12] ^= 1
    path.write_bytes(whole)
    with pytest.raises(RunError, match=r"outbox\.corrupt") as caught:
        Outbox(path)
    assert f"byte {len(first)} " in caught.value.why


def test_memory_holds_no_values(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    value = bytes(100_000)
    with closing(Outbox(path)) as outbox:
        tracemalloc.start()
        try:
            for number in range(100):
                outbox.put(str(number), value)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < len(value)
        assert outbox.get("7") == value


def test_values_are_found_whatever_was_read_and_written_between(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    write(path, ("a", b"one"))
    with closing(Outbox(path)) as outbox:
        outbox.put("b", b"two")
        assert outbox.get("a") == b"one"
        outbox.put("c", b"three")
        assert [outbox.get(key) for key in "cab"] == [b"three", b"one", b"two"]
    assert read(path, "a", "b", "c") == [b"one", b"two", b"three"]


def test_what_is_damaged_while_it_is_open_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    with closing(Outbox(path)) as outbox:
        outbox.put("a", b"one")
        whole = path.read_bytes()
        for damaged in (whole.replace(b"one", b"two"), whole[:-1], b""):
            path.write_bytes(damaged)
            with pytest.raises(RunError, match=r"outbox\.corrupt"):
                outbox.get("a")
