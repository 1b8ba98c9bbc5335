"""Settings are read strictly, and every mistake is told with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.ledger.engines.two_proposers import MEDIA, Medium

from collegium.errors import NodeError
from collegium.node.config import CONFIG, engine_of, examine_config, order_of, read_config
from collegium.plugins import BUILT_IN

GOOD = """\
[node]
member = "va"

[sequencer]
url = "https://127.0.0.1:4100"

[data]
csv = "rows.csv"
person = "mrn"
"""


def read(home: Path, text: str) -> object:
    (home / CONFIG).write_text(text)
    return read_config(home)


def test_what_a_file_does_not_say_has_a_default(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(GOOD)
    config = read_config(tmp_path)
    assert config.node.log_level == "info"
    assert order_of(config).key == "tls/client.key"
    assert config.blobs.store == "relay"
    assert (config.timers.phase, config.timers.patience) == (600.0, 86400.0)
    assert config.status.port == 0
    assert config.home.quota == 64.0
    assert config.data is not None
    assert config.data.csv == "rows.csv"


def test_an_engine_has_a_section_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILT_IN["engines"], "other", "tests.ledger.engines.two_proposers:ENGINE")
    monkeypatch.setitem(MEDIA, "town", Medium())
    head = '[node]\nmember = "va"\nengine = "other"\n'
    (tmp_path / CONFIG).write_text(head + '[medium]\nname = "town"\n')
    config = read_config(tmp_path)
    assert (engine_of(config).section, order_of(config).name) == ("medium", "town")
    for rest, code, told in (
        ("", "settings.missing-key", "medium is missing"),
        ('[medium]\nname = "elsewhere"\n', "settings.value", "node.toml:5: medium.name is none"),
        (
            '[medium]\nnames = "town"\n',
            "settings.unknown-key",
            "node.toml:5: there is no key medium",
        ),
        ('[sequencer]\nurl = "https://x:1"\n', "settings.unknown-key", "there is no key sequencer"),
    ):
        with pytest.raises(NodeError, match=re.escape(told)) as caught:
            read(tmp_path, head + rest)
        assert caught.value.code == code
    for name, told in (("nowhere", "is unknown"), ("solo", "orders within one process")):
        with pytest.raises(NodeError, match=told):
            read(tmp_path, head.replace("other", name))


def test_a_member_that_holds_no_rows_has_no_data(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(GOOD.partition("[data]")[0])
    assert read_config(tmp_path).data is None


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        ("member =", "name =", "settings.unknown-key", "node.toml:2: there is no key node.name"),
        ('member = "va"', "", "settings.missing-key", "node.toml:1: node.member is missing"),
        ('"va"', "7", "settings.value", "node.toml:2: node.member has the wrong type"),
        ('"va"', '"V A"', "settings.value", "node.toml:2: node.member is no member's id"),
        ('"va"', '"va"\nlog_level = "loud"', "settings.value", "node.toml:3: node.log_level"),
        ("https:", "http:", "settings.value", "node.toml:5: sequencer.url"),
        ("[data]", "[rows]", "settings.unknown-key", "node.toml:7: there is no key rows"),
        ('csv = "rows.csv"\n', "", "settings.value", "node.toml:7: data names 0 sources"),
        ("csv =", 'dataset = "uci_heart"\ncsv =', "settings.value", "data names 2 sources"),
        ('csv = "rows.csv"', 'loader = "x:y"', "settings.value", "node.toml:9: data.person"),
        (
            'csv = "rows.csv"\nperson = "mrn"', 'dataset = "uci_heart"',
            "settings.value", "node.toml:8: data.dataset needs a site",
        ),
        (
            'csv = "rows.csv"\nperson = "mrn"', 'loader = "hospital"',
            "settings.value", "node.toml:8: data.loader is not module:function",
        ),
        ("[data]", "[timers]\nphase = 0\n[data]", "settings.value", "node.toml:8: timers.phase"),
        ("[data]", "[timers]\nphase = nan\n[data]", "settings.value", "timers.phase"),
        ("[data]", "[status]\nport = 65536\n[data]", "settings.value", "node.toml:8: status.port"),
        ('"rows.csv"', '"rows.csv', "settings.syntax", "node.toml:8: this is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, code: str, told: str
) -> None:
    assert old in GOOD
    with pytest.raises(NodeError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert caught.value.code == code
    assert told in caught.value.what
    assert caught.value.todo


def test_the_nearest_key_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(NodeError) as caught:
        read(tmp_path, GOOD.replace("url", "ur"))
    assert "'url'" in caught.value.todo


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NodeError) as caught:
        read_config(tmp_path)
    assert caught.value.code == "settings.unreadable"


def test_every_mistake_of_a_file_is_found_at_once(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(
        '[node]\nlog_level = "loud"\nname = "va"\n[sequencer]\nproxy = "squid"\n'
        '[timers]\nphase = 0\nscrub = "often"\n[status]\nport = 65536\n'
    )
    _, found = examine_config(tmp_path)
    mistakes = [one.error for one in found]
    lines = [one.what.rpartition("node.toml:")[2].partition(":")[0] for one in mistakes]
    assert sorted(map(int, lines)) == [1, 2, 3, 4, 5, 7, 8, 10]
    assert {one.code for one in mistakes} == {
        "settings.missing-key", "settings.unknown-key", "settings.value",
    }  # fmt: skip
