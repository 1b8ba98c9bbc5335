"""One form for one content: what is hashed and registered as the study."""

from __future__ import annotations

import hashlib
import json
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from collegium.errors import FormatError, StudyError
from collegium.study.canonical import digest, document_bytes, study_from_document
from collegium.study.document import (
    Data,
    Identity,
    Model,
    Partition,
    Section,
    Study,
    Threat,
    Training,
)
from collegium.study.presets import preset_text
from collegium.study.reading import parse_study, read_study
from collegium.study.refusal import INTEGER_LIMIT, Refusal

HEART = read_study("heart", ["training.rounds=30", "training.learning_rate=0.05"]).study


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for any well-typed value, whether or not it makes sense."""
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) in (Union, UnionType):
        return st.one_of([values(part) for part in get_args(kind)])
    if get_origin(kind) is dict:
        keys = st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True)
        return st.dictionaries(keys, values(get_args(kind)[1]), max_size=3)
    if issubclass(kind, Section):
        fields = msgspec.structs.fields(kind)
        return st.builds(kind, **{field.name: values(field.type) for field in fields})
    return {
        int: st.integers(-INTEGER_LIMIT, INTEGER_LIMIT),
        float: st.floats(allow_nan=False, allow_infinity=False),
        str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        NoneType: st.none(),
        bool: st.booleans(),
    }[kind]


studies = values(Study)


def test_the_form_of_a_whole_document() -> None:
    study = read_study("heart", ["training.learning_rate=1e-5", "study.title=Cœur"]).study
    data = document_bytes(study)
    plain = json.loads(data)
    assert (
        data
        == json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )
    assert plain["training"]["learning_rate"] == "1e-05"
    assert plain["aggregation"]["server"]["learning_rate"] == "1.0"
    assert plain["study"] == {
        "attendance": "quorum", "id": "heart", "max_attempts": 3, "seed": 43, "title": "Cœur",
        "question": "Presence of coronary disease from routine findings",
    }  # fmt: skip
    assert "threat" not in plain
    assert plain["format"] == 1
    assert digest(study) == hashlib.sha256(data).hexdigest()


def test_the_bytes_of_a_known_document_never_change() -> None:
    study = Study(
        study=Identity(id="golden", title="A title", question="A question?", seed=7),
        data=Data(source="uci_heart", partition=Partition(by="iid", sites=4)),
        model=Model(architecture="mlp", hidden=(8, 4), l2=1e-5),
        training=Training(rounds=3, learning_rate=0.1),
        threat=Threat(attack="any", attackers=("site-1",)),
    )
    assert digest(study) == "e9c41cb68e0ddd11930757ae926bcc6e8673bae85a8f7dbfbf9a86e76ec37325"


@settings(max_examples=60)
@given(studies)
def test_reading_inverts_writing(study: Study) -> None:
    data = document_bytes(study)
    assert study_from_document(data) == study
    assert document_bytes(study_from_document(data)) == data


def test_equal_studies_have_equal_bytes() -> None:
    def with_momentum(value: float) -> Study:
        return replace(HEART, training=replace(HEART.training, momentum=value))

    assert document_bytes(with_momentum(-0.0)) == document_bytes(with_momentum(0.0))
    assert document_bytes(with_momentum(0)) == document_bytes(with_momentum(0.0))


def test_any_difference_changes_the_digest() -> None:
    changes = [
        "training.rounds=31", "study.seed=44", "model.l2=0.1", "consensus.validators=4",
        'data.partition={by="iid", sites=4}', "study.title=Other",
    ]  # fmt: skip
    digests = {digest(read_study("heart", [change]).study) for change in changes}
    assert len(digests | {digest(HEART)}) == len(changes) + 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"0.05"', b"0.05"),
        (b'"0.05"', b'"0.050"'),
        (b'"0.05"', b'"5e-2"'),
        (b'"0.05"', b'"nan"'),
        (b'"0.05"', b'"Infinity"'),
        (b'"momentum":"0.0"', b'"momentum":"-0.0"'),
        (b'"rounds":30', b'"rounds":"30"'),
        (b'"rounds":30', b'"rounds":30.0'),
        (b'"rounds":30', b'"rounds":9007199254740992'),
        (b'"rounds":30', b'"rounds": 30'),
        (b'"rounds":30,', b""),
        (b'"format":1,', b""),
        (b'"format":1,', b'"format":2,'),
        (b'"format":1,', b'"format":"1",'),
        (b'"format":1,', b'"format":1.0,'),
        (b'"format":1,', b'"format":true,'),
        (b'"format":1,', b'"format":1,"format":1,'),
        (b'"format":1,', b'"format":1,"another":{},'),
        (b'{"engine":"solo"}', b'{"engine":"solo","validators":null}'),
        (b'{"engine":"solo"}', b'{"engine":"solo","extra":1}'),
        (b'{"engine":"solo"}', b'{"engine":"log","engine":"solo"}'),
        (b'"id":"heart"', b'"id":"\\u0068eart"'),
        (b'"id":"heart"', b'"id":"\xff"'),
        (b'"id":"heart"', b'"id":"\\ud800"'),
        (b'"hidden":[]', b'"hidden":null'),
        (b'{"aggregation"', b' {"aggregation"'),
    ],
)
def test_other_bytes_for_the_same_or_no_content_are_refused(old: bytes, new: bytes) -> None:
    data = document_bytes(HEART)
    assert old in data
    with pytest.raises(FormatError) as caught:
        study_from_document(data.replace(old, new, 1))
    assert caught.value.code == "format.study"


@pytest.mark.parametrize(
    ("absent", "changes"),
    [
        (b'"evaluation":{"bootstrap":1000,"threshold":"0.5"},', ()),
        (b'"bootstrap":1000,', ("evaluation.threshold=0.3",)),
        (b'"faults":{"dropout":"0.0"},', ()),
        (b'"server":{"beta1":"0.9","beta2":"0.99","learning_rate":"1.0","optimizer":"none",'
         b'"tau":"0.001"},', ("training.momentum=0.5",)),
    ],
    ids=["a section", "a key", "a section between", "a table in a section"],
)  # fmt: skip
def test_a_document_from_before_a_key_was_added_has_its_default(
    absent: bytes, changes: tuple[str, ...]
) -> None:
    study = read_study("heart", changes).study
    data = document_bytes(study)
    assert absent in data
    assert study_from_document(data.replace(absent, b"")) == study


def test_what_has_no_default_may_not_be_absent() -> None:
    for needed in (b'"id":"heart",', b'"rounds":30,', b'"model":{"architecture":"logistic",'):
        assert needed in document_bytes(HEART)
        with pytest.raises(FormatError):
            study_from_document(document_bytes(HEART).replace(needed, b""))


@pytest.mark.parametrize("said", [b"", b'"format":2,'])
def test_a_document_of_another_format_is_told_so(said: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        study_from_document(document_bytes(HEART).replace(b'"format":1,', said))
    assert caught.value.why == "it does not say that it has format 1"


def test_a_study_document_cannot_say_its_own_format() -> None:
    with pytest.raises(StudyError):
        parse_study("format = 1\n" + preset_text("heart"), "s.toml")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"{}", b"[" * 100_000, b'{"a":' * 100_000, b" " * 2**21,
        b'"' + b"x" * 2**20, document_bytes(HEART) + b"\n", document_bytes(HEART)[:-1],
    ],
    ids=lambda data: repr(data[:8]),
)  # fmt: skip
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        study_from_document(data)


def test_too_many_bytes_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(FormatError) as caught:
        study_from_document(b" " * 2**20 + document_bytes(HEART))
    assert "are more than" in caught.value.why


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes) -> None:
    with pytest.raises(FormatError):
        study_from_document(data)


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=4))
def test_a_damaged_document_is_refused_or_is_another_document(place: int, damage: bytes) -> None:
    data = bytearray(document_bytes(HEART))
    data[place : place + len(damage)] = damage
    try:
        study = study_from_document(bytes(data))
    except FormatError:
        return
    assert document_bytes(study) == bytes(data)


@pytest.mark.parametrize(
    "seed", [INTEGER_LIMIT + 1, -INTEGER_LIMIT - 1, 16**5000], ids=["above", "below", "far"]
)
def test_integers_that_json_readers_would_round_are_refused(seed: int) -> None:
    with pytest.raises(Refusal) as caught:
        document_bytes(replace(HEART, study=replace(HEART.study, seed=seed)))
    assert caught.value.path == ("study", "seed")


@pytest.mark.parametrize("l2", [float("nan"), float("inf"), "0.1", None])
def test_what_is_no_finite_number_is_refused(l2: Any) -> None:
    with pytest.raises(Refusal):
        document_bytes(replace(HEART, model=replace(HEART.model, l2=l2)))


def test_half_a_character_and_too_long_a_document_are_refused() -> None:
    for title in ("\ud800", "x" * 2**20):
        with pytest.raises(Refusal):
            document_bytes(replace(HEART, study=replace(HEART.study, title=title)))
