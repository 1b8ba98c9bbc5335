"""Running what is to be compared: every study, in every variation, with every seed."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from collegium.assembly.folder import DEFAULT_PARENT
from collegium.assembly.preparation import prepare
from collegium.errors import RunError
from collegium.simulation.execution import run
from collegium.study.canonical import digest
from collegium.study.reading import read_study
from collegium.study.rendering import toml_value

Announce = Callable[[int, int, str], None]


def variations(varied: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every combination of changes that ``path=[value, value]`` strings ask for.

    Raises:
        RunError: a string holds no TOML array of at least one value.
    """
    choices = []
    for text in varied:
        path, _, values = text.partition("=")
        try:
            found: Any = tomllib.loads(f"values = {values}")["values"]
        except (tomllib.TOMLDecodeError, KeyError):
            found = None
        if not isinstance(found, list) or not found or not path.strip():
            raise RunError(
                "compare.vary", f"{text!r} does not say what to vary",
                "it needs a key of the study and a list of its values",
                'write, for example, --vary aggregation.rule=["fedavg", "median"]',
            )  # fmt: skip
        choices.append([f"{path.strip()}={toml_value(value)}" for value in found])
    return list(itertools.product(*choices))


def replicate(
    studies: Sequence[str],
    *,
    seeds: int,
    changes: Sequence[str] = (),
    varied: Sequence[str] = (),
    parent: Path = DEFAULT_PARENT,
    announce: Announce = lambda done, of, what: None,
    warn: Callable[[str], None] = lambda message: None,
) -> list[Path]:
    """Run each study in each variation with each seed, or go on with what is there already.

    Args:
        studies: presets' names or study files.
        seeds: how many; the first is the study's own, each next one larger by 1.
        changes: made to every study, as ``--set`` does.
        varied: see `variations`.
        parent: the folder that gets the run folders, named by id and digest.
        announce: is told how many runs are done, of how many, and what comes next.
        warn: is told what the user should know of a run.

    Returns:
        The run folders, in the order of studies, variations and seeds.

    Raises:
        CollegiumError: a study or its data are not acceptable, found before the first run starts;
            or a run fails.
    """
    planned = []
    for study in studies:
        for chosen in variations(varied):
            first = read_study(study, [*changes, *chosen]).study.study.seed
            for seed in range(first, first + seeds):
                made = [*changes, *chosen, f"study.seed={seed}"]
                read = read_study(study, made)
                if seed == first:
                    prepare(read)
                planned.append(
                    (study, made, parent / f"{read.study.study.id}-{digest(read.study)[:8]}")
                )
    for done, (study, made, folder) in enumerate(planned):
        announce(done, len(planned), folder.name)
        run(study, changes=made, out=folder, resume=True, warn=warn)
    return [folder for _, _, folder in planned]
