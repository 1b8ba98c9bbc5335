"""What set-up has agreed on before a sum of its next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collegium.canonical import from_text
from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.series import step_of
from collegium.ledger.contract.tables import THE_ONE
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.statistics.rules import StatisticsRecord
from collegium.mechanisms.statistics.terms import MECHANISM
from collegium.resolving.seam import Resolving


def _fixes(at: RoundAt, participants: tuple[str, ...]) -> Mapping[str, Any]:
    if step_of(at.number) is None:
        return {}
    record = at.state.record(at.course.table("statistics"), THE_ONE, StatisticsRecord)
    name = None if record is None else record.agreement
    return {"agreed": from_text(name, DIGEST_SIZE) if isinstance(name, str) else None}


RESOLVING = Resolving(MECHANISM, fixes=_fixes)
