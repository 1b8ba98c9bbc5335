"""How fast the ledger is on one core, with the real contract: ``python benchmarks/ledger.py``.

A consortium of ten members, each a site and a validator, runs plain rounds of 40 transactions
(10 commitments, 10 reveals, 10 bitmaps, 7 votes that close the round and 3 late ones). All are
signed beforehand; measured is what a ledger's holder does with them: decode, verify, apply, hash
into tree and state, write and fsync, in blocks. Signature checks alone, over the same
transactions, are timed between the blocks, so that their share holds whatever else the machine is
doing. "tx/s" is by the clock, with the waiting for the disk; "tx/s on a core" by processor time.
Figures are printed, never asserted.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from collegium import canonical
from collegium.canonical import to_text
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.contract.declared import admitted_modules
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.transactions import (
    RoundVote,
    StudyAccept,
    StudyRegister,
    Transaction,
    UpdateAvailable,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.contract.updates import commitment
from collegium.ledger.envelope import decode_envelope, sign_envelope
from collegium.ledger.genesis import Genesis, Member, encode_genesis, genesis_digest
from collegium.ledger.keys import SigningKey, signature_holds, signing_key
from collegium.ledger.opening import create_ledger, open_ledger
from collegium.ledger.snapshot import snapshot_path

MEMBERS = tuple(f"member-{index}" for index in range(10))
STUDY = "bench"
ROUNDS_IN_A_SAMPLE = 10
BLOCKS = (10, 100, 1000)


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rounds' transactions: how many; seconds by the clock, of a core, and of checks alone."""

    transactions: int
    seconds: float
    working: float
    checking: float


def digest_of(*parts: object) -> bytes:
    """Return a digest that the parts stand for."""
    return sha256("/".join(map(str, parts)).encode()).digest()


def consortium() -> tuple[Genesis, dict[str, SigningKey]]:
    """Return a genesis of ten members of equal power, and their keys."""
    keys = {name: signing_key(digest_of("key", name)) for name in MEMBERS}
    log = signing_key(digest_of("key", "log")).public
    members = tuple(
        Member(name, to_text(key.public), name, 1, ("owner", "site", "validator"))
        for name, key in keys.items()
    )
    modules = admitted_modules()
    return Genesis("bench", 1, 1, "simulated", members, modules, to_text(log)), keys


def history(genesis: bytes, keys: dict[str, SigningKey], rounds: int) -> Iterator[list[bytes]]:
    """Yield signed transactions in order: the set-up first, then one list a round."""

    def sign(who: str, kind: type[Transaction], **fields: Any) -> bytes:
        tx = kind(format=1, genesis=to_text(genesis), **{"study": STUDY, **fields})
        return sign_envelope(canonical.encode(tx), keys[who])

    code, document = to_text(digest_of("code")), to_text(digest_of("document"))
    register = sign(
        MEMBERS[0], StudyRegister, attendance="quorum", code=code,
        document=document, exponent=12, max_attempts=3, min_sites=7, model=to_text(digest_of(0)),
        modules=("plain@1",),
        parameters=1000, per_round=10, rounds=rounds, rule="fedavg@1", seed=7, server="mean@1",
        sites=MEMBERS, weights="rows",
    )  # fmt: skip
    accepts = [
        sign(who, StudyAccept, code=code, document=document, snapshot=document, weight=96)
        for who in MEMBERS
    ]
    yield [register, *accepts]
    for number in range(1, rounds + 1):
        at = {"round": number, "attempt": 1}
        update = {who: digest_of("update", who, number) for who in MEMBERS}
        salt = {who: digest_of("salt", who, number) for who in MEMBERS}
        bound = {
            who: commitment(genesis, STUDY, number, 1, who, update[who], salt[who])
            for who in MEMBERS
        }
        everything = to_text(b"\xff\xc0")
        yield [
            *(sign(who, UpdateCommit, **at, commitment=to_text(bound[who])) for who in MEMBERS),
            *(
                sign(
                    who, UpdateReveal, **at, digest=to_text(update[who]), salt=to_text(salt[who]),
                    peak=20000, saturated=0,
                )
                for who in MEMBERS
            ),
            *(sign(who, UpdateAvailable, **at, bitmap=everything) for who in MEMBERS),
            *(
                sign(who, RoundVote, **at, result=ModelResult(model=to_text(digest_of(number))))
                for who in MEMBERS
            ),
        ]  # fmt: skip


def checking_time(envelopes: list[bytes], keys: dict[str, SigningKey]) -> float:
    """Return a core's seconds that the signature checks of these envelopes take by themselves."""
    public = {sha256(key.public).digest(): key.public for key in keys.values()}
    ready = [
        (public[opened.key_id], opened.signed_bytes, opened.signature)
        for opened in map(decode_envelope, envelopes)
    ]
    start = process_time()
    held = all(signature_holds(*one) for one in ready)
    seconds = process_time() - start
    if not held:
        raise AssertionError("a signature of this program's own does not hold")
    return seconds


def append_blocks(ledger: Application, envelopes: list[bytes], block: int) -> tuple[float, float]:
    """Append everything in blocks of a size; return seconds by the clock and of a core."""
    start, working = perf_counter(), process_time()
    for first in range(0, len(envelopes), block):
        for outcome in ledger.append(envelopes[first : first + block]):
            if not isinstance(outcome, AcceptedTransaction):
                raise outcome
    return perf_counter() - start, process_time() - working


def measure(path: Path, rounds: int, block: int) -> list[Sample]:
    """Fill a new ledger file and return samples in order, the set-up left out."""
    genesis, keys = consortium()
    ledger = create_ledger(path, genesis)
    rounds_ahead = history(genesis_digest(encode_genesis(genesis)), keys, rounds)
    append_blocks(ledger, next(rounds_ahead), block)
    samples = []
    pending: list[bytes] = []
    for number, transactions in enumerate(rounds_ahead, start=1):
        pending += transactions
        enough = number % ROUNDS_IN_A_SAMPLE == 0 and len(pending) >= block
        if enough or number == rounds:
            seconds, working = append_blocks(ledger, pending, block)
            checking = checking_time(pending, keys)
            samples.append(Sample(len(pending), seconds, working, checking))
            pending = []
    ledger.write_snapshot()
    ledger.close()
    return samples


def rate(samples: list[Sample]) -> float:
    """Return transactions a second of a core."""
    return sum(one.transactions for one in samples) / sum(one.working for one in samples)


def clock_rate(samples: list[Sample]) -> float:
    """Return transactions a second by the clock."""
    return sum(one.transactions for one in samples) / sum(one.seconds for one in samples)


def share(samples: list[Sample]) -> float:
    """Return which part of a core's time went into signature checks."""
    return sum(one.checking for one in samples) / sum(one.working for one in samples)


def opening_time(path: Path) -> float:
    """Return the processor seconds that opening a ledger takes."""

    def silent(_: str) -> None: ...

    start = process_time()
    open_ledger(path, silent).close()
    return process_time() - start


def print_throughput(folder: Path, many: int, say: Callable[[str], None]) -> tuple[Path, int]:
    """Print a line for each length and block size; return the longest ledger and its entries."""
    titles = ("rounds", "block", "tx/s", "tx/s on a core", "signatures", "last / first")
    say("  ".join(titles))
    rates = {}
    path = folder
    entries = 0
    for rounds in (ROUNDS_IN_A_SAMPLE, many):
        for block in BLOCKS:
            path = folder / f"{rounds}-{block}.log"
            samples = measure(path, rounds, block)
            rates[rounds, block] = rate(samples)
            tenth = max(len(samples) // 10, 1)
            slowdown = rate(samples[-tenth:]) / rate(samples[:tenth])
            cells = (
                f"{rounds}", f"{block}", f"{clock_rate(samples):,.0f}", f"{rate(samples):,.0f}",
                f"{share(samples):.0%}", f"{slowdown:.2f}",
            )  # fmt: skip
            say(
                "  ".join(cell.rjust(len(title)) for cell, title in zip(cells, titles, strict=True))
            )
            entries = sum(one.transactions for one in samples)
    for block in BLOCKS:
        ratio = rates[many, block] / rates[ROUNDS_IN_A_SAMPLE, block]
        say(f"blocks of {block}: {many} rounds run at {ratio:.2f} of the speed of the first ten")
    return path, entries


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000, help="rounds of the long ledger")
    many = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        path, entries = print_throughput(Path(folder), many, print)
        with_snapshot = opening_time(path)
        snapshot_path(path).unlink()
        without = opening_time(path)
        print(f"open {entries:,} entries with a snapshot: {1000 * with_snapshot:,.0f} ms")
        print(f"open them without one: {without:,.2f} s, a replay of {entries / without:,.0f} tx/s")


if __name__ == "__main__":
    main()
