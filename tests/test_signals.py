"""Who asked for a signal to be ignored is heard, and tests work where their parent asked for it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from tests.commands import environment

from collegium.network.trial import ended_on_failure
from collegium.node import start
from collegium.signals import heeded
from collegium.transport import serving

DEAF = """
import os, signal, subprocess, sys
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
import tests.conftest
shown = (
    "import signal; print(signal.getsignal(signal.SIGHUP).name,"
    " signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
)
subprocess.run([sys.executable, "-c", shown], check=True)
for number in (signal.SIGINT, signal.SIGHUP):
    os.kill(os.getpid(), number)
print("goes on", flush=True)
"""


@contextmanager
def ignoring(number: signal.Signals) -> Iterator[None]:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_tests_are_as_deaf_as_their_parent_asked_and_what_they_start_is_not() -> None:
    told = subprocess.run(
        [sys.executable, "-c", DEAF],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.splitlines() == ["SIG_DFL True", "goes on"], told.stderr


def test_only_what_is_not_ignored_is_heeded() -> None:
    with ignoring(signal.SIGHUP):
        assert heeded("SIGTERM", "SIGHUP", "SIGUNHEARD") == (signal.SIGTERM,)
    assert heeded("SIGTERM", "SIGHUP") == (signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("ignored", [False, True])
def test_a_node_in_the_background_of_a_script_is_left_alone_by_ctrl_c(ignored: bool) -> None:
    with ignoring(signal.SIGINT) if ignored else nullcontext(), start._told_to_stop() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped.is_set() is not ignored
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.is_set()


@pytest.mark.parametrize("ignored", [False, True])
def test_so_is_a_sequencer(ignored: bool) -> None:
    async def told() -> tuple[bool, bool]:
        with serving._told_to_stop() as stopped:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            first = stopped.is_set()
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(stopped.wait(), 5)
            return first, stopped.is_set()

    with ignoring(signal.SIGINT) if ignored else nullcontext():
        assert asyncio.run(told()) == (not ignored, True)


def test_a_trial_ends_by_a_closed_terminal_unless_that_is_ignored(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ended_on_failure(tmp_path):
        os.kill(os.getpid(), signal.SIGHUP)
    with ignoring(signal.SIGHUP), ended_on_failure(tmp_path):
        os.kill(os.getpid(), signal.SIGHUP)
