"""What of a folder is found, and that nothing leads out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.serving.folder import everything_in, run_in

from collegium.serving import finding
from collegium.serving.finding import listing


def names(root: Path) -> list[tuple[str, str]]:
    return sorted((one.kind, one.name) for one in listing(root).found)


def test_runs_and_comparisons_are_found_two_folders_deep(tmp_path: Path) -> None:
    root = everything_in(tmp_path / "root")
    ((_, compared), *runs) = names(root)
    assert compared.startswith("runs/comparison-")
    assert runs == [("runs", "linked"), ("runs", "runs/half"), ("runs", "runs/whole")]
    run_in(root / "a" / "b" / "deep")
    assert ("runs", "a/b/deep") not in names(root)


def test_a_folder_may_itself_be_what_is_looked_at(tmp_path: Path) -> None:
    (found,) = listing(run_in(tmp_path / "one")).found
    assert (found.kind, found.name, found.key[0]) == ("runs", "one", "~")


def test_links_are_not_followed_and_that_is_told(tmp_path: Path) -> None:
    root = everything_in(tmp_path / "root")
    assert not any(one.name == "link" or "private" in one.name for one in listing(root).found)
    assert listing(root).left_out == ("Links to folders are not followed (1).",)


def test_a_key_is_what_was_found_and_leads_nowhere_else(tmp_path: Path) -> None:
    there = listing(everything_in(tmp_path / "root"))
    assert there.get("runs", "runs/whole") is not None
    for key in ("../outside/private", "runs/../../outside/private", "link", "/etc", "", ".", "~"):
        assert there.get("runs", key) is None
    assert there.get("nodes", "runs/whole") is None


@pytest.mark.parametrize("name", ["<b>&\"'", "a b", "ü", "%2e%2e", "x\ny"])
def test_an_odd_name_has_a_key_that_an_address_can_hold(name: str, tmp_path: Path) -> None:
    run_in(tmp_path / "root" / name)
    (found,) = listing(tmp_path / "root").found
    assert finding._PLAIN.fullmatch(found.key.lstrip("~"))
    assert listing(tmp_path / "root").get("runs", found.key) == found


def test_a_name_need_not_be_text(tmp_path: Path) -> None:
    try:
        run_in(tmp_path / os.fsdecode(b"\xff\xfe"))
    except OSError:
        pytest.skip("this file system has names of text alone")
    (found,) = listing(tmp_path).found
    assert found.name.encode()


def test_a_study_or_a_node_s_home_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "study.toml").touch()
    (tmp_path / "va").mkdir()
    for name in ("node.toml", "ledger.log", ".lock", "study.toml"):
        (tmp_path / "va" / name).touch()
    assert names(tmp_path) == [("nodes", "va")]


def test_of_a_huge_folder_so_many_names_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MOST_LOOKED_AT", 50)
    monkeypatch.setattr(finding, "MOST_SHOWN", 3)
    for number in range(60):
        (tmp_path / f"f{number:02}").mkdir()
        (tmp_path / f"f{number:02}" / "comparison.json").touch()
    there = listing(tmp_path)
    assert len(there.found) == 3
    assert "Only 50 names were looked at: serve a smaller folder." in there.left_out
    assert "The 3 newest of 50 comparisons are shown." in there.left_out


def test_what_is_deleted_meanwhile_or_closed_is_left_out(tmp_path: Path) -> None:
    root = everything_in(tmp_path / "root")
    assert listing(root / "gone").found == ()
    if os.geteuid() != 0:
        (root / "closed").mkdir(mode=0)
        assert "cannot be read" in " ".join(listing(root).left_out)
