"""A member takes the sequencer's word only as the log's key signed it, and holds it to that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.ledger.contract.kit import key_of
from tests.ledger.engines.log.kit import LOG_KEY, MEMBERS, Consortium, Wire, consortium
from tests.transport.kit import certify_member

from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, sign_inclusion_promise
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.ordering import Answer, NotYet, Ordered, Refused
from collegium.transport import authority
from collegium.transport.member import UNSIGNED, Member

Answers = Callable[[list[Answer]], list[Answer]]


class Changing(Wire):
    """A wire on which a test changes what is answered to submissions."""

    change: Answers = staticmethod(lambda answers: answers)

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        return self.change(super().submit(envelopes))


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Consortium]:
    made = consortium(tmp_path)
    yield made
    made.close()


def member(us: Consortium, change: Answers) -> Member:
    wire = Changing("ada", us.sequencers[0])
    wire.change = change
    return Member(us.replicas["ada"], wire)


def test_an_acknowledgement_that_the_log_s_key_signed_is_one(us: Consortium) -> None:
    ours, said = member(us, lambda answers: answers), us.registration("one")
    assert ours.submit([said]) == [Ordered(0)]
    assert isinstance(ours.submit([us.registration("two")])[0], NotYet), "one is not final"
    us.step()
    assert ours.state_of("ada") is us.replicas["ada"].state
    (refused,) = ours.submit([us.registration("one", "bo")])
    assert isinstance(refused, Refused)
    assert ours.health().troubles == {}


@pytest.mark.parametrize("spoiled", ["nobody", "a member", "another place", "another transaction"])
def test_any_other_acknowledgement_counts_for_nothing(us: Consortium, spoiled: str) -> None:
    said, other = us.registration("one"), us.registration("two")
    key = key_of("ada") if spoiled == "a member" else LOG_KEY
    named = decode_envelope(other if spoiled == "another transaction" else said).transaction_id
    promise = InclusionPromise(us.world.identity, 1 if spoiled == "another place" else 0, named)
    word = "nobody signed this" if spoiled == "nobody" else sign_inclusion_promise(promise, key)
    ours = member(us, lambda answers: [Ordered(0, word)])
    assert ours.submit([said]) == [UNSIGNED]
    assert "acknowledgement" in ours.health().troubles
    us.step()
    ours.step(0)
    assert ours.broken is None, "nobody is accused by a word that nobody gave"


def test_a_promise_that_the_log_does_not_keep_is_kept_as_evidence(us: Consortium) -> None:
    said, other = us.registration("one"), us.registration("two", "bo")
    promise = InclusionPromise(us.world.identity, 0, decode_envelope(other).transaction_id)
    ours = member(us, lambda answers: [Ordered(0, sign_inclusion_promise(promise, LOG_KEY))])
    us.wires["bo"].submit([said])
    assert ours.submit([other]) == [Ordered(0)]
    us.step(rounds=1)
    for _ in range(3):
        us.step([one for one in MEMBERS if one != "ada"])
        ours.step(0)
    assert ours.broken is not None
    assert "broke its word" in ours.health().troubles["sequencer"]
    assert list((us.home("ada") / "evidence").glob("promise-*"))


def test_a_validator_is_missing_when_it_has_cosigned_nothing_for_a_minute(
    us: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    ours = Member(us.replicas["ada"], us.wires["ada"], clock=lambda: now)
    us.settle("one")
    assert ours.health().missing == ()
    us.connect(None, ["di"])
    us.wires["ada"].submit([us.registration("two")])
    us.step(["ada", "bo", "cy"])
    assert "di" not in ours.health().certified
    assert ours.health().missing == (), "whoever is late by a moment is not missing"
    now = 61.0
    assert ours.health().missing == ("di",)
    us.connect(us.sequencers[0])
    us.settle("three", "four")
    monkeypatch.setattr(us.replicas["ada"], "_clock", lambda: 6.0)
    us.step(["ada"], rounds=1)
    assert ours.health().missing == ()


@pytest.mark.parametrize(("days", "told"), [(29, True), (40, False)])
def test_the_end_of_the_member_s_certificate_is_told_a_month_before(
    us: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, told: bool
) -> None:
    monkeypatch.setattr(authority, "CERTIFICATE_DAYS", days)
    authority.create_authority(tmp_path / "ca", "test")
    certify_member(tmp_path / "ca", tmp_path / "tls", "ada")
    certificates = [tmp_path / "tls" / "client.pem"]
    ours = Member(us.replicas["ada"], us.wires["ada"], certificates=certificates)
    health = ours.health()
    assert ("certificate" in health.troubles) == told
    assert health.certificate_days == pytest.approx(days, abs=0.1)
