"""What needs an extra is skipped where that is not installed."""

from __future__ import annotations

import importlib.util

import pytest


def needs(extra: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs an extra."""
    return pytest.mark.skipif(
        importlib.util.find_spec(extra) is None,
        reason=f"needs the extra {extra}, which is not installed",
    )
