"""`collegium calc committee`: the chances of a committee, and how large one has to be."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told


def test_a_committee_of_a_size_is_told_with_the_size_that_would_do(call: Call) -> None:
    found = told(
        call("calc", "committee", "--members", "20", "--bad", "4", "--size", "5", "--json")
    )
    assert found["majority"] == pytest.approx(0.032, rel=0.03)
    assert found["third"] > found["majority"]
    assert found["smallest"] == 9
    done = call(
        "calc", "committee", "--members", "20", "--bad", "4", "--size", "5", "--rounds", "100"
    )
    assert "3 or more are dishonest" in done.stdout
    assert "0.961" in done.stdout


def test_without_a_size_the_needed_one_is_told(call: Call) -> None:
    done = call("calc", "committee", "--members", "100", "--bad", "20")
    assert done.stdout == (
        "With 17 or more members, the probability of a dishonest majority is at most 0.1 %.\n"
    )
    done = call("calc", "committee", "--members", "10", "--bad", "6")
    assert done.stdout.startswith(
        "No committee size keeps the probability of a dishonest majority at or below 0.1 %."
    )


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--members", "4", "--bad", "5"), "5 of 4 members"),
        (("--members", "4", "--bad", "1", "--size", "5"), "a committee of 5"),
        (("--members", "0", "--bad", "0"), "--members"),
        (("--members", "4"), "--bad"),
    ],
)
def test_impossible_committees_are_misuse(call: Call, words: tuple[str, ...], what: str) -> None:
    done = call("calc", "committee", *words)
    assert what in diagnosis(done)[1]


@pytest.mark.parametrize("words", [("restore", "va"), ("expel", "va", "--study", "heart")])
def test_an_appeal_names_its_study_and_nothing_else_does(
    call: Call, words: tuple[str, ...]
) -> None:
    done = call("node", "propose", "nowhere", *words)
    assert "--study" in diagnosis(done)[1]
