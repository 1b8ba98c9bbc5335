"""Values, names and combinations that can work, and what the owner of a study is told."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from collegium.errors import StudyError
from collegium.plugins import BUILT_IN
from collegium.study.checking import check_sites, check_study
from collegium.study.notice import Notice
from collegium.study.reading import ReadStudy, read_study
from collegium.study.refusal import Refusal

FOUR = ("cleveland", "hungarian", "switzerland", "va")
SPLIT = 'data.partition={by="split", sites=10}'


@pytest.fixture
def _attack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN, "attacks", {"flip": "nowhere:FLIP"})
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", "nowhere:ENGINE")
    monkeypatch.setitem(BUILT_IN["rules"], "sturdy", "nowhere:RULE")


def read(*changes: str) -> ReadStudy:
    return read_study("heart", changes)


def refused(*changes: str) -> StudyError:
    with pytest.raises(StudyError) as caught:
        read(*changes)
    return caught.value


def codes(notices: tuple[Notice, ...]) -> set[str]:
    return {notice.code.removeprefix("study.") for notice in notices}


def test_the_presets_only_note_that_updates_are_plain() -> None:
    for name in ("heart", "heart10"):
        study = read_study(name).study
        assert codes(check_study(study)) == {"plain-updates"}
        assert check_sites(study, FOUR) == ()


def test_where_a_sequencer_orders_it_is_said_that_it_may_silence_a_member() -> None:
    for engine, said in (("log", True), ("solo", False)):
        notices = check_study(read(f"consensus.engine={engine}").study)
        assert ("sequencer-may-silence" in codes(notices)) is said


@pytest.mark.parametrize(
    "change",
    [
        "study.id=Heart", "study.id=-heart", 'study.id=""', f"study.id={'x' * 41}",
        "study.id=heart/..", 'study.id="heart\\n"', 'study.title=" "', f"study.title={'x' * 121}",
        f"study.question={'x' * 501}", 'study.title="a\\nb"', 'study.title="a\\u001b[1m"',
        'study.title="a\\u202eb"', 'study.question="a\\u2028b"', "study.title=a\udcff",
    ],
)  # fmt: skip
def test_texts_are_short_and_show_what_they_say(change: str) -> None:
    assert refused(change).code == "study.text"


def test_texts_may_be_in_any_language() -> None:
    title = "Herzkrankheit \u2013 m\u00e9decine \u00e0 distance\u00a0: \u5fc3\u81d3"
    assert read(f"study.title={title}", f"study.id={'x' * 40}").study.study.title == title


@pytest.mark.parametrize(
    ("change", "near"),
    [
        ("data.source=uci_hart", "uci_heart"),
        ("training.trainer=dens", "dense"),
        ("aggregation.rule=fedavgg", "fedavg"),
        ("aggregation.rule=trimed_mean", "trimmed_mean"),
        ("aggregation.rule=nnm+trimed_mean", "trimmed_mean"),
        ("aggregation.rule=nmm+median", "nnm"),
        ("aggregation.server.optimizer=adma", "adam"),
        ("privacy.protection=non", "none"),
        ("consensus.engine=sole", "solo"),
    ],
)
def test_a_name_that_nothing_provides_is_refused_with_the_nearest(change: str, near: str) -> None:
    error = refused(change)
    assert error.code == "study.unknown-name"
    assert near in error.why
    assert f"did you mean {near!r}?" in error.todo


@pytest.mark.parametrize(
    ("partition", "wrong"),
    [
        ('{ by = "site", sites = 4 }', "sites"),
        ('{ by = "site", alpha = 1.0 }', "alpha"),
        ('{ by = "split" }', "sites"),
        ('{ by = "iid" }', "sites"),
        ('{ by = "iid", sites = 3, alpha = 1.0 }', "alpha"),
        ('{ by = "dirichlet", alpha = 1.0 }', "sites"),
        ('{ by = "dirichlet", sites = 3 }', "alpha"),
    ],
)
def test_a_partition_has_exactly_its_own_parameters(partition: str, wrong: str) -> None:
    error = refused(f"data.partition={partition}")
    assert error.code == "study.combination"
    assert wrong in error.what


@pytest.mark.parametrize(
    "partition",
    ['{ by = "iid", sites = 4 }', '{ by = "dirichlet", sites = 4, alpha = 0.3 }', "{}"],
)
def test_partitions_that_can_be(partition: str) -> None:
    read(f"data.partition={partition}")


@pytest.mark.parametrize(
    "changes",
    [
        ("model.architecture=mlp",),
        ("model.hidden=[3]",),
        ("aggregation.tolerate=1",),
        ("aggregation.rule=norm_clipping+fedavg", "aggregation.tolerate=1"),
        ("aggregation.rule=median+nnm",),
        ("aggregation.rule=nnm",),
        ("aggregation.rule=krum+median",),
        ("faults.dropout=0.1", "study.attendance=all"),
        ("faults.traps=0.1", "study.attendance=all"),
        (SPLIT, "faults.traps=0.1", "study.min_sites=10"),
        ("faults.traps=0.1", "privacy.secure_aggregation={protocol='secagg'}"),
        (SPLIT, "faults.traps=0.1", "faults.dropout=0.2", "study.min_sites=8"),
        (SPLIT, "study.min_sites=11"),
        (SPLIT, "study.min_sites=6", "training.client_fraction=0.5"),
        (SPLIT, "faults.dropout=0.4"),
        (SPLIT, "faults.dropout=0.2", "study.min_sites=9"),
        (SPLIT, "faults.dropout=0.67", "training.client_fraction=0.3"),
        ('data.partition={by="iid", sites=401}',),
        ('data.partition={by="iid", sites=100}', "study.min_sites=72", "faults.dropout=0.29"),
        (SPLIT, "consensus.validators=11"),
        (SPLIT, "aggregation.rule=sturdy", "aggregation.tolerate=5"),
        ("threat.attack=flip", "consensus.engine=elsewhere"),
        ("threat.attack=flip", "threat.attackers=[]"),
        ("threat.attack=flip", 'threat.attackers=["va", "va"]'),
        ("threat.attack=flip", "threat.rounds=[3, 3]"),
        ("threat.attack=flip", "threat.rounds=[101]"),
        (SPLIT, "threat.attack=flip", "threat.attackers=11"),
    ],
)
@pytest.mark.usefixtures("_attack")
def test_combinations_that_cannot_work(changes: tuple[str, ...]) -> None:
    assert refused(*changes).code == "study.combination"


@pytest.mark.parametrize(
    "changes",
    [
        ("model.architecture=mlp", "model.hidden=[3]"),
        ("aggregation.rule=arc+nnm+median", "aggregation.tolerate=1"),
        ("faults.dropout=0.1",),
        ("faults.traps=0.1",),
        (SPLIT, "faults.traps=0.1", "faults.dropout=0.2", "study.min_sites=7"),
        ("study.attendance=all",),
        (SPLIT, "study.min_sites=10", "consensus.validators=10"),
        (SPLIT, "study.min_sites=5", "training.client_fraction=0.5"),
        (SPLIT, "faults.dropout=0.39"),
        (SPLIT, "faults.dropout=0.2", "study.min_sites=8"),
        (SPLIT, "faults.dropout=0.66", "training.client_fraction=0.3"),
        ('data.partition={by="iid", sites=400}',),
        ('data.partition={by="iid", sites=100}', "study.min_sites=71", "faults.dropout=0.29"),
        (SPLIT, "aggregation.rule=sturdy", "aggregation.tolerate=4"),
        ("threat.attack=flip", "threat.rounds=[1, 30]", 'threat.attackers=["va"]'),
        ("consensus.engine=elsewhere",),
    ],
)
@pytest.mark.usefixtures("_attack")
def test_their_neighbors_that_can(changes: tuple[str, ...]) -> None:
    read(*changes)


@pytest.mark.parametrize("change", ["study.min_sites=5", "consensus.validators=5"])
def test_counts_are_held_against_the_sites_of_the_data(change: str) -> None:
    result = read(change)
    with (
        pytest.raises(StudyError, match=rf"^--set {change[:-2]}: 5 .* there are 4 sites") as caught,
        result.located(),
    ):
        check_sites(result.study, FOUR)
    assert caught.value.code == "study.combination"
    assert check_sites(result.study, (*FOUR, "fifth")) == ()


def test_more_sites_than_a_registration_can_name_are_refused_wherever_they_come_from() -> None:
    many = tuple(f"site-{number:03}" for number in range(401))
    assert check_sites(read().study, many[:400]) == ()
    with pytest.raises(Refusal, match="401 sites") as caught:
        check_sites(read().study, many)
    assert caught.value.path == ("data", "partition")


def test_what_no_round_could_reach_is_refused_once_the_sites_are_known() -> None:
    for change, path in (("study.min_sites=3", "min_sites"), ("faults.dropout=0.5", "dropout")):
        study = read(change, "training.client_fraction=0.5").study
        with pytest.raises(Refusal) as caught:
            check_sites(study, FOUR)
        assert caught.value.path[-1] == path
        assert caught.value.code == "study.combination"


@pytest.mark.usefixtures("_attack")
def test_an_attacker_must_be_one_of_the_sites() -> None:
    study = read("threat.attack=flip", 'threat.attackers=["va", "hungary"]').study
    with pytest.raises(Refusal, match="'hungary'") as caught:
        check_sites(study, FOUR)
    assert caught.value.path == ("threat", "attackers", 1)
    assert "did you mean 'hungarian'?" in caught.value.todo


def test_fewer_than_four_validators_are_warned_of_once() -> None:
    few = read("consensus.validators=3").study
    assert codes(check_sites(few, FOUR)) == {"few-validators"}
    assert codes(check_sites(read().study, FOUR[:3])) == {"few-validators"}
    made_up = read('data.partition={by="iid", sites=3}')
    assert codes(made_up.notices) == {"few-validators", "plain-updates"}
    assert check_sites(made_up.study, FOUR[:3]) == ()


@pytest.mark.usefixtures("_attack")
def test_a_third_of_attackers_is_warned_of_and_untolerated_ones_are_noted() -> None:
    def told(attackers: str, *more: str) -> set[str]:
        study = read("threat.attack=flip", f"threat.attackers={attackers}", *more).study
        return codes(check_sites(study, FOUR))

    assert told("1") == {"untolerated-attackers"}
    assert told("2") == {"many-attackers", "untolerated-attackers"}
    assert told('["va", "hungarian"]') == {"many-attackers", "untolerated-attackers"}
    assert told("1", "aggregation.rule=sturdy", "aggregation.tolerate=1") == set()
    ten = read(SPLIT, "threat.attack=flip", "threat.attackers=4")
    assert "many-attackers" in codes(ten.notices)
    ten = read(SPLIT, "threat.attack=flip", "threat.attackers=3")
    assert "many-attackers" not in codes(ten.notices)
    nine = read(SPLIT.replace("10", "9"), "threat.attack=flip", "threat.attackers=3")
    assert "many-attackers" in codes(nine.notices)


def test_a_study_built_in_python_is_checked_as_a_document_is() -> None:
    study = read().study
    for rounds, code in (("3", "study.wrong-type"), (0, "study.range")):
        wrong = replace(study, training=replace(study.training, rounds=rounds))
        with pytest.raises(Refusal, match=r"training\.rounds") as caught:
            check_study(wrong)
        assert caught.value.code == code
