"""The engine: it opens a simulated consortium's ordering, new or as it was left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.consensus.machine import ConsensusProtocol
from collegium.consensus.network import DEFAULT
from collegium.consensus.simulator import Simulator
from collegium.errors import RunError
from collegium.ledger.engines.simnet.ordering import SimulatedOrdering
from collegium.ledger.engines.simnet.record import NAME, Record, read_until
from collegium.ledger.engines.simnet.settings import network_of, setting_of
from collegium.ledger.frames import BLOCK, read_frames
from collegium.ledger.keys import key_id
from collegium.ledger.opening import take_up_ledger
from collegium.ledger.ordering import Simulating
from collegium.plugins import find
from collegium.study.simulated import DEFAULT_PROTOCOL


@dataclass(frozen=True, slots=True)
class Simnet:
    """The engine; it satisfies `ledger.ordering.Simulates`."""

    about: str = "a consensus protocol on a simulated network, in virtual time"
    has_log_key: bool = False

    def simulate(self, simulating: Simulating) -> SimulatedOrdering:
        """Open a consortium's ordering: see `Simulates`.

        Raises:
            RunError: what entered an unfinished run is not there, so that it cannot go on.
        """
        path, genesis, study = simulating.path, simulating.genesis, simulating.study
        members = [one.id for one in genesis.members]
        validators = [one for one in genesis.members if one.power]
        names = [one.id for one in validators]
        behind = validators_of(members, names)
        protocol_name = study.consensus.protocol or DEFAULT_PROTOCOL
        protocol: ConsensusProtocol = find("protocols", protocol_name)
        powers = tuple(one.power for one in validators)
        worth: dict[int, tuple[int, ...]] = {}
        simulator = Simulator(
            protocol, setting_of(study, protocol, powers, worth, behind), network_of(study, behind),
            seed=study.study.seed,
            liars={behind[name]: liar for name, liar in simulating.liars.items()},
        )  # fmt: skip
        application = take_up_ledger(path, genesis, simulating.warn)
        blocks = sum(frame.kind == BLOCK for frame in read_frames(path.read_bytes()))
        record = path.with_name(NAME)
        lines, found = read_until(record, blocks)
        network = (study.network.preset if study.network else None) or DEFAULT
        ordering = SimulatedOrdering(
            application, simulator, (protocol_name, network), behind, names,
            {key_id(key.public): name for name, key in simulating.keys.items()},
            simulating.authors, worth,
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


def validators_of(members: Sequence[str], validators: Sequence[str]) -> dict[str, int]:
    """Return the number of the validator behind which each member is: its own, or one by turns."""
    return {
        name: validators.index(name) if name in validators else at % len(validators)
        for at, name in enumerate(members)
    }


SIMNET = Simnet()
