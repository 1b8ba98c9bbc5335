"""Which CometBFT is taken, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.errors import RunError
from collegium.ledger.engines.cometbft import binary


def program(folder: Path, version: str) -> Path:
    path = folder / "cometbft"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(binary.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))


def test_what_is_named_comes_first_then_what_was_built_then_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = program(tmp_path / "path", "0.38.25")
    assert binary.find() == on_path
    built = program(binary.installed().parent, "0.38.25")
    assert binary.find() == built
    named = program(tmp_path / "named", "0.40.0")
    monkeypatch.setenv(binary.VARIABLE, str(named))
    assert binary.find() == named


@pytest.mark.parametrize("version", ["0.38.21", "0.38.25", "v0.39.4", "0.40.0"])
def test_these_versions_go(tmp_path: Path, version: str) -> None:
    assert binary.require_version(program(tmp_path, version)) == version


@pytest.mark.parametrize("version", ["0.37.9", "0.38.20", "1.0.1", "2.0.0-rc1", "0.41.0", "", "x"])
def test_others_are_refused_with_the_one_that_goes(tmp_path: Path, version: str) -> None:
    with pytest.raises(RunError) as caught:
        binary.require_version(program(tmp_path, version))
    assert caught.value.code == "cometbft.version"
    assert binary.PINNED in caught.value.todo


def test_none_at_all_and_one_that_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError) as caught:
        binary.find()
    assert caught.value.code == "cometbft.absent"
    assert "network install" in caught.value.todo
    monkeypatch.setenv(binary.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(RunError) as caught:
        binary.find()
    assert caught.value.code == "cometbft.absent"
    with pytest.raises(RunError) as caught:
        binary.install()
    assert "Go" in caught.value.todo


def test_a_build_that_fails_says_what_go_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "path" / "go"
    go.parent.mkdir(parents=True, exist_ok=True)
    go.write_text("#!/bin/sh\necho 'go: no such proxy' >&2\nexit 1\n")
    go.chmod(0o755)
    with pytest.raises(RunError) as caught:
        binary.install()
    assert (caught.value.code, caught.value.why) == ("cometbft.build", "go: no such proxy")


def test_the_module_names_the_pinned_version_and_every_dependency_by_hash() -> None:
    folder = Path(binary.__file__).parent / "go"
    assert f"github.com/cometbft/cometbft v{binary.PINNED}" in (folder / "go.mod").read_text()
    assert f"github.com/cometbft/cometbft v{binary.PINNED} h1:" in (folder / "go.sum").read_text()
