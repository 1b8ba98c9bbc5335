"""Compression in the contract: how many coordinates an update has."""

from __future__ import annotations

from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.rules import Rules
from collegium.ledger.contract.tables import StudyRecord
from collegium.mechanisms.compression.terms import MECHANISM, CompressionTerms
from collegium.study.compression import sent_coordinates


def _sends(record: StudyRecord) -> int:
    terms = part_of(record.terms, CompressionTerms)
    return record.parameters if terms is None else sent_coordinates(record.parameters, terms.keep)


RULES = Rules(MECHANISM, sends=_sends)
