"""Structured logs: one JSON object a line, in the home and on standard error.

What is logged is named by its event (``study refused``) and its fields; keys, salts and updates
are never among them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from collegium.log_file import LogFile
from collegium.visible import visible_json

LOG = "node.log"

_OF_EVERY_RECORD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None)))


class JsonLines(logging.Formatter):
    """One JSON object a record: time (UTC), level, event, the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _OF_EVERY_RECORD and name != "message":
                line[name] = value
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return visible_json(msgspec.json.encode(line, enc_hook=str).decode("utf-8", "replace"))


@contextmanager
def journal(home: Path, level: str) -> Iterator[None]:
    """Write what the package logs into a home's node.log, and to standard error."""
    ours = logging.getLogger("collegium")
    handlers: list[logging.Handler] = [LogFile(home / LOG), logging.StreamHandler()]
    for handler in handlers:
        handler.setFormatter(JsonLines())
        ours.addHandler(handler)
    before, ours.propagate = (ours.level, ours.propagate), False
    ours.setLevel(level.upper())
    try:
        yield
    finally:
        ours.setLevel(before[0])
        ours.propagate = before[1]
        for handler in handlers:
            ours.removeHandler(handler)
            handler.close()
