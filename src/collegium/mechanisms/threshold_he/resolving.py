"""What an attempt comes to whose updates travel in this way."""

from __future__ import annotations

from collegium.mechanisms.threshold_he.terms import MECHANISM
from collegium.resolving.hidden import hidden
from collegium.resolving.seam import Resolving

RESOLVING = Resolving(MECHANISM, hidden)
