"""A run on a simulated network that never was."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from tests.report.synthetic import inputs, round_line

from collegium.ledger.engines.simnet.figures import CommitSeconds, ConsensusFigures, Joules
from collegium.ledger.engines.simnet.virtual_time import PARTS
from collegium.report.content import ReportContent
from collegium.report.measurements import FinalLine, Line
from collegium.study.reading import read_study

FIGURES = ConsensusFigures(
    protocol="pbft", network="wan", validators=4, commits=9, messages=216, other_messages=9,
    bytes=50_000, seconds_a_commit=CommitSeconds(0.1, 0.2), virtual_seconds=12.0, forks=0,
    view_changes=0, seconds_by_member={}, named={}, joules=Joules(60.0, 1440.0), co2e_g=0.1817,
)  # fmt: skip


def parts(*values: float) -> dict[str, float]:
    return dict(zip(PARTS, values, strict=True))


def simulated() -> ReportContent:
    """A report of three rounds, of which the second was not measured."""
    one = inputs()
    final = one.lines[-1]
    assert isinstance(final, FinalLine)
    lines: Sequence[Line] = (
        round_line("binary", 1, virtual=parts(1, 1, 2, 0, 4), joules=parts(3, 1, 4, 1, 1)),
        round_line("binary", 2, virtual=parts(0, 1, 1, 0, 0), joules=parts(3, 1, 4, 1, 1),
                   training_metrics={}),
        round_line("binary", 3, virtual=parts(0, 0, 2, 0, 0), joules=parts(5, 1, 2, 1, 1)),
        replace(final, consensus=FIGURES),
    )  # fmt: skip
    study = replace(
        one.study, consensus=read_study("heart", ["consensus.engine=simnet"]).study.consensus
    )
    return one.content(study=study, lines=tuple(lines))
