"""The address of a shared blob store, as a member's set-up names it.

- ``file:///path``: a folder that all members reach, such as a mounted share; it is made if absent.
- ``s3://bucket/prefix?endpoint=https://…``: an S3-compatible store. What the query does not say
  comes from the usual variables: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
  AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, and whatever else the library reads of that kind.

What goes over plain HTTP can be read and changed on the way. Blobs are checked, but credentials
and who asks for what are not hidden; so plain HTTP is for the loopback interface alone, unless
``allow_http=true`` stands in the query or AWS_ALLOW_HTTP in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from collegium.errors import StoreError
from collegium.storage.backoff import Backoff
from collegium.storage.objects import ObjectBlobs

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_METADATA_ENDPOINT", "AWS_SKIP_SIGNATURE",
)  # fmt: skip
"""Variables of which one says who asks; without one the library would ask a cloud's network."""

KEYS = (
    "access_key_id", "allow_http", "endpoint", "region", "secret_access_key", "session_token",
    "virtual_hosted_style_request",
)  # fmt: skip
_SWITCHES = ("allow_http", "virtual_hosted_style_request")

BACKOFF = Backoff()


def open_store(
    address: str, warn: Callable[[str], None], backoff: Backoff = BACKOFF
) -> ObjectBlobs:
    """Return the store of an address. Nothing is asked of it yet.

    Args:
        address: see above.
        warn: is told of objects that are not what their names say.
        backoff: how what failed is tried again.

    Raises:
        StoreError: the address is none, or asks for plain HTTP beyond this machine.
    """
    try:
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
    except ValueError:  # whose text may hold what is not to be printed
        raise _malformed("it cannot be taken apart as a URL") from None
    if parts.fragment:
        raise _malformed("it has a fragment (#)")
    if parts.scheme == "file":
        return ObjectBlobs(_folder(parts, query), f"the store {parts.path}", warn, backoff)
    if parts.scheme == "s3":
        name = f"the store s3://{parts.netloc}{parts.path}"
        return ObjectBlobs(_bucket(parts, query, backoff), name, warn, backoff)
    raise _malformed("it starts with neither file:// nor s3://")


def _folder(parts: SplitResult, query: dict[str, str]) -> LocalStore:
    absolute = parts.path.startswith("/") and parts.path != "/"
    if parts.netloc not in ("", "localhost") or query or not absolute:
        raise _malformed("a folder is named by file:// and its absolute path, and nothing else")
    try:
        return LocalStore(prefix=unquote(parts.path), mkdir=True)
    except (BaseError, OSError) as error:
        raise _unopened(parts.path, error) from error


def _bucket(parts: SplitResult, query: dict[str, str], backoff: Backoff) -> S3Store:
    if not parts.netloc or "@" in parts.netloc or ":" in parts.netloc:
        raise _malformed("the bucket's name stands after s3://; credentials stand in the query")
    for key, value in query.items():
        if key not in KEYS:
            raise _malformed(f"its query knows {', '.join(KEYS)}, and not {key[:40]!r}")
        if not value or (key in _SWITCHES and value not in ("true", "false")):
            raise _malformed(f"{key} is {'true or false' if key in _SWITCHES else 'empty'}")
    if "access_key_id" not in query and not any(map(os.environ.get, CREDENTIALS)):
        raise StoreError(
            "store.credentials", f"nothing says who asks the store s3://{parts.netloc}",
            "neither its address nor the environment has credentials",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; where a machine's role counts, set"
            " AWS_METADATA_ENDPOINT",
        )  # fmt: skip
    config: S3Config = {}
    for key in ("access_key_id", "region", "secret_access_key", "session_token"):
        if key in query:
            config[key] = query[key]  # type: ignore[literal-required]
    if "virtual_hosted_style_request" in query:
        config["virtual_hosted_style_request"] = query["virtual_hosted_style_request"] == "true"
    endpoint = query.get("endpoint") or next(filter(None, map(os.environ.get, ENDPOINTS)), None)
    plain = endpoint is not None and _is_plain(endpoint, query)
    if endpoint is not None:
        config["endpoint"] = config["aws_endpoint_url_s3"] = endpoint
    client: ClientConfig = {
        "allow_http": plain, "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=30), "timeout": timedelta(hours=1),
    }  # fmt: skip
    retry: RetryConfig = {
        "max_retries": backoff.tries, "retry_timeout": timedelta(minutes=1),
        "backoff": {
            "init_backoff": timedelta(seconds=backoff.first),
            "max_backoff": timedelta(seconds=backoff.most),
        },
    }  # fmt: skip
    prefix = unquote(parts.path).strip("/") or None
    try:
        return S3Store(
            parts.netloc, prefix=prefix, config=config, client_options=client, retry_config=retry
        )
    except BaseError as error:
        raise _unopened(f"s3://{parts.netloc}{parts.path}", error) from error


def _is_plain(endpoint: str, query: dict[str, str]) -> bool:
    """Return whether an endpoint is asked over plain HTTP, which it must be allowed to be."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        raise _malformed("its endpoint is no URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise _malformed("its endpoint is no URL of http or https")
    if parts.scheme == "https":
        return False
    allowed = query.get("allow_http") or os.environ.get("AWS_ALLOW_HTTP", "")
    if not _is_loopback(host) and allowed.lower() != "true":
        raise StoreError(
            "store.plain-http", f"the blob store's endpoint {host} is asked over plain HTTP",
            "whoever is on the way reads who asks for what, and the credentials' signatures",
            "use https, or say allow_http=true in its address if the way there is protected",
        )  # fmt: skip
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unopened(name: str, error: Exception) -> StoreError:
    return StoreError(
        "store.refused", f"the store {name} cannot be opened", str(error).partition("\n")[0],
        "see that credentials are whole, and that a folder can be written by this program",
    )  # fmt: skip


def _malformed(why: str) -> StoreError:
    return StoreError(
        "store.address", "that is no address of a blob store", why,
        "write file:///path, or s3://bucket/prefix?endpoint=https://…&region=…",
    )  # fmt: skip
