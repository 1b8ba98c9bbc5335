"""Keys and types of a document; unknown, planned, misplaced and missing ones are told apart."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from collegium.study.decoding import decode, retyped
from collegium.study.document import Study
from collegium.study.presets import preset_text
from collegium.study.refusal import Refusal


def document(**changes: Any) -> dict[str, Any]:
    """Return the preset `heart` as a dict; ``training__rounds=3`` changes one key."""
    result = tomllib.loads(preset_text("heart"))
    for name, value in changes.items():
        section, _, key = name.partition("__")
        result.setdefault(section, {})[key] = value
    return result


def refused(table: dict[str, Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decode(table)
    return caught.value


def test_a_document_becomes_typed_values_with_defaults() -> None:
    study = decode(document(training__learning_rate=1, model__hidden=[3, 4]))
    assert isinstance(study, Study)
    assert isinstance(study.training.learning_rate, float)
    assert study.model.hidden == (3, 4)
    assert study.threat is None
    assert study.aggregation.exponent == 12


@pytest.mark.parametrize(
    ("changes", "code", "path", "todo"),
    [
        ({"training__round": 3}, "unknown-key", "training.round", "did you mean 'rounds'?"),
        ({"study__rounds": 3}, "unknown-key", "study.rounds", "it belongs in [training]"),
        ({"data__split": {"tests": 0.3}}, "unknown-key", "data.split.tests", "'test'?"),
        ({"trainin__rounds": 3}, "unknown-section", "trainin", "did you mean 'training'?"),
        ({"threat__attackers": 2}, "missing-key", "threat.attack", "add it"),
        ({"model__architecture": "mpl"}, "unknown-choice", "model.architecture", "'mlp'?"),
        ({"data__partition": {"by": "sites"}}, "unknown-choice", "data.partition.by", "'site'?"),
    ],
)
def test_a_wrong_key_is_refused_with_the_nearest_right_one(
    changes: dict[str, Any], code: str, path: str, todo: str
) -> None:
    refusal = refused(document(**changes))
    assert (refusal.code, refusal.path) == (f"study.{code}", tuple(path.split(".")))
    assert todo in refusal.todo


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"training__rounds": "3"}, "training.rounds must be a whole number, not text"),
        ({"training__rounds": 3.0}, "training.rounds must be a whole number, not a decimal one"),
        ({"training__rounds": True}, "training.rounds must be a whole number, not true or false"),
        ({"study__title": 3}, "study.title must be text, not a whole number"),
        ({"data__partition": "site"}, "data.partition must be a table, not text"),
        ({"model__hidden": [3, "x"]}, "model.hidden[1] must be a whole number, not text"),
        ({"model__architecture": 3}, "model.architecture must be text, not a whole number"),
        (
            {"threat__attack": "x", "threat__attackers": "va"},
            "threat.attackers must be a whole number or a list, not text",
        ),
        ({"consensus__validators": []}, "consensus.validators must be a whole number, not a list"),
        ({"study__seed": tomllib.loads("d = 2020-01-01")["d"]}, "a whole number, not a date"),
        ({"training__learning_rate": 10**400}, "training.learning_rate cannot be read"),
    ],
)
def test_a_wrong_type_is_named_in_words(changes: dict[str, Any], what: str) -> None:
    refusal = refused(document(**changes))
    assert refusal.code == "study.wrong-type"
    assert what in refusal.what


@pytest.mark.parametrize("section", ["study", "data", "model", "training"])
def test_a_section_without_defaults_is_required(section: str) -> None:
    table = document()
    del table[section]
    refusal = refused(table)
    assert (refusal.code, refusal.path) == ("study.missing-section", (section,))


def test_a_section_must_be_a_table() -> None:
    assert refused({**document(), "faults": 3}).what == "faults must be a table, not a whole number"


@pytest.mark.parametrize(
    "changes",
    [
        {"incentive__contribution": "shapley"},
        {"report__card": True},
    ],
)
def test_what_a_later_version_brings_is_called_so(changes: dict[str, Any]) -> None:
    refusal = refused(document(**changes))
    assert refusal.code == "study.not-yet"
    assert "this version of Collegium does not have" in refusal.what


def test_a_key_of_any_length_or_kind_stays_on_one_short_line() -> None:
    refusal = refused(document(**{"training__\x1b[31m\n" + "x" * 10_000: 1}))
    assert refusal.diagnostics().isascii()
    assert refusal.diagnostics().count("\n") == 2
    assert "\x1b" not in refusal.diagnostics()
    assert len(refusal.what) < 200


def test_a_study_built_in_python_is_held_to_the_same_types() -> None:
    study = decode(document())
    whole = replace(study, training=replace(study.training, learning_rate=1))
    assert isinstance(retyped(whole).training.learning_rate, float)
    for rounds in ("3", np.int64(3), None, 3.0):
        wrong = replace(study, training=replace(study.training, rounds=rounds))
        with pytest.raises(Refusal) as caught:
            retyped(wrong)
        assert caught.value.code == "study.wrong-type"
