"""A blob's greatest size follows from the study that names it, and from what it is."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from tests.node.kit import Town, document, town
from tests.storage.test_cached import Shelf

from collegium.canonical import from_text
from collegium.errors import NodeError
from collegium.federation.view import StudyView
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.hashing import tag
from collegium.ledger.state import State
from collegium.node.blob_limit import HEADER, OTHER, StudyBlobs, largest
from collegium.resolving.attempt import blob_of
from collegium.storage.cached import CachedBlobs

MIB = 2**20
PARAMETERS = 14

MEMORY = """
import resource, sys
from pathlib import Path
from collegium.ledger.blobs import BlobFolder
from collegium.node.blob_limit import StudyBlobs
from collegium.ledger.state import State
from collegium.storage.address import open_store
from collegium.storage.cached import CachedBlobs
home, store, digest = Path(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])
told = []
blobs = CachedBlobs(BlobFolder(home / "b"), open_store(store, told.append), home / "w", told.append)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = StudyBlobs(blobs, State, "heart").fetch(digest)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(found is None, grown // 1024, *told)
"""


def study_blobs(within: Town, shelf: Shelf, home: Path) -> StudyBlobs:
    blobs = CachedBlobs(BlobFolder(home / "blobs"), shelf, home / "waiting", print)
    return StudyBlobs(blobs, lambda: within.engine.application.state, "heart")


def test_each_kind_of_blob_of_a_study_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """The largest study on the ledger has no say in what another one's blobs may be."""
    with town(tmp_path) as within:
        within.propose(document("model.architecture=mlp", "model.hidden=[4096]", "study.id=large"))
        within.until(lambda view: view.registration is not None, study="large")
        within.propose(document(), name="second.toml")
        view = within.until(lambda view: view.phase == "available")
        record = view.registration
        assert record is not None
        assert largest(record, "update") == HEADER + 64 * PARAMETERS
        assert largest(record, "other") == OTHER + 64 * PARAMETERS
        shelf = Shelf()
        blobs = study_blobs(within, shelf, tmp_path / "home")
        lengths = {
            from_text(record.document, 32): 16 * MIB,
            view.model: largest(record, "model"),
            **{blob_of(one): largest(record, "update") for one in view.reveals.values()},
            b"\x11" * 32: largest(record, "other"),
        }
        assert len(lengths) == 2 + 4 + 1
        for digest, most in lengths.items():
            assert blobs._may_be_read(digest) == most


def test_an_update_beyond_its_study_s_limit_is_not_read(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document())
        view = within.until(lambda view: view.phase == "available")
        shelf = Shelf()
        name = blob_of(view.reveals["va"])
        blobs = study_blobs(within, shelf, tmp_path / "home")
        shelf.kept[name] = bytes(2 * MIB)
        assert blobs.fetch(name) is None
        assert (shelf.asked, shelf.most) == (["get"], [HEADER + 64 * PARAMETERS])


def test_nothing_is_published_that_the_others_would_not_read(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document())
        within.until(lambda view: view.phase == "available")
        shelf = Shelf()
        blobs = study_blobs(within, shelf, tmp_path / "home")
        fits = tag("update").ljust(HEADER + 64 * PARAMETERS, b".")
        assert blobs.publish(fits) in shelf.kept
        with pytest.raises(NodeError, match="heart has 1049473 bytes") as refused:
            blobs.publish(fits + b".")
        assert refused.value.code == "node.blob-too-large"
        assert "at most 1049472 bytes" in refused.value.why
        assert list(shelf.kept) == [sha256(fits).digest()]


def test_nothing_is_known_of_a_study_that_is_not_registered() -> None:
    assert StudyView(State(), "heart").registration is None
    assert largest(None, "update") == 16 * MIB


def test_an_update_of_400_mib_takes_no_memory(tmp_path: Path) -> None:
    """It grew a node by 816 MiB: the bytes as they came, and once more as one blob."""
    store = tmp_path / "store"
    store.mkdir()
    with (store / "partial").open("wb") as file:
        file.truncate(400 * MIB)
    digest = sha256()
    for _ in range(400):
        digest.update(bytes(MIB))
    (store / "partial").rename(store / digest.hexdigest())
    answer = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path, f"file://{store}", digest.hexdigest()],
        capture_output=True, text=True, check=True,
    ).stdout.split(" ", 2)  # fmt: skip
    assert answer[0] == "True"
    assert int(answer[1]) < 16
    assert "more than 16777216 bytes" in answer[2]
