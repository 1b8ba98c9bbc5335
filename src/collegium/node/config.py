"""``node.toml``: how a member's node comes to the common order, its rows, and how long it waits."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from collegium.errors import PluginError
from collegium.ledger.genesis import MEMBER_ID
from collegium.ledger.ordering import Joins
from collegium.node.settings import Mistake, examine, unacceptable
from collegium.plugins import find

CONFIG = "node.toml"
DEFAULT_ENGINE = "log"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every section shares: no unknown key."""


class Member(Section, frozen=True, kw_only=True):
    """``[node]``: whose node this is, by which engine it orders, and from which level on it logs.

    The engine has a section of its own, such as ``[sequencer]`` of "log".
    """

    member: str
    engine: str = DEFAULT_ENGINE
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class DataSource(Section, frozen=True, kw_only=True):
    """``[data]``: one of a CSV file, a site of a registered data set, or a loader.

    `person` names the CSV's column that is equal in all rows of one person, `time` those of each
    row's first and last moment, `published` that of the published test part. `loader` is
    ``module:function``; called with the study, it returns this site's `SiteRows`.
    """

    csv: str | None = None
    person: str | None = None
    time: tuple[str, str] | None = None
    published: str | None = None
    dataset: str | None = None
    site: str | None = None
    loader: str | None = None


class BlobStore(Section, frozen=True, kw_only=True):
    """``[blobs]``: what members share: "relay" is the engine's own, else a store's URL.

    `retention` are the days after which this member retires the updates of a closed study;
    absent: never.
    """

    store: str = "relay"
    retention: float | None = None


class Home(Section, frozen=True, kw_only=True):
    """``[home]``: GiB that the home's blobs may take; full, the node takes no new study."""

    quota: float = 64.0


class Timers(Section, frozen=True, kw_only=True):
    """``[timers]``: seconds until a phase is timed out, and until a study is given up.

    The second is for studies that wait for everybody (``attendance = "all"``). `scrub` are the
    seconds between two walks over the home's blobs, each read from the disk again.
    """

    phase: float = 600.0
    patience: float = 86400.0
    scrub: float = 3600.0


class StatusPage(Section, frozen=True, kw_only=True):
    """``[status]``: the port of the status page on loopback; 0 lets the system choose."""

    port: int = 0


class Config(Section, frozen=True, kw_only=True):
    """A ``node.toml`` without the engine's section, which is a field of what `read_config` returns.

    A member that holds no rows has no ``[data]``.
    """

    node: Member
    data: DataSource | None = None
    blobs: BlobStore = BlobStore()
    home: Home = Home()
    timers: Timers = Timers()
    status: StatusPage = StatusPage()


def engine_of(config: Config) -> Joins:
    """Return the engine by which a node orders."""
    engine: Joins = find("engines", config.node.engine)
    return engine


def order_of(config: Config) -> Any:
    """Return the settings of that engine."""
    return getattr(config, engine_of(config).section)


def read_config(home: Path) -> Config:
    """Return a home's settings.

    Raises:
        NodeError: they cannot be read, or do not make sense.
    """
    config, mistakes = examine_config(home)
    for mistake in mistakes:
        raise mistake.error
    return config


def examine_config(home: Path) -> tuple[Config, list[Mistake]]:
    """Return a home's settings as far as they make sense, and every mistake in them.

    Raises:
        NodeError: they cannot be read, are not TOML, or name no engine of nodes.
    """
    path = home / CONFIG
    engine = _engine_named_in(path)
    config, mistakes = examine(path, _whole(engine.section, engine.settings))
    known = [one.key for one in mistakes]
    return config, mistakes + [
        Mistake(key, unacceptable(path, key, what, todo))
        for key, what, todo in _faults(engine, config)
        if not any(key[: len(one)] == one or one[: len(key)] == key for one in known)
    ]


def _faults(engine: Joins, config: Config) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield which keys have the right type and cannot work, why, and what to do."""
    if not MEMBER_ID.fullmatch(config.node.member):
        todo = "write 1 to 40 of a-z, 0-9, - and _, starting with a letter or digit"
        yield ("node", "member"), "is no member's id", todo
    for key, what, todo in engine.faults(order_of(config)):
        yield (engine.section, key), what, todo
    if not 0 <= config.status.port < 2**16:
        yield ("status", "port"), "is no port", "write 0 to 65535"
    for key in ("phase", "patience", "scrub"):
        if not 0 < getattr(config.timers, key) <= 10**9:
            yield ("timers", key), "is out of range", "write seconds, more than 0"
    retention = config.blobs.retention
    if retention is not None and not 0 <= retention <= 36525:
        yield ("blobs", "retention"), "is out of range", "write days, 0 or more"
    if not 0 < config.home.quota <= 2**20:
        yield ("home", "quota"), "is out of range", "write GiB, more than 0"
    fault = None if config.data is None else source_fault(config.data)
    if fault is not None:
        key, what, todo = fault
        yield ("data", key) if key else ("data",), what, todo


def _engine_named_in(path: Path) -> Joins:
    """Return the engine that a file names; what else is wrong with the file is told later."""
    try:
        named = tomllib.loads(path.read_text("utf-8-sig"))["node"]["engine"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        named = DEFAULT_ENGINE
    try:
        engine = find("engines", named if isinstance(named, str) else DEFAULT_ENGINE)
    except PluginError as error:
        raise unacceptable(
            path, ("node", "engine"), f"is unknown: {error.why}", error.todo
        ) from error
    if not isinstance(engine, Joins):
        raise unacceptable(
            path, ("node", "engine"), "orders within one process",
            f'leave it out, or write an engine of nodes, such as "{DEFAULT_ENGINE}"',
        )  # fmt: skip
    return engine


def _whole(section: str, settings: Any) -> type[Config]:
    """Return `Config` with an engine's section."""
    whole: Any = msgspec.defstruct(
        "Config", [(section, settings)], bases=(Config,), frozen=True, kw_only=True,
        forbid_unknown_fields=True,
    )  # fmt: skip
    return cast(type[Config], whole)


def source_fault(data: DataSource) -> tuple[str, str, str] | None:
    """Return what is wrong with a source of rows: which key, what, and what to do; or None."""
    given = [key for key in ("csv", "dataset", "loader") if getattr(data, key) is not None]
    if len(given) != 1:
        return (
            "",
            f"names {len(given)} sources of rows",
            "give exactly one of csv, dataset (with site) and loader",
        )
    only = {"person": "csv", "time": "csv", "published": "csv", "site": "dataset"}
    for key, other in only.items():
        if getattr(data, key) is not None and other not in given:
            todo = f"remove it, or give {other} instead of {given[0]}"
            return key, f"does not go with {given[0]}", todo
    if data.dataset is not None and data.site is None:
        return "dataset", "needs a site", "name the site of it whose rows these are"
    if data.loader is not None and not all(data.loader.partition(":")):
        return "loader", "is not module:function", "write for example our_hospital.cohort:rows"
    return None
