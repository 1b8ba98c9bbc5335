"""What verification says of the set-up of a study of tables."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from collegium.audit.verify import verify


def test_a_validator_that_saw_nothing_follow_is_named(set_up: Path) -> None:
    found = verify(set_up)
    assert found.ok
    assert found.checked["statistics"] == 3
    [fault] = found.findings
    assert (fault.code, fault.severity) == ("validator.statistics", "fault")
    assert "cleveland" in fault.what
    assert fault.where == "cohort, step 1 of set-up"


@pytest.mark.parametrize("part", [b'"moments"', b'"histograms"', b'"included"'])
def test_what_set_up_rests_on_must_be_there(set_up: Path, tmp_path: Path, part: bytes) -> None:
    copy = tmp_path / "run"
    copytree(set_up, copy, ignore=ignore_patterns("members"))
    blobs = sorted(path for path in (copy / "blobs").iterdir() if part in path.read_bytes())
    blobs[0].unlink()
    found = verify(copy)
    assert not found.ok
    assert {one.code for one in found.findings if one.severity == "error"} <= {
        "blob.missing", "statistics.agreement",
    }  # fmt: skip
