"""Downloading a file: what a broken connection left is gone on from, and never trusted by itself.

Requests for the rest of a file: RFC 9110, section 14 (ranges). Who asks checks the digest.
"""

from __future__ import annotations

from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

LARGEST = 2**30
"""Bytes; a download that goes on longer is given up."""

SECONDS = 20.0
"""How long a server may be silent."""

ATTEMPTS = 4
"""Connections that may break before a download is given up until it is asked for again."""

_PIECE = 2**20
_RANGE_NOT_SATISFIABLE = 416


class _Broken(OSError):
    """A connection ended before the file did; `data` is what had come by then."""

    def __init__(self, data: bytes, why: str) -> None:
        super().__init__(why)
        self.data = data


def download(url: str, partial: Path) -> bytes:
    """Return what an address gives; proxies are those of the environment, as hospitals set them.

    Args:
        url: the address.
        partial: where the beginning of a file is kept when it cannot be had whole; what lies there
            is gone on from. It is gone once this returns.

    Raises:
        OSError, HTTPException: it cannot be had.
    """
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise OSError(f"{url} is no https address")
    data = partial.read_bytes() if partial.is_file() else b""
    for left in reversed(range(ATTEMPTS)):
        try:
            data = _continued(url, data)
            break
        except _Broken as broken:
            data = broken.data
            if not left:
                _keep(partial, data)
                raise
    partial.unlink(missing_ok=True)
    return data


def _continued(url: str, had: bytes) -> bytes:
    """Return a whole file of which the beginning is here; whatever the server makes of that."""
    asked = Request(url, headers={"Range": f"bytes={len(had)}-"} if had else {})  # noqa: S310
    try:
        answer: HTTPResponse = urlopen(asked, timeout=SECONDS)  # noqa: S310
    except HTTPError as error:
        if had and error.code == _RANGE_NOT_SATISFIABLE:
            return _continued(url, b"")
        raise
    with answer:
        begun = answer.headers.get("Content-Range", "").startswith(f"bytes {len(had)}-")
        pieces = [had] if answer.status == 206 and begun else []
        length = answer.headers.get("Content-Length", "")
        wanted = int(length) if length.isdecimal() else None
        came, why = 0, "the connection ended early"
        try:
            while piece := answer.read(_PIECE):
                pieces.append(piece)
                came += len(piece)
                if sum(map(len, pieces)) > LARGEST:
                    raise OSError(f"it is larger than {LARGEST} bytes")
            broken = wanted is not None and came < wanted
        except (TimeoutError, ConnectionError, HTTPException) as error:
            broken, why = True, str(error) or type(error).__name__
    whole = b"".join(pieces)
    if broken:
        raise _Broken(whole, f"{why} after {len(whole)} bytes")
    return whole


def _keep(partial: Path, data: bytes) -> None:
    """Keep the beginning of a file; where that cannot be, the next download begins anew."""
    with suppress(OSError):
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
