"""What does not stop a study and what its owner should know all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collegium.study.english import Value, text_of


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that does not stop a study and that its owner should know: a code and parameters.

    A warning says that the study may not give what it seems to promise; a note explains. `case`
    among the parameters tells apart what one code says.
    """

    level: Literal["warning", "note"]
    code: str
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What there is to know, in English."""
        return text_of(self.code, self.parameters)
