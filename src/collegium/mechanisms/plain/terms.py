"""Plain updates are what an attempt has where nothing hides them."""

from __future__ import annotations

from collegium.ledger.contract.mechanism import Mechanism

MECHANISM = Mechanism("plain", 1, carries=True)
