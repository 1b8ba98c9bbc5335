"""Members reach out and nobody reaches in; what goes out holds nothing that is theirs alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.network.cables import Cable, cables
from tests.network.listening import exchanges
from tests.network.perturbing import child_of
from tests.network.trials import FOR_ALL, MEMBERS, no_progress, secrets_of, started, trial

from collegium.ledger.ordering import LEDGER
from collegium.network.record import home_of, read_record
from collegium.network.watch import wait_closed
from collegium.node.status_page import ask_status
from collegium.transport.log_engine import SEQUENCER

LISTENS, LOOPBACK = "0A", "0100007F"
"""As /proc/net/tcp writes them: the state, and 127.0.0.1."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mapping[str, Cable]]]:
    """A consortium that has trained over cables that were listened to, and runs."""
    folder = tmp_path_factory.mktemp("doors") / "trial"
    with trial(folder, FOR_ALL) as record, cables(folder, record) as ways:
        record = started(folder)
        assert wait_closed(folder, record, no_progress).outcome == "completed"
        yield folder, ways


def listening(pid: int) -> list[tuple[str, int]]:
    """The addresses and ports on which a process listens."""
    descriptors = Path(f"/proc/{pid}/fd").iterdir()
    sockets = {os.readlink(one) for one in descriptors if one.exists() or one.is_symlink()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and f"socket:[{fields[9]}]" in sockets:
                address, _, port = fields[1].partition(":")
                found.append((address, int(port, 16)))
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="it is read from /proc/net/tcp")
def test_a_node_listens_on_nothing_but_its_status_page_on_loopback(
    trained: tuple[Path, Mapping[str, Cable]],
) -> None:
    folder, _ = trained
    for name in MEMBERS:
        pid = child_of(folder, name).pid
        ((address, port),) = listening(pid)
        assert address == LOOPBACK
        assert ask_status(home_of(folder, name)).pid == pid
        assert f'"port":{port}' in (home_of(folder, name) / "status.json").read_text()
    doors = {port: address for address, port in listening(child_of(folder, SEQUENCER).pid)}
    assert doors.pop(urlsplit(read_record(folder).url).port or 0), "the one port of the consortium"
    assert list(doors.values()) == [LOOPBACK], "and its status page"


def test_everything_goes_through_the_one_port(trained: tuple[Path, Mapping[str, Cable]]) -> None:
    _, ways = trained
    for name in MEMBERS:
        asked = {(q.start[0], q.start[1].split("?")[0]) for q, _ in exchanges([ways[name]])}
        kinds = {(method, "/".join(path.split("/")[:3])) for method, path in asked}
        assert {
            ("POST", "/v1/transactions"), ("GET", "/v1/blocks"), ("POST", "/v1/cosignatures"),
            ("GET", "/v1/final"), ("PUT", "/v1/blobs"), ("GET", "/v1/blobs"),
        } <= kinds  # fmt: skip


def test_no_secret_and_no_row_of_a_member_left_its_home(
    trained: tuple[Path, Mapping[str, Cable]],
) -> None:
    folder, ways = trained
    everything = [path for path in folder.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in everything}
    spoken = {name: b"".join(bytes(talk.said) for talk in ways[name].talks) for name in MEMBERS}
    assert all(len(said) > 10_000 for said in spoken.values()), "the cables were listened to"
    for member in MEMBERS:
        home = home_of(folder, member)
        outside = {str(p): data for p, data in contents.items() if home not in p.parents}
        outside |= {f"what {name} said": said for name, said in spoken.items()}
        outside |= {
            str(path): contents[path]
            for path in (home / LEDGER, home / "node.log", *(home / "blobs").iterdir())
            if path in contents
        }
        for what, texts in secrets_of(folder, member).items():
            for where, data in outside.items():
                assert not any(text in data for text in texts), f"{what} of {member} in {where}"


def test_the_search_reads_what_was_said_in_the_clear(
    trained: tuple[Path, Mapping[str, Cable]],
) -> None:
    folder, ways = trained
    envelope = (home_of(folder, "va") / "blobs").iterdir()
    names = {path.name.encode() for path in envelope}
    said = b"".join(bytes(talk.said) for talk in ways["va"].talks)
    assert any(name in said for name in names), "blobs are asked for by their digests"
