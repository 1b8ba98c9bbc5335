"""The files of deploy/: what they start is accepted and stops in time, and what they copy exists.

No image is built, since that needs a Docker daemon: the wheel is built from what the image copies.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import click
import pytest
from tests.commands import COLLEGIUM, collegium, environment
from tests.network.trials import MEMBERS, trial
from tests.operations.yaml_subset import read_yaml

from collegium.cli.commands import program
from collegium.node.stopping import WITHIN

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HOME = "/var/lib/collegium"


def dockerfile() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, each as its name and the rest."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def only(name: str) -> str:
    """The only instruction of a name."""
    (found,) = [rest for word, rest in dockerfile() if word == name]
    return found


def copied() -> list[str]:
    """What the image copies from the checkout."""
    lines = [rest.split() for word, rest in dockerfile() if word == "COPY"]
    return [path for words in lines if not words[0].startswith("--") for path in words[:-1]]


def compose() -> Any:
    """The compose file."""
    return read_yaml((DEPLOY / "compose.yaml").read_text("utf-8"))


def unit(path: Path) -> dict[str, str]:
    """The settings of a unit's service."""
    text = path.read_text("utf-8").partition("[Service]\n")[2].partition("\n[")[0]
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def seconds(text: str) -> int:
    """A time span that has no unit, or seconds."""
    return int(text.removesuffix("s"))


def accept(arguments: list[str]) -> None:
    """Have the command line's own parser take arguments, and run nothing."""
    command: click.Command = program
    context = click.Context(command)
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None, name
        command, context = found, click.Context(found, info_name=name, parent=context)
    command.make_context(context.info_name, list(arguments), parent=context.parent)


@dataclass(frozen=True, slots=True)
class Started:
    """A command that a file starts: its arguments, how it is ended, and how long that may take."""

    where: str
    arguments: list[str]
    home: str
    number: signal.Signals
    within: int


def commands() -> Iterator[Started]:
    """Everything that the files of deploy/ start."""
    assert only("ENTRYPOINT") == '["collegium"]'
    stop = signal.Signals[only("STOPSIGNAL")]
    for name, service in compose()["services"].items():
        within = seconds(service["stop_grace_period"])
        assert service["stop_signal"] == stop.name
        yield Started(name, service["command"], HOME, stop, within)
    for path in UNITS:
        said = unit(path)
        words = shlex.split(said["ExecStart"].replace("%i", "va"))
        assert words[0] == "/opt/collegium/bin/collegium"
        home = f"/var/lib/{said['StateDirectory']}".replace("%i", "va")
        number, within = signal.Signals[said["KillSignal"]], seconds(said["TimeoutStopSec"])
        yield Started(path.name, words[1:], home, number, within)


def test_everything_that_is_started_or_asked_is_a_command_line_of_ours() -> None:
    said = list(commands())
    assert len(said) == 5 + 2
    for started in said:
        accept(list(started.arguments))
        assert started.arguments[1:] == ["start", started.home]
        assert started.within > WITHIN, "the file gives less time than `node stop` does"
    accept(read_yaml(f"x: {only('CMD')}\n")["x"])
    checks = [read_yaml(f"x: {only('HEALTHCHECK').partition('CMD')[2].strip()}\n")["x"]]
    checks += [
        service["healthcheck"]["test"][1:]
        for service in compose()["services"].values()
        if "healthcheck" in service
    ]
    assert [words[:3] for words in checks] == [
        ["collegium", "node", "status"], ["collegium", "sequencer", "status"],
    ]  # fmt: skip
    for words in checks:
        accept(words[1:])
        assert words[3] == HOME
    with pytest.raises(click.UsageError):
        accept(["node", "start"])


def test_the_image_has_its_parts_in_the_checkout_and_no_root() -> None:
    words = [word for word, _ in dockerfile()]
    assert only("ARG").startswith("BASE=python:3.")
    assert re.fullmatch(r"BASE=python:\d+\.\d+\.\d+-slim-\w+", only("ARG")), "the base is pinned"
    assert words.count("FROM") == 2
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert only("USER").split(":")[0] not in ("0", "root")
    assert only("VOLUME") == f'["{HOME}"]'
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert sorted(f"!{path}" for path in copied()) == sorted(x for x in allowed if x[:1] == "!")
    assert "*" in allowed
    for path in copied():
        assert (ROOT / path).exists(), path


def test_the_wheel_is_built_from_what_the_image_copies(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for path in copied():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        own = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        own(ROOT / path, checkout / path)
    wheels, target = str(tmp_path / "wheels"), tmp_path / "installed"
    installed = 0
    for word, rest in dockerfile():
        python, _, arguments = rest.partition(" -m ")
        if word != "RUN" or not arguments.startswith("pip ") or "--no-index" not in arguments:
            continue
        assert python == "/opt/collegium/bin/python"
        line = shlex.split(arguments.replace("/wheels", wheels))
        if line[1] == "install":
            line += ["--target", str(target)]
            installed += 1
        subprocess.run(
            [sys.executable, "-m", *line, "--disable-pip-version-check", "--quiet"],
            cwd=checkout, env=environment(), check=True, timeout=120,
        )  # fmt: skip
    assert installed == 1
    code = "import collegium.cli; print(collegium.__file__)"
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment(PYTHONPATH=str(target)), cwd=tmp_path,
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.stdout.startswith(str(target))


def test_the_compose_file_has_four_members_with_a_home_each_and_no_open_port() -> None:
    services = compose()["services"]
    assert set(services) == {"sequencer", *MEMBERS}
    homes = [service["volumes"] for service in services.values()]
    assert len({str(volumes) for volumes in homes}) == len(services)
    for name, service in services.items():
        (volume,) = service["volumes"]
        assert volume.endswith(f"/{name}:{HOME}")
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "environment" not in service, "a secret there is shown by `docker inspect`"
        assert set(service.get("networks")) <= set(compose()["networks"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert ("ports" in service) == (name == "sequencer")
        build = DEPLOY / service["build"]["context"]
        assert (build / service["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_lets_a_process_write_its_home_alone(path: Path) -> None:
    said = unit(path)
    for key, value in {
        "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
        "PrivateTmp": "yes", "CapabilityBoundingSet": "", "Restart": "on-failure",
        "StateDirectoryMode": "0700", "UMask": "0077", "User": "collegium",
    }.items():  # fmt: skip
        assert said[key] == value, key
    assert "ReadWritePaths" not in said


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_to_say_about_a_unit(path: Path, tmp_path: Path) -> None:
    assert verified(path.read_text("utf-8"), tmp_path / path.name) == ""
    wrong = path.read_text("utf-8").replace("NoNewPrivileges", "NoNewPrivilege")
    assert "Unknown key" in verified(wrong, tmp_path / path.name)


def verified(text: str, path: Path) -> str:
    """What systemd says of a unit whose program is the one that is installed here."""
    path.write_text(text.replace("/opt/collegium/bin/collegium", COLLEGIUM), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.long
def test_what_a_unit_or_the_image_starts_answers_and_ends_by_its_signal(tmp_path: Path) -> None:
    with trial(tmp_path / "trial"):
        homes = {"sequencer": tmp_path / "trial" / "sequencer"}
        homes |= {name: tmp_path / "trial" / "members" / name for name in MEMBERS}
        for names in (
            ("collegium-sequencer.service", "collegium-node@.service"),
            ("sequencer", "va"),
        ):
            started = [next(one for one in commands() if one.where == name) for name in names]
            running = []
            try:
                for one in started:
                    home = homes["sequencer" if one.arguments[0] == "sequencer" else "va"]
                    line = [word.replace(one.home, str(home)) for word in one.arguments]
                    running.append((one, home, subprocess.Popen(
                        [COLLEGIUM, *line], env=environment(), cwd=home,
                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )))  # fmt: skip
                    healthy(one.arguments[0], home)
                for one, _, process in reversed(running):
                    process.send_signal(one.number)
                    assert process.wait(one.within) == 0, one.where
            finally:
                for _, _, process in running:
                    if process.poll() is None:
                        os.kill(process.pid, signal.SIGKILL)
                    process.wait()


def healthy(kind: str, home: Path) -> None:
    """Wait until the health check of a kind of process is content with it."""
    end = monotonic() + 30
    while collegium(kind, "status", home, cwd=home).returncode:
        assert monotonic() < end, home
        sleep(0.2)
