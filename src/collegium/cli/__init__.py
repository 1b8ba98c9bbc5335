"""The command line: `main` is what the ``collegium`` script calls."""

from __future__ import annotations

from collegium.cli.entry import main

__all__ = ["main"]
