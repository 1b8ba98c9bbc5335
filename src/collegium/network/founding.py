"""Founding a trial consortium: what its engine needs, and a home for each member.

Each member's home gets its own keys and the rows of its own hospital. The
record is written last; a founding that was interrupted is begun anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from collegium.assembly.preparation import Prepared, printed_name
from collegium.data.site_table import PERSON, PUBLISHED, TIME
from collegium.ledger.durability import write_whole
from collegium.ledger.genesis import Member, genesis_digest
from collegium.ledger.ordering import Deployment, Joins
from collegium.network.free_port import free_port
from collegium.network.plan import roles_of, tables_by_site
from collegium.network.record import NetworkRecord, home_of, keep_record
from collegium.node.config import DataSource, Timers
from collegium.node.home import GENESIS, STUDIES, init_home, new_member
from collegium.node.templates import config_text, policy_text
from collegium.plugins import find
from collegium.study.canonical import digest

TIMERS = Timers(phase=30.0, patience=600.0)
"""Of a trial: whoever tries one is there, and does not wait for a day."""

UNFINISHED = ".founding"
"""A file that is there while a consortium is being founded."""

ROWS = "rows.csv"


def found(folder: Path, prepared: Prepared) -> NetworkRecord:
    """Make everything that a study's trial consortium needs, and start nothing.

    Args:
        folder: an existing folder without a consortium.
        prepared: the study, and everybody's rows, which go to their members' homes.

    Raises:
        CollegiumError: keys, homes or the genesis cannot be made.
    """
    _begin_anew(folder)
    study, name = prepared.study.study.id, prepared.study.consensus.engine
    engine: Joins = find("engines", name)
    deployed = engine.deploy(folder, f"trial {study}", free_port)
    tables = tables_by_site(prepared)
    members = [_make_member(folder, prepared, one, deployed, tables[one]) for one in prepared.sites]
    genesis = deployed.found(study, members)
    for member in members:
        home = home_of(folder, member.id)
        write_whole(home / GENESIS, genesis)
        deployed.admit(member.id, home)
    document = home_of(folder, prepared.sites[0]) / STUDIES / f"{study}.toml"
    write_whole(document, prepared.read.text.encode())
    record = NetworkRecord(
        study=study, document=digest(prepared.study), genesis=genesis_digest(genesis).hex(),
        url=deployed.url, engine=name, services=dict(deployed.services),
        members=tuple(prepared.sites),
    )  # fmt: skip
    keep_record(folder, record)
    (folder / UNFINISHED).unlink()
    return record


def _make_member(
    folder: Path, prepared: Prepared, name: str, deployed: Deployment, table: str
) -> Member:
    home = home_of(folder, name)
    home.parent.mkdir(exist_ok=True)
    data = _source(prepared, name)
    study = prepared.study.study.id
    settings = {
        "node.toml": config_text(
            name,
            url=deployed.url,
            engine=prepared.study.consensus.engine,
            order=deployed.settings_of(name),
            data=data,
            timers=TIMERS,
            store=deployed.store,
        ),
        "policy.toml": policy_text([study], minimum_rows=1, plain_updates=True, scores=True),
    }
    wanted = new_member(name, printed_name(name), roles_of(prepared, name))
    member = init_home(home, wanted, settings, None)
    write_whole(home / ROWS, table.encode())
    return member


def _source(prepared: Prepared, name: str) -> DataSource:
    """Return where a member's node finds its rows, and which columns say more of them."""
    if prepared.table is not None:
        return DataSource(csv=ROWS)
    rows = prepared.train[name]
    return DataSource(
        csv=ROWS, person=PERSON, time=None if rows.time is None else TIME,
        published=None if rows.published is None else PUBLISHED,
    )  # fmt: skip


def _begin_anew(folder: Path) -> None:
    """Remove what an interrupted founding left; without its mark nothing is removed."""
    if (folder / UNFINISHED).exists():
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
    (folder / UNFINISHED).touch()
