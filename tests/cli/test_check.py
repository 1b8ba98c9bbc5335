"""`collegium check`: a study is validated, printed whole, and every mistake has its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told

from collegium.study.presets import preset_names, preset_text
from collegium.study.reading import parse_study


@pytest.mark.parametrize("name", preset_names())
def test_what_it_prints_is_the_study_again(call: Call, tmp_path: Path, name: str) -> None:
    done = call("check", name)
    if "[plugin.extra]" in done.stderr or "[data.not-here]" in done.stderr:
        pytest.skip(done.stderr.splitlines()[0])
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("# valid")
    assert parse_study(done.stdout, "printed").study == parse_study(preset_text(name), name).study
    (tmp_path / "again.toml").write_text(done.stdout)
    first, again = (told(call("check", one, "--json")) for one in (name, "again.toml"))
    assert first == again


def test_json_has_study_digest_sites_and_notices(call: Call) -> None:
    found = told(call("check", "heart", "--set", "consensus.validators=3", "--json"))
    assert set(found) == {"study", "digest", "sites", "notices"}
    assert found["study"]["consensus"] == {"engine": "solo", "validators": 3}
    assert found["study"]["aggregation"]["rule"] == "fedavg"
    assert len(found["digest"]) == 64
    assert found["sites"]["va"].keys() == {"training_rows", "test_rows"}
    assert {one["code"] for one in found["notices"]} >= {"study.few-validators"}
    assert all(list(one) == ["level", "code", "text", "parameters"] for one in found["notices"])


def test_outbound_lists_every_kind_of_message_with_its_fate(call: Call) -> None:
    found = told(call("check", "heart", "--outbound", "--json"))["outbound"]
    kinds = [one["kind"] for one in found]
    assert len(set(kinds)) == len(kinds)
    for one in found:
        texts = {"kind", "contents", "to", "protection", "kept"}
        assert set(one) == texts | {"from_rows", "transactions"}
        assert all(one[key] for key in texts)
    assert any(one["from_rows"] for one in found)
    shown = call("check", "heart", "--outbound").stdout
    assert all(kind in shown for kind in kinds)
    assert "Patient rows never leave the site" in shown


def test_it_writes_nothing(call: Call, tmp_path: Path) -> None:
    call("check", "heart")
    call("check", "heart", "--outbound")
    assert list(tmp_path.iterdir()) == []


LINE = "broken.toml:{line}: "
"""That the message names the line that was changed."""

# What is changed in the preset `heart`, the code, and what the first and last lines must say.
BROKEN = [
    ("rounds = 100", "round = 100", "study.unknown-key", LINE, "'rounds'"),
    ("rounds = 100", 'rounds = "100"', "study.wrong-type", LINE, "without quotes"),
    ("rounds = 100", "rounds = 10.5", "study.wrong-type", "not a decimal one", "whole number"),
    ("rounds = 100", "rounds = 0", "study.range", LINE, "range"),
    ("rounds = 100", "rounds = -3", "study.range", LINE, "range"),
    ("rounds = 100", "", "study.missing-key", "training.rounds", "check heart"),
    ("rounds = 100", "rounds = ", "study.syntax", LINE, "key = value"),
    ("rounds = 100", "rounds = 1\nrounds = 2", "study.syntax", "", "key = value"),
    ("[training]", "[trainig]", "study.unknown-section", LINE, "'training'"),
    ("[model]\n", "", "study.unknown-key", "architecture", "[model]"),
    ('"uci_heart"', '"uci_hart"', "study.unknown-name", LINE, "'uci_heart'"),
    ('"fedavg"', '"fedavgg"', "study.unknown-name", LINE, "'fedavg'"),
    ('"fedavg"', '"fltrust"', "study.combination", LINE, '{ by = "direction" }'),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "krum"',
        "rule.tolerate",
        LINE,
        "at most 0, or choose another rule",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "krum"',
        "rule.tolerate",
        "krum cannot tolerate 1 bad updates of 3",
        '"nnm+trimmed_mean"',
    ),
    ('rule = "fedavg"', 'tolerate = 1\nrule = "multi_krum"', "rule.tolerate", LINE, "at most 0"),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "bulyan"',
        "rule.tolerate",
        LINE,
        "no round has more than 4 updates",
    ),
    ('rule = "fedavg"', 'tolerate = 2\nrule = "median"', "study.combination", LINE, "at most 1"),
    ('rule = "fedavg"', 'tolerate = 1\nrule = "foolsgold"', "rule.tolerate", LINE, "tolerate to 0"),
    (
        'rule = "fedavg"',
        'tolerate = 0\nrule = "nnm+median"',
        "rule.tolerate",
        LINE,
        "at least 1, or leave nnm out",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 0\nrule = "arc+median"',
        "rule.tolerate",
        LINE,
        "leave arc out",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 0\nrule = "bucketing+median"',
        "rule.tolerate",
        LINE,
        "leave bucketing out",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "bucketing+krum"',
        "rule.tolerate",
        LINE,
        "choose another rule",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "norm_clipping+fedavg"',
        "study.combination",
        LINE,
        "nnm+trimmed_mean",
    ),
    ('rule = "fedavg"', 'tolerate = 1\nrule = "nnm+krumm"', "study.unknown-name", "", "'krum'"),
    ('rule = "fedavg"', 'tolerate = 1\nrule = "nmm+krum"', "study.unknown-name", "", "'nnm'"),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "median+nnm"',
        "study.combination",
        "nnm",
        "'nnm+median'",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "krum+median"',
        "study.combination",
        "krum",
        "'krum' or 'median'",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "nnm+nnm+median"',
        "rule.composition",
        "nnm+nnm+median",
        "each part once",
    ),
    (
        'rule = "fedavg"',
        'tolerate = 1\nrule = "arc+norm_clipping+median"',
        "rule.composition",
        "arc",
        "arc or norm_clipping",
    ),
    ('rule = "fedavg"', 'tolerate = 0\nrule = ""', "study.unknown-name", "", "did you mean"),
    ('"logistic"', '"logistc"', "study.unknown-choice", LINE, "'logistic'"),
    ('"logistic"', '"mlp"', "study.combination", "hidden", "hidden = [32]"),
    ('"logistic"', '"linear"', "model.target", "", ""),
    ('by = "site"', 'by = "dirichlet"', "study.combination", LINE, "sites"),
    ('by = "site"', 'by = "split", sites = 100000', "study.combination", LINE, "at most 400 sites"),
    ('by = "site"', 'by = "split", sites = 400', "data.partition", "", ""),
    ("threshold = 0.5", "threshold = nan", "study.range", LINE, "range"),
    ('id = "heart"', 'id = "../heart"', "study.text", LINE, "short name"),
    ('id = "heart"', 'id = ""', "study.text", LINE, "short name"),
    ("seed = 43", "seed = 99999999999999999999", "study.range", LINE, "range"),
]


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "advice"), BROKEN, ids=[f"{one[1]!r}"[:30] for one in BROKEN]
)
def test_a_broken_study_is_told_with_line_reason_and_cure(
    call: Call, tmp_path: Path, old: str, new: str, code: str, place: str, advice: str
) -> None:
    text = preset_text("heart")
    assert old in text
    (tmp_path / "broken.toml").write_text(text.replace(old, new, 1))
    found = diagnosis(call("check", "broken.toml"))
    assert found[0] == code, found
    assert place.format(line=text[: text.index(old)].count("\n") + 1) in found[1], found
    assert advice in found[3], found
    assert diagnosis(call("run", "broken.toml", "--out", "run")) == found
    assert [path.name for path in tmp_path.iterdir()] == ["broken.toml"], "nothing is left behind"
    assert told(call("check", "broken.toml", "--json"), status=2) == {
        "error": found[0], "what": found[1], "why": found[2], "do": found[3],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "study.missing-section"),
        (b"\xff\xfe", "study.encoding"),
        (b"\0", "study.syntax"),
        (b"[[[[", "study.syntax"),
        (b"a = " + b"[" * 5000, "study.too-deep"),
        (b"#" * (2**20 + 1), "study.too-large"),
        (b"study = 3", "study.missing-section"),
        (b"PK\x03\x04\x14\x00", "study.syntax"),
    ],
    ids=["empty", "binary", "zero", "brackets", "deep", "large", "number", "zip"],
)
def test_a_file_that_is_no_study_is_told(
    call: Call, tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / "odd.toml").write_bytes(content)
    assert diagnosis(call("check", "odd.toml"))[0] == code


@pytest.mark.parametrize(
    ("arguments", "code", "advice"),
    [
        (["hart"], "study.not-found", "'heart'"),
        (["."], "study.directory", "study.toml"),
        ([""], "study.not-found", "heart"),
        (["heart", "--set", "rounds=3"], "study.change", "training.rounds=3"),
        (["heart", "--set", "training.rounds"], "study.change", "training.rounds=3"),
        (["heart", "--set", "training.round=3"], "study.unknown-key", "'rounds'"),
        (["heart", "--set", "training.rounds=x"], "study.wrong-type", "without quotes"),
        (["heart", "--set", "trainig.rounds=3"], "study.unknown-section", "'training'"),
        (["heart", "--set", "threat.attack=sign_flop"], "study.unknown-name", "sign_flip"),
        (
            ["heart", "--set", 'threat={attack="mimic", scale=2.0}'],
            "study.combination",
            "sign_flip",
        ),
        (["heart", "--set"], "command.usage", "collegium check --help"),
        (["heart", "--frob"], "command.usage", "collegium check --help"),
        ([], "command.usage", "collegium check --help"),
    ],
)
def test_misuse_is_told_with_the_nearest_right_thing(
    call: Call, arguments: list[str], code: str, advice: str
) -> None:
    found = diagnosis(call("check", *arguments))
    assert found[0] == code, found
    assert advice in found[3], found
