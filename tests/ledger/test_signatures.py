"""Many signatures at once are judged as one by one, on one core and on several."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, get_ident

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commands import environment

from collegium.ledger import signatures
from collegium.ledger.keys import signature_holds, signing_key
from collegium.ledger.signatures import Check, signatures_hold

KEYS = [signing_key(bytes([number]) * 32) for number in range(3)]


def check(number: int, *, good: bool) -> Check:
    key, message = KEYS[number % len(KEYS)], b"message %d" % number
    signature = key.sign(message)
    return key.public, message, signature if good else signature[::-1]


@pytest.fixture(params=[1, 2, 5], autouse=True, scope="module")
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    """Let the process think that it may use so many cores."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "sched_getaffinity", lambda _: set(range(request.param)), raising=False)
        yield request.param


@given(st.lists(st.booleans(), max_size=40))
@settings(deadline=None, max_examples=30)
def test_each_gets_its_own_answer(truth: list[bool]) -> None:
    checks = [check(number, good=good) for number, good in enumerate(truth)]
    assert signatures_hold(checks) == truth


def test_several_cores_share_the_work(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [check(number, good=True) for number in range(40)]
    taking = []
    all_here = Barrier(cores)

    def held_up(public: bytes, message: bytes, signature: bytes) -> bool:
        if get_ident() not in taking:
            taking.append(get_ident())
            all_here.wait(timeout=60)  # nobody goes on before everybody has taken one
        return signature_holds(public, message, signature)

    monkeypatch.setattr(signatures, "signature_holds", held_up)
    assert signatures_hold(many) == [True] * 40
    assert len(taking) == cores


def test_what_fails_in_a_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "signature_holds", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        signatures_hold([check(number, good=True) for number in range(40)])


def test_few_are_checked_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collegium.cores._threads", lambda: pytest.fail("a thread was asked for"))
    few = [check(number, good=True) for number in range(signatures.FEWEST - 1)]
    assert signatures_hold(few) == [True] * len(few)


FORKING = """
import os, sys
os.sched_getaffinity = lambda _: set(range(int(sys.argv[1])))
from collegium.ledger.signatures import signatures_hold
from tests.ledger.test_signatures import check
many = [check(number, good=number != 7) for number in range(20)]
assert signatures_hold(many).count(False) == 1
child = os.fork()
if child == 0:
    os._exit(0 if signatures_hold(many).count(False) == 1 else 1)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_child_process_has_threads_of_its_own(cores: int) -> None:
    # In a process of its own: this one may have loaded JAX, which warns of every fork.
    subprocess.run(
        [sys.executable, "-c", FORKING, str(cores)],
        check=True, env=environment(), cwd=Path(__file__).parents[2], timeout=60,
    )  # fmt: skip
