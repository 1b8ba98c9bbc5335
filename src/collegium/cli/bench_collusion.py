"""`collegium bench collusion`: who can read encrypted updates."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from collegium.cli.completing import studies
from collegium.cli.help import example
from collegium.cli.output import JSON, SET, say, say_json

if TYPE_CHECKING:
    from collegium.mechanisms.threshold_he.collusion import Collusion


@click.command(epilog=example("collegium bench collusion heart"))
@click.argument("study", shell_complete=studies)
@SET
@JSON
def collusion(study: str, changes: tuple[str, ...], as_json: bool) -> None:
    """Try to read the encrypted updates of a round of STUDY.

    One site in league with whoever stores the ciphertexts, where all have one key, as some designs
    give them; then growing numbers of sites where every site's key is dealt to all.
    """
    import msgspec

    from collegium.mechanisms.threshold_he.collusion import ENCRYPTED_ROUND, collude
    from collegium.simulation.execution import run

    with TemporaryDirectory() as scratch:
        encrypted = (*changes, *ENCRYPTED_ROUND)
        found = collude(run(study, out=Path(scratch) / "run", changes=encrypted).folder)
    if as_json:
        say_json(msgspec.to_builtins(found))
        return
    for line in _lines(found):
        say(line)


def _lines(found: Collusion) -> list[str]:
    lines = [
        f"{found.study}: a round of {found.sites} sites, of whom {found.threshold} open its sum"
    ]
    for one in found.reached:
        keys = "one key for all" if one.keys == "shared" else "keys dealt to all"
        who = "1 site reads" if one.colluders == 1 else f"{one.colluders} sites together read"
        lines.append(f"  {keys:<17}  {who} {one.read} of {one.others} updates of others")
    return lines
