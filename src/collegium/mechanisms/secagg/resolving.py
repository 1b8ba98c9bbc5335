"""What an attempt comes to whose updates travel in this way."""

from __future__ import annotations

from collegium.mechanisms.secagg.terms import MECHANISM
from collegium.resolving.hidden import hidden
from collegium.resolving.seam import Resolving

RESOLVING = Resolving(MECHANISM, hidden)
