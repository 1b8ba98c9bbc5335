"""Letters in a store: news once, replaced as a whole, and empty where somebody removed them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.storage.s3_server import Bucket, s3_server
from tests.storage.test_objects import QUICK, s3_address, seaweed  # noqa: F401

from collegium.errors import StoreError
from collegium.storage.address import open_store
from collegium.storage.letters import LARGEST_LETTER
from collegium.storage.objects import ObjectBlobs


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with s3_server() as found:
        yield found


@pytest.fixture(params=["folder", "fake", "seaweed"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Every kind of store in turn."""
    if request.param == "folder":
        return f"file://{tmp_path}/store"
    if request.param == "fake":
        return s3_address(request.getfixturevalue("bucket").address)
    return s3_address(request.getfixturevalue("seaweed"))


def opened(address: str) -> ObjectBlobs:
    return open_store(address, print, QUICK)


def test_a_letter_is_news_once_and_empty_where_there_is_none(address: str) -> None:
    ours, theirs = (opened(address).letters("letters/x") for _ in range(2))
    assert theirs.news("va") == b""
    ours.put("va", b"one")
    assert theirs.news("va") == b"one"
    assert theirs.news("va") is None
    assert theirs.news("cleveland") == b""
    ours.put("va", b"another")
    assert theirs.news("va") == b"another"
    ours.put("va", bytes(LARGEST_LETTER + 1))
    assert theirs.news("va") == b"", "nobody reads what is too large"
    ours.put("va", b"one")
    assert theirs.news("va") == b"one"
    assert opened(address).letters("letters/y").news("va") == b"", "another ledger's"


def test_a_letter_that_was_removed_is_empty(tmp_path: Path) -> None:
    letters = opened(f"file://{tmp_path}/store").letters("letters/x")
    letters.put("va", b"one")
    assert letters.news("va") == b"one"
    (tmp_path / "store" / "letters" / "x" / "va").unlink()
    assert letters.news("va") == b""
    letters.put("va", b"one")
    assert letters.news("va") == b"one"


def test_a_store_that_refuses_is_told(tmp_path: Path) -> None:
    letters = opened(f"file://{tmp_path}/store").letters("letters/x")
    (tmp_path / "store" / "letters").write_text("no folder")
    with pytest.raises(StoreError) as caught:
        letters.put("va", b"one")
    assert caught.value.code == "store.letters"
