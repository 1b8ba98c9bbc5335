"""Cases of a test of which the default run takes some, and `make test-all` all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


def some_of(cases: Mapping[str, Any], *quick: str) -> list[Any]:
    """Return parameters by name; those that are not `quick` are more of the same, and long.

    Raises:
        KeyError: none has that name.
    """
    for name in quick:
        cases[name]
    return [
        pytest.param(one, id=name, marks=[] if name in quick else [pytest.mark.long])
        for name, one in cases.items()
    ]
