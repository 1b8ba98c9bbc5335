"""A home under another engine is examined as far as any engine's home can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.engines.two_proposers import MEDIA, Medium
from tests.node.kit import found as homes

from collegium.ledger.genesis import encode_genesis
from collegium.ledger.keys import signing_key
from collegium.ledger.opening import create_ledger
from collegium.ledger.ordering import LEDGER, Examines
from collegium.node.checking.whole import check_home
from collegium.node.config import CONFIG
from collegium.plugins import BUILT_IN, find


def test_an_engine_that_examines_nothing_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILT_IN["engines"], "other", "tests.ledger.engines.two_proposers:ENGINE")
    monkeypatch.setitem(MEDIA, "town", Medium())
    assert not isinstance(find("engines", "other"), Examines)
    assert isinstance(find("engines", "log"), Examines)
    genesis, home = homes(tmp_path, signing_key(bytes(32))), tmp_path / "va"
    (home / CONFIG).write_text(
        '[node]\nmember = "va"\nengine = "other"\n[medium]\nname = "town"\n'
        '[data]\ncsv = "rows.csv"\n'
    )
    (home / "genesis.json").write_bytes(encode_genesis(genesis))
    found = check_home(home, lambda: None)
    told = {one.part: (one.severity, one.what) for one in found.findings}
    assert found.ok
    assert told["ledger"] == ("sound", "none yet: the node fetches it")
    assert told["keys"][0] == "sound"
    assert told["data"][0] == "sound"
    create_ledger(home / LEDGER, genesis).close()
    told = {one.part: (one.severity, one.what) for one in check_home(home, lambda: None).findings}
    assert told["ledger"] == ("sound", "follows the genesis: 0 entries")
    (home / LEDGER).write_bytes(b"no ledger")
    assert not check_home(home, lambda: None).ok
