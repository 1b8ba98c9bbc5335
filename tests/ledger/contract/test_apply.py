"""The contract's one entrance: total over all bytes, and the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.contract.invariants import naive_root
from tests.ledger.contract.kit import World, four_equals, key_of, replayed, say
from tests.ledger.contract.moves import (
    carry,
    close,
    drive_round,
    evaluate,
    here,
    quorum_times_out,
    release,
    start,
    status_of,
    walk_to,
)

from collegium.ledger.contract.apply import apply
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import Expel, MemberHere
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.genesis import encode_genesis
from collegium.ledger.state import State

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused(data: bytes) -> None:
    world = four_equals()
    with pytest.raises(Rejected):
        apply(world.state, world.identity, data)


@given(st.one_of(st.binary(max_size=400), json_like.map(lambda value: repr(value).encode())))
def test_any_signed_payload_is_refused(said: bytes) -> None:
    world = four_equals()
    with pytest.raises(Rejected):
        apply(world.state, world.identity, sign_envelope(said, key_of("ada")))


def history() -> World:
    """Return a consortium after a history with something of everything."""
    world = four_equals()
    start(world, max_attempts=3)
    start(world, study="lung", per_round=2, seed=11)
    walk_to(world, "reveal")
    at = here(world)
    quorum_times_out(world)
    for name in ("ada", "bo", "cy", "di"):
        say(world, name, MemberHere, **at, phase="reveal")
    drive_round(world)
    while status_of(world, "lung").phase == "rounds":
        drive_round(world, "lung")
    drive_round(world)
    carry(world, Expel("di"), by=("ada", "bo", "cy"))
    for name in ("ada", "bo", "cy"):
        evaluate(world, name)
        evaluate(world, name, "lung")
    for study in ("heart", "lung"):
        release(world, "ada", study)
        close(world, "bo", study)
    return world


def test_another_instance_reaches_the_same_root_whenever_it_looks() -> None:
    world = history()
    state = replayed(world, [])
    for data in world.accepted:
        apply(state, world.identity, data)
        assert state.root() == naive_root(state.top)
    assert state.root() == world.state.root() == replayed(world).root()


REPLAY = """
import sys
from pathlib import Path
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.genesis import decode_genesis, genesis_digest

genesis, *envelopes = Path(sys.argv[1]).read_bytes().split(b"\\n")
state = initial_state(decode_genesis(genesis))
for data in envelopes:
    apply(state, genesis_digest(genesis), data)
print(state.root().hex())
"""


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_another_process_reaches_the_same_root(tmp_path: Path, seed: str) -> None:
    world = history()
    path = tmp_path / "history"
    path.write_bytes(b"\n".join((encode_genesis(world.genesis), *world.accepted)))
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    told = subprocess.run(
        [sys.executable, "-c", REPLAY, path], env=environment, capture_output=True, check=True
    )
    assert told.stdout.decode().strip() == world.state.root().hex()


def test_a_state_is_not_shared_between_instances() -> None:
    world = history()
    assert State().root() != world.state.root()
    assert replayed(world, []).root() != world.state.root()
