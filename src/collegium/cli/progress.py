"""How work that takes a while is shown: one line, drawn anew, or on no terminal some lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from shutil import get_terminal_size
from threading import Event, Thread
from time import monotonic

import click

from collegium.cli.output import ERASE
from collegium.visible import visible

FIRST_AFTER, OFTEN = 10.0, 60.0
"""Seconds until the first line where there is no terminal, and between lines from then on."""

REDRAWN_EVERY = 0.1
"""Seconds."""

BAR = 24
"""Characters."""


@dataclass(frozen=True, slots=True)
class Display:
    """What work tells while it is done: which stage begins, and how much of it is done."""

    stage: Callable[[str], None]
    progress: Callable[[int, int], None]


@contextmanager
def display(
    title: str, unit: str = "rounds", *, quiet: bool, eager: bool = False
) -> Iterator[Display]:
    """Show work until it is done, on standard error.

    Args:
        title: what is worked on.
        unit: of what `progress` counts.
        quiet: show nothing.
        eager: where there is no terminal, tell every stage when it begins; else only what takes
            longer than `FIRST_AFTER` seconds is told.
    """
    if quiet:
        yield Display(lambda what: None, lambda done, total: None)
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _one_line(title, unit) as shown:
            yield shown
    else:
        yield _lines(title, unit, eager=eager)


@dataclass(slots=True)
class Pace:
    """How long the rest takes, at the pace since the first count."""

    clock: Callable[[], float] = monotonic
    since: float = 0.0
    first: int = 0
    last: int = field(default=-1)

    def standing(self, done: int, total: int, unit: str) -> str:
        """Return how much is done and, as soon as a pace is known, what time is left."""
        now = self.clock()
        if self.last < 0 or done < self.last:  # another piece of work: a fold, a trial
            self.since, self.first = now, done
        self.last = done
        text = f"{done} of {total} {unit}"
        if done == self.first or done >= total:
            return text
        left = (now - self.since) / (done - self.first) * (total - done)
        return f"{text}, about {timedelta(seconds=max(1, round(left)))} left"


@contextmanager
def _one_line(title: str, unit: str) -> Iterator[Display]:
    """Draw one line over and over, the time that has passed too; nothing of it stays."""
    pace, began, ended = Pace(), monotonic(), Event()
    doing, standing = title, ""

    def draw() -> None:
        passed = timedelta(seconds=int(monotonic() - began))
        text = "  ".join(part for part in (visible(doing), standing, str(passed)) if part)
        columns = get_terminal_size().columns - 1
        click.echo(f"{ERASE}{text[:columns]}", nl=False, err=True)

    def keep_drawing() -> None:
        while not ended.wait(REDRAWN_EVERY):
            draw()

    def stage(what: str) -> None:
        nonlocal doing, standing
        doing, standing = f"{title}: {what}", ""
        draw()

    def progress(done: int, total: int) -> None:
        nonlocal standing
        filled = BAR * done // max(total, 1)
        standing = f"[{'#' * filled}{'.' * (BAR - filled)}] {pace.standing(done, total, unit)}"

    thread = Thread(target=keep_drawing, daemon=True)
    thread.start()
    try:
        yield Display(stage, progress)
    finally:
        ended.set()
        thread.join()
        click.echo(ERASE, nl=False, err=True)


def _lines(
    title: str, unit: str, *, eager: bool, clock: Callable[[], float] = monotonic
) -> Display:
    pace, due, now_doing = Pace(clock), clock() + FIRST_AFTER, title

    def tell(standing: str) -> None:
        nonlocal due
        if clock() >= due:
            due = clock() + OFTEN
            click.echo(f"{visible(now_doing)}{standing} …", err=True)

    def stage(what: str) -> None:
        nonlocal now_doing
        now_doing = what if eager else f"{title}: {what}"
        if eager:
            click.echo(f"{visible(what)} …", err=True)
        else:
            tell("")

    def progress(done: int, total: int) -> None:
        tell(f", {pace.standing(done, total, unit)}")

    return Display(stage, progress)
