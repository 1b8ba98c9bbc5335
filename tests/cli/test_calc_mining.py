"""`collegium calc catch-up`, `selfish-mining` and `block-rate`, by what is published."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told


def test_six_confirmations_bear_a_tenth_of_the_power_and_not_three_tenths(call: Call) -> None:
    found = told(call("calc", "catch-up", "--share", 0.1, "--json"))
    assert found["probability"] == pytest.approx(2.4e-4, rel=0.02)
    assert found["needed"] == 5, "Nakamoto's table of z for P below 0.1 %"
    done = call("calc", "catch-up", "--share", 0.3)
    assert "with 6 on top of it with probability 0.132." in done.stdout
    assert "With 24 or more on top, the probability is at most 0.1 %." in done.stdout


def test_half_of_the_power_always_catches_up_and_almost_half_in_the_end_does_not(
    call: Call,
) -> None:
    assert told(call("calc", "catch-up", "--share", 0.5, "--json"))["needed"] is None
    assert "always catches up" in call("calc", "catch-up", "--share", 0.6).stdout
    found = told(call("calc", "catch-up", "--share", 0.49, "--confirmations", 2000, "--json"))
    assert 0 < found["probability"] < 1
    assert found["needed"] > 2000
    assert "Not even 131072" in call("calc", "catch-up", "--share", 0.4999).stdout


def test_selfish_mining_pays_with_a_third_of_the_power_or_a_quarter_where_half_is_reached(
    call: Call,
) -> None:
    """Eyal and Sirer 2014, section 4.4."""
    words = ("calc", "selfish-mining", "--share")
    assert told(call(*words, 0.4, "--json"))["threshold"] == pytest.approx(1 / 3)
    found = told(call(*words, 0.25, "--reached", 0.5, "--json"))
    assert found["revenue"] == pytest.approx(found["threshold"])
    assert found["threshold"] == pytest.approx(0.25)
    assert "has 27.3 % of all blocks" in call(*words, 0.3).stdout


def test_the_best_rate_of_blockfl_is_told_for_both_models_beside_one_that_is_asked_for(
    call: Call,
) -> None:
    words = ("calc", "block-rate", "--miners", 10, "--waiting", 0.05, "--propagation", 0.2)
    found = told(call(*words, "--rate", 3, "--json"))["rows"]
    assert [(one["for"], one["rivals"]) for one in found] == [
        ("best", "one"), ("asked", "one"), ("best", "all"), ("asked", "all"),
    ]  # fmt: skip
    best, asked, best_of_all, _ = found
    assert best["rate"] == pytest.approx(1.2283, abs=5e-5)
    assert best["seconds"] == pytest.approx(0.4237, abs=5e-5)
    assert best["forks"] == pytest.approx(0.218, abs=5e-4)
    assert best_of_all["rate"] == pytest.approx(0.3121, abs=5e-5)
    assert asked["rate"] == 3
    assert asked["seconds"] > best["seconds"]
    assert "1.228 blocks a second of each" in call(*words).stdout


def test_shares_and_times_are_in_their_ranges(call: Call) -> None:
    for words in (
        ("catch-up", "--share", 1.5), ("catch-up",), ("catch-up", "--share", 0.1, "--limit", 0),
        ("selfish-mining", "--share", 0.5), ("selfish-mining", "--share", 0.1, "--reached", 2),
        ("block-rate", "--miners", 1, "--waiting", 0, "--propagation", 1),
        ("block-rate", "--miners", 4, "--waiting", 0, "--propagation", 0),
    ):  # fmt: skip
        assert diagnosis(call("calc", *words))[0] == "command.usage"
