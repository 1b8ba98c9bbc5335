"""What a trial consortium is to be: a study, and a member for each of its sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.partition import partition
from collegium.data.site_table import site_table
from collegium.data.table import SiteRows
from collegium.data.tabular.writing import table_text
from collegium.errors import RunError
from collegium.ledger.genesis import Role
from collegium.ledger.ordering import Joins
from collegium.node.config import DEFAULT_ENGINE
from collegium.plugins import find
from collegium.study.reading import read_study


def planned(study: str | Path, members: int | None, changes: Sequence[str]) -> Prepared:
    """Return a study prepared for a consortium of real processes.

    Args:
        study: a preset's name or a file.
        members: how many there are to be; as many as the study has sites if None. Hospitals are
            cut into more sites where there are to be more.
        changes: as of ``--set``.

    Raises:
        CollegiumError: the study is not acceptable, or not for that many members.
    """
    asked, read = [*changes], read_study(study, changes)
    if not isinstance(find("engines", read.study.consensus.engine), Joins):
        asked.append(f"consensus.engine={DEFAULT_ENGINE}")
        read = read_study(study, asked)
    prepared = prepare(read)
    if members is None or members == len(prepared.sites):
        return prepared
    part = prepared.study.data.partition
    if part.by == "site" and members < len(prepared.sites):
        raise RunError(
            "network.members", f"{members} members cannot hold the rows of {len(prepared.sites)} "
            "hospitals", "each member holds the rows of one site",
            f"ask for {len(prepared.sites)} members or more, or add "
            f'--set data.partition={{by="iid",sites={members}}}',
        )  # fmt: skip
    change = (
        f'data.partition={{by="split",sites={members}}}'
        if part.by == "site"
        else f"data.partition.sites={members}"
    )
    return prepare(read_study(study, [*asked, change]))


def rows_by_site(prepared: Prepared) -> dict[str, SiteRows]:
    """Return each site's rows, whole: what its member brings."""
    study = prepared.study
    sites = partition(prepared.dataset, study.data.partition, study.study.seed)
    return {rows.name: rows for rows in sites}


def tables_by_site(prepared: Prepared) -> dict[str, str]:
    """Return each member's own rows as the CSV file that its node reads."""
    source, table = prepared.study.data.source, prepared.table
    if table is not None and not isinstance(source, str):
        return {name: table_text(rows, source) for name, rows in table.whole.items()}
    schema = prepared.dataset.schema
    return {name: site_table(schema, rows) for name, rows in rows_by_site(prepared).items()}


def roles_of(prepared: Prepared, site: str) -> list[Role]:
    """Return a member's roles: all are sites, the first ones validate, the first one owns."""
    roles: list[Role] = ["site"]
    if site in prepared.validators:
        roles.append("validator")
    if site == prepared.sites[0]:
        roles.append("owner")
    return roles
