"""Studies from presets, files and changes; every mistake says where it is."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import StudyError
from collegium.study.canonical import digest
from collegium.study.presets import preset_text
from collegium.study.reading import ReadStudy, document_of, parse_study, read_study

HEART = preset_text("heart")


def refused(source: str | Path, *changes: str) -> StudyError:
    with pytest.raises(StudyError) as caught:
        read_study(source, changes)
    error = caught.value
    assert type(error) is StudyError
    assert error.diagnostics().count("\n") == 2
    return error


def refused_text(text: str) -> StudyError:
    with pytest.raises(StudyError) as caught:
        parse_study(text, "s.toml")
    return caught.value


def test_a_preset_is_read_by_name() -> None:
    result = read_study("heart")
    assert isinstance(result, ReadStudy)
    assert result.study.training.rounds == tomllib.loads(HEART)["training"]["rounds"]
    assert (result.text, result.origin) == (HEART, "preset heart")


def test_a_file_is_read_and_its_text_kept(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xef\xbb\xbf" + HEART.replace("\n", "\r\n").encode())
    for source in (file, str(file)):
        result = read_study(source)
        assert result.study == read_study("heart").study
        assert result.text == HEART.replace("\n", "\r\n")
        assert result.origin == str(file)


def test_a_presets_name_wins_over_a_file_and_a_path_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("heart").write_text(HEART.replace("seed = 43", "seed = 44"))
    assert read_study("heart").study.study.seed == 43
    assert read_study("./heart").study.study.seed == 44
    assert read_study(Path("heart")).study.study.seed == 44


def test_changes_are_toml_values_or_bare_text() -> None:
    changes = [
        "training.rounds=3", " training.momentum = 0.5", "study.title=Trial #2 = new",
        'study.question="Why?"', "aggregation.server.optimizer=adam", "model.architecture=mlp",
        "model.hidden=[4, 5]", 'data.partition={by="split", sites=8}', "training.rounds=4",
        "faults={dropout=0.25}",
    ]  # fmt: skip
    result = read_study("heart", changes)
    study = result.study
    assert (study.training.rounds, study.training.momentum) == (4, 0.5)
    assert (study.study.title, study.study.question) == ("Trial #2 = new", "Why?")
    assert study.aggregation.server.optimizer == "adam"
    assert study.model.hidden == (4, 5)
    assert study.data.partition.sites == 8
    assert study.faults.dropout == 0.25


def test_a_document_can_be_read_where_its_parts_are_not_installed() -> None:
    text = preset_text("heart")
    assert document_of(text) == read_study("heart").study
    elsewhere = text.replace('"uci_heart"', '"theirs"').replace("rounds = 100", "rounds = -1")
    assert document_of(elsewhere).data.source == "theirs"
    with pytest.raises(StudyError, match="theirs"):
        parse_study(elsewhere.replace("rounds = -1", "rounds = 1"), "s.toml")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("rounds = 100", 'rounds = "100"', "study.wrong-type"),
        ("rounds = 100", "round = 100", "study.unknown-key"),
        ("rounds = 100", "", "study.missing-key"),
        ("rounds = 100", "rounds =", "study.syntax"),
    ],
)
def test_what_is_read_so_is_a_study_document_all_the_same(old: str, new: str, code: str) -> None:
    with pytest.raises(StudyError) as caught:
        document_of(preset_text("heart").replace(old, new))
    assert caught.value.code == code


def test_a_changed_document_is_stored_as_it_was_read() -> None:
    result = read_study("heart", ["training.rounds=3", 'study.title=D\u00e9j\u00e0 \\vu\\ "so"'])
    again = parse_study(result.text, "stored")
    assert again.study == result.study
    assert digest(again.study) == digest(result.study)
    assert result.text != HEART


def test_a_mistake_carries_file_and_line() -> None:
    for old, new, line in (
        ("rounds = 100", "round = 30", 18),
        ("rounds = 100", "rounds = 0", 18),
        ("rounds = 100", "rounds = '3'", 18),
        ("rounds = 100", "", 17),
        ('by = "site"', 'by = "site", sites = 3', 12),
        ("[evaluation]", "[evaluations]", 27),
        ('"logistic"', '"mlp"', 14),
        ("0.2", "nan", 21),
        ("0.2", "1e999", 21),
        ("seed = 43", "seed 43", 8),
        ("seed = 43", "seed = 43\nseed = 44", 9),
    ):
        assert old in HEART
        error = refused_text(HEART.replace(old, new, 1))
        assert error.what.startswith(f"s.toml:{line}: "), (new, error.what)


def test_a_mistake_in_a_change_names_the_change() -> None:
    assert refused("heart", "training.rounds=0").what.startswith("--set training.rounds: ")
    assert refused("heart", "trainin.rounds=1").code == "study.unknown-section"
    assert refused("heart", "threat.attackers=1").code == "study.missing-key"


@pytest.mark.parametrize(
    "change",
    [
        "", "=", "rounds", "rounds=3", "training=3", "training..rounds=3", ".rounds=3",
        "training.rounds", "training.rounds.x=3", "study.ti\ntle=x", "a b.c=1",
        ".".join("a" * 1000) + "=1", "\udcff.x=1",
    ],
)  # fmt: skip
def test_what_is_no_change_is_refused(change: str) -> None:
    error = refused("heart", change)
    assert error.code == "study.change"
    assert len(error.what) < 200


@pytest.mark.parametrize(
    "value",
    ["[" * 5000, "{a=" * 5000, "1\n[study]\nid='x'", "9" * 5000, "nan", "2020-01-01"],
    ids=lambda value: repr(value[:8]),
)
def test_a_strange_value_is_refused_like_any_other(value: str) -> None:
    assert refused("heart", f"training.rounds={value}").code == "study.wrong-type"


@pytest.mark.parametrize("name", ["hart", "hearts.toml", "./nowhere/heart.tml"])
def test_a_missing_file_suggests_the_nearest_preset(name: str) -> None:
    error = refused(name)
    assert error.code == "study.not-found"
    assert "did you mean 'heart'?" in error.todo
    assert refused("studies/nothing_like_it.toml").todo.startswith("check the file's name")


def test_a_folder_is_not_a_study(tmp_path: Path) -> None:
    for source in (tmp_path, str(tmp_path), "."):
        assert refused(source).code == "study.directory"
    assert refused("").code == "study.not-found"


@pytest.mark.parametrize("name", ["\0", "x" * 5000, "\udcff\n\x1b"], ids=["nul", "long", "odd"])
def test_impossible_names_are_refused(name: str) -> None:
    error = refused(name)
    assert error.code in ("study.unreadable", "study.not-found")
    assert error.diagnostics().isascii()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "locked.toml"
    file.write_text(HEART)
    file.chmod(0)
    assert refused(file).code == "study.unreadable"


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        (HEART.encode().replace(b"hospitals", b"h\xf4pitaux", 1), "encoding", ":1: "),
        (HEART.encode("utf-16"), "encoding", ":1: "),
        (b"# x\n" * 2**18 + b"#", "too-large", " "),
        (b"\0" * 100, "syntax", ":1: "),
        (b"a = [\n1,\n", "syntax", ":3: "),
        (b"a = 1\na = 2\n", "syntax", ":2: "),
        (b"a = " + b"9" * 5000, "syntax", ": "),
        (b"a = " + b"[" * 100_000, "too-deep", ": line 1"),
        (b"a." * 100_000 + b"a = 1", "too-deep", ": line 1"),
        (b"", "missing-section", ": "),
        (b"[[study]]\nid = 'x'\n", "missing-section", ": "),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_broken_files_are_refused(tmp_path: Path, raw: bytes, code: str, place: str) -> None:
    file = tmp_path / "s.toml"
    file.write_bytes(raw)
    error = refused(file)
    assert error.code == f"study.{code}"
    assert error.what.startswith(f"{file}{place}")


def test_a_section_written_twice_as_a_list_is_no_table() -> None:
    error = refused_text(HEART.replace("[training]", "[[training]]"))
    assert (error.code, error.what) == (
        "study.wrong-type", "s.toml:17: training must be a table, not a list"
    )  # fmt: skip


def test_text_with_half_a_character_is_refused() -> None:
    assert refused_text("a = '\ud800'").code == "study.encoding"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "arbitrary.toml"
    file.write_bytes(raw)
    refused(file)


@given(st.text(max_size=100))
def test_arbitrary_text_raises_nothing_else(text: str) -> None:
    refused_text(text)


def assert_read_or_refused(attempt: Callable[[], ReadStudy]) -> None:
    """Check that an attempt ends in a study whose text reads back, or in three lines of advice."""
    result: ReadStudy | StudyError
    try:
        result = attempt()
    except StudyError as error:
        result = error
    if isinstance(result, StudyError):
        assert result.diagnostics().count("\n") == 2
    else:
        assert parse_study(result.text, "again").study == result.study


LINES = HEART.splitlines()
values = st.sampled_from(
    ["0", "-1", "nan", "-inf", "1e400", "true", "[]", "{}", "[[1]]", '"x"', "2020-01-01",
     "12:00:00", "0x" + "f" * 400, '"\\u0000"', "{ by = 3 }", '["a", 1]', '"none"', "1.5",
     '"""\n"""']
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), values), min_size=1, max_size=2))
def test_any_value_in_any_place_is_read_or_refused(edits: list[tuple[int, str]]) -> None:
    lines = list(LINES)
    for place, value in edits:
        key, equals, _ = lines[place].partition(" = ")
        lines[place] = f"{key} = {value}" if equals else f"x = {value}"
    assert_read_or_refused(lambda: parse_study("\n".join(lines), "s.toml"))


@settings(max_examples=200)
@given(st.text(max_size=20) | st.builds("{}={}".format, st.sampled_from(
    ["training.rounds", "threat", "model.hidden", "study.title", "data.source", "data.split.test"]
), st.text(max_size=20) | values))  # fmt: skip
def test_any_change_is_applied_or_refused(change: str) -> None:
    assert_read_or_refused(lambda: read_study("heart", [change]))
