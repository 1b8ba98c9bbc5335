"""A simulated secure sum among many devices is exact, or says why it cannot be opened."""

from __future__ import annotations

import pytest
from benchmarks.many_devices import main, secure_sum_cost

from collegium.study.graph_size import GraphSize


@pytest.mark.parametrize("graph", [None, GraphSize(8, 6)], ids=["complete", "graph"])
def test_the_sum_of_those_who_are_left_is_exact(graph: GraphSize | None) -> None:
    found = secure_sum_cost(24, 1, 50, graph)
    assert found.exact
    assert found.neighbours == (23 if graph is None else 8)
    assert found.threshold == (17 if graph is None else 6)
    holders = 24 if graph is None else 8
    head, deal = 64, 13 + 9 + 2 * (32 + 64 * holders)
    assert found.device_bytes == pytest.approx(head + deal + 4 * 52 + 32 * holders, abs=60)


def test_too_few_neighbours_left_are_no_sum() -> None:
    with pytest.raises(AssertionError, match="cannot be opened"):
        secure_sum_cost(20, 12, 5, GraphSize(4, 4))


def test_the_command_line_sizes_the_graph(capsys: pytest.CaptureFixture[str]) -> None:
    main(["70", "--parameters", "20"])
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "70 devices, 3 of them missing after they dealt, 20 parameters"
    assert int(told[1].split()[0]) < 69
    assert told[-1] == "  the sum is exact"
