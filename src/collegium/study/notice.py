"""What does not stop a study and what its owner should know all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that does not stop a study and that its owner should know.

    A warning says that the study may not give what it seems to promise; a note explains.
    """

    level: Literal["warning", "note"]
    code: str
    text: str
