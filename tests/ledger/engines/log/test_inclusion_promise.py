"""An acknowledgement is the log's word on one transaction and one place, and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.ledger.contract.kit import key_of
from tests.ledger.engines.log.kit import LOG_KEY, Consortium
from tests.ledger.vectors import VECTORS

from collegium.errors import FormatError
from collegium.ledger.engines.log.inclusion_promise import (
    InclusionPromise,
    open_inclusion_promise,
    sign_inclusion_promise,
)
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.keys import signing_key
from collegium.ledger.note import open_checkpoint
from collegium.ledger.ordering import Ordered
from collegium.transport.member import entry_at

PROMISES: list[dict[str, Any]] = VECTORS["promise"]
WORD = InclusionPromise(bytes(32), 7, b"t" * 32)


@pytest.mark.parametrize("vector", PROMISES)
def test_worked_bytes(vector: dict[str, Any]) -> None:
    from hashlib import sha256

    key = signing_key(sha256(b"vectors log").digest())
    identity = bytes.fromhex(vector["genesis"])
    promise = InclusionPromise(identity, vector["index"], bytes.fromhex(vector["transaction"]))
    assert sign_inclusion_promise(promise, key) == vector["note"]
    assert open_inclusion_promise(vector["note"], identity, key.public) == promise


def test_only_the_log_s_key_can_promise_and_only_for_its_own_ledger() -> None:
    note = sign_inclusion_promise(WORD, LOG_KEY)
    assert open_inclusion_promise(note, bytes(32), LOG_KEY.public) == WORD
    with pytest.raises(FormatError):
        open_inclusion_promise(note, bytes(32), key_of("bo").public)
    with pytest.raises(FormatError):
        open_inclusion_promise(note, b"1" * 32, LOG_KEY.public)
    with pytest.raises(FormatError):
        open_inclusion_promise(
            sign_inclusion_promise(replace(WORD, index=8), LOG_KEY).replace("8", "7", 1),
            bytes(32),
            LOG_KEY.public,
        )
    for bad in ("", "x", note[:-3], note.replace("\n7\n", "\n07\n"), note.partition("\n\n")[0]):
        with pytest.raises(FormatError):
            open_inclusion_promise(bad, bytes(32), LOG_KEY.public)


def test_a_promise_is_no_checkpoint_and_no_checkpoint_a_promise(us: Consortium) -> None:
    us.settle("heart")
    checkpoint = us.replicas["bo"].final_note or ""
    identity = us.replicas["bo"].identity
    with pytest.raises(FormatError):
        open_inclusion_promise(checkpoint, identity, LOG_KEY.public)
    promise = InclusionPromise(identity, 1, bytes(32))
    origin = checkpoint.partition("\n")[0]
    with pytest.raises(FormatError):
        open_checkpoint(sign_inclusion_promise(promise, LOG_KEY), origin, LOG_KEY.public)


def test_every_acknowledgement_promises_the_place_also_when_it_is_asked_for_again(
    us: Consortium,
) -> None:
    said = us.registration("heart")
    us.wires["ada"].submit([us.registration("lung")])
    us.step()
    for _ in range(2):
        (answer,) = us.wires["ada"].submit([said])
        assert isinstance(answer, Ordered)
        identity = us.replicas["ada"].identity
        assert open_inclusion_promise(answer.promise, identity, LOG_KEY.public) == InclusionPromise(
            identity, 1, decode_envelope(said).transaction_id
        )
        us.step()
        assert entry_at(us.replicas["bo"].copy, 1).find(said) > 0, "it is there at everybody"
