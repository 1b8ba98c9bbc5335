"""How long members of a simulated consortium take, and what for: `Timing`, made of a study."""

from __future__ import annotations

from collections.abc import Mapping

from collegium.assembly.preparation import Prepared
from collegium.canonical import from_text
from collegium.devices.work import Needs, joules, seconds
from collegium.errors import FormatError
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.speaking import ReservedRows
from collegium.federation.view import StudyView
from collegium.ledger.blobs import BlobFolder
from collegium.ledger.contract.transactions import Transaction
from collegium.ledger.engines.simnet.energy import MICRO
from collegium.ledger.engines.simnet.figures import Simulated
from collegium.ledger.engines.simnet.settings import fleet_of, links_of
from collegium.ledger.engines.simnet.virtual_time import Effort
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.ordering import Ordering
from collegium.simulation.counted_work import Case, named_bytes, work_of


def take_time(
    prepared: Prepared,
    engine: Ordering,
    blobs: BlobFolder,
    trainers: LocalTrainers,
    reserved: Mapping[str, ReservedRows],
) -> None:
    """Have transactions enter when their members' machines have done the work; see `Simulated`.

    Args:
        prepared: the study and its parts.
        engine: nothing is done where it is not in virtual time.
        blobs: what transactions name.
        trainers: know how many rows each site trains on.
        reserved: rows that validators keep for mechanisms.
    """
    if not isinstance(engine, Simulated):
        return
    study, links = prepared.study, links_of(prepared.study.network)
    fleet = fleet_of(study, prepared.sites, prepared.validators)
    delay = (links.low + links.high) / 2 / MICRO
    on_chain = bool(study.consensus.payload_on_chain)

    def size(digest: str) -> int:
        try:
            return blobs.size(from_text(digest, DIGEST_SIZE))
        except FormatError:
            return 0

    def effort_of(member: str, transaction: Transaction) -> Effort:
        kept = {
            name: len(one.rows[member].y) for name, one in reserved.items() if member in one.rows
        }
        case = Case(
            study, prepared.parts.spec, member,
            StudyView(engine.application.state, study.study.id),
            (trainers.rows_of(member), len(prepared.test[member].y)), kept, size, on_chain,
        )  # fmt: skip
        work, machine = work_of(case, transaction), fleet.members[member]
        taken = _micro(seconds(work, machine, links.bandwidth, delay))
        return Effort(
            *taken, _micro(joules(work, machine, fleet.link)), int(work.down + work.up > 0),
            named_bytes(case, transaction) if on_chain else 0,
        )  # fmt: skip

    engine.take_time(effort_of, fleet)


def _micro(needs: Needs) -> tuple[int, int, int]:
    return (
        round(MICRO * needs.compute), round(MICRO * needs.transfer), round(MICRO * needs.crypto)
    )  # fmt: skip
