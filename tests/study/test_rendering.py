"""TOML text of a document reads back to the same values."""

from __future__ import annotations

import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.study.presets import preset_names
from collegium.study.reading import parse_study, read_study
from collegium.study.rendering import render, resolved, without_absent

scalars = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.text(st.characters(exclude_categories=["Cs"]))
)
keys = st.text("abcdefgh_-0123456789", min_size=1, max_size=8)
tables = st.dictionaries(
    keys, st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(keys, v), max_leaves=5)
)


@given(st.dictionaries(keys, tables, max_size=3))
def test_any_document_reads_back(document: dict[str, dict[str, object]]) -> None:
    assert repr(tomllib.loads(render(document))) == repr(document)


@pytest.mark.parametrize("name", preset_names())
def test_a_resolved_study_is_the_same_study_with_every_default_written(name: str) -> None:
    study = read_study(name).study
    text = resolved(study)
    assert parse_study(text, name).study == study
    assert tomllib.loads(text) == without_absent(msgspec.json.decode(msgspec.json.encode(study)))
    assert "fedprox_mu = 0.0\n" in text
    assert "threat" not in text


def test_it_looks_as_people_write_it() -> None:
    document: dict[str, dict[str, object]] = {
        "data": {"source": "a", "partition": {"by": "iid", "sites": 3}},
        "b": {"c": [1]},
    }
    assert render(document) == (
        '[data]\nsource = "a"\npartition = { by = "iid", sites = 3 }\n\n[b]\nc = [1]\n'
    )
