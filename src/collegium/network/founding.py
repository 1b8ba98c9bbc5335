"""Founding a trial consortium: certificates, a sequencer's home, and a home for each member.

Each member's home gets its own keys, its own certificate and the rows of its own hospital. The
record is written last; a founding that was interrupted is begun anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from collegium.assembly.preparation import Prepared, printed_name
from collegium.data.site_table import PERSON, PUBLISHED, TIME
from collegium.ledger.genesis import Member
from collegium.ledger.keyfile import read_secret
from collegium.ledger.keys import SigningKey, signing_key
from collegium.network.free_port import free_port
from collegium.network.plan import roles_of, tables_by_site
from collegium.network.record import MEMBERS, SEQUENCER, Record, home_of, keep_record
from collegium.node.config import DataSource, Timers
from collegium.node.home import GENESIS, STUDIES, init_home, new_member, write_whole
from collegium.node.templates import config_text, policy_text
from collegium.study.canonical import digest
from collegium.transport.authority import certify_client
from collegium.transport.home import AUTHORITY, LOG_KEY, found_ledger, make_home

HOST = "127.0.0.1"
TIMERS = Timers(phase=30.0, patience=600.0)
"""Of a trial: whoever tries one is there, and does not wait for a day."""

UNFINISHED = ".founding"
"""A file that is there while a consortium is being founded."""

ROWS, TLS = "rows.csv", "tls"


def found(folder: Path, prepared: Prepared) -> Record:
    """Make everything that a study's trial consortium needs, and start nothing.

    Args:
        folder: an existing folder without a consortium.
        prepared: the study, and everybody's rows, which go to their members' homes.

    Raises:
        CollegiumError: keys, homes or the genesis cannot be made.
    """
    _begin_anew(folder)
    study, sequencer = prepared.study.study.id, folder / SEQUENCER
    port = free_port(HOST)
    url = f"https://{HOST}:{port}"
    log_key = make_home(sequencer, [HOST], port, name=f"trial {study}")
    tables = tables_by_site(prepared)
    members = [_make_member(folder, prepared, name, url, tables[name]) for name in prepared.sites]
    identity = found_ledger(sequencer, study, members, log_key)
    genesis = (sequencer / GENESIS).read_bytes()
    for member in members:
        home = home_of(folder, member.id)
        write_whole(home / GENESIS, genesis)
        certify_client(sequencer / AUTHORITY, home / TLS, member.id)
    document = home_of(folder, prepared.sites[0]) / STUDIES / f"{study}.toml"
    write_whole(document, prepared.read.text.encode())
    record = Record(
        study=study, document=digest(prepared.study), genesis=identity.hex(), url=url,
        members=tuple(prepared.sites),
    )  # fmt: skip
    keep_record(folder, record)
    (folder / UNFINISHED).unlink()
    return record


def log_key_of(folder: Path) -> SigningKey:
    """Return the log key of a trial, which its sequencer's home keeps."""
    return signing_key(read_secret(folder / SEQUENCER / LOG_KEY, lambda: None))


def _make_member(folder: Path, prepared: Prepared, name: str, url: str, table: str) -> Member:
    home = home_of(folder, name)
    home.parent.mkdir(exist_ok=True)
    data = _source(prepared, name)
    study = prepared.study.study.id
    settings = {
        "node.toml": config_text(name, url=url, data=data, timers=TIMERS),
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
        for name in (MEMBERS, SEQUENCER):
            shutil.rmtree(folder / name, ignore_errors=True)
    (folder / UNFINISHED).touch()
