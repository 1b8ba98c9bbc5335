"""A home is made whole or not at all, holds its secrets, and belongs to one process."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from collegium.canonical import from_text
from collegium.errors import CollegiumError, FormatError, NodeError
from collegium.ledger.genesis import Member, check_member
from collegium.ledger.keyfile import write_secret
from collegium.ledger.keys import signature_holds, signing_key
from collegium.node.config import DataSource, order_of, read_config
from collegium.node.home import (
    CARD,
    LEDGER_KEY,
    NODE_SECRET,
    held,
    init_home,
    new_member,
    read_card,
    read_genesis,
    read_keys,
)
from collegium.node.policy import Policy, read_policy
from collegium.node.templates import config_text, policy_text

SETTINGS = {"node.toml": config_text("va"), "policy.toml": policy_text()}


def made(home: Path, passphrase: str | None = None) -> Member:
    member = new_member("va", "Long Beach", ["validator", "site"])
    return init_home(home, member, SETTINGS, passphrase)


def test_a_new_home_holds_keys_settings_and_the_card_for_the_genesis(tmp_path: Path) -> None:
    member = made(tmp_path / "va")
    check_member(member)
    assert (member.id, member.power, member.roles) == ("va", 1, ("site", "validator"))
    assert read_card(tmp_path / "va" / CARD) == member
    keys = read_keys(tmp_path / "va", lambda: None)
    public = from_text(member.key, 32)
    identity = keys.identity("va", bytes(32), public)
    assert identity is not None
    assert signature_holds(public, b"said", identity.key.sign(b"said"))
    assert keys.identity("va", bytes(32), bytes(32)) is None
    assert read_config(tmp_path / "va").node.member == "va"
    assert read_policy(tmp_path / "va") == Policy(minimum_rows=20)


def test_only_its_owner_can_read_a_home_and_its_keys(tmp_path: Path) -> None:
    made(tmp_path / "va")
    assert stat.S_IMODE((tmp_path / "va").stat().st_mode) == 0o700
    for name in (NODE_SECRET, LEDGER_KEY):
        assert stat.S_IMODE((tmp_path / "va" / name).stat().st_mode) == 0o600


def test_nothing_shows_a_secret(tmp_path: Path) -> None:
    made(tmp_path / "va")
    keys = read_keys(tmp_path / "va", lambda: None)
    assert "_secret" not in repr(keys)
    assert repr(keys._secret) not in repr(keys)


def test_two_homes_have_different_keys(tmp_path: Path) -> None:
    assert made(tmp_path / "one").key != made(tmp_path / "two").key


def test_a_second_init_overwrites_nothing(tmp_path: Path) -> None:
    home = tmp_path / "va"
    made(home)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with pytest.raises(NodeError) as caught:
        made(home)
    assert caught.value.code == "home.exists"
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert list(tmp_path.iterdir()) == [home], "and leaves nothing behind"


def test_an_init_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        init_home(tmp_path / "va", new_member("va", "Long Beach", ["site"]), {}, None)
    with pytest.raises(FormatError) as caught:
        init_home(tmp_path / "va", new_member("va", "  ", ["site"]), SETTINGS, None)
    assert "a name is" in caught.value.why
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_become_a_home(tmp_path: Path) -> None:
    (tmp_path / "va").mkdir()
    made(tmp_path / "va")
    assert (tmp_path / "va" / CARD).is_file()


def test_keys_under_a_passphrase_need_it_once(tmp_path: Path) -> None:
    made(tmp_path / "va", "open sesame")
    asked = []

    def answer(text: str) -> str:
        asked.append(text)
        return text

    assert read_keys(tmp_path / "va", lambda: answer("open sesame")).ledger
    assert asked == ["open sesame"]
    for ask in (lambda: answer("open barley"), lambda: None):
        with pytest.raises(CollegiumError) as caught:
            read_keys(tmp_path / "va", ask)
        assert caught.value.code == "key.passphrase"


def test_a_key_that_was_replaced_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    member = made(tmp_path / "va")
    new = signing_key(bytes(31) + b"\1")
    write_secret(tmp_path / "va" / "keys" / "ledger-2.pem", bytes(31) + b"\1", None)
    keys = read_keys(tmp_path / "va", lambda: None)
    assert {key.public for key in keys.ledger} == {from_text(member.key, 32), new.public}
    assert keys.of(new.public) is not None


def test_one_process_holds_a_home(tmp_path: Path) -> None:
    made(tmp_path / "va")
    with held(tmp_path / "va"), pytest.raises(NodeError) as caught, held(tmp_path / "va"):
        pass
    assert caught.value.code == "home.busy"
    with held(tmp_path / "va"):
        pass


def test_a_folder_that_is_no_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NodeError) as caught, held(tmp_path):
        pass
    assert caught.value.code == "home.none"
    with pytest.raises(NodeError) as caught:
        read_genesis(tmp_path)
    assert caught.value.code == "home.genesis"


def test_a_card_of_another_form_is_refused(tmp_path: Path) -> None:
    member = made(tmp_path / "va")
    path = tmp_path / CARD
    for spoiled in (b"", b"{}", msgspec.json.encode(msgspec.structs.replace(member, power=0))):
        path.write_bytes(spoiled)
        with pytest.raises(NodeError) as caught:
            read_card(path)
        assert caught.value.code == "home.card"


@pytest.mark.parametrize(
    "data",
    [
        None, DataSource(csv='with "quotes".csv', person="mrn"), DataSource(csv="rows.csv"),
        DataSource(dataset="uci_heart", site="va"), DataSource(loader="ours.cohort:rows"),
    ],
)  # fmt: skip
def test_the_text_of_settings_reads_back_as_it_was_meant(
    tmp_path: Path, data: DataSource | None
) -> None:
    (tmp_path / "node.toml").write_text(config_text("va", url="https://here:1", data=data))
    config = read_config(tmp_path)
    assert (config.data, order_of(config).url) == (data, "https://here:1")


def test_the_text_of_a_policy_reads_back_as_it_was_meant(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(policy_text(["heart"], plain_updates=True))
    assert read_policy(tmp_path) == Policy(studies=("heart",), minimum_rows=20, plain_updates=True)
