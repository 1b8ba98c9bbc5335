"""Sealed updates in a consortium: the validators of a round read them, all alike, nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from msgspec import UNSET
from tests.federation.kit import (
    MEMBERS,
    consortium,
    decide,
    identity_of,
    kinds,
    resigned,
    rotate,
    said,
    site,
    step,
    until,
    validator,
)

from collegium.canonical import from_text, to_text
from collegium.federation.identity import Identity
from collegium.federation.site import Site
from collegium.federation.validator import Validator
from collegium.learning.blobs import encode_update
from collegium.ledger.contract.transactions import (
    Admit,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.contract.updates import commitment
from collegium.ledger.genesis import Member
from collegium.ledger.hashing import tag
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.ordering import Ordered
from collegium.ledger.sealing import Context, recipients_of, seal, unseal
from collegium.plugins import BUILT_IN
from collegium.resolving.attempt import blob_of
from collegium.simulation.consortium import Consortium

SEALED = "consensus.engine=elsewhere"


@pytest.fixture(autouse=True)
def engine_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is not `solo` in name, so that sites seal; it orders as `solo` does."""
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", BUILT_IN["engines"]["solo"])


@pytest.fixture
def within(tmp_path: Path) -> Iterator[Consortium]:
    with consortium(tmp_path / "run", SEALED) as found:
        yield found


def revealed(within: Consortium, name: str) -> UpdateReveal:
    """What a site reveals in the open attempt."""
    (envelope,) = site(within, name).reconcile(within.view(), idle=False)
    reveal = said(envelope)
    assert isinstance(reveal, UpdateReveal)
    return reveal


def attested(within: Consortium, member: Validator) -> set[str]:
    """Whose updates a validator attests when it waits no longer."""
    (envelope,) = member.reconcile(within.view(), idle=True)
    attestation = said(envelope)
    assert isinstance(attestation, UpdateAvailable)
    bits = f"{from_text(attestation.bitmap, 1)[0]:08b}"
    return {name for name, bit in zip(within.view().participants, bits, strict=False) if bit == "1"}


def place(within: Consortium, author: str, reveal: UpdateReveal) -> Context:
    digest = from_text(reveal.digest, 32)
    at = (reveal.study, reveal.round, reveal.attempt, author)
    return Context(within.engine.application.identity, *at, digest)


def sealed_blob(within: Consortium, reveal: UpdateReveal) -> bytes:
    assert isinstance(reveal.sealed, str)
    data = within.exchange.folder.get(from_text(reveal.sealed, 32))
    assert data is not None
    return data


def key_of(within: Consortium, name: str) -> Callable[[bytes], SigningKey | None]:
    key = identity_of(within, name).key
    return {key.public: key}.get


def restarted(within: Consortium, name: str, key: SigningKey, *old: SigningKey) -> Validator:
    """A validator that was given another key, and holds old ones or not."""
    who = identity_of(within, name)
    held = {one.public: one for one in (key, *old)}
    identity = Identity(name, who.genesis, key, b"")
    return Validator(
        identity, within.exchange.view(name), within.outbox, within.prepared.study, held.get
    )


def test_a_study_with_sealed_updates_ends_in_the_same_model(
    tmp_path: Path, within: Consortium
) -> None:
    view = until(within, "closed")
    with consortium(tmp_path / "plain") as plain:
        assert until(plain, "closed").model == view.model
    tags = [path.read_bytes()[:20] for path in within.exchange.folder.path.iterdir()]
    assert tag("update") not in tags
    assert tags.count(tag("sealed")) == 8


def test_the_validators_of_the_round_read_it_and_others_do_not(within: Consortium) -> None:
    until(within, "reveal", 1)
    reveal = revealed(within, "va")
    blob, context = sealed_blob(within, reveal), place(within, "va", reveal)
    for name in MEMBERS:
        update = unseal(blob, context, key_of(within, name))
        assert update is not None
        assert sha256(update).digest() == context.digest
    stranger = signing_key(b"?" * 32)
    assert unseal(blob, context, {stranger.public: stranger}.get) is None


def test_who_is_no_validator_cannot_read_it(tmp_path: Path) -> None:
    with consortium(tmp_path / "run", SEALED, "consensus.validators=3") as within:
        until(within, "reveal", 1)
        reveal = revealed(within, "va")
        blob, context = sealed_blob(within, reveal), place(within, "va", reveal)
        assert unseal(blob, context, key_of(within, "va")) is None
        assert unseal(blob, context, key_of(within, "cleveland")) is not None
        assert until(within, "closed").status is not None


def test_a_reveal_is_the_same_after_a_restart_and_after_a_key_has_changed(
    within: Consortium,
) -> None:
    until(within, "reveal", 1)
    before = revealed(within, "va")
    blob = sealed_blob(within, before)
    rotate(within, "hungarian")
    (within.exchange.folder.path / blob_name(before)).unlink()
    member = site(within, "va")
    again = Site(
        member._identity, member.blobs, member._sending.outbox, member._cohort, member._parts
    )
    (envelope,) = again.reconcile(within.view(), idle=False)
    assert said(envelope) == before
    assert sealed_blob(within, before) == blob


def blob_name(reveal: UpdateReveal) -> str:
    assert isinstance(reveal.sealed, str)
    return from_text(reveal.sealed, 32).hex()


def test_a_sealed_update_that_is_gone_is_served_again_as_it_was(within: Consortium) -> None:
    until(within, "reveal", 1)
    blobs = {name: sealed_blob(within, revealed(within, name)) for name in MEMBERS}
    step(within)
    path = within.exchange.folder.path
    for name in MEMBERS:
        (path / sha256(blobs[name]).hexdigest()).unlink()
    for name in MEMBERS:
        assert site(within, name).reconcile(within.view(), idle=False) == []
        assert (path / sha256(blobs[name]).hexdigest()).read_bytes() == blobs[name]


def test_every_attempt_and_update_has_a_seed_of_its_own() -> None:
    who = Identity("va", b"g" * 32, signing_key(b"k" * 32), b"s" * 32)
    usual = ("heart", 1, 1, sha256(b"update").digest())
    others = [
        who.seed("lung", *usual[1:]), who.seed("heart", 2, 1, usual[3]),
        who.seed("heart", 1, 2, usual[3]), who.seed(*usual[:3], sha256(b"another").digest()),
        Identity("va", b"h" * 32, who.key, b"s" * 32).seed(*usual),
        Identity("va", b"g" * 32, who.key, b"t" * 32).seed(*usual),
        who.salt("heart", 1, 1), who.commitment_key("heart"),
    ]  # fmt: skip
    assert len({who.seed(*usual), *others}) == 9
    assert who.seed(*usual) == who.seed(*usual)


def forge(within: Consortium, name: str, sealed: bytes | None, **fields: str) -> None:
    """Let a site reveal that its update is in other bytes than it sealed."""
    (envelope,) = site(within, name).reconcile(within.view(), idle=False)
    if sealed is not None:
        fields["sealed"] = to_text(within.exchange.folder.put(sealed))
    outcomes = within.engine.submit([resigned(within, name, envelope, **fields)])
    assert all(isinstance(outcome, Ordered) for outcome in outcomes), outcomes
    step(within)
    assert within.view().phase == "available"


def resealed(within: Consortium, name: str, keys: list[bytes]) -> bytes:
    """A site's update sealed well, to other keys."""
    reveal = revealed(within, name)
    context = place(within, name, reveal)
    update = unseal(sealed_blob(within, reveal), context, key_of(within, "cleveland"))
    assert update is not None
    return seal(update, context, sha256(b"a seed").digest(), keys)


def others_are_fine(within: Consortium) -> None:
    """Every validator attests every update but the one of `va`."""
    for name in MEMBERS:
        assert attested(within, validator(within, name)) == {*MEMBERS} - {"va"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda blob: b"", lambda blob: blob[:40], lambda blob: blob[:-1],
        lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]), lambda blob: blob + b"\0",
        lambda blob: blob[:60] + bytes([blob[60] ^ 1]) + blob[61:], lambda blob: b"{}",
    ],
    ids=["empty", "head", "cut", "body", "more", "stanza", "other"],
)  # fmt: skip
def test_bytes_that_do_not_open_are_attested_by_nobody(
    within: Consortium, spoil: Callable[[bytes], bytes]
) -> None:
    until(within, "reveal", 1)
    forge(within, "va", spoil(sealed_blob(within, revealed(within, "va"))))
    others_are_fine(within)


def test_what_is_sealed_to_some_of_the_validators_is_attested_by_nobody(
    within: Consortium,
) -> None:
    until(within, "reveal", 1)
    keys = list(within.view().recipients.values())
    forge(within, "va", resealed(within, "va", keys[:3]))
    others_are_fine(within)


def test_what_is_sealed_to_a_stranger_too_is_attested_by_nobody(within: Consortium) -> None:
    until(within, "reveal", 1)
    keys = [*within.view().recipients.values(), signing_key(b"?" * 32).public]
    forge(within, "va", resealed(within, "va", keys))
    others_are_fine(within)


def test_another_author_may_not_seal_in_ones_place(within: Consortium) -> None:
    """The blob opens for the author that it was made for, and for nobody else."""
    until(within, "reveal", 1)
    forge(within, "va", sealed_blob(within, revealed(within, "hungarian")))
    others_are_fine(within)


def test_a_sealed_update_of_another_round_is_attested_by_nobody(within: Consortium) -> None:
    """Its author commits to the very update of round 1 again, and names the blob of round 1."""
    until(within, "reveal", 1)
    old = revealed(within, "va")
    blob = sealed_blob(within, old)
    until(within, "commit", 2)
    who, salt = identity_of(within, "va"), b"s" * 32
    digest = from_text(old.digest, 32)
    bound = commitment(who.genesis, "heart", 2, 1, "va", digest, salt)
    at = {"study": "heart", "round": 2, "attempt": 1}
    within.engine.submit([who.sign(UpdateCommit, **at, commitment=to_text(bound))])
    step(within)
    told = {"digest": old.digest, "peak": old.peak, "saturated": old.saturated}
    sealed = to_text(within.exchange.folder.put(blob))
    reveal = who.sign(UpdateReveal, **at, **told, salt=to_text(salt), sealed=sealed)
    (outcome,) = within.engine.submit([reveal])
    assert isinstance(outcome, Ordered)
    step(within)
    assert within.view().phase == "available"
    others_are_fine(within)


def test_an_update_that_is_well_sealed_and_not_well_formed_is_attested_by_nobody(
    within: Consortium,
) -> None:
    view = until(within, "commit", 1)
    record = view.round
    assert record is not None
    update = encode_update(np.array([1, 2, 3], np.int16), record.exponent)  # of another size
    digest, salt, who = sha256(update).digest(), b"s" * 32, identity_of(within, "va")
    bound = commitment(who.genesis, "heart", 1, 1, "va", digest, salt)
    at = {"study": "heart", "round": 1, "attempt": 1}
    within.engine.submit([who.sign(UpdateCommit, **at, commitment=to_text(bound))])
    step(within)
    context = Context(who.genesis, "heart", 1, 1, "va", digest)
    keys = within.view().recipients.values()
    blob = within.exchange.folder.put(seal(update, context, b"x" * 32, keys))
    told = {"digest": to_text(digest), "salt": to_text(salt), "sealed": to_text(blob)}
    within.engine.submit([who.sign(UpdateReveal, **at, **told, peak=3, saturated=0)])
    step(within)
    others_are_fine(within)


def test_a_plain_update_among_sealed_ones_is_welcome(within: Consortium) -> None:
    """Who publishes it plain exposes nobody but itself."""
    until(within, "reveal", 1)
    reveal = revealed(within, "va")
    context = place(within, "va", reveal)
    update = unseal(sealed_blob(within, reveal), context, key_of(within, "va"))
    assert update is not None
    within.exchange.folder.put(update)
    (envelope,) = site(within, "va").reconcile(within.view(), idle=False)
    (outcome,) = within.engine.submit([resigned(within, "va", envelope, sealed=UNSET)])
    assert isinstance(outcome, Ordered)
    step(within)
    for name in MEMBERS:
        assert attested(within, validator(within, name)) == {*MEMBERS}


def test_a_key_changed_after_the_first_reveal_opens_what_was_sealed_before(
    within: Consortium,
) -> None:
    until(within, "reveal", 1)
    old = identity_of(within, "hungarian").key
    (first,) = site(within, "va").reconcile(within.view(), idle=False)
    within.engine.submit([first])
    new = rotate(within, "hungarian")
    for name in MEMBERS[:3]:  # who reveals later seals to the same keys
        member, who = site(within, name), identity_of(within, name)
        signer = Identity(name, who.genesis, new, who._secret) if name == "hungarian" else who
        again = Site(signer, member.blobs, member._sending.outbox, member._cohort, member._parts)
        (outcome,) = within.engine.submit(again.reconcile(within.view(), idle=False))
        assert isinstance(outcome, Ordered)
    assert within.view().phase == "available"
    assert old.public in within.view().recipients.values()
    assert attested(within, restarted(within, "hungarian", new, old)) == {*MEMBERS}
    assert attested(within, restarted(within, "hungarian", new)) == set()
    assert attested(within, validator(within, "cleveland")) == {*MEMBERS}


def test_what_was_sealed_before_a_key_changed_and_revealed_after_is_attested_by_nobody(
    within: Consortium,
) -> None:
    """The next attempt is sealed to the new key; that all agree matters more than this attempt."""
    until(within, "reveal", 1)
    (late,) = site(within, "va").reconcile(within.view(), idle=False)
    old, new = identity_of(within, "hungarian").key, rotate(within, "hungarian")
    within.engine.submit([late])
    renewed = restarted(within, "hungarian", new, old)
    for name in ("cleveland", "switzerland"):
        step_of(within, site(within, name))
    assert new.public in within.view().recipients.values()
    for _ in range(2):
        step(within, idle=True)
    assert within.view().phase == "available"
    for one in (validator(within, "cleveland"), renewed):
        assert attested(within, one) == {"cleveland", "switzerland"}


def step_of(within: Consortium, member: Site) -> None:
    within.engine.submit(member.reconcile(within.view(), idle=False))


def test_another_attempt_is_sealed_anew_to_whoever_validates_then(within: Consortium) -> None:
    until(within, "reveal", 1)
    first = revealed(within, "va")
    new = rotate(within, "hungarian")
    while within.view().attempt == 1:
        for name in MEMBERS:
            within.engine.submit(validator(within, name).reconcile(within.view(), idle=True))
    while within.view().phase != "reveal":  # hungarian's own program still has its old key
        step(within, idle=True)
    second = revealed(within, "va")
    assert (second.attempt, second.digest) == (2, first.digest)
    assert second.sealed != first.sealed
    assert new.public in recipients_of(sealed_blob(within, second))
    assert new.public not in recipients_of(sealed_blob(within, first))


def test_a_validator_that_joins_reads_the_rounds_that_open_afterwards(within: Consortium) -> None:
    guest = signing_key(b"guest" + bytes(27))
    until(within, "reveal", 1)
    before = revealed(within, "va")
    member = Member(
        id="guest", key=to_text(guest.public), name="A Guest", power=1, roles=("validator",)
    )
    decide(within, "admit", Admit(member=member))
    assert "guest" not in within.view().recipients
    until(within, "reveal", 2)
    after = revealed(within, "va")
    assert guest.public not in recipients_of(sealed_blob(within, before))
    assert guest.public in recipients_of(sealed_blob(within, after))
    joined = restarted(within, "guest", guest)
    step(within)
    assert attested(within, joined) == {*MEMBERS}


def test_a_scarce_update_is_served_to_others_sealed_as_it_is(within: Consortium) -> None:
    until(within, "reveal", 1)
    reveal = revealed(within, "hungarian")
    step(within)
    blob = sealed_blob(within, reveal)
    path = within.exchange.folder.path
    (path / blob_name(reveal)).unlink()
    name = from_text(reveal.sealed, 32)  # type: ignore[arg-type]
    within.exchange.serve(name, blob, ["cleveland", "hungarian", "switzerland"])
    for member in MEMBERS:
        within.engine.submit(validator(within, member).reconcile(within.view(), idle=True))
    view = within.view()
    assert view.phase == "vote"
    assert view.scarce == {"hungarian"}
    assert validator(within, "va").reconcile(view, idle=False) == []
    assert kinds(validator(within, "cleveland").reconcile(view, idle=False)) == ["round.vote"]
    assert kinds(validator(within, "va").reconcile(view, idle=False)) == ["round.vote"]
    assert not any(found.read_bytes().startswith(tag("update")) for found in path.iterdir())


def test_a_latecomer_votes_on_a_closed_round_of_sealed_updates(within: Consortium) -> None:
    late = validator(within, "va")
    view = until(within, "vote", 1)
    for name in MEMBERS[:3]:
        within.engine.submit(validator(within, name).reconcile(view, idle=False))
    assert within.view().closed_rounds == 1
    assert "round.vote" in kinds(late.reconcile(within.view(), idle=False))


def test_a_sealed_update_names_its_sealed_blob_and_a_plain_one_itself(within: Consortium) -> None:
    until(within, "reveal", 1)
    step(within)
    reveal = within.view().reveals["va"]
    assert to_text(blob_of(reveal)) == reveal.sealed
