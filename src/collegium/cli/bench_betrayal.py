"""`collegium bench betrayal`: when an attacker should be honest, and what that costs the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from collegium.cli.completing import parts, studies
from collegium.cli.help import example
from collegium.cli.output import JSON, SET, say, say_json
from collegium.cli.progress import display

if TYPE_CHECKING:
    from collegium.benchmark.betrayal import BetrayalSearch


@click.command(epilog=example("collegium bench betrayal heart10-robust --out betrayal.json"))
@click.argument("study", default="heart10-robust", shell_complete=studies)
@click.option("--out", type=click.Path(path_type=Path), help="A file for the result as JSON.")
@SET
@click.option(
    "--attacks", metavar="NAME,…", help="Attacks to choose from (default: a selection).",
    shell_complete=parts("attacks", listed=True),
)  # fmt: skip
@click.option("--count", type=click.IntRange(1), default=2, help="How many attack.")
@click.option("--policies", type=click.IntRange(2), default=80, help="How many are tried.")
@click.option("--generations", type=click.IntRange(1), default=5, help="In how many steps.")
@click.option("--splits", type=click.IntRange(1), default=3, help="Splits for the search.")
@click.option(
    "--held-out", type=click.IntRange(2), default=10,
    help="Splits for measuring the best policy, not used by the search.",
)  # fmt: skip
@click.option("--placements", type=click.IntRange(1), default=2, help="Placements on each split.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the search.")
@JSON
def betrayal(
    study: str,
    out: Path | None,
    changes: tuple[str, ...],
    attacks: str | None,
    count: int,
    policies: int,
    generations: int,
    splits: int,
    held_out: int,
    placements: int,
    seed: int,
    as_json: bool,
) -> None:
    """Search when attackers should strike, against STUDY's rule.

    Build, then betray: an attack, its strength, and the rounds in which it acts. The search looks
    at training parts of some splits; the best policy is measured on the test parts of others,
    beside the same attack in every round.
    """
    import msgspec

    from collegium.benchmark.betrayal import ATTACKS, Trials, search
    from collegium.cli.bench import named
    from collegium.study.reading import read_study

    document = read_study(study, changes).study
    trials = Trials(document, count, placements, tuple(range(held_out, held_out + splits)))
    with display("policies", "policies", quiet=as_json) as shown:
        found = search(
            trials, range(held_out), ATTACKS if attacks is None else named(attacks),
            policies=policies, generations=generations, seed=seed, progress=shown.progress,
        )  # fmt: skip
    result = {
        "study": document.study.id, "rule": document.aggregation.rule, "count": count,
        "splits": trials.splits, "held_out": tuple(range(held_out)), "placements": placements,
        "seed": seed, "found": found,
    }  # fmt: skip
    if out is not None:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    if as_json:
        say_json(msgspec.to_builtins(result))
        return
    for line in _lines(found):
        say(line)


def _lines(found: BetrayalSearch) -> list[str]:
    from collegium.benchmark.summary import in_words

    best = found.best
    strength = "" if best.scale is None else f" with scale {best.scale:g}"
    turns = f"{best.on} rounds in turn with {best.off} honest ones" if best.off else "every round"
    return [
        f"most harmful of {len(found.tried)} policies: {best.attack}{strength}, "
        f"{turns} from round {best.first} on ({100 * found.share:.0f} % of all rounds)",
        (
            f"  loss of accuracy on splits that the search did not use: {in_words(found.found)} "
            f"points"
        ),
        f"  with the same attack in every round: {in_words(found.always)} points",
    ]
