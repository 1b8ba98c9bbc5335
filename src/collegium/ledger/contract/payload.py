"""What every transaction says: of which ledger, study, round and attempt it is."""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.ledger.contract.fields import DecodedDigest, Positive, StudyId


class Transaction(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"
):
    """What every payload carries: the format's version and the ledger it is meant for."""

    format: Literal[1]
    genesis: DecodedDigest


class StudyTransaction(Transaction, frozen=True, kw_only=True):
    """A transaction about one study."""

    study: StudyId


class RoundTransaction(StudyTransaction, frozen=True, kw_only=True):
    """A transaction within one attempt at one round."""

    round: Positive
    attempt: Positive
