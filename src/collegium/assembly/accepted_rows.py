"""Whether rows are still those with which a simulated study's sites accepted it."""

from __future__ import annotations

from collections.abc import Mapping

from collegium.assembly.preparation import Prepared
from collegium.canonical import to_text
from collegium.data.table import SiteRows
from collegium.data.tabular.study_rows import StudyRows
from collegium.errors import RunError
from collegium.federation.identity import identity
from collegium.federation.secrets import simulated_secret
from collegium.federation.snapshot import snapshot
from collegium.ledger.contract.tables import Acceptance
from collegium.ledger.contract.transactions import StudyAccept
from collegium.study.terms import agrees_by_statistics


def require_accepted_rows(
    prepared: Prepared, genesis: bytes, accepted: Mapping[str, Acceptance | StudyAccept], todo: str
) -> None:
    """Refuse rows that are not those behind the sites' acceptances.

    Args:
        prepared: the study with the rows as they are now.
        genesis: the digest of the simulation's.
        accepted: what each site said when it accepted, of those that have.
        todo: what to do beside restoring the data.

    Raises:
        RunError: ``run.other-rows``, naming the file.
    """
    study = prepared.study
    for name in prepared.sites:
        if name not in accepted:
            continue
        parts: tuple[SiteRows | StudyRows, ...] = prepared.train[name], prepared.test[name]
        if prepared.table is not None and agrees_by_statistics(study):
            parts = prepared.table.parts[name].train, prepared.table.parts[name].test
        who = identity(name, genesis, simulated_secret(study.study.seed, name))
        if accepted[name].snapshot != to_text(snapshot(who, study.study.id, parts)):
            source = study.data.source
            raise RunError(
                "run.other-rows",
                f"{source if isinstance(source, str) else source.table} has changed since this run"
                " began",
                f"the rows of {name} are not those with which it accepted the study",
                f"restore the data as it was{todo}",
            )  # fmt: skip
