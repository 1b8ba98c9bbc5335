"""Plain updates in the contract: their authors' indicators choose the next round's encoding."""

from __future__ import annotations

from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.encoding import indicated
from collegium.ledger.contract.members import contract_version
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.rules import Rules, sent_of
from collegium.ledger.contract.tables import RevealRecord
from collegium.mechanisms.plain.terms import MECHANISM


def _measured(at: RoundAt, result: ModelResult, included: tuple[str, ...]) -> tuple[int, int]:
    found = (at.entry("reveals", name, RevealRecord) for name in included)
    reveals, sent = [one for one in found if one is not None], sent_of(at.record)
    version, room = contract_version(at.state), at.current.room or 0
    asked = [indicated(version, room, one.peak, one.saturated, sent) for one in reveals]
    return sum(coarser for coarser, _ in asked), sum(finer for _, finer in asked)


RULES = Rules(MECHANISM, measured=_measured)
