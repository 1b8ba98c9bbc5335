"""The processes that train beside a run's own: started once, ended with the run.

They are started as programs of their own, not forked: threads, of BLAS or of a training library,
do not survive a fork, and nothing is asked of the script that called us.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import subprocess
import sys
from collections.abc import Iterable
from types import TracebackType

from collegium.cores import cores
from collegium.errors import RunError
from collegium.learning.parallel.channel import Channel
from collegium.learning.parallel.part import JobBatch
from collegium.learning.parallel.shared import Shared

MOST = 256
"""More processes than any machine has cores for are a mistake."""

LOST = "run.worker"
"""The code of the error that a worker has ended."""

_PATIENCE = 5.0
"""Seconds that a worker has to end by itself."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""A worker works on one thread: the others' cores are taken."""


class Worker:
    """A process that trains, and how many parts of a round it has not finished."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-m", "collegium.learning.parallel.worker",
                 str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=2,
                env={
                    **os.environ, **dict.fromkeys(_ONE_THREAD, "1"),
                    "PYTHONPATH": os.pathsep.join(one or os.getcwd() for one in sys.path),
                },
                start_new_session=True,  # Ctrl-C is for the run, which ends its workers
            )  # fmt: skip
        self._channel = Channel(ours)
        self.ready = False
        self.unfinished = 0

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor on which it answers."""
        return self._channel.fileno()

    def hold(self, file: int, described_at: int) -> None:
        """Let it work on what lies in a file from now on."""
        self.ready = False
        try:
            self._channel.send(described_at, file)
        except OSError as error:
            raise self._ended() from error

    def give(self, part: JobBatch) -> None:
        """Let it do a part."""
        try:
            self._channel.send(part)
        except OSError as error:
            raise self._ended() from error
        self.unfinished += 1

    def answer(self) -> int | None:
        """Wait for its next word: the number of the part that is done; None when it is ready.

        Raises:
            RunError: it has ended.
            Exception: what went wrong in the part.
        """
        try:
            answer, _ = self._channel.receive()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if answer is None:
            self.ready = True
            return None
        number, wrong = answer
        if wrong is not None:
            raise wrong
        self.unfinished -= 1
        return int(number)

    def close(self) -> None:
        """End it."""
        self._channel.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ended(self) -> RunError:
        try:
            status: int | str = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            status = "unknown"
        return RunError(
            LOST, "a process that trained sites has ended",
            f"process {self.pid} ended with status {status} before its work was done; "
            "a negative one is a signal, and -9 is often the system's lack of memory",
            "go on with --resume, or with --processes 1",
        )  # fmt: skip


class Pool:
    """Worker processes beside a run's own.

    With a number of processes, so many train from the first round on, this one among them. With
    none, workers are started when training has shown that it pays, as many as there are cores for.
    """

    def __init__(self, processes: int | None = None) -> None:
        self.asked = processes is not None
        able = hasattr(socket, "send_fds")
        self.processes = processes or (cores() if able else 1)
        if self.processes > 1 and not able:
            raise RunError(
                "run.processes", f"{processes} processes cannot train on this system",
                "it does not let processes hand each other open files", "leave out --processes",
            )  # fmt: skip
        self.workers: list[Worker] = []
        self._holds: Shared | None = None

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def start(self, sites: int) -> None:
        """Start the workers for so many sites, unless they are there; they get ready alone."""
        while len(self.workers) < min(self.processes, sites) - 1:
            self.workers.append(Worker())

    def hold(self, held: Shared, file: int, described_at: int) -> None:
        """Let all workers work on what lies in a file from now on."""
        self.start(len(held.sites))
        for worker in self.workers:
            worker.hold(file, described_at)
        self._holds = held

    def holds(self, held: Shared | None) -> bool:
        """Whether the workers work on that."""
        return held is not None and self._holds is held

    def ready(self) -> list[Worker]:
        """Return the workers that are ready; where a number was asked for, those who will be."""
        for worker in answering(self.workers, wait=False):
            worker.answer()
        return [worker for worker in self.workers if worker.ready or self.asked]

    def close(self) -> None:
        """End all workers."""
        workers, self.workers, self._holds = self.workers, [], None
        for worker in workers:
            worker.close()


def answering(workers: Iterable[Worker], *, wait: bool) -> list[Worker]:
    """Return the workers that have something to say; if `wait`, when one has."""
    by_descriptor = {worker.fileno(): worker for worker in workers}
    poll = select.poll()
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    return [by_descriptor[one] for one, _ in poll.poll(None if wait else 0)]


def movable(thing: object) -> str | None:
    """Return why a value cannot be handed to another process; None if it can."""
    try:
        pickle.dumps(thing)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
