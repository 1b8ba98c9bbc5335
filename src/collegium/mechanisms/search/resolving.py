"""What a vote tells of losses on rows held out, and whether training ends."""

from __future__ import annotations

import msgspec

from collegium.learning.aggregation.stopping import is_over, measured_loss
from collegium.ledger.contract.declared import part_of
from collegium.mechanisms.search.terms import MECHANISM, Measured, SearchTerms
from collegium.resolving.seam import Found, Resolving


def _tells(found: Found) -> Measured | None:
    terms = part_of(found.attempt.terms.terms, SearchTerms)
    patience = terms.patience if terms is not None and isinstance(terms.patience, int) else None
    loss, ends = measured_loss(found.model), is_over(found.model, patience)
    if loss is None and not ends:
        return None
    return Measured(
        ends="early" if ends else msgspec.UNSET,
        validation=msgspec.UNSET if loss is None else loss,
    )


RESOLVING = Resolving(MECHANISM, tells=_tells)
