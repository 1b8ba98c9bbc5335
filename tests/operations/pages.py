"""A page of docs/operations as somebody follows it: its commands in order, one after the other.

A test names each command before it is run, so that a page and its test cannot part: no command is
left out, and none is run that the page does not show.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from tests.commands import environment
from tests.network.trials import FOR_ALL, quiet, trial

from collegium.audit.history import read_history
from collegium.errors import CollegiumError
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.final import read_final
from collegium.ledger.ordering import LEDGER
from collegium.network.processes import ChildProcess, is_alive, start, stop
from collegium.network.record import MEMBERS, NetworkRecord, read_record
from collegium.network.trial import start_all
from collegium.node.status import NodeStatus
from collegium.node.status_page import ask_status

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "operations"
URL = "https://127.0.0.1:4100"

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROPOSED = re.compile(r"collegium node vote HOME (\S+) yes")


def commands_of(page: str) -> list[str]:
    """Return the commands that a page shows, in order."""
    text = (PAGES / page).read_text("utf-8")
    lines = "".join(_BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    return [line[2:] for line in lines if line.startswith("$ ")]


def trained(status: NodeStatus) -> bool:
    """Whether a member knows its consortium's first study as closed."""
    return bool(status.studies) and status.studies[0].phase == "closed"


class Consortium:
    """A trial whose members' homes are in the folder where commands are run."""

    def __init__(self, folder: Path, record: NetworkRecord) -> None:
        self.folder, self.record = folder, record
        self.place = folder / MEMBERS
        self.started: list[ChildProcess] = []
        self.words = {URL: record.url, "GENESIS": record.genesis}
        self.place.mkdir(exist_ok=True)
        (self.place / "sequencer").symlink_to(folder / "sequencer")

    def status(self, member: str) -> NodeStatus:
        """What a member's node says."""
        return ask_status(self.place / member)

    def cosigners(self) -> set[str]:
        """Who has cosigned the newest block, as the sequencer has checked it."""
        note = read_final(self.folder / "sequencer") or ""
        lines = note.partition("\n\n")[2].splitlines()
        return {line.split(" ")[1].rpartition("/")[2] for line in lines[1:]}

    def registered_code(self, study: str) -> str:
        """The code under which a study is registered, as the ledger of a member has it."""
        data = (self.place / "cleveland" / LEDGER).read_bytes()
        said = (one.transaction for one in read_history(data).said)
        return next(
            one.code for one in said if isinstance(one, StudyRegister) and one.study == study
        )

    def until(self, member: str, there: Callable[[NodeStatus], bool], seconds: float = 30) -> None:
        """Wait until a node's status is what a test wants."""
        end = monotonic() + seconds
        while True:
            try:
                status = self.status(member)
                if there(status):
                    return
            except CollegiumError:
                status = None
            assert monotonic() < end, status
            sleep(0.05)

    def end(self, name: str) -> None:
        """Kill one of the trial's processes, as a machine that fails."""
        child = next(
            one for one in (*self.started, *read_record(self.folder).children) if one.name == name
            and is_alive(one)
        )  # fmt: skip
        os.kill(child.pid, signal.SIGKILL)
        while is_alive(child):
            sleep(0.02)

    def run(self, command: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command as it is shown, and return what it printed."""
        for word, value in self.words.items():
            command = command.replace(word, value)
        words = shlex.split(command)
        program = [sys.executable, "-m", "collegium"]
        if words[:3] in (["collegium", "node", "start"], ["collegium", "sequencer", "start"]):
            name = words[3]
            output = self.place / f"{name}.output"
            paths = [
                str(self.place / one) if not one.startswith("--") else one for one in words[3:]
            ]
            own = ["env", *(f"{key}={value}" for key, value in (env or {}).items())]
            self.started.append(start(name, [*own, *program, *words[1:3], *paths], output))
            return ""
        ours = f'collegium() {{ {shlex.join(program)} "$@"; }}; {command}'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", ours], cwd=self.place,
            env=environment(**(env or {})), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        proposed = _PROPOSED.search(done.stdout)
        if proposed:
            self.words["PROPOSAL"] = proposed[1]
        return done.stdout


class Page:
    """A page that is followed in a consortium."""

    def __init__(self, name: str, at: Consortium) -> None:
        self._left = commands_of(name)
        self._at = at

    def follow(self, *begins: str, env: Mapping[str, str] | None = None) -> str:
        """Run the next commands, which begin as told; return what the last one printed."""
        said = ""
        for begin in begins:
            assert self._left, f"the page does not show {begin!r}"
            command = self._left.pop(0)
            assert command.startswith(begin), command
            said = self._at.run(command, env)
        return said

    def commands(self, count: int) -> list[str]:
        """Return the next commands, which other members are to run as well."""
        return self._left[:count]

    def skip(self, count: int) -> None:
        """Leave out commands that another test follows."""
        del self._left[:count]

    def done(self) -> None:
        """Check that the page shows nothing else."""
        assert self._left == []


@contextmanager
def consortium(
    folder: Path, changes: tuple[str, ...] = FOR_ALL, phase: float = 30.0
) -> Iterator[Consortium]:
    """Four hospitals whose nodes run, and a study that they train; a phase is so many seconds."""
    with trial(folder, changes):
        for settings in (folder / MEMBERS).glob("*/node.toml"):
            settings.write_text(settings.read_text().replace("phase = 30.0", f"phase = {phase}"))
        at = Consortium(folder, start_all(folder, quiet))
        try:
            yield at
        finally:
            stop(at.started)
