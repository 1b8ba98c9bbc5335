"""Run folders that the tests of verification share; nobody writes to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.audit.cosigned import Cosigned, build_cosigned
from tests.audit.eventful import (
    build_abandoned,
    build_encrypted,
    build_eventful,
    build_honest,
    build_masked,
    build_scored,
    build_sealed,
    build_set_up,
)


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rounds without incident."""
    return build_honest(tmp_path_factory.mktemp("honest") / "run")


@pytest.fixture(scope="session")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rounds in which all happens that can happen."""
    return build_eventful(tmp_path_factory.mktemp("eventful") / "run")


@pytest.fixture(scope="session")
def abandoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that waits for everybody, in vain."""
    return build_abandoned(tmp_path_factory.mktemp("abandoned") / "run")


@pytest.fixture(scope="session")
def cosigned(tmp_path_factory: pytest.TempPathFactory) -> Cosigned:
    """A small run that a quorum of its members cosigned."""
    return build_cosigned(tmp_path_factory.mktemp("cosigned") / "run")


@pytest.fixture(scope="session")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One round of a study of tables, whose set-up one validator did not follow."""
    return build_set_up(tmp_path_factory.mktemp("set_up") / "run")


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One round whose updates only the validators can read."""
    return build_sealed(tmp_path_factory.mktemp("sealed") / "run")


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose updates validators score."""
    return build_scored(tmp_path_factory.mktemp("scored") / "run")


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One round whose updates are masked, and one of them missing."""
    return build_masked(tmp_path_factory.mktemp("masked") / "run")


@pytest.fixture(scope="session")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One round whose updates are encrypted, and one of them missing."""
    return build_encrypted(tmp_path_factory.mktemp("encrypted") / "run")
