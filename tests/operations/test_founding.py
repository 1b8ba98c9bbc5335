"""From empty folders to a trained, verified and watched study, as the page says."""

from __future__ import annotations

import re
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.network.trials import MEMBERS
from tests.operations.pages import URL, Consortium, Page, trained

from collegium.network.free_port import free_port
from collegium.network.processes import stop
from collegium.network.record import NetworkRecord
from collegium.transport.home import ADDRESS

OTHERS = MEMBERS[:-1]


def of(command: str, member: str) -> str:
    """What another member runs where the page shows the command of `va`."""
    return re.sub(r"\bva\b", member, command).replace("9104", f"PORT-OF-{member}")


class Members:
    """The page's commands, each run by every member where the page shows it for one."""

    def __init__(self, at: Consortium) -> None:
        self.at, self.page = at, Page("founding.md", at)

    def each(self, *begins: str, but: tuple[str, ...] = ()) -> None:
        """Run the next commands for `va` and for the others."""
        for begin in begins:
            (command,) = self.page.commands(1)
            self.page.follow(begin)
            for name in OTHERS:
                if name not in but:
                    self.at.run(of(command, name))


@pytest.mark.long
def test_four_empty_machines_become_a_consortium_that_is_watched(tmp_path: Path) -> None:
    port = free_port("127.0.0.1")
    (tmp_path / "sequencer").mkdir()
    at = Consortium(tmp_path, NetworkRecord(
        study="heart", document="", genesis="GENESIS", url=URL.replace("4100", str(port)),
        engine="log", services={}, members=MEMBERS,
    ))  # fmt: skip
    at.words |= {"--port 4100": f"--port {port}"}
    at.words |= {word: str(free_port("127.0.0.1")) for word in (
        "9100", "9104", *(f"PORT-OF-{name}" for name in OTHERS),
    )}  # fmt: skip
    try:
        follow(at)
    finally:
        stop(at.started)


def until_reached(sequencer: Path) -> None:
    """Wait until a sequencer listens."""
    end = monotonic() + 30
    while not (sequencer / ADDRESS).exists():
        assert monotonic() < end
        sleep(0.05)


def follow(at: Consortium) -> None:
    members = Members(at)
    page, each = members.page, members.each
    page.follow("collegium sequencer init", "collegium node init cleveland")
    each("collegium node init va", but=("cleveland",))
    each("collegium node request")
    said = page.follow("collegium sequencer found")
    (digest,) = re.findall(r"^[0-9a-f]{64}$", said, re.MULTILINE)
    at.words["GENESIS"] = digest
    each("collegium sequencer certify", "cp for-va", "cp sequencer/genesis.json")
    each("sha256sum", "sed -i 's/^port")
    page.follow("printf", "collegium sequencer check", "collegium sequencer start")
    until_reached(at.folder / "sequencer")
    each("collegium node check", "collegium node start")
    for name in MEMBERS:
        at.until(name, lambda one: one.state == "following")
    assert "va: following" in page.follow("collegium node status va")
    assert "sequencer: ordering" in page.follow("collegium sequencer status")
    page.follow("collegium check heart --set", "collegium check heart.toml --outbound")
    said = page.follow("collegium check heart.toml --json")
    at.words["DIGEST"] = said.strip().rpartition(":")[2].strip('"')
    each("sed -i 's/^studies")
    page.follow("cp heart.toml", "collegium node status cleveland")
    for name in MEMBERS:
        at.until(name, trained, 40)
    assert at.status("va").studies[0].outcome == "completed"
    assert list((at.place / "cleveland" / "released").iterdir())
    each("collegium verify")
    assert 'collegium_node_following{member="va"} 1' in page.follow("curl")
    assert "collegium_sequencer_ready 1" in page.follow("curl")
    page.follow("tar -czf va-backup", "tar -czf sequencer-backup")
    page.done()
