"""``node.toml``: where a member's node finds the sequencer, its rows, and how long it waits."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from collegium.ledger.genesis import MEMBER_ID
from collegium.node.settings import read_settings, unacceptable

CONFIG = "node.toml"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every section shares: no unknown key."""


class Member(Section, frozen=True, kw_only=True):
    """``[node]``: whose node this is, and from which level on it logs."""

    member: str
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class SequencerAddress(Section, frozen=True, kw_only=True):
    """``[sequencer]``: its address, and the TLS files of this member, by paths from the home."""

    url: str
    ca: str = "tls/ca.pem"
    certificate: str = "tls/client.pem"
    key: str = "tls/client.key"


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
    """``[blobs]``: what members share: "relay" is the sequencer's port, else a store's URL.

    `retention` are the days after which this member retires the updates of a closed study;
    absent: never.
    """

    store: str = "relay"
    retention: float | None = None


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
    """A whole ``node.toml``. A member that holds no rows has no ``[data]``."""

    node: Member
    sequencer: SequencerAddress
    data: DataSource | None = None
    blobs: BlobStore = BlobStore()
    timers: Timers = Timers()
    status: StatusPage = StatusPage()


def read_config(home: Path) -> Config:
    """Return a home's settings.

    Raises:
        NodeError: they cannot be read, or do not make sense.
    """
    path = home / CONFIG
    config = read_settings(path, Config)
    if not MEMBER_ID.fullmatch(config.node.member):
        raise unacceptable(
            path, ("node", "member"), "is no member's id",
            "write 1 to 40 of a-z, 0-9, - and _, starting with a letter or digit",
        )  # fmt: skip
    if not config.sequencer.url.startswith("https://"):
        raise unacceptable(
            path, ("sequencer", "url"), "does not begin with https://",
            "write the address that the sequencer's operator gives, such as https://host:4100",
        )  # fmt: skip
    if not 0 <= config.status.port < 2**16:
        raise unacceptable(path, ("status", "port"), "is no port", "write 0 to 65535")
    for key in ("phase", "patience", "scrub"):
        if not 0 < getattr(config.timers, key) <= 10**9:
            raise unacceptable(
                path, ("timers", key), "is out of range", "write seconds, more than 0"
            )
    retention = config.blobs.retention
    if retention is not None and not 0 <= retention <= 36525:
        raise unacceptable(path, ("blobs", "retention"), "is out of range", "write days, 0 or more")
    if config.data is not None:
        fault = source_fault(config.data)
        if fault is not None:
            key, what, todo = fault
            raise unacceptable(path, ("data", key) if key else ("data",), what, todo)
    return config


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
