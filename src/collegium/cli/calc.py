"""``collegium calc``: calculators for whoever designs a study."""

from __future__ import annotations

import click

from collegium.cli.calc_committee import committee
from collegium.cli.calc_graph import graph
from collegium.cli.calc_mining import block_rate, catch_up, selfish_mining
from collegium.cli.calc_quorum import quorum
from collegium.cli.help import Grouped, example


@click.group(
    cls=Grouped,
    headings={
        "Power and committees": ("committee", "quorum"),
        "Secure sums": ("graph",),
        "Proof of work": ("catch-up", "selfish-mining", "block-rate"),
    },
    epilog=example("collegium calc committee --members 20 --bad 4 --size 5 --rounds 100"),
)
def calc() -> None:
    """Calculate sizes and probabilities for a design.

    No study is run and no data are read.
    """


for command in (block_rate, catch_up, committee, graph, quorum, selfish_mining):
    calc.add_command(command)
