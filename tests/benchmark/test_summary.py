"""A loss is taken on the same honest rows, and an interval over splits."""

from __future__ import annotations

import pytest

from collegium.benchmark.summary import in_words, mean_of, ranked, requirements, rule_summaries
from collegium.benchmark.trial import AttackedTrial, CleanTrial, Line, RefusedTrial


def clean(split: int, sites: dict[str, tuple[int, int]], rule: str = "median") -> CleanTrial:
    return CleanTrial(rule=rule, count=1, split=split, sites=sites)


def attacked(
    split: int, right: int, rows: int, attack: str = "alie", attacker: str = "c",
    rule: str = "median", share: float = 0.2, outcome: str = "completed",
) -> AttackedTrial:  # fmt: skip
    return AttackedTrial(
        rule=rule, count=1, split=split, attack=attack, attackers=(attacker,), share=share,
        right=right, rows=rows, outcome=outcome,
    )  # fmt: skip


def test_the_attackers_own_rows_count_neither_before_nor_after() -> None:
    lines: list[Line] = [clean(0, {"a": (9, 10), "b": (7, 10), "c": (0, 100)}), attacked(0, 12, 20)]
    (one,) = rule_summaries(lines)
    assert one.clean is not None
    assert one.clean.value == pytest.approx(80.0)
    assert one.against[0].loss.value == pytest.approx(20.0)


def test_a_split_is_one_observation_however_many_placements_it_has() -> None:
    sites = {"a": (10, 10), "b": (10, 10), "c": (10, 10)}
    lines: list[Line] = [clean(split, sites) for split in range(3)]
    lines += [attacked(0, right, 20) for right in (20, 18, 16)]
    lines += [attacked(1, 16, 20), attacked(2, 17, 20)]
    (one,) = rule_summaries(lines)
    loss, kept = one.against[0].loss, one.against[0].kept
    assert loss.value == pytest.approx((10 + 20 + 15) / 3)
    assert kept.value == pytest.approx(100 - loss.value)
    for mean in (loss, kept):
        assert mean.high is not None
        assert mean.high - mean.value == pytest.approx(4.303 * 5 / 3**0.5, rel=1e-3)
    assert one.against[0].largest == pytest.approx(20.0)
    assert one.against[0].trials == 5


def test_the_worst_attack_stands_first_and_hindsight_is_worse_still() -> None:
    lines: list[Line] = [clean(0, {"a": (10, 10), "b": (10, 10), "c": (10, 10)})]
    lines += [attacked(0, 10, 20, "ipm", "a"), attacked(0, 20, 20, "ipm", "b")]
    lines += [attacked(0, 19, 20, "alie", "a"), attacked(0, 13, 20, "alie", "b", outcome="failed")]
    (one,) = rule_summaries(lines)
    assert [found.attack for found in one.against] == ["ipm", "alie"]
    assert [found.failed for found in one.against] == [0, 1]
    assert one.hindsight is not None
    assert one.hindsight.value == pytest.approx((50 + 35) / 2)


def test_a_rule_that_is_refused_has_no_numbers() -> None:
    (one,) = rule_summaries(
        [RefusedTrial(rule="bulyan", count=2, split=0, attack=None, why="too few")]
    )
    assert (one.refused, one.clean, one.against) == ("too few", None, ())


@pytest.mark.parametrize(
    ("values", "words"),
    [([], "none"), ([3.0], "3.00"), ([1.0, 3.0], "2.00"), ([1.0, 2.0, 3.0], "2.00 (-0.48 to 4.48)"),
     ([float(one) for one in range(10)], "4.50 (2.33 to 6.67)"),
     ([0.0, 1.0] * 20, "0.50 (0.34 to 0.66)")],
)  # fmt: skip
def test_a_mean_comes_with_students_interval(values: list[float], words: str) -> None:
    mean = mean_of(values)
    assert ("none" if mean is None else in_words(mean)) == words


@pytest.mark.parametrize(
    ("own", "plain", "loss", "held"),
    [(85, 86, 2, [True, True, True]), (80, 86, 2, [True, False, True]),
     (85, 86, 5, [False, True, True])],
)  # fmt: skip
def test_what_is_demanded_of_the_studys_rule(
    own: int, plain: int, loss: int, held: list[bool]
) -> None:
    lines: list[Line] = []
    for split in range(3):
        lines.append(clean(split, {"a": (own, 100), "c": (50, 100)}))
        lines.append(attacked(split, own - loss, 100))
        lines.append(clean(split, {"a": (plain, 100), "c": (50, 100)}, "fedavg"))
        lines.append(attacked(split, 30, 100, "sign_flip", rule="fedavg"))
        lines.append(attacked(split, 90, 100, "sign_flip", rule="fedavg", share=0.1))
    found = requirements(lines, "median")
    assert [one.holds for one in found] == held
    assert "in 3 trials" in found[2].measured


@pytest.mark.parametrize(("loss", "held"), [(2, None), (5, False)])
def test_two_splits_show_that_a_rule_fails_and_never_that_it_holds(
    loss: int, held: bool | None
) -> None:
    lines: list[Line] = []
    for split in range(2):
        lines.append(clean(split, {"a": (85, 100), "c": (50, 100)}))
        lines.append(attacked(split, 85 - loss, 100))
    (one,) = requirements(lines, "median")
    assert one.holds is held


def test_rules_are_ranked_by_what_they_keep_and_not_by_what_they_lose() -> None:
    lines: list[Line] = []
    for rule, before, after in (("krum", 70, 69), ("median", 85, 80), ("fedavg", 86, 40)):
        lines.append(clean(0, {"a": (before, 100), "c": (50, 100)}, rule))
        lines.append(attacked(0, 99, 100, "ipm", rule=rule))
        lines.append(attacked(0, after, 100, rule=rule))
    lines.append(RefusedTrial(rule="bulyan", count=1, split=0, attack=None, why="too few"))
    order = ranked(rule_summaries(lines), 1)
    assert [(one.rule, one.against[0].kept.value) for one in order] == [
        ("median", 80.0), ("krum", 69.0), ("fedavg", 40.0),
    ]  # fmt: skip
    assert ranked(rule_summaries(lines), 2) == []


def test_a_defence_that_nobody_needed_is_no_proof() -> None:
    lines: list[Line] = [clean(0, {"a": (80, 100), "c": (1, 1)}, "fedavg")]
    lines.append(attacked(0, 70, 100, "sign_flip", rule="fedavg"))
    (one,) = requirements(lines, "median")
    assert not one.holds


def test_nothing_is_demanded_of_fedavg_as_a_defence() -> None:
    lines: list[Line] = [clean(0, {"a": (80, 100), "c": (1, 1)}, "fedavg")]
    lines.append(attacked(0, 20, 100, "ipm", rule="fedavg"))
    assert requirements(lines, "fedavg") == []
