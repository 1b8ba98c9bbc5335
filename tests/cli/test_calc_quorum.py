"""`collegium calc quorum`: weights that decide, and weights that stop."""

from __future__ import annotations

from tests.cli.conftest import Call
from tests.commands import diagnosis, told

from collegium.ledger.contract.members import is_quorum


def test_a_heavy_validator_decides_nothing_alone_and_stops_everything(call: Call) -> None:
    found = told(call("calc", "quorum", 5, 3, 1, 1, 1, "--json"))
    byzantine = found["byzantine"]
    assert byzantine == {"total": 11, "needed": 8, "fewest": 2, "stop": 1, "tolerated": 0}
    assert is_quorum(8, 11) > is_quorum(7, 11), "as on the ledger"
    assert found["crash"] == {"total": 11, "needed": 6, "fewest": 2, "stop": 2, "tolerated": 1}
    done = call("calc", "quorum", 5, 3, 1, 1, 1)
    assert "One validator can stop everything alone" in done.stdout
    assert "alone" not in call("calc", "quorum", *[1] * 10).stdout


def test_weights_are_at_least_one(call: Call) -> None:
    for words in ((), (0,), ("two",)):
        assert diagnosis(call("calc", "quorum", *words))[0] == "command.usage"
