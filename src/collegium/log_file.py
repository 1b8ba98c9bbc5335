"""A log file of bounded size that lets others move it away."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST_LOG, OLDER_LOGS = 10 * 2**20, 5
"""Bytes at which a log gets a number and another one begins; how many with numbers are kept."""


class LogFile(RotatingFileHandler):
    """Each line goes into the file that has the log's name at that moment.

    logrotate and its like move a log away, or delete it: then another one is begun. Without such a
    program the log rotates itself. A disk that takes no line ends nothing: the same line is on
    standard error.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LARGEST_LOG, backupCount=OLDER_LOGS, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record's line."""
        try:
            self._follow()
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell a mistake of the program, and not what the system refuses."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)

    def _follow(self) -> None:
        """Let go of a file that has not the log's name any more; `emit` opens the other one."""
        if self.stream is None:
            return
        held = os.fstat(self.stream.fileno())
        try:
            named = os.stat(self.baseFilename)
        except FileNotFoundError:
            named = None
        if named is None or (named.st_dev, named.st_ino) != (held.st_dev, held.st_ino):
            stream, self.stream = self.stream, None
            stream.close()
