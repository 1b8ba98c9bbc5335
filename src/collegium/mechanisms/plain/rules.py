"""Plain updates in the contract: their authors' indicators choose the next round's encoding."""

from __future__ import annotations

from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.encoding import is_saturated, is_small
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.rules import Rules, sent_of
from collegium.ledger.contract.tables import RevealRecord
from collegium.mechanisms.plain.terms import MECHANISM


def _measured(at: RoundAt, result: ModelResult, included: tuple[str, ...]) -> tuple[int, int]:
    found = (at.entry("reveals", name, RevealRecord) for name in included)
    reveals, sent = [one for one in found if one is not None], sent_of(at.record)
    saturated = sum(is_saturated(reveal.saturated, sent) for reveal in reveals)
    return saturated, sum(is_small(reveal.peak) for reveal in reveals)


RULES = Rules(MECHANISM, measured=_measured)
