"""The outbox: what is in it is on the disk, whole, and never another thing."""

from __future__ import annotations

import errno
import os
import tracemalloc
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.full_disk import no_file_beyond

from collegium.errors import RunError
from collegium.federation.outbox import MemberOutbox, Outbox, OutboxKey
from collegium.ledger.hashing import lp

A, B = (OutboxKey(bytes(32), "update", study) for study in ("a", "b"))
C = replace(A, round=1)
PLACE = ("update", "heart", 3, 2)


def write(path: Path, *entries: tuple[OutboxKey, bytes]) -> bytes:
    with closing(Outbox(path)) as outbox:
        for key, value in entries:
            outbox.put(key, value)
    return path.read_bytes()


def read(path: Path, *keys: OutboxKey) -> list[bytes | None]:
    with closing(Outbox(path)) as outbox:
        return [outbox.get(key) for key in keys]


KEYS = st.builds(
    OutboxKey,
    genesis=st.sampled_from([bytes(32), bytes(31) + b"1"]),
    purpose=st.sampled_from(["update", "carried", ""]),
    study=st.text(max_size=3),
    round=st.none() | st.integers(0, 2**53),
    attempt=st.none() | st.integers(0, 2),
    what=st.lists(st.text('/",[]a', max_size=3), max_size=2).map(tuple),
    within=st.lists(st.text('/",[]a', max_size=3), max_size=2).map(tuple),
)


@given(st.lists(KEYS, max_size=8, unique=True))
@settings(max_examples=60, deadline=None)
def test_keys_that_differ_in_anything_never_meet(
    tmp_path_factory: pytest.TempPathFactory, keys: list[OutboxKey]
) -> None:
    path = tmp_path_factory.mktemp("keys") / "outbox"
    values = [str(number).encode() for number in range(len(keys))]
    write(path, *zip(keys, values, strict=True))
    assert read(path, *keys) == values


def test_what_was_kept_for_one_ledger_is_not_there_for_another(tmp_path: Path) -> None:
    old, new = (OutboxKey(genesis, *PLACE) for genesis in (bytes(32), bytes(31) + b"1"))
    write(tmp_path / "outbox", (old, b"old"))
    assert read(tmp_path / "outbox", old, new) == [b"old", None]


def test_a_key_is_written_as_it_always_was(tmp_path: Path) -> None:
    key = OutboxKey(bytes(32), *PLACE, what=("a/b",), within=("va",))
    text = ",".join(
        (f'["{"A" * 43}="', '"update"', '"heart"', "3", "2", '["a/b"]', '["va"]]')
    )  # msgspec's JSON of the fields in order, the genesis in base64
    assert text.encode() in write(tmp_path / "outbox", (key, b"one"))


def test_a_record_under_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    body = lp(b"va/scores/heart/00000001/0001") + (3).to_bytes(4, "big") + b"one"
    length = len(body).to_bytes(4, "big")
    path.write_bytes(
        b"".join((length, sha256(length).digest()[:8], body, sha256(body).digest()[:8]))
    )
    with pytest.raises(RunError, match=r"\[outbox\.corrupt\]"):
        Outbox(path)


def test_what_was_put_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "home" / "outbox"
    write(path, (A, b"one"), (B, b""), (replace(A, study="ä"), bytes(1000)))
    assert read(path, A, B, replace(A, study="ä"), replace(A, round=1)) == [
        b"one",
        b"",
        bytes(1000),
        None,
    ]


def test_a_key_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    with closing(Outbox(path)) as outbox:
        assert outbox.put(A, b"first") == b"first"
        before = path.read_bytes()
        assert outbox.put(A, b"second") == b"first"
    assert path.read_bytes() == before
    assert write(path, (A, b"third")) == before


def test_a_value_is_synced_before_it_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox"
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.read_bytes()))
    with closing(Outbox(path)) as outbox:
        outbox.put(A, b"value")
        assert len(synced) == 1
        assert b"value" in synced[0]


def test_members_of_one_process_share_a_file_and_a_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox"
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.read_bytes()))
    with closing(Outbox(path, shared=True)) as outbox:
        ada, bo = MemberOutbox(outbox, "ada"), MemberOutbox(outbox, "bo")
        assert ada.put(A, b"of ada") == b"of ada"
        assert bo.put(A, b"of bo") == b"of bo"
        assert synced == []
        assert (ada.get(A), bo.get(A), bo.get(B)) == (b"of ada", b"of bo", None)
        outbox.sync()
        outbox.sync()
        assert len(synced) == 1
        assert b"of ada" in synced[0]
        assert b"of bo" in synced[0]
    assert read(path, *(replace(A, within=(name,)) for name in ("ada", "bo"))) == [
        b"of ada", b"of bo",
    ]  # fmt: skip


def test_compartments_lie_within_each_other(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        inner = MemberOutbox(MemberOutbox(outbox, "ada"), "aside")
        inner.put(A, b"aside")
        assert MemberOutbox(outbox, "ada").get(A) is None
        assert MemberOutbox(outbox, "ada").get(replace(A, within=("aside",))) == b"aside"
        assert inner.put(A, b"other") == b"aside"


@given(st.integers(min_value=1))
@settings(max_examples=60, deadline=None)
def test_a_torn_last_record_is_dropped_and_can_be_written_again(
    tmp_path_factory: pytest.TempPathFactory, lost: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "outbox"
    first = write(path, (A, b"kept"))
    whole = write(path, (B, b"torn"))
    path.write_bytes(whole[: len(whole) - 1 - lost % (len(whole) - len(first))])
    assert read(path, A, B) == [b"kept", None]
    assert path.read_bytes() == first
    assert write(path, (B, b"torn")) == whole


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_changed_byte_never_changes_a_value(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("changed") / "outbox"
    write(path, (A, b"first"))
    whole = bytearray(write(path, (B, b"second")))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with pytest.raises(RunError, match=r"\[outbox\.corrupt\]"):
        Outbox(path)
    assert path.read_bytes() == whole


def test_corruption_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    first = write(path, (A, b"first"))
    whole = bytearray(write(path, (B, b"second")))
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
                outbox.put(replace(A, round=number), value)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < len(value)
        assert outbox.get(replace(A, round=7)) == value


def test_values_are_found_whatever_was_read_and_written_between(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    write(path, (A, b"one"))
    with closing(Outbox(path)) as outbox:
        outbox.put(B, b"two")
        assert outbox.get(A) == b"one"
        outbox.put(C, b"three")
        assert [outbox.get(key) for key in (C, A, B)] == [b"three", b"one", b"two"]
    assert read(path, A, B, C) == [b"one", b"two", b"three"]


def test_what_is_damaged_while_it_is_open_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    with closing(Outbox(path)) as outbox:
        outbox.put(A, b"one")
        whole = path.read_bytes()
        for damaged in (whole.replace(b"one", b"two"), whole[:-1], b""):
            path.write_bytes(damaged)
            with pytest.raises(RunError, match=r"outbox\.corrupt"):
                outbox.get(A)


@pytest.mark.parametrize("size", [100, 30_000])
def test_what_a_full_disk_refuses_was_never_put_and_can_be_put_again(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "outbox"
    with closing(Outbox(path)) as outbox:
        outbox.put(A, b"one")
        before = path.read_bytes()
        for _ in range(2):
            with no_file_beyond(len(before) + 20), pytest.raises(OSError, match="File too large"):
                outbox.put(B, bytes(size))
            assert (outbox.get(A), outbox.get(B), len(outbox)) == (b"one", None, 1)
            assert path.read_bytes() == before, "nothing half written is left"
        assert outbox.put(B, b"other" * size) == b"other" * size
        assert outbox.put(C, b"next") == b"next"
        assert outbox.get(B) == b"other" * size
    assert read(path, A, B, C) == [b"one", b"other" * size, b"next"]


def test_what_could_not_be_synced_was_never_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "outbox"
    with closing(Outbox(path, shared=True)) as outbox:
        outbox.put(A, b"one")
        outbox.sync()
        outbox.put(B, b"two")
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", broken)
            with pytest.raises(OSError, match="Input/output"):
                outbox.sync()
        assert (outbox.get(A), outbox.get(B)) == (b"one", None)
        outbox.put(B, b"again")
        outbox.sync()
    assert read(path, A, B) == [b"one", b"again"]
