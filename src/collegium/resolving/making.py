"""A model that an attempt leads to, with what mechanisms tell of it in a vote."""

from __future__ import annotations

from collegium.canonical import to_text
from collegium.learning.blobs import digest, encode_model
from collegium.ledger.contract.declared import together
from collegium.ledger.contract.results import ModelResult
from collegium.resolving.resolved import Resolved
from collegium.resolving.seam import Found, every_resolving


def made(found: Found) -> Resolved:
    """Return a model as it is voted for."""
    data, known = encode_model(found.model), every_resolving()
    told = (
        tells(found)
        for name in found.attempt.terms.modules
        if name in known and (tells := known[name].tells) is not None
    )
    result = ModelResult(model=to_text(digest(data)), parts=together("result", told))
    refused = {} if found.summed is None else found.summed.refused
    return Resolved(result, data, found.model, refused)
