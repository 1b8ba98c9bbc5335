"""Ledgers that a test has opened are closed after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.ledger.engines.cometbft import kit


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    for execution in kit.OPENED:
        execution.application.close()
    kit.OPENED.clear()
