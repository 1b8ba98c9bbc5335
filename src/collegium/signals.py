"""Signals that whoever started this process has not asked to be ignored.

A shell that is not interactive starts background jobs with SIGINT ignored, and `nohup` its command
with SIGHUP: Ctrl-C at that terminal, or its end, is meant for others. A program that put a handler
of its own there would undo what was asked for; docs/decisions/0110.
"""

from __future__ import annotations

import signal


def heeded(*names: str) -> tuple[signal.Signals, ...]:
    """Return those of the named signals that this system has and that are not ignored."""
    known = (getattr(signal, name) for name in names if hasattr(signal, name))
    return tuple(number for number in known if signal.getsignal(number) != signal.SIG_IGN)
