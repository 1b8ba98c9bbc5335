"""The seam where an encoded update is protected before it leaves its site.

A protection is named by a study's ``[privacy] protection``. What it returns is what the outbox
keeps, the ledger names and the other participants see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Protection(Protocol):
    """Turns a site's update into what the site publishes."""

    @property
    def name(self) -> str:
        """Versioned name, such as ``none@1``."""
        ...

    @property
    def plain(self) -> bool:
        """Whether a published vector is one site's update, readable by whoever receives it."""
        ...

    def protect(self, values: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the vector to publish, int16 [d] in ±32767, for an encoded update."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """No protection: validators receive the update itself, which can leak facts about rows."""

    name: str = "none@1"
    plain: bool = True

    def protect(self, values: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the update as it is."""
        return values


NONE: Protection = Plain()
