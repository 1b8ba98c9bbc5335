"""Where a store is: what an address may say, and what goes over plain HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.errors import StoreError
from collegium.storage.address import CREDENTIALS, open_store

HIDDEN = "do-not-print-me"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", HIDDEN)


def refusal(address: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        open_store(address, print)
    assert HIDDEN not in caught.value.diagnostics()
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        "", "relay", "/srv/blobs", "http://host/x", "gs://bucket", "memory:///", "file://", "file:///",
        "file://host/blobs", "file:blobs", "file:///blobs?x=1", "file:///blobs#x", "s3://", "s3:///p",
        f"s3://key:{HIDDEN}@bucket", "s3://bucket:9000", "s3://bucket?endpoint=",
        f"s3://bucket?secret={HIDDEN}", f"s3://bucket?{HIDDEN}", "s3://bucket?endpoint=host:9000",
        "s3://bucket?endpoint=ftp://host", "s3://bucket?endpoint=https://",
        "s3://bucket?allow_http=yes", "s3://bucket?endpoint=http://[::1", "s3://[bucket",
        f"s3://bucket?secret_access_key={HIDDEN}&region=", "s3://bucket?region=a#b",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_no_secret_is_printed(address: str) -> None:
    assert refusal(address).code == "store.address"


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    assert "endpoint" in refusal("s3://bucket?endpont=https://host").why


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1:9000", "localhost:1", "[::1]:9000"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    open_store(f"s3://bucket?endpoint=http://{host}", print)


@pytest.mark.parametrize("host", ["store.example", "192.0.2.7:9000", "localhost.example", "[::2]"])
def test_plain_http_beyond_this_machine_must_be_allowed(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"s3://bucket?endpoint=http://{host}"
    assert refusal(address).code == "store.plain-http"
    assert refusal(f"{address}&allow_http=false").code == "store.plain-http"
    open_store(f"{address}&allow_http=true", print)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    open_store(address, print)
    assert refusal(f"{address}&allow_http=false").code == "store.plain-http"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_in_the_environment_is_held_to_the_same_rule(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://store.example")
    assert refusal("s3://bucket").code == "store.plain-http"
    monkeypatch.setenv(name, "https://store.example")
    open_store("s3://bucket/prefix", print)


def test_what_the_address_says_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://store.example")
    open_store("s3://bucket?endpoint=http://127.0.0.1:1", print)


def test_a_store_tells_its_name_without_its_credentials() -> None:
    store = open_store(f"s3://bucket/p?access_key_id=a&secret_access_key={HIDDEN}", print)
    assert store.name == "the store s3://bucket/p"
    assert HIDDEN not in repr(store)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert refusal(f"file://{tmp_path}/file/blobs").code == "store.refused"


@pytest.mark.parametrize("given", CREDENTIALS)
def test_who_asks_is_said_and_never_guessed(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would otherwise ask the network of a cloud that nobody named."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refusal("s3://bucket").code == "store.credentials"
    open_store(f"s3://bucket?access_key_id=a&secret_access_key={HIDDEN}", print)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", HIDDEN)
    assert refusal("s3://bucket").code == "store.credentials"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv(given, "true")
    open_store("s3://bucket", print)


def test_half_of_the_credentials_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refusal("s3://bucket").code == "store.refused"
