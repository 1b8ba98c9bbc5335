"""`compare` on the command line: what to compare, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from collegium.assembly.folder import DEFAULT_PARENT
from collegium.cli.output import tell, warn
from collegium.measuring.comparing import Design, Mean, Paired, RunComparison
from collegium.report.comparison import Verdict
from collegium.report.wording import change, number, span, title_of
from collegium.simulation.replicating import replicate
from collegium.study.presets import preset_names

Show = Callable[[str, float], str]

_SHOWN = 3
"""Measures in a line; ``--json`` has them all."""

_VERDICTS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "unclear": "no detectable difference",
    "unknown": "",
}


def folders_of(
    things: Sequence[str],
    seeds: int,
    changes: Sequence[str],
    varied: Sequence[str],
    out: Path | None,
    *,
    quiet: bool,
) -> list[Path]:
    """Return the run folders that the arguments name, after running the studies among them.

    A preset's name means the preset, as everywhere; a folder of that name is ``./heart``.
    """
    studies = [one for one in things if one in preset_names() or not Path(one).is_dir()]
    folders = [Path(one) for one in things if one not in studies]
    if folders and studies:
        raise click.UsageError(f"{studies[0]} is a study and {folders[0]} is a run; give one kind")
    if folders:
        if changes or varied or out is not None:
            raise click.UsageError("--set, --vary and --out are for studies; these are runs")
        return folders
    say_next = tell(quiet=quiet)
    return replicate(
        studies, seeds=seeds, changes=changes, varied=varied, parent=out or DEFAULT_PARENT,
        announce=lambda done, of, what: say_next(f"run {done + 1} of {of}: {what}"), warn=warn,
    )  # fmt: skip


def comparison_json(found: RunComparison) -> dict[str, Any]:
    """Return what ``compare --json`` prints."""
    return {
        "task": found.task,
        "primary": found.primary,
        "designs": [
            {
                "name": one.name,
                "runs": [str(folder) for folder in one.runs],
                "seeds": list(one.seeds),
                "quality": _means(one.quality),
                "federated_minus_local": _means(one.to_local),
                "federated_minus_pooled": _means(one.to_pooled),
                "unsettled": one.unsettled,
            }
            for one in found.designs
        ],
        "differences": [
            {
                "design": one.design,
                "against": found.designs[0].name,
                "seeds": list(one.seeds),
                "interval_over": one.method,
                "measures": {
                    name: {**_mean(mean), "verdict": one.verdicts[name]}
                    for name, mean in one.differences.items()
                },
            }
            for one in found.differences
        ],
    }


def comparison_lines(found: RunComparison) -> Iterator[str]:
    """Yield what `compare` prints for people."""
    for one in found.designs:
        yield from _design_lines(one, found.primary)
    reference = found.designs[0].name
    for paired in found.differences:
        yield ""
        yield from _paired_lines(paired, reference, found.primary)
    yield ""
    several = any(len(one.seeds) > 1 for one in found.designs)
    if several and not any(one.interval for each in found.designs for one in each.quality.values()):
        yield (
            "All seeds use the same test rows. Intervals: 95 % paired bootstrap of these "
            "rows for the"
        )
        yield "mean over seeds. Agreement between seeds does not apply to other rows."
    elif several:
        yield ("Intervals over seeds: 95 %, Student's t, corrected for overlapping training parts")
        yield "(Nadeau and Bengio 2003). With one seed: 95 % paired bootstrap of the test rows."
    else:
        yield (
            "Intervals: 95 % paired bootstrap of the test rows. More seeds give more "
            "reliable results."
        )
    if found.differences:
        yield (
            f"{title_of(found.primary)} is the primary measure. Secondary measures and the "
            "number of designs are not corrected for multiple comparisons."
        )


_UNSETTLED = {
    "diverged": "diverged: their figures mean little; try a lower training.learning_rate",
    "still_falling": "have not converged: try more training.rounds",
    "unstable": "did not settle: try a lower training.learning_rate",
}


def _design_lines(one: Design, primary: str) -> Iterator[str]:
    seeds = f"{len(one.seeds)} seeds" if len(one.seeds) > 1 else f"seed {one.seeds[0]}"
    yield f"{one.name}  ({seeds})"
    yield f"  federated            {_told(one.quality, number, primary)}"
    if one.to_local:
        yield f"  minus local-only     {_told(one.to_local, change, primary)}"
    if one.to_pooled:
        yield f"  minus pooled         {_told(one.to_pooled, change, primary)}"
    for verdict, runs in sorted(one.unsettled.items()):
        yield f"  training             {runs} of {len(one.runs)} runs {_UNSETTLED[verdict]}"


def _paired_lines(one: Paired, reference: str, primary: str) -> Iterator[str]:
    over = f"{len(one.seeds)} seeds"
    if one.method == "rows":
        single = len(one.seeds) == 1
        over = f"the rows of seed {one.seeds[0]}" if single else f"the rows that {over} test on"
    yield f"{one.design}"
    yield f"  minus {reference}, paired over {over}"
    ordered = sorted(one.differences.items(), key=lambda item: item[0] != primary)
    for name, mean in ordered:
        verdict = _VERDICTS[one.verdicts[name]]
        if name != primary and one.verdicts[name] in ("better", "worse"):
            verdict = f"secondary: {verdict}"
        yield f"    {name:<18}{_shown(name, mean, change)}  {verdict}".rstrip()


def _told(means: Mapping[str, Mean], show: Show, primary: str) -> str:
    chosen = sorted(means.items(), key=lambda item: item[0] != primary)[:_SHOWN]
    return "   ".join(f"{name} {_shown(name, mean, show)}" for name, mean in chosen)


def _shown(name: str, mean: Mean, show: Show) -> str:
    value = show(name, mean.value)
    if mean.interval is None:
        return value
    return f"{value} [{span(show(name, mean.interval.low), show(name, mean.interval.high))}]"


def _means(means: Mapping[str, Mean]) -> dict[str, Any]:
    return {name: _mean(mean) for name, mean in means.items()}


def _mean(mean: Mean) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(mean)
    return found
