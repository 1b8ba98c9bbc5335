"""What `list` lists."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable
from typing import Any, get_args

import msgspec

from collegium.consensus.machine import ConsensusProtocol
from collegium.data.registered import RegisteredDataSet
from collegium.errors import PluginError
from collegium.learning.aggregation.given_scores import GivenScores
from collegium.plugins import aspects, find, names
from collegium.study.design import designs
from collegium.study.document import Architecture
from collegium.study.presets import preset_names, preset_text
from collegium.threats.attack import lie_of
from collegium.threats.orderers import OrdererAttack

Row = dict[str, Any]


def kinds() -> list[str]:
    """Return the kinds of which there is something to list."""
    return sorted(_CATALOG)


def catalog(kind: str) -> list[Row]:
    """Return what there is of a kind, each with its name and a few words about it.

    Raises:
        PluginError: there is no such kind.
    """
    listing = _CATALOG.get(kind)
    if listing is None:
        near = difflib.get_close_matches(kind, kinds(), n=1, cutoff=0.0)
        raise PluginError(
            "list.unknown-kind", f"there is no kind {kind[:60]!r} to list",
            f"the kinds are {', '.join(kinds())}", f"try `collegium list {near[0]}`",
        )  # fmt: skip
    return listing()


def _studies() -> list[Row]:
    found = []
    for name in preset_names():
        document = tomllib.loads(preset_text(name))
        found.append({"name": name, "about": document["study"]["title"]})
    return found


def _data() -> list[Row]:
    found = []
    for name in names("datasets"):
        dataset = find("datasets", name)
        if isinstance(dataset, RegisteredDataSet):
            sites, unseen = dict(dataset.sites), dict(dataset.unseen)
        else:
            dataset, unseen = dataset(), {}
            sites = {rows.name: len(rows.y) for rows in dataset.sites}
        kept = f", {sum(unseen.values())} held out by an evaluator" if unseen else ""
        places = "1 site" if len(sites) == 1 else f"{len(sites)} sites"
        about = f"{dataset.title}; {sum(sites.values())} rows at {places}{kept}; "
        row: Row = {"name": name, "about": about + dataset.license, "sites": sites}
        if unseen:
            row["unseen"] = unseen
        if isinstance(dataset, RegisteredDataSet) and dataset.holders:
            row["key"] = dataset.key
            row["holders"] = {one.name: one.columns for one in dataset.holders}
        found.append(row)
    for name in names("collections"):
        files = find("collections", name)
        about = f"{files.title}; {len(files.files)} files, no table; {files.license}"
        found.append({"name": name, "about": about, "files": [one.name for one in files.files]})
    return found


def _models() -> list[Row]:
    about = {
        "linear": "predicts a number",
        "poisson": "predicts a count, with an exposure if the data have one",
        "cox": "predicts relative hazards from censored times, stratified by site",
        "logistic": "predicts one of two classes",
        "multinomial": "predicts one of several classes",
        "ordinal": "predicts one of several classes in order, by proportional odds",
        "cnn": "convolutions over signals or images, group normalization (needs the extra jax)",
        "own": "your own code, where a site's policy allows its digest (extras jax, torch)",
        "unet": "segmentation of images, pixel by pixel (extra jax)",
        "autoencoder": "anomaly detection by reconstruction error (extra jax)",
        "mlp": "hidden layers of rectified linear units; any of these targets",
    }
    return [{"name": name, "about": about[name]} for name in get_args(Architecture)]


_WORDS = {
    "fedavg": (
        "the mean of the sites' updates, weighted by rows; undefended baseline, "
        "tolerates no attackers"
    ),
    "none": "plain updates: recipients can learn about the rows behind them",
}
"""What built-in rules and stages are, where their own descriptions are for programmers."""


def _named(kind: Any) -> Callable[[], list[Row]]:
    def rows() -> list[Row]:
        found = []
        for name in names(kind):
            part = find(kind, name)
            design = designs().get(name) if kind == "secure_sums" else None
            about = design.about if design is not None else _WORDS.get(name)
            row: Row = {"name": name, "about": about or _first_line(part)}
            versioned = getattr(part, "name", name)
            if versioned != name:
                row["version"] = versioned
            if kind == "rules" and isinstance(part, GivenScores):
                row["scores"] = part.by
            if kind == "attacks" and part.role == "validator" and lie_of(part) is not None:
                row["scores"] = "loss"
            if isinstance(part, OrdererAttack) and part.only is not None:
                row["protocol"] = part.only.protocol
            if kind == "attacks" and hasattr(part, "grant"):
                row |= msgspec.to_builtins(part.grant) | {"role": part.role}
            found.append(row)
        return found

    return rows


def _privacy() -> list[Row]:
    """Return what protects updates, each with the key of a study that asks for it."""
    places = {"stages": "protection", "secure_sums": "secure_aggregation.protocol"}
    return [
        {**row, "key": f"privacy.{key}"} for kind, key in places.items() for row in _named(kind)()
    ]


def _consensus() -> list[Row]:
    """Return engines and the protocols of `simnet`, each with the key of a study that names it."""
    engines = [{**row, "key": "consensus.engine"} for row in _named("engines")()]
    protocols = []
    for row in _named("protocols")():
        one: ConsensusProtocol = find("protocols", row["name"])
        protocols.append({
            **row, "key": "consensus.protocol", "version": one.version, "faults": one.faults,
            "bound": one.bound, "finality": one.finality, "views": one.views,
            "source": one.source, "options": dict(one.defaults),
        })  # fmt: skip
    return [*engines, *protocols]


def _mechanisms() -> list[Row]:
    packages = {find("mechanisms", name) for name in names("mechanisms")}
    about = {one.__name__: one.__doc__ or "" for one in packages}
    return [
        {
            "name": one.name,
            "about": next(iter(about[package].splitlines()), ""),
            "module": one.versioned,
        }
        for one, package in ((one.MECHANISM, one.__package__) for one in aspects("terms").values())
    ]


def _first_line(part: Any) -> str:
    """Return what a part says about itself: its `about`, or the first line of its docstring."""
    described = part if callable(part) and not isinstance(part, type) else type(part)
    text = getattr(part, "about", None) or described.__doc__ or ""
    return next(iter(str(text).strip().splitlines()), "")


def _none_yet() -> list[Row]:
    """Return nothing: the kind is known, and this version has none of it."""
    return []


_CATALOG: dict[str, Callable[[], list[Row]]] = {
    "attacks": _named("attacks"),
    "consensus": _consensus,
    "data": _data,
    "frameworks": _none_yet,
    "incentives": _named("incentives"),
    "mechanisms": _mechanisms,
    "models": _models,
    "pre_aggregations": _named("pre_aggregations"),
    "privacy": _privacy,
    "rules": _named("rules"),
    "scenarios": _none_yet,
    "studies": _studies,
}
