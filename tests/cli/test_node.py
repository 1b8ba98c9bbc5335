"""``collegium node``: a home is made as it is asked for, and a node that is not there is told."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, environment, told

from collegium.ledger.genesis import check_member
from collegium.ledger.keyfile import PASSPHRASE_VARIABLE
from collegium.node.config import DataSource, order_of, read_config
from collegium.node.home import CARD, read_card, read_keys
from collegium.node.policy import read_policy

VA = ("--member", "va", "--name", "Long Beach")


def test_a_home_is_made_with_the_card_for_the_genesis(call: Call) -> None:
    found = told(call("node", "init", "va", *VA, "--json"))
    assert found["home"] == "va"
    card = read_card(Path("va") / CARD)
    check_member(card)
    assert found["card"]["key"] == card.key
    assert (card.id, card.name, card.roles) == ("va", "Long Beach", ("site", "validator"))
    assert read_policy(Path("va")).studies == (), "nothing is allowed yet"


def test_people_are_told_what_comes_next(call: Call) -> None:
    done = call("node", "init", "va", *VA, "--role", "owner", "--role", "site")
    assert done.returncode == 0
    for word in (
        "va/card.json",
        "va/node.toml",
        "va/policy.toml",
        read_card(Path("va") / CARD).key,
    ):
        assert word in done.stdout
    assert read_card(Path("va") / CARD).roles == ("owner", "site")
    assert read_card(Path("va") / CARD).power == 0


@pytest.mark.parametrize(
    ("options", "source"),
    [
        ((), None),
        (("--csv", "rows.csv", "--person", "mrn"), DataSource(csv="rows.csv", person="mrn")),
        (("--dataset", "uci_heart", "--site", "va"), DataSource(dataset="uci_heart", site="va")),
        (("--loader", "ours:rows"), DataSource(loader="ours:rows")),
    ],
)
def test_the_source_of_rows_is_settled(
    call: Call, options: tuple[str, ...], source: DataSource | None
) -> None:
    address = ("--sequencer", "https://order.example:4100")
    assert call("node", "init", "va", *VA, *address, *options).returncode == 0
    config = read_config(Path("va"))
    assert config.data == source
    assert order_of(config).url == "https://order.example:4100"


def test_a_second_init_refuses(call: Call) -> None:
    assert call("node", "init", "va", *VA).returncode == 0
    card = (Path("va") / CARD).read_bytes()
    assert diagnosis(call("node", "init", "va", *VA))[0] == "home.exists"
    assert (Path("va") / CARD).read_bytes() == card


def test_keys_are_kept_under_a_passphrase(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "open sesame")
    assert call("node", "init", "va", *VA, "--encrypt").returncode == 0
    for path in (Path("va") / "keys").iterdir():
        assert b"ENCRYPTED" in path.read_bytes().splitlines()[0]
    assert read_keys(Path("va"), lambda: "open sesame").ledger


def test_without_a_passphrase_nothing_is_encrypted_in_name_only(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert diagnosis(call("node", "init", "va", *VA, "--encrypt"))[0] == "home.passphrase"
    assert not Path("va").exists()


@pytest.mark.parametrize(("home", "code"), [("nowhere", "home.none"), ("va", "home.genesis")])
def test_a_node_does_not_start_in_a_home_that_is_not_complete(
    call: Call, home: str, code: str
) -> None:
    call("node", "init", "va", *VA)
    assert diagnosis(call("node", "start", home))[0] == code


def test_a_node_that_does_not_run_is_told(call: Call) -> None:
    call("node", "init", "va", *VA)
    assert diagnosis(call("node", "status", "va"), status=1)[0] == "node.not-running"
    found = told(call("node", "status", "va", "--json"), status=1)
    assert found["error"] == "node.not-running"


def test_no_key_is_made_for_another_member(call: Call) -> None:
    told(call("sequencer", "init", "order", "--host", "127.0.0.1", "--json"))
    assert "'--request'" in call("sequencer", "certify", "order", "va", "--out", "va/tls").stderr
    assert not Path("va").exists()


def test_a_trial_that_is_not_there_is_told(call: Call) -> None:
    for command in (("status",), ("down",), ("up",), ("up", "--dir", "other")):
        assert diagnosis(call("network", *command))[0] == "network.none"
    assert list(Path().iterdir()) == [], "and no folder is made for it"


def test_a_trial_is_not_founded_in_a_folder_that_holds_something(call: Call) -> None:
    Path("network").mkdir()
    (Path("network") / "thesis.txt").write_text("mine")
    assert diagnosis(call("network", "up", "heart"))[0] == "network.exists"
    assert [path.name for path in Path("network").iterdir() if path.name != ".lock"] == [
        "thesis.txt"
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_whose_sequencer_is_away_waits_and_ends_when_it_is_told(
    call: Call, tmp_path: Path, number: signal.Signals
) -> None:
    told(call("sequencer", "init", "order", "--host", "127.0.0.1", "--port", "9", "--json"))
    call("node", "init", "va", *VA, "--sequencer", "https://127.0.0.1:9")
    told(call("sequencer", "found", "order", "va/card.json", "--json"))
    request = told(call("node", "request", "va", "--json"))["request"]
    told(
        call(
            "sequencer", "certify", "order", "va", "--request", request, "--out", "va/tls", "--json"
        )
    )
    (Path("va") / "genesis.json").write_bytes((Path("order") / "genesis.json").read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-m", "collegium", "node", "start", "va"], cwd=tmp_path,
        env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    lines = iter(process.stderr)
    while '"event":"node away"' not in next(lines):
        assert process.poll() is None
    end = monotonic() + 20  # its page is a moment behind its log
    while (status := told(call("node", "status", "va", "--json")))["state"] == "starting":
        assert monotonic() < end
    assert status["state"] == "away"
    assert "transport.unreachable" in status["trouble"]
    assert call("node", "status", "va").stdout.startswith("va: away")
    assert diagnosis(call("node", "start", "va"))[0] == "home.busy"
    process.send_signal(number)
    assert process.wait(20) == 0
    assert '"event":"node stopped"' in process.stderr.read()
    process.stderr.close()
    assert diagnosis(call("node", "status", "va"), status=1)[0] == "node.not-running"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--csv", "a.csv", "--dataset", "uci_heart"), "this names 2 sources of rows"),
        (("--dataset", "uci_heart"), "--dataset needs a site"),
        (("--csv", "a.csv", "--site", "va"), "--site does not go with csv"),
        (("--loader", "ours"), "--loader is not module:function"),
        (("--sequencer", "http://host"), "does not begin with https://"),
    ],
)
def test_what_the_node_would_refuse_later_is_refused_at_once(
    call: Call, options: tuple[str, ...], why: str
) -> None:
    done = call("node", "init", "va", *VA, *options)
    assert done.returncode == 2
    assert why in done.stderr
    assert not Path("va").exists()
