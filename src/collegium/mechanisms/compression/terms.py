"""What is registered of compression; docs/decisions/0076."""

from __future__ import annotations

from typing import Annotated

import msgspec

from collegium.ledger.contract.mechanism import Mechanism


class CompressionTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`keep`: millionths of the coordinates that an update has."""

    keep: Annotated[int, msgspec.Meta(ge=1, le=999_999)]


MECHANISM = Mechanism("compression", 1, parts={"terms": CompressionTerms})
