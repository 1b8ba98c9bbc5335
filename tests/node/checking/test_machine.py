"""What the machine under a home is like."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from collegium.node.checking.machine import examine_disk, running
from collegium.node.status import NodeStatus
from collegium.node.status_page import StatusPage


@pytest.mark.parametrize(
    ("kind", "found"),
    [("ext4", None), ("overlay", None), ("tmpfs", "warning"), ("nfs4", "warning")],
)
def test_a_file_system_that_loses_things_or_locks_nothing_is_told(
    tmp_path: Path, kind: str, found: str | None
) -> None:
    home, mounts = tmp_path / "a home" / "va", tmp_path / "mounts"
    home.mkdir(parents=True)
    place = str(home.parent).replace(" ", "\\040")
    lines = ("/dev/vda / ext4", f"ours {place} {kind}", f"others {place}s nfs")
    mounts.write_text("".join(f"{line} rw 0 0\n" for line in lines))
    told = {one.code: one for one in examine_disk(home, 1.0, mounts)}
    assert ("home.file-system" in told) == (found is not None)
    if found is not None:
        assert told["home.file-system"].severity == found
        assert told["home.file-system"].what == f"the home lies on {kind}"


def test_a_system_that_does_not_tell_its_mounts_is_none_that_is_wrong(tmp_path: Path) -> None:
    (found,) = examine_disk(tmp_path, 1.0, tmp_path / "none")
    assert found.severity == "sound"


@pytest.mark.parametrize(
    ("state", "severity"),
    [("following", "sound"), ("away", "warning"), ("refused", "error"), ("halted", "error")],
)
def test_a_node_that_runs_and_does_not_follow_is_told(
    tmp_path: Path, state: str, severity: str
) -> None:
    status = NodeStatus(
        member="va", genesis="", version="", pid=7, state=state, trouble="its sequencer lied"
    )
    with closing(StatusPage(tmp_path, 0, lambda: status)):
        found, told = running(tmp_path)
    assert found == status
    assert told.severity == severity
    assert told.what.endswith(f"runs (pid 7), {state}")
    assert (told.why == "its sequencer lied") == (severity != "sound")
    assert running(tmp_path)[1].what == "does not run"
