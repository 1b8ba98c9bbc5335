"""Flower's deployment engine on loopback: a SuperLink and one SuperNode a client, all processes.

It runs without TLS and without authentication, Flower's fastest case. Run it with the Python of an
environment that has ``flwr``; the commands are looked for beside it.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

from benchmarks.outcome import rates, tell

APP = Path(__file__).parent / "flower_app"
PATIENCE = 600.0


def command(name: str, *arguments: str) -> list[str]:
    """Return a command of this environment."""
    return [str(Path(sys.executable).with_name(name)), *arguments]


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def running(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends."""
    with log.open("wb") as file:
        child = subprocess.Popen(arguments, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for_port(port: int) -> None:
    """Return when somebody listens on a port.

    Raises:
        TimeoutError: nobody does.
    """
    end = monotonic() + PATIENCE
    while monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.1)
    raise TimeoutError(f"nobody listens on port {port}")


def main() -> None:
    """Run the toy job and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clients", type=int)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--warm", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        home = Path(folder)
        link = free_port()
        (home / "config.toml").write_text(
            '[superlink]\ndefault = "local"\n\n'
            f'[superlink.local]\naddress = "127.0.0.1:{link}"\ninsecure = true\n'
        )
        os.environ.update(FLWR_HOME=folder, FLWR_TELEMETRY_ENABLED="0")
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        superlink = command(
            "flower-superlink", "--insecure", "--disable-runtime-dependency-installation",
            "--port", str(link),
        )  # fmt: skip
        held.enter_context(running(superlink, home / "superlink.log"))
        wait_for_port(link)
        for site in range(asked.clients):
            supernode = command(
                "flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{link}",
                "--port", str(free_port()), "--node-config", f"site={site}",
            )  # fmt: skip
            held.enter_context(running(supernode, home / f"supernode-{site}.log"))
        settings = f"rounds={asked.rounds + asked.warm} clients={asked.clients}"
        submit = command("flwr", "run", str(APP), "local", "--stream", "-c", settings)
        log = home / "run.log"
        child = held.enter_context(running(submit, log))
        end = monotonic() + PATIENCE
        while monotonic() < end and child.poll() is None and "DONE" not in log.read_text():
            sleep(0.2)
        told = log.read_text()
        stamps = [float(line.split()[1]) for line in told.splitlines() if line.startswith("STAMP")]
        if len(stamps) != asked.rounds + asked.warm + 1:
            raise RuntimeError(told[-2000:])
    tell(**rates(stamps, asked.warm))


if __name__ == "__main__":
    main()
