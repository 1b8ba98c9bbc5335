"""An original is taken from where it lies or downloaded once, and never without its SHA-256."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from collegium.data.originals import (
    Arrays,
    Derived,
    arrays_digest,
    cache_folder,
    places,
    read_derived,
    read_original,
)
from collegium.data.table import SourceFile
from collegium.errors import DataError

CONTENT = b"age,died\n61,0\n"
DIGEST = sha256(CONTENT).hexdigest()
NOWHERE = SourceFile("rows.csv", DIGEST)


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLEGIUM_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def address() -> Iterator[str]:
    """A server on loopback that gives CONTENT for /rows.csv, and counts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/rows.csv"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(CONTENT if known else b"no")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/rows.csv"
        server.shutdown()
        thread.join()


def put(place: Path, name: str, content: bytes) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(content)


def test_the_named_folder_comes_before_the_cache(tmp_path: Path) -> None:
    assert places("made") == (tmp_path / "named/made", tmp_path / "cache/collegium/data/made")
    put(places("made")[1], "rows.csv", CONTENT)
    assert read_original("made", "made", NOWHERE) == CONTENT
    put(places("made")[0], "rows.csv", b"another")
    with pytest.raises(DataError) as caught:
        read_original("made", "made", NOWHERE)
    assert caught.value.code == "data.file-changed"
    assert str(tmp_path / "named/made/rows.csv") in caught.value.what


def test_a_compressed_copy_counts_as_the_original() -> None:
    put(places("made")[0], "rows.csv.gz", gzip.compress(CONTENT))
    assert read_original("made", "made", NOWHERE) == CONTENT


def test_a_torn_compressed_copy_is_told() -> None:
    put(places("made")[0], "rows.csv.gz", gzip.compress(CONTENT)[:-9])
    with pytest.raises(DataError, match=r"rows\.csv\.gz is not the original"):
        read_original("made", "made", NOWHERE)


def test_what_is_nowhere_is_downloaded_once_and_kept(address: str) -> None:
    file = SourceFile("rows.csv", DIGEST, address)
    assert read_original("made", "made", file) == CONTENT
    assert (cache_folder() / "made" / "rows.csv").read_bytes() == CONTENT
    gone = SourceFile("rows.csv", DIGEST, address + ".gone")
    assert read_original("made", "made", gone) == CONTENT, "the cache needs no server"


@pytest.mark.parametrize(
    ("suffix", "digest", "why"),
    [
        ("", "0" * 64, "another SHA-256"),
        (".gone", DIGEST, "404"),
    ],
)
def test_a_bad_download_is_an_error_and_nothing_is_kept(
    address: str, suffix: str, digest: str, why: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_original("made", "made", SourceFile("rows.csv", digest, address + suffix))
    assert caught.value.code == "data.not-here"
    assert why in caught.value.why
    assert not (cache_folder() / "made").exists()


def test_who_has_no_data_is_told_where_it_was_looked_for_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = SourceFile("rows.csv", DIGEST, "ftp://example.org/rows.csv")
    with pytest.raises(DataError) as caught:
        read_original("made", "folder", file)
    assert "'made'" in caught.value.what
    assert all(str(place) in caught.value.why for place in places("folder"))
    assert "ftp://example.org/rows.csv" in caught.value.todo
    assert "COLLEGIUM_DATA" in caught.value.todo
    assert "is not set" not in caught.value.why
    monkeypatch.delenv("COLLEGIUM_DATA")
    with pytest.raises(DataError, match="rows") as caught:
        read_original("made", "folder", file)
    assert "COLLEGIUM_DATA is not set" in caught.value.why


def doubled(files: Mapping[str, bytes]) -> Arrays:
    return {"twice": np.frombuffer(files["rows.csv"] * 2, dtype=np.uint8)}


MADE = doubled({"rows.csv": CONTENT})
DERIVED = Derived("made.npz", arrays_digest(MADE), (NOWHERE,), doubled)


def test_a_derived_file_is_made_from_its_originals_and_kept() -> None:
    put(places("made")[0], "rows.csv", CONTENT)
    assert np.array_equal(read_derived("made", "made", DERIVED)["twice"], MADE["twice"])
    (places("made")[0] / "rows.csv").unlink()
    assert np.array_equal(read_derived("made", "made", DERIVED)["twice"], MADE["twice"])


def test_a_derived_file_is_known_by_its_arrays_and_not_by_its_compression() -> None:
    places("made")[0].mkdir(parents=True)
    np.savez(places("made")[0] / "made.npz", allow_pickle=False, **MADE)
    assert np.array_equal(read_derived("made", "made", DERIVED)["twice"], MADE["twice"])
    np.savez(places("made")[0] / "made.npz", allow_pickle=False, twice=MADE["twice"][:-1])
    with pytest.raises(DataError, match=r"made\.npz is not the original"):
        read_derived("made", "made", DERIVED)


def test_a_recipe_that_gives_something_else_is_refused_and_not_kept() -> None:
    put(places("made")[0], "rows.csv", CONTENT)
    other = Derived("made.npz", "0" * 64, (NOWHERE,), doubled)
    with pytest.raises(DataError, match=r"what was made of rows\.csv"):
        read_derived("made", "made", other)
    assert not (cache_folder() / "made" / "made.npz").exists()


def test_no_array_of_objects_is_ever_unpickled() -> None:
    places("made")[0].mkdir(parents=True)
    np.savez(places("made")[0] / "made.npz", twice=np.array([object()]))
    with pytest.raises(DataError, match=r"made\.npz"):
        read_derived("made", "made", DERIVED)


def test_a_digest_depends_on_names_types_shapes_and_values_alone() -> None:
    one = {"a": np.arange(6, dtype="<i4").reshape(2, 3), "b": np.ones(2, np.float32)}
    same = {"b": one["b"].copy(), "a": np.asfortranarray(one["a"].astype(">i4"))}
    assert arrays_digest(one) == arrays_digest(same)
    for other in (
        {"a": one["a"], "c": one["b"]},
        {"a": one["a"].reshape(3, 2), "b": one["b"]},
        {"a": one["a"].astype("<i8"), "b": one["b"]},
        {"a": one["a"] + 1, "b": one["b"]},
    ):
        assert arrays_digest(other) != arrays_digest(one)
