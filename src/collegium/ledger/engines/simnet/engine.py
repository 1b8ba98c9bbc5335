"""The engine: it opens a simulated consortium's ordering, new or as it was left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from collegium.consensus.machine import ConsensusProtocol
from collegium.consensus.network import DEFAULT
from collegium.consensus.simulator import Simulator
from collegium.errors import RunError
from collegium.ledger.engines.simnet.ordering import SimulatedOrdering
from collegium.ledger.engines.simnet.record import NAME, Record, read_until
from collegium.ledger.engines.simnet.settings import network_of, setting_of
from collegium.ledger.frames import BLOCK, read_frames
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import SigningKey, key_id
from collegium.ledger.opening import take_up_ledger
from collegium.plugins import find
from collegium.study.document import Study
from collegium.study.simulated import DEFAULT_PROTOCOL


@dataclass(frozen=True, slots=True)
class Simnet:
    """The engine; it satisfies `ledger.ordering.Simulates`."""

    about: str = "a consensus protocol on a simulated network, in virtual time"
    has_log_key: bool = False

    def simulate(
        self,
        path: Path,
        genesis: Genesis,
        keys: Mapping[str, SigningKey],
        study: Study,
        warn: Callable[[str], None],
    ) -> SimulatedOrdering:
        """Open a consortium's ordering: see `Simulates`.

        Raises:
            RunError: what entered an unfinished run is not there, so that it cannot go on.
        """
        members = [one.id for one in genesis.members]
        validators = [one for one in genesis.members if one.power]
        names = [one.id for one in validators]
        behind = {
            name: names.index(name) if name in names else at % len(names)
            for at, name in enumerate(members)
        }
        protocol_name = study.consensus.protocol or DEFAULT_PROTOCOL
        protocol: ConsensusProtocol = find("protocols", protocol_name)
        powers = tuple(one.power for one in validators)
        simulator = Simulator(
            protocol, setting_of(study, protocol, powers, {}), network_of(study, behind),
            seed=study.study.seed,
        )  # fmt: skip
        application = take_up_ledger(path, genesis, warn)
        blocks = sum(frame.kind == BLOCK for frame in read_frames(path.read_bytes()))
        record = path.with_name(NAME)
        lines, found = read_until(record, blocks)
        network = (study.network.preset if study.network else None) or DEFAULT
        ordering = SimulatedOrdering(
            application, simulator, (protocol_name, network), behind, names,
            {key_id(key.public): name for name, key in keys.items()},
        )  # fmt: skip
        if found < blocks and lines:
            application.close()
            raise RunError(
                "run.no-consensus-record", f"{path.parent} cannot be resumed",
                f"{NAME}, which says what entered the simulated network, does not reach the "
                "ledger's last block",
                f"restore {NAME} from where it went, or start again with another --out",
            )  # fmt: skip
        ordering.go_on(Record(record), lines)
        return ordering


SIMNET = Simnet()
