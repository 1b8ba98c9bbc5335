"""Downloads over connections that break, and servers that give the rest of a file or do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from collegium.data import downloading
from collegium.data.downloading import download
from collegium.data.originals import cache_folder, read_original
from collegium.data.table import SourceFile
from collegium.errors import DataError

CONTENT = np.random.default_rng(1).bytes(100_000)
FILE_DIGEST = sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What it gives: so many bytes a connection, the rest of a file or only whole ones."""

    url: str = ""
    breaks_after: int | None = None
    ranges: bool = True
    content: bytes = CONTENT
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    about = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            about.asked.append(wanted)
            first = int(wanted.removeprefix("bytes=").rstrip("-") or 0) if about.ranges else 0
            if first > len(about.content):
                self.send_error(416)
                return
            rest = about.content[first:]
            self.send_response(206 if first else 200)
            if first:
                last = len(about.content) - 1
                self.send_header("Content-Range", f"bytes {first}-{last}/{last + 1}")
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest if about.breaks_after is None else rest[: about.breaks_after])

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        about.url = f"http://127.0.0.1:{running.server_port}/rows.bin"
        yield about
        running.shutdown()
        thread.join()


def test_a_broken_connection_is_gone_on_from(server: Server, tmp_path: Path) -> None:
    server.breaks_after = 30_000
    assert download(server.url, tmp_path / ".part") == CONTENT
    assert server.asked == ["", "bytes=30000-", "bytes=60000-", "bytes=90000-"]
    assert not (tmp_path / ".part").exists()


def test_what_came_is_kept_for_the_next_time(server: Server, tmp_path: Path) -> None:
    server.breaks_after = 10_000
    with pytest.raises(OSError, match="after 40000 bytes"):
        download(server.url, tmp_path / "made" / ".part")
    assert (tmp_path / "made" / ".part").read_bytes() == CONTENT[:40_000]
    server.breaks_after = None
    assert download(server.url, tmp_path / "made" / ".part") == CONTENT
    assert server.asked[-1] == "bytes=40000-"


def test_a_server_that_gives_whole_files_alone_is_asked_for_a_whole_one(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / ".part").write_bytes(CONTENT[:500])
    server.ranges = False
    assert download(server.url, tmp_path / ".part") == CONTENT


def test_a_beginning_longer_than_the_file_is_forgotten(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".part").write_bytes(CONTENT + b"more")
    assert download(server.url, tmp_path / ".part") == CONTENT


def test_a_file_that_is_too_large_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "LARGEST", 1000)
    with pytest.raises(OSError, match="larger than 1000 bytes"):
        download(server.url, tmp_path / ".part")


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLEGIUM_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_own_cache")
def test_a_data_set_survives_an_interrupted_download(server: Server) -> None:
    file = SourceFile("rows.bin", FILE_DIGEST, server.url)
    server.breaks_after = 5_000
    with pytest.raises(DataError, match=r"rows\.bin"):
        read_original("made", "made", file)
    assert not (cache_folder() / "made" / "rows.bin").exists(), "half a file is none"
    server.breaks_after = None
    assert read_original("made", "made", file) == CONTENT
    asked = len(server.asked)
    assert read_original("made", "made", file) == CONTENT
    assert len(server.asked) == asked, "the cache is used again"
    assert [one.name for one in (cache_folder() / "made").iterdir()] == ["rows.bin"]


@pytest.mark.usefixtures("_own_cache")
def test_a_beginning_of_another_version_does_not_stand_in_the_way(server: Server) -> None:
    place = cache_folder() / "made"
    place.mkdir(parents=True)
    (place / ".rows.bin.part").write_bytes(b"x" * 1000)
    file = SourceFile("rows.bin", FILE_DIGEST, server.url)
    assert read_original("made", "made", file) == CONTENT
    assert server.asked == ["bytes=1000-", ""]


@pytest.mark.usefixtures("_own_cache")
def test_a_file_that_has_changed_at_its_address_is_refused(server: Server) -> None:
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(DataError) as refused:
        read_original("made", "made", SourceFile("rows.bin", FILE_DIGEST, server.url))
    assert "another SHA-256" in refused.value.why
    assert not list((cache_folder()).rglob("*rows*"))
