"""Whose keys a home holds, by the newest that it knows of its member."""

from __future__ import annotations

from collegium.canonical import to_text
from collegium.ledger.contract.tables import MemberRecord
from collegium.ledger.keys import signing_key
from collegium.node.checking.keys import KeysFound, Standing, examine_keys

KEY = signing_key(bytes(32))


def said(standing: Standing) -> tuple[str, str]:
    """What is told of a home that holds the one key."""
    (found,) = examine_keys(KeysFound(bytes(32), [KEY]), "va", standing)
    return found.severity, found.code or found.what


def record(*, active: bool = True) -> MemberRecord:
    return MemberRecord(active=active, key=to_text(KEY.public), power=1, roles=("validator",))


def test_a_member_that_the_ledger_no_longer_has_is_told() -> None:
    assert said(Standing("the ledger", record())) == (
        "sound", "closed to others, and of va, as the ledger names it",
    )  # fmt: skip
    assert said(Standing("the ledger", record(active=False))) == ("error", "node.expelled")
    assert said(Standing("the ledger", None)) == ("warning", "node.no-member")
    assert said(Standing(None, None))[0] == "unchecked"
