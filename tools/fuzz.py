"""Throw mutated, rightly signed transactions and documents of every mechanism at the contract.

Usage: python tools/fuzz.py [--tries N] [--seed S] [--fresh]

Golden ledgers are replayed. Before each of their entries, some that are near it are changed
anywhere, signed with the key of a member, and executed where the ledger then stands. What the
contract accepts is taken back. Their studies' documents are changed in the same way and seen
through as a node and an auditor do before anything is computed. With ``--fresh`` the same is done
on new runs of the same studies, under the newest contract.

It ends with what went wrong: an exception that is not ours, a rejection that changed the state's
root, or a document that took longer than `LONGEST` seconds.
"""

from __future__ import annotations

import json
import sys
import tarfile
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from collegium.canonical import from_text
from collegium.errors import CollegiumError
from collegium.federation.identity import member_key
from collegium.federation.secrets import simulated_secret
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.studies import record_of
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.envelope import decode_envelope, sign_envelope
from collegium.ledger.frames import ENTRY, GENESIS, decode_entry, read_frames
from collegium.ledger.genesis import decode_genesis, genesis_digest
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.node.registration_checks import unacceptable_terms
from collegium.study.bounds import check_bounds
from collegium.study.canonical import document_bytes, study_from_document
from collegium.study.presets import preset_names
from collegium.study.reading import read_study

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"

LONGEST = 5.0
"""Seconds that seeing a document through may take."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 255, 256, 65536, 2**31, 2**31 - 1, 2**31 + 1, 2**53,
    2**53 - 1, -(2**53), 2**63, 2**64, 10**30, 0.5, 1e308, "", "a", "0", "-1", "1e308", "nan",
    "inf", "0.0", "100.0", "1e-320", "*", "*log", "../x", "\x00", "\u202e", "\ud7ff", "A" * 43,
    "_" * 43, "A" * 22, "A" * 86, "A" * 8192, "A" * 16384, [], {}, [[]], [0] * 400, ["a"] * 401,
    {"a": {}},
)  # fmt: skip
"""Values that somebody may not have thought of."""


@dataclass(slots=True)
class Fuzzed:
    """What a fuzz came to: tries by what became of them, and what went wrong."""

    transactions: int = 0
    accepted: int = 0
    documents: int = 0
    acceptable: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Course:
    """A run that is fuzzed: its ledger, its blobs, and the seed of its members' keys."""

    name: str
    ledger: bytes
    blobs: Path


def mutated(random: Random, value: Any, pool: Sequence[Any]) -> Any:
    """Return a value that is another one at one or several places, or at none by chance."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(sorted(value))
        changed = dict(value)
        act = random.random()
        if act < 0.08:
            del changed[key]
        elif act < 0.14:
            changed[random.choice(("x", "terms", "parts", "round", key + "x"))] = changed[key]
        else:
            changed[key] = mutated(random, value[key], pool)
        return mutated(random, changed, pool) if random.random() < 0.3 else changed
    if isinstance(value, list) and value and random.random() < 0.8:
        place, act = random.randrange(len(value)), random.random()
        if act < 0.15:
            return value[:place] + value[place + 1 :]
        if act < 0.3:
            return [*value, value[place]]
        if act < 0.4:
            return value[::-1]
        return [*value[:place], mutated(random, value[place], pool), *value[place + 1 :]]
    if isinstance(value, int) and not isinstance(value, bool) and random.random() < 0.5:
        return value + random.choice((-1, 1, 2, 10, 1000, 2**20))
    if isinstance(value, str) and value and random.random() < 0.3:
        place = random.randrange(len(value))
        return value[:place] + random.choice("Aa0-_@.\u00e9") + value[place + 1 :]
    return random.choice(pool if random.random() < 0.4 else ODD)


def leaves(value: Any) -> Iterator[Any]:
    """Yield everything within a value, itself among it."""
    yield value
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)


def encoded(value: Any) -> bytes:
    """Return a value as canonical JSON is written, whatever it holds."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        errors="surrogatepass"
    )


def fuzz_transactions(course: Course, tries: int, random: Random, found: Fuzzed) -> None:
    """Replay a ledger, and try changed transactions before each of its entries."""
    frames = list(read_frames(course.ledger))
    genesis = decode_genesis(next(one.body for one in frames if one.kind == GENESIS))
    identity = genesis_digest(next(one.body for one in frames if one.kind == GENESIS))
    entries = [decode_entry(one.body)[0] for one in frames if one.kind == ENTRY]
    payloads = [json.loads(decode_envelope(one).payload) for one in entries]
    seed = next(one["seed"] for one in payloads if one["kind"] == "study.register")
    keys = [member_key(simulated_secret(seed, one.id)) for one in genesis.members]
    pool = [one for payload in payloads for one in leaves(payload)]
    state = initial_state(genesis)
    each = -(-tries // len(entries))
    for at, entry in enumerate(entries):
        before = state.root()
        for _ in range(each):
            near = payloads[min(max(at + random.randint(-3, 3), 0), len(entries) - 1)]
            said = encoded(mutated(random, near, pool))
            data = sign_envelope(said, random.choice(keys))
            found.transactions += 1
            state.begin()
            try:
                apply(state, identity, data)
            except Rejected:
                if state.root() != before:
                    found.wrong.append(f"{course.name}: a rejection changed the state: {said!r}")
                    return
            except Exception as error:
                found.wrong.append(f"{course.name}: {error!r} of {said[:2000]!r}")
            else:
                found.accepted += 1
            state.undo()
            if state.root() != before:
                found.wrong.append(f"{course.name}: not taken back: {said!r}")
                return
        apply(state, identity, entry)


def fuzz_documents(
    documents: Sequence[tuple[bytes, StudyRegister | None]], tries: int, random: Random,
    found: Fuzzed,
) -> None:  # fmt: skip
    """See changed documents through, and hold what is registered against them."""
    tables = [json.loads(data) for data, _ in documents]
    pool = [one for table in tables for one in leaves(table)]
    registered = next(one for _, one in documents if one is not None)
    for _ in range(tries):
        at = random.randrange(len(documents))
        data = encoded(mutated(random, tables[at], pool))
        registration = record_of(documents[at][1] or registered, "ada")
        found.documents += 1
        began = perf_counter()
        try:
            study = study_from_document(data)
            check_bounds(study)
            found.acceptable += not unacceptable_terms(study, registration, "heart", "solo")
        except CollegiumError:
            pass
        except Exception as error:
            found.wrong.append(f"document: {error!r} of {data[:3000]!r}")
        took = perf_counter() - began
        found.slowest = max(found.slowest, took)
        if took > LONGEST:
            found.wrong.append(f"document: {took:.1f} s for {data[:3000]!r}")


def golden_courses(folder: Path) -> list[Course]:
    """Unpack the golden runs into a folder."""
    for archive in sorted(GOLDEN.glob("*.tar.xz")):
        with tarfile.open(archive) as file:
            file.extractall(folder / archive.name.partition(".")[0], filter="data")
    return courses_in(folder)


def courses_in(folder: Path) -> list[Course]:
    """Return the runs in a folder."""
    return [
        Course(one.name, (one / "ledger.log").read_bytes(), one / "blobs")
        for one in sorted(folder.iterdir())
        if (one / "ledger.log").is_file()
    ]


def documents_of(courses: Sequence[Course]) -> list[tuple[bytes, StudyRegister | None]]:
    """Return the documents of runs with their registrations, and those of all presets."""
    found: list[tuple[bytes, StudyRegister | None]] = []
    for course in courses:
        for frame in read_frames(course.ledger):
            if frame.kind != ENTRY:
                continue
            said = decode_transaction(decode_envelope(decode_entry(frame.body)[0]).payload)
            if isinstance(said, StudyRegister):
                path = course.blobs / from_text(said.document, DIGEST_SIZE).hex()
                found.append((path.read_bytes(), said))
    for preset in preset_names():
        with suppress(CollegiumError):
            found.append((document_bytes(read_study(preset).study), None))
    return found


def fuzz(courses: Sequence[Course], tries: int, seed: int) -> Fuzzed:
    """Fuzz runs: so many tries, half of them transactions, all of which follow from the seed."""
    random, found = Random(seed), Fuzzed()  # noqa: S311
    for course in courses:
        fuzz_transactions(course, tries // 2 // len(courses), random, found)
    fuzz_documents(documents_of(courses), tries - found.transactions, random, found)
    return found


def fresh_courses(folder: Path) -> list[Course]:
    """Make the golden runs' studies anew, under the newest contract."""
    sys.path.insert(0, str(Path(__file__).parent))
    from make_golden import RECIPES, TABLE_STUDY, trainers  # type: ignore[import-not-found]

    from collegium.simulation.execution import run

    for name, recipe in RECIPES.items():
        source: str | Path = recipe.study
        if recipe.study == TABLE_STUDY:
            source = folder / "cohort.toml"
            source.write_text(TABLE_STUDY)
            (folder / "cohort.csv").write_text(trainers())
        run(source, out=folder / name, changes=[*recipe.changes, "evaluation.bootstrap=0"])
    return courses_in(folder)


def main() -> int:
    """Fuzz as the command line asks; return the exit status."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        make = fresh_courses if asked.fresh else golden_courses
        found = fuzz(make(Path(folder)), asked.tries, asked.seed)
    print(
        f"{found.transactions} transactions, {found.accepted} accepted;"
        f" {found.documents} documents, {found.acceptable} acceptable,"
        f" the slowest in {found.slowest:.2f} s"
    )
    for one in found.wrong[:20]:
        print(one)
    print(f"{len(found.wrong)} went wrong")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
