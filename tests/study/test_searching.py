"""Which ways of training a search tries, and what the study is in each of them."""

from __future__ import annotations

import pytest

from collegium.errors import StudyError
from collegium.study.reading import read_study
from collegium.study.searching import at_round, candidates, held_out, in_trial, trials_of

RATES = "search.training.learning_rate=[0.1, 0.2]"
EPOCHS = "search.training.local_epochs=[1, 2, 4]"
RANGE = "search.aggregation.server.learning_rate={ low = 0.01, high = 1.0, scale = 'log' }"


def study(*changes: str):  # type: ignore[no-untyped-def]
    return read_study("heart", changes).study


def test_lists_are_combined_in_their_order_the_last_one_changing_fastest() -> None:
    tried = candidates(study(RATES, EPOCHS))
    assert [tuple(one.values()) for one in tried] == [
        (0.1, 1), (0.1, 2), (0.1, 4), (0.2, 1), (0.2, 2), (0.2, 4),
    ]  # fmt: skip
    assert list(tried[0]) == [("training", "learning_rate"), ("training", "local_epochs")]


def test_fewer_trials_are_drawn_by_the_seed_and_each_is_tried_once() -> None:
    changes = (RATES, EPOCHS, "search.trials=4")
    tried = candidates(study(*changes))
    every = candidates(study(RATES, EPOCHS))
    assert len(tried) == 4
    assert [one for one in every if one in tried] == list(tried)
    draws = {str(candidates(study(*changes, f"study.seed={seed}"))) for seed in range(8)}
    assert len(draws) > 1


def test_values_of_ranges_are_the_same_on_every_machine() -> None:
    tried = candidates(study(RANGE, EPOCHS, "search.trials=3", "study.seed=1"))
    assert [tuple(one.values()) for one in tried] == [(4, 0.0125), (4, 0.0665), (1, 0.12)]
    assert all(0.01 <= value <= 1 for one in tried for value in list(one.values())[1:])


def test_ranges_of_counts_are_whole_numbers() -> None:
    tried = candidates(
        study("search.training.batch_size={ low = 4, high = 64 }", "search.trials=9")
    )
    sizes = [one["training", "batch_size"] for one in tried]
    assert all(isinstance(size, int) and 4 <= size <= 64 for size in sizes)
    assert len(set(sizes)) > 5


def test_a_trials_values_are_in_their_places_and_its_rounds_count_from_one() -> None:
    whole = study(RATES, EPOCHS, "training.rounds=10")
    assert trials_of(whole) == 6
    second = in_trial(whole, 2)
    assert (second.training.learning_rate, second.training.local_epochs) == (0.1, 2)
    assert at_round(whole, 10) == (in_trial(whole, 1), 10)
    assert at_round(whole, 11) == (second, 1)
    assert at_round(whole, 60)[0].training.learning_rate == 0.2


def test_without_a_search_a_study_is_one_trial() -> None:
    plain = study()
    assert (trials_of(plain), held_out(plain)) == (1, None)
    assert at_round(plain, 77) == (plain, 77)
    assert in_trial(plain, 1) is plain


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["search.validation=0.2"], "names nothing to try"),
        (["search.training.learning_rate=[]"], "is empty"),
        (["search.training.learning_rate=[0.1]"], "a single trial"),
        (["search.training.learning_rate=[0.1, 0.1]"], "has a value twice"),
        ([RANGE], "search.trials is missing"),
        ([RATES, "search.trials=3"], "3 trials are asked for, and the lists have 2 combinations"),
        (["search.model.l2={ low = 0.0, high = 1.0, scale = 'log' }", "search.trials=3"], "in log"),
        (["search.model.l2={ low = 1.0, high = 0.1 }", "search.trials=3"], "goes from 1 to 0.1"),
        ([RATES, "search.metric=auc"], "did you mean 'loss'"),
        (["search.training.rounds=[1, 2]"], "it belongs in [training]"),
        (["search.training.learning_rat=[1, 2]"], "did you mean 'learning_rate'"),
        (["search.training.momentum=[0.5, 1.5]"], "below 1"),
        (["search.training.momentum=['much', 'little']"], "must be"),
        (["search.personalization.strength=[0.1, 1.0]"], "there is no [personalization]"),
        (
            ["search.personalization.strength=[0.1, 1.0]",
             "personalization={ method = 'fine_tuning' }"],
            "fine_tuning takes no strength",
        ),
        ([RATES, "threat={ attack = 'sign_flip' }"], "sign_flip does not go with a search"),
        (
            [RATES, "privacy.differential_privacy={ unit='patient', epsilon=8.0, delta=1e-5 }"],
            "a search does not go with differential privacy",
        ),
        (
            [RATES, "training.early_stopping={ patience = 3, validation = 0.3 }"],
            "two parts are to be held out",
        ),
        (
            ["search.training.fedprox_mu=[0.0, 0.1]", "training.algorithm=fednova",
             "training.momentum=0.9"],
            "a trial cannot work",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused(changes: list[str], words: str) -> None:
    with pytest.raises(StudyError) as refused:
        read_study("heart", changes)
    assert words in refused.value.diagnostics()


def test_the_owner_is_told_what_a_search_costs() -> None:
    told = read_study("heart", [RATES, "training.rounds=30"]).notices
    (cost,) = [one.text for one in told if one.code == "study.search"]
    assert "2 trials of 30 rounds each: up to 60 rounds" in cost
