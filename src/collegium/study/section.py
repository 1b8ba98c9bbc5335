"""What every section of a study document is."""

from __future__ import annotations

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every section shares: no unknown field. Frozen and by keyword is said by each."""
