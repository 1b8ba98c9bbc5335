"""``collegium node check``: each fault is made for real, in a copy of a home whose node runs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import time
from typing import Any

import pytest
from tests.cli.conftest import Call
from tests.commands import collegium, told
from tests.storage.s3_server import s3_server
from tests.transport.kit import certify_member
from tests.transport.proxies import proxy
from tests.waiting import until

from collegium.canonical import from_text, to_text
from collegium.ledger.contract.transactions import Adopt, MemberPropose
from collegium.ledger.cosignature import cosign, cosigner_name
from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.genesis import genesis_digest
from collegium.ledger.keyfile import read_secret, write_secret
from collegium.ledger.keys import KEY_SIZE, signing_key
from collegium.ledger.note import origin_of, with_lines
from collegium.ledger.opening import create_ledger
from collegium.ledger.ordering import LEDGER
from collegium.network.free_port import free_port
from collegium.network.processes import collegium as command
from collegium.network.processes import start, stop
from collegium.node.home import read_genesis, read_keys
from collegium.node.status_page import ask_status
from collegium.transport import authority
from collegium.transport.authority import create_authority, server_context

TABLE = "person,age,died\n" + "".join(f"{n},{40 + n % 30},{n % 2}\n" for n in range(60))


@dataclass(frozen=True)
class Running:
    """A consortium of one member whose node runs, with one entry final on its ledger."""

    folder: Path
    url: str

    @property
    def home(self) -> Path:
        return self.folder / "va"

    @property
    def sequencer(self) -> Path:
        return self.folder / "order"


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("consortium"), free_port("127.0.0.1")
    url = f"https://127.0.0.1:{port}"

    def run(*arguments: str | Path) -> None:
        told(collegium(*arguments, "--json", cwd=folder))

    run("sequencer", "init", "order", "--host", "127.0.0.1", "--port", str(port))
    run("node", "init", "va", "--member", "va", "--name", "Long Beach", "--sequencer", url,
        "--csv", "rows.csv", "--person", "person")  # fmt: skip
    (folder / "va" / "rows.csv").write_text(TABLE)
    run("sequencer", "found", "order", "va/card.json")
    shutil.copy(folder / "order" / "genesis.json", folder / "va")
    certify_member(folder / "order" / "authority", folder / "va" / "tls", "va")
    started = [
        start(name, command(what, "start", folder / name), folder / f"{name}.output")
        for what, name in (("sequencer", "order"), ("node", "va"))
    ]
    try:
        until(lambda: ask_status(folder / "va").state == "following")
        run("node", "propose", "va", "adopt", "scores@2")
        yield Running(folder, url)
    finally:
        stop(started)


@pytest.fixture
def home(consortium: Running, tmp_path: Path) -> Path:
    """A copy of the home, as after a node was stopped."""
    shutil.copytree(consortium.home, tmp_path / "va")
    (tmp_path / "va" / "status.json").unlink()
    return tmp_path / "va"


EACH_TIME = re.compile(r"[0-9a-f]{64}|in [0-9.]+\S?s|[0-9]+ s (?=ahead|behind)")
"""What is put into a store has another name each time, and is refused within another time; two
looks at a clock differ."""

Found = dict[str, list[dict[str, Any]]]


def check(call: Call, home: Path, *, fails: bool = True, of: str = "node") -> Found:
    """Check a home; return what was found by its code, or by its part where nothing is wrong.

    What people are told is the same, each thing on one line.
    """
    found = told(call(of, "check", home, "--json"), status=int(fails))
    assert found["ok"] is not fails
    text = call(of, "check", home)
    assert text.returncode == int(fails)
    head, *lines = text.stdout.splitlines()
    assert head.startswith(f"{found['member'] or home}: ")
    assert len(lines) == len(found["findings"])
    by: Found = {}
    for one, line in zip(found["findings"], lines, strict=True):
        severity, part = line.split()[:2]
        assert (severity, part) == (one["severity"], one["part"])
        if one["code"]:
            assert one["severity"] in ("error", "warning")
            assert one["why"], one
            assert one["do"], one
            said = f"{one['what']}: {one['why']}; {one['do']} [{one['code']}]"
            assert EACH_TIME.sub("", line).endswith(EACH_TIME.sub("", said))
        else:
            assert one["severity"] in ("sound", "unchecked")
        by.setdefault(one["code"] or one["part"], []).append(one)
    return by


def codes(found: Found, severity: str = "error") -> set[str]:
    return {code for code, all_ in found.items() for one in all_ if one["severity"] == severity}


def change(home: Path, old: str, new: str, name: str = "node.toml") -> None:
    """Change a settings file of a home."""
    text = (home / name).read_text()
    assert old in text
    (home / name).write_text(text.replace(old, new))


def everything(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """All files below a folder, with when they were written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_sound_home_is_sound_while_its_node_runs(call: Call, consortium: Running) -> None:
    found = check(call, consortium.home, fails=False)
    assert codes(found) | codes(found, "warning") | codes(found, "unchecked") == set()
    parts = {one["part"]: one["what"] for all_ in found.values() for one in all_}
    assert set(parts) == {
        "node", "settings", "policy", "genesis", "outbox", "certificate", "ledger", "clock",
        "sequencer", "keys", "data", "store", "disk", "port", "limits",
    }  # fmt: skip
    assert parts["node"].endswith("following")
    assert parts["ledger"] == "follows the genesis: 1 entries final"
    assert "1 entries final; its ledger goes on from this home's" in parts["sequencer"]
    assert parts["data"] == "rows.csv has 60 rows and 3 columns"
    assert str(consortium.home) not in parts["port"]


def test_nothing_is_written_or_locked_in_the_home_and_nothing_is_sent(
    call: Call, consortium: Running, home: Path
) -> None:
    before, size = everything(home), ask_status(consortium.home).size
    check(call, home, fails=False)
    assert everything(home) == before
    assert ask_status(consortium.home).size == size


def test_a_folder_that_is_no_home_is_told_as_such(call: Call, tmp_path: Path) -> None:
    assert told(call("node", "check", tmp_path, "--json"), status=2)["error"] == "home.none"


def test_every_mistake_of_both_files_is_told_with_its_line(call: Call, home: Path) -> None:
    change(home, "phase = 600.0", "phases = 600.0")
    change(home, "quota = 64.0", 'quota = "much"')
    change(home, "port = 0", "port = 70000")
    change(home, "minimum_rows = 20", "minimum_rows = -1", "policy.toml")
    change(home, "enabled = true", "enable = true", "policy.toml")
    found = check(call, home)
    assert codes(found) == {"settings.unknown-key", "settings.value"}
    lines = (home / "node.toml").read_text().splitlines()
    for key in ("phases", "quota", "port"):
        line = next(at for at, text in enumerate(lines, 1) if text.startswith(key))
        (one,) = [
            one for all_ in found.values() for one in all_ if f"node.toml:{line}:" in one["what"]
        ]
        assert one["part"] == "settings"
    assert sum(one["part"] == "policy" for all_ in found.values() for one in all_) == 2
    assert found["disk"][0]["what"] == "not checked, because node.toml has a mistake in [home]"
    assert found["port"][0]["what"] == "not checked, because node.toml has a mistake in [status]"
    assert found["sequencer"][0]["severity"] == "sound", "which does not depend on them"


def test_settings_that_cannot_be_read_leave_the_rest_unchecked(call: Call, home: Path) -> None:
    (home / "node.toml").write_text("[node\n")
    found = check(call, home)
    assert codes(found) == {"settings.syntax"}
    assert codes(found, "unchecked") >= {"ledger", "sequencer", "data", "store"}
    assert found["policy"][0]["severity"] == "sound"


def test_a_mistake_about_the_sequencer_leaves_the_way_there_unchecked(
    call: Call, home: Path
) -> None:
    change(home, "https://", "http://")
    found = check(call, home)
    assert codes(found) == {"settings.value"}
    assert codes(found, "unchecked") == {"certificate", "ledger", "sequencer", "clock", "store"}
    assert found["keys"][0]["what"].endswith("as the genesis names it")


def test_keys_that_are_missing_open_to_others_or_other_ones_are_told(
    call: Call, home: Path
) -> None:
    (home / "keys" / "node.pem").unlink()
    (home / "keys" / "ledger.pem").chmod(0o644)
    (home / "tls" / "client.key").chmod(0o640)
    found = check(call, home)
    assert codes(found) == {"key.unreadable", "key.exposed"}
    assert {one["part"] for one in found["key.exposed"]} == {"keys", "certificate"}


def test_a_ledger_key_of_somebody_else_is_told(call: Call, home: Path) -> None:
    (home / "keys" / "ledger.pem").unlink()
    write_secret(home / "keys" / "ledger.pem", bytes(32), None)
    assert codes(check(call, home)) == {"node.key"}
    (home / LEDGER).unlink()
    found = check(call, home)
    assert found["node.key"][0]["why"] == "the genesis names another one"
    assert found["ledger"][0]["what"] == "none yet: the node fetches it"


def test_keys_under_a_passphrase_that_nobody_gives_are_told(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = read_secret(home / "keys" / "ledger.pem", lambda: None)
    (home / "keys" / "ledger.pem").unlink()
    write_secret(home / "keys" / "ledger.pem", seed, "open sesame")
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", "open barley")
    assert codes(check(call, home)) == {"key.passphrase"}
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", "open sesame")
    check(call, home, fails=False)


def test_a_member_that_nobody_names_is_told_and_the_clock_still_is(
    call: Call, home: Path, consortium: Running
) -> None:
    change(home, 'member = "va"', 'member = "eve"')
    found = check(call, home)
    assert codes(found) == {"transport.other-member"}
    shutil.rmtree(home / "tls")
    certify_member(consortium.sequencer / "authority", home / "tls", "eve")
    found = check(call, home)
    assert codes(found) == {"transport.refused"}
    assert codes(found, "warning") == {"node.no-member"}
    assert found["clock"][0]["severity"] == "sound", "the refusal has the hour"
    assert found["store"][0]["severity"] == "unchecked"


def test_a_damaged_outbox_is_told(call: Call, home: Path) -> None:
    (home / "outbox").write_bytes(b"what no node wrote")
    assert codes(check(call, home)) == {"outbox.corrupt"}


def test_a_certificate_of_another_key_or_authority_is_told(
    call: Call, home: Path, tmp_path: Path
) -> None:
    create_authority(tmp_path / "other", "other")
    certify_member(tmp_path / "other", tmp_path / "tls", "va")
    shutil.copy(tmp_path / "tls" / "ca.pem", home / "tls" / "ca.pem")
    found = check(call, home)
    assert codes(found) == {"transport.other-authority"}
    assert found["sequencer"][0]["what"] == "not checked, because the TLS files cannot be used"
    shutil.copy(tmp_path / "tls" / "client.pem", home / "tls" / "client.pem")
    assert codes(check(call, home)) == {"transport.other-key"}
    shutil.copy(tmp_path / "tls" / "client.key", home / "tls" / "client.key")
    assert codes(check(call, home)) == {"transport.untrusted"}, "the sequencer's is of ours"
    (home / "tls" / "client.pem").unlink()
    assert codes(check(call, home)) == {"transport.tls"}


@pytest.mark.parametrize(
    ("days", "since", "code", "severity"),
    [
        (-1, 9, "transport.ended", "error"),
        (40, -2, "transport.ended", "error"),
        (20, 9, "transport.ends", "warning"),
    ],
)
def test_a_certificate_that_has_ended_not_begun_or_soon_will_end_is_told(
    call: Call, home: Path, consortium: Running, monkeypatch: pytest.MonkeyPatch, days: int,
    since: int, code: str, severity: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(authority, "CERTIFICATE_DAYS", days)
    monkeypatch.setattr(authority, "_SKEW", timedelta(days=since))
    certify_member(consortium.sequencer / "authority", home / "tls", "va")
    found = check(call, home, fails=severity == "error")
    assert codes(found, severity) == {code}


def test_a_sequencer_that_is_away_or_has_another_name_is_told(
    call: Call, home: Path, consortium: Running
) -> None:
    change(home, consortium.url, consortium.url.replace("127.0.0.1", "localhost"))
    found = check(call, home)
    assert codes(found) == {"transport.other-name"}
    assert codes(found, "unchecked") == {"clock", "store"}
    port = free_port("127.0.0.1")
    change(home, consortium.url.replace("127.0.0.1", "localhost"), f"https://127.0.0.1:{port}")
    assert codes(check(call, home)) == {"transport.unreachable"}


def test_a_proxy_is_asked_and_a_dead_one_is_told(call: Call, home: Path) -> None:
    with proxy() as way:
        change(home, '# proxy = "http://proxy:3128"', f'proxy = "{way.url}"')
        found = check(call, home, fails=False)
        assert f"through {way.url}" in found["sequencer"][0]["what"]
        assert way.asked
    found = check(call, home)
    assert codes(found) == {"transport.proxy"}


@contextmanager
def another(consortium: Running, seconds: float = 0.0, says: bytes = b"") -> Iterator[str]:
    """A server with the sequencer's certificate, at another hour.

    It says of itself what it is told to, else it refuses everybody; nothing is final there.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.path == "/v1/status"
            self.send_response_only(404 if not asked else 200 if says else 403)
            self.send_header("Date", self.date_time_string(time() + seconds))
            self.send_header("Content-Length", str(len(says) if asked else 0))
            self.end_headers()
            self.wfile.write(says if asked else b"")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    tls = consortium.sequencer / "tls"
    context = server_context(tls / "server.pem", tls / "server.key", tls / "ca.pem")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("seconds", "severity", "words"),
    [
        (30, "sound", "within a minute"),
        (-300, "warning", " s ahead of the sequencer's"),
        (7200, "error", "behind the sequencer's"),
    ],
)
def test_a_clock_that_is_off_is_told_also_by_whoever_refuses(
    call: Call, home: Path, consortium: Running, seconds: int, severity: str, words: str
) -> None:
    with another(consortium, seconds) as url:
        change(home, consortium.url, url)
        found = check(call, home)
    assert "transport.refused" in codes(found)
    (one,) = found.get("clock", []) + found.get("transport.clock", [])
    assert one["severity"] == severity
    assert words in one["what"]


def test_a_genesis_that_is_missing_or_another_one_is_told(
    call: Call, home: Path, consortium: Running
) -> None:
    change(home, '"chain":"consortium"', '"chain":"elsewhere"', "genesis.json")
    found = check(call, home)
    assert codes(found) == {"ledger.other", "sequencer.other-genesis"}
    (home / LEDGER).unlink()
    (home / "final").unlink()
    assert codes(check(call, home)) == {"sequencer.other-genesis"}
    (home / "genesis.json").unlink()
    found = check(call, home)
    assert codes(found) == {"home.genesis"}
    assert found["ledger"][0]["what"] == "not checked, because genesis.json cannot be read"
    assert [one["severity"] for one in found["sequencer"]] == ["sound", "unchecked"]


def test_another_ledger_is_told_also_where_nothing_is_final_yet(
    call: Call, home: Path, consortium: Running
) -> None:
    for name in (LEDGER, "final"):
        (home / name).unlink()
    own = genesis_digest((home / "genesis.json").read_bytes()).hex()
    for genesis, told_of in ((own, set()), ("00" * 32, {"sequencer.other-genesis"})):
        says = f'{{"final":0,"ready":false,"genesis":"{genesis}"}}'.encode()
        with another(consortium, says=says) as url:
            change(home, f'url = "https://{address_of(home)}"', f'url = "{url}"')
            assert codes(check(call, home)) - {"store.refused"} == told_of


def address_of(home: Path) -> str:
    """Where a home's sequencer is."""
    found = re.search('url = "https://([^"]*)"', (home / "node.toml").read_text())
    assert found is not None
    return found[1]


def grown(home: Path, consortium: Running, *, beside: bool) -> None:
    """Make another entry final in a home: after what is final there, or beside it."""
    genesis, digest = read_genesis(home)
    if beside:
        for name in (LEDGER, "final"):
            (home / name).unlink()
    (card,) = genesis.members
    public = from_text(card.key, KEY_SIZE)
    keys = read_keys(home, lambda: None)
    identity, key = keys.identity("va", digest, public), keys.of(public)
    assert identity is not None
    assert key is not None
    log_key = signing_key(read_secret(consortium.sequencer / "keys" / "log.pem", lambda: None))
    said = identity.sign(
        MemberPropose, action=Adopt(module="groups@9"), proposal=to_text(bytes(16))
    )
    with closing(open_log_copy(home, genesis, print)) as copy:
        copy.append([said])
        assert copy.blocks_ahead == 1
        name = cosigner_name(origin_of(digest), "va")
        line = cosign(copy.ledger.head(), name, key, int(time()))
        assert copy.confirm(with_lines(copy.ledger.checkpoint(log_key), [line])) is not None


def test_a_sequencer_with_another_history_or_a_shorter_one_is_told(
    call: Call, home: Path, consortium: Running, tmp_path: Path
) -> None:
    shutil.copytree(home, tmp_path / "ahead")
    grown(tmp_path / "ahead", consortium, beside=False)
    found = check(call, tmp_path / "ahead", fails=False)
    assert codes(found, "warning") == {"sequencer.behind"}
    grown(home, consortium, beside=True)
    found = check(call, home)
    assert codes(found) == {"sequencer.two-histories"}


def test_a_ledger_that_is_behind_is_one_that_the_sequencer_goes_on_from(
    call: Call, home: Path, consortium: Running, tmp_path: Path
) -> None:
    told(collegium("node", "propose", consortium.home, "adopt", "sums@9", "--json", cwd=tmp_path))
    found = check(call, home, fails=False)
    assert found["ledger"][0]["what"] == "follows the genesis: 1 entries final"
    assert "2 entries final; its ledger goes on" in found["sequencer"][0]["what"]
    grown(home, consortium, beside=True)
    assert codes(check(call, home)) == {"sequencer.two-histories"}, "of which that is no beginning"


def test_a_damaged_ledger_is_told_and_the_node_fetches_it_anew(call: Call, home: Path) -> None:
    data = bytearray((home / LEDGER).read_bytes())
    data[len(data) // 2] ^= 1
    (home / LEDGER).write_bytes(data)
    (home / "cosigned").unlink()
    found = check(call, home, fails=False)
    assert codes(found, "warning") == {"ledger.damaged", "cosigned.unknown"}
    (home / LEDGER).unlink()
    create_ledger(home / LEDGER, read_genesis(home)[0]).close()
    found = check(call, home, fails=False)
    (one,) = found["ledger.damaged"]
    assert one["why"].startswith("it ends after 0 of ")
    assert one["severity"] == "warning"
    assert "fetches the rest" in one["do"]


def test_a_table_that_is_missing_or_lacks_a_column_is_told(call: Call, home: Path) -> None:
    (home / "rows.csv").write_text(TABLE.replace("person,", "name,"))
    found = check(call, home)
    assert codes(found) == {"data.missing-column"}
    assert "'person'" in found["data.missing-column"][0]["what"]
    (home / "rows.csv").unlink()
    assert codes(check(call, home)) == {"data.unreadable"}
    change(home, '[data]\ncsv = "rows.csv"\nperson = "person"', "")
    assert codes(check(call, home, fails=False), "warning") == {"node.data"}


def test_a_loader_that_cannot_be_used_is_told(call: Call, home: Path) -> None:
    change(home, 'csv = "rows.csv"\nperson = "person"', 'loader = "no_such_module:rows"')
    assert codes(check(call, home)) == {"node.loader"}


def test_a_bucket_that_refuses_and_a_share_that_is_not_there_are_told(
    call: Call, home: Path, tmp_path: Path
) -> None:
    with s3_server() as bucket:
        address = (
            f"s3://bucket/ours?endpoint={bucket.address}&region=us-east-1"
            "&access_key_id=key&secret_access_key=secret"
        )
        change(home, 'store = "relay"', f'store = "{address}"')
        found = check(call, home, fails=False)
        assert "takes, gives and deletes" in found["store"][0]["what"]
        assert bucket.objects == {}, "the probe is gone"
        bucket.fail("PUT", 403, 403)
        found = check(call, home)
        assert codes(found) == {"store.refused"}
        bucket.fail("DELETE", 403, 403)
        bucket.fail("POST", 403, 403)
        assert codes(check(call, home)) == {"store.refused"}
        bucket.fail("GET", 404, 404)
        assert codes(check(call, home)) == {"store.lost"}
    assert codes(check(call, home)) == {"store.unavailable"}
    change(home, f'store = "{address}"', f'store = "file://{tmp_path}/share"')
    assert codes(check(call, home)) == {"store.absent"}
    assert not (tmp_path / "share").exists()
    (tmp_path / "share").mkdir()
    check(call, home, fails=False)
    assert list((tmp_path / "share").iterdir()) == []


def test_a_home_that_is_full_or_fills_is_told(call: Call, home: Path) -> None:
    change(home, "quota = 64.0", "quota = 0.001")
    (home / "blobs").mkdir(exist_ok=True)
    (home / "blobs" / ("0" * 64)).write_bytes(bytes(900_000))
    assert codes(check(call, home, fails=False), "warning") == {"home.fills"}
    (home / "blobs" / ("1" * 64)).write_bytes(bytes(900_000))
    found = check(call, home)
    assert codes(found) == {"home.full"}
    assert "of home.quota = " in found["home.full"][0]["why"]


def test_a_port_that_another_program_has_is_told(
    call: Call, home: Path, consortium: Running
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        change(home, "port = 0 ", f"port = {taken.getsockname()[1]} ")
        assert codes(check(call, home)) == {"node.port"}
    assert "is free" in check(call, home, fails=False)["port"][0]["what"]
    shutil.copy(consortium.home / "status.json", home)
    found = check(call, home, fails=False)
    assert codes(found, "warning") == {"node.restart"}, "it runs, with other settings"


def test_a_node_that_was_killed_or_hangs_is_told(call: Call, home: Path) -> None:
    port, gone = free_port("127.0.0.1"), subprocess.Popen(["true"])
    gone.wait()
    for pid, words in ((gone.pid, "does not run"), (os.getpid(), f"the process {os.getpid()} ")):
        (home / "status.json").write_text(f'{{"pid":{pid},"port":{port}}}')
        found = check(call, home, fails=False)
        assert codes(found, "warning") == {"node.not-running"}
        assert words in found["node.not-running"][0]["what"]


def test_a_home_of_another_user_is_told(call: Call, home: Path) -> None:
    if os.getuid():
        (home / "blobs").chmod(0o500)
        assert codes(check(call, home)) == {"home.no-access"}
        (home / "blobs").chmod(0o700)
    else:
        os.chown(home, 12345, -1)
        assert codes(check(call, home, fails=False), "warning") == {"home.owner"}


def test_too_few_open_files_are_told(call: Call, home: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
    try:
        found = check(call, home, fails=False)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert codes(found, "warning") == {"home.open-files"}
    assert "only 300 files" in found["home.open-files"][0]["what"]


def test_what_is_wrong_in_many_places_is_told_at_once(call: Call, home: Path) -> None:
    change(home, "quota = 64.0", "quota = 64.0\nquotas = 1")
    (home / "keys" / "ledger.pem").chmod(0o644)
    (home / "tls" / "ca.pem").write_text("no certificate")
    (home / "rows.csv").unlink()
    (home / "outbox").write_bytes(b"what no node wrote")
    assert codes(check(call, home)) == {
        "settings.unknown-key", "key.exposed", "transport.tls", "data.unreadable",
        "outbox.corrupt",
    }  # fmt: skip
