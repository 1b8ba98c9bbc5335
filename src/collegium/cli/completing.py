"""What a shell may offer for a word of the command line: presets, parts, files, keys of a study.

Every function has the form that click asks for: the context, the parameter, what was typed so far.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collegium.plugins import Kind

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[Any]]]

PARTS: dict[str, Kind] = {
    "aggregation.rule": "rules",
    "aggregation.server.optimizer": "server_optimizers",
    "consensus.engine": "engines",
    "consensus.protocol": "protocols",
    "data.source": "datasets",
    "privacy.protection": "stages",
    "privacy.secure_aggregation.protocol": "secure_sums",
    "threat.attack": "attacks",
    "training.trainer": "trainers",
}
"""Keys of a study that name a part, which another package may bring."""


def studies(
    context: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem[Any]]:
    """Offer presets, and studies and runs in this folder; any file where no preset fits."""
    from collegium.study.presets import preset_names

    presets = [CompletionItem(name) for name in preset_names() if name.startswith(typed)]
    if not presets:
        return [CompletionItem(typed, type="file")]
    here = sorted(Path().glob(f"{glob.escape(typed)}*"))
    found = [one for one in here if one.suffix == ".toml" or (one / "ledger.log").exists()]
    return [*presets, *(CompletionItem(str(one)) for one in found)]


def parts(*kinds: Kind, listed: bool = False) -> Completer:
    """Return what offers the names of parts; with `listed` the last of a list with commas."""

    def offered(
        context: click.Context, parameter: click.Parameter, typed: str
    ) -> list[CompletionItem[Any]]:
        from collegium.plugins import names

        before, comma, last = typed.rpartition(",") if listed else ("", "", typed)
        known = sorted(name for kind in kinds for name in names(kind))
        return [CompletionItem(f"{before}{comma}{one}") for one in known if one.startswith(last)]

    return offered


def catalog_kinds(
    context: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem[Any]]:
    """Offer the kinds of `list`."""
    from collegium.cli.catalog import kinds

    return [CompletionItem(kind) for kind in kinds() if kind.startswith(typed)]


def changes(
    context: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem[Any]]:
    """Offer keys of a study, and behind ``=`` the values that a key can have."""
    from collegium.study.document import Study

    known = dict(study_keys(Study))
    key, equals, value = typed.partition("=")
    if not equals:
        return [CompletionItem(f"{one}=") for one in known if one.startswith(key)]
    if key in PARTS:
        from collegium.plugins import names

        values = names(PARTS[key])
    else:
        values = sorted(known.get(key, ()))
    return [CompletionItem(f"{key}={one}") for one in values if one.startswith(value)]


def study_keys(section: Any, before: str = "") -> Iterator[tuple[str, set[str]]]:
    """Yield the keys of a section and of those below it, each with the words that it can be."""
    from collegium.study.section import Section

    for name, hint in get_type_hints(section).items():
        kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        below = [one for one in kinds if isinstance(one, type) and issubclass(one, Section)]
        words = {str(word) for one in kinds if get_origin(one) is Literal for word in get_args(one)}
        for one in below:
            yield from study_keys(one, f"{before}{name}.")
        if set(kinds) - {*below, NoneType}:
            yield f"{before}{name}", words | ({"true", "false"} if bool in kinds else set())
