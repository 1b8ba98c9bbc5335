"""A consortium for a test, whose files are closed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.engines.log.kit import Consortium, consortium


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Consortium]:
    made = consortium(tmp_path)
    yield made
    made.close()
