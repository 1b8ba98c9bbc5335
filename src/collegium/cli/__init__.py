"""The command line: `main` is what the ``collegium`` script calls."""

from __future__ import annotations

from collegium.cli.commands import main

__all__ = ["main"]
