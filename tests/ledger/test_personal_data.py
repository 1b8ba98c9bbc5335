"""No field of a transaction can hold free text or an identifier of a person.

Architecture 3.10. Every string is a digest, a bitmap, a signature or an envelope in base64url, an
id or versioned name with a pattern, or one of a few words. Names exist for institutions alone.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import msgspec
import pytest
from msgspec import inspect
from tests.ledger.small_run import SmallRun, key_of, small_run

from collegium import canonical
from collegium.canonical import LARGEST_INTEGER
from collegium.errors import FormatError
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import AnyTransaction
from collegium.ledger.envelope import decode_envelope, sign_envelope
from collegium.ledger.genesis import Member, check_member
from collegium.ledger.keys import key_id

FREE_TEXT = [
    "Jane Doe",
    "Jane Doe, born 1970-01-02, atrial fibrillation",
    "jane.doe@example.org",
    "MRN 4711/12",
    "+44 20 7946 0000",
    "Müller",
    "a\nb",
    "heart\n",
    "",
    " ",
    "Jane Doe lives in a house by the sea (2).!!",
    "x" * 20_000,
]
DECODED = {"genesis", "commitment", "digest", "salt", "model"}
CHECKED_BY_THE_CONTRACT = {
    "Member.consensus", "Member.id", "Member.key", "Member.name", "Member.power",
}  # fmt: skip


def strings(kind: Any, name: str) -> Iterator[tuple[str, inspect.StrType]]:
    """Yield every string that a type can hold, with where; anything unforeseen is an error."""
    match kind:
        case inspect.StrType():
            yield name, kind
        case inspect.IntType(ge=low, le=high):
            if name not in CHECKED_BY_THE_CONTRACT:
                assert low is not None, name
                assert high is not None, name
                assert -LARGEST_INTEGER <= low <= high <= LARGEST_INTEGER, name
        case inspect.BoolType() | inspect.LiteralType():
            return
        case inspect.VarTupleType(item_type=item):
            yield from strings(item, name)
        case inspect.UnionType(types=types):
            for one in types:
                yield from strings(one, name)
        case inspect.StructType(cls=cls, fields=fields, forbid_unknown_fields=strict):
            assert strict, name
            for field in fields:
                yield from strings(field.type, f"{cls.__name__}.{field.name}")
        case _:
            raise AssertionError(f"{name}: {kind} could hold anything")


FOUND = [
    one
    for kind in get_args(AnyTransaction)
    for one in strings(inspect.type_info(kind), kind.__name__)
]


def matches(text: str, kind: inspect.StrType) -> bool:
    """Whether msgspec lets a text through, by decoding it."""
    limited = msgspec.Meta(
        pattern=kind.pattern, min_length=kind.min_length, max_length=kind.max_length
    )
    try:
        msgspec.convert(text, Annotated[str, limited])
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("name", "kind"), FOUND, ids=[name for name, _ in FOUND])
def test_a_string_has_a_pattern_that_no_free_text_matches(name: str, kind: inspect.StrType) -> None:
    if name in CHECKED_BY_THE_CONTRACT:
        return
    if name.rpartition(".")[2] in DECODED and (kind.min_length, kind.max_length) == (43, 43):
        return  # the test with real transactions shows that the contract refuses free text there
    assert kind.pattern is not None, f"{name} could hold free text"
    assert kind.pattern.startswith("^")
    assert kind.pattern.endswith(r"\Z")
    assert [text[:50] for text in FREE_TEXT if matches(text, kind)] == []


def test_all_kinds_are_walked_and_strings_are_found() -> None:
    assert len(get_args(AnyTransaction)) >= 14
    assert {"StudyRegister.study", "Rotate.proof", "EvidenceConflict.first"} <= dict(FOUND).keys()
    assert {"Member.id", "Member.key", "Member.name"} <= dict(FOUND).keys()


@pytest.mark.parametrize("field", ["consensus", "id", "key"])
@pytest.mark.parametrize("text", FREE_TEXT, ids=range(len(FREE_TEXT)))
def test_what_the_contract_checks_of_a_member_holds_no_free_text(field: str, text: str) -> None:
    member = Member(
        id="ada", key=canonical.to_text(key_of("ada").public), name="Ada", power=1,
        roles=("validator",),
    )  # fmt: skip
    check_member(member)
    with pytest.raises(FormatError):
        check_member(Member(**{**canonical_fields(member), field: text}))


def canonical_fields(member: Member) -> dict[str, Any]:
    return {name: getattr(member, name) for name in ("id", "key", "name", "power", "roles")}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallRun]:
    made = small_run(tmp_path_factory.mktemp("personal") / "run")
    yield made
    made.ledger.close()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where a JSON value holds strings."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def test_free_text_in_any_string_of_a_real_transaction_is_refused_without_a_mark(
    run: SmallRun,
) -> None:
    keys = {key_id(key.public): key for key in map(key_of, ("ada", "bo", "cy", "cy, later"))}
    state, identity, tried = initial_state(run.ledger.genesis), run.ledger.identity, set()
    for data in run.envelopes:
        envelope, before = decode_envelope(data), state.root()
        payload = json.loads(envelope.payload)
        for place in places(payload):
            for text in (*FREE_TEXT[:4], FREE_TEXT[10]):
                changed = json.loads(envelope.payload)
                inner = changed
                for step in place[:-1]:
                    inner = inner[step]
                inner[place[-1]] = text
                with pytest.raises(Rejected):
                    apply(
                        state, identity,
                        sign_envelope(canonical.encode(changed), keys[envelope.key_id]),
                    )  # fmt: skip
                tried.add((payload["kind"], place))
        assert state.root() == before
        apply(state, identity, data)
    assert state.root() == run.ledger.state.root()
    assert len({kind for kind, _ in tried}) >= 10


def test_no_payload_of_a_run_holds_a_space(run: SmallRun) -> None:
    """Text has spaces, and nothing else does; names of institutions stand in the genesis alone."""
    assert run.envelopes
    for envelope in run.envelopes:
        assert b" " not in decode_envelope(envelope).payload
