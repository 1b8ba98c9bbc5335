"""A blob's greatest size follows from the studies on the ledger."""

from __future__ import annotations

from pathlib import Path

from tests.node.kit import document, town

from collegium.node.blob_limit import BYTES_A_PARAMETER, LEAST, largest_blob
from collegium.node.ledger_queries import registered_studies


def test_a_blob_s_greatest_size_follows_from_the_largest_study(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        state = within.engine.application.state
        assert largest_blob(state) == LEAST
        within.propose(document())
        within.until(lambda view: view.registration is not None)
        state = within.engine.application.state
        assert registered_studies(state) == ["heart"]
        assert largest_blob(state) == LEAST + BYTES_A_PARAMETER * 14
        assert largest_blob(state) < 400 * 2**20, "an update of 400 MiB is none"
