"""Groups as lots would draw them, in a simulation without a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from collegium.federation.local_updates import Assignment
from collegium.learning.aggregation.updates import Contribution
from collegium.mechanisms.groups.rules import draw_groups, members_by_group
from collegium.secrecy.secure_sum import SecureSum
from collegium.simulation.seam import Simulated, Simulation
from collegium.study.terms import fewest_groups, group_count, share_threshold
from collegium.threats.dropout import absent


def _fixes(
    within: Simulation, protocol: SecureSum, work: Assignment, sent: Mapping[str, Contribution]
) -> Mapping[str, Any] | None:
    """Return who is in which group that goes on, if there are enough of them."""
    study, place = within.prepared.study, (within.prepared.study.study.id, work.round, 1)
    silent = absent(study.faults.dropout, study.study.seed, work.round, 1, work.participants)
    keys = {}
    for name in work.participants:
        if name not in silent:
            pair = protocol.advertise(within.members[name].own_secrets(*place))
            keys[name] = pair.mask + pair.share
    inside = members_by_group(draw_groups(*place, keys, group_count(study)), tuple(sent))
    threshold = share_threshold(study, len(within.prepared.sites))
    left = {number: names for number, names in inside.items() if len(names) >= threshold}
    groups = {name: number for number, names in left.items() for name in names}
    if len(left) < fewest_groups(study) or len(groups) < within.prepared.min_sites:
        return None
    return {"groups": groups, "included": tuple(name for name in sent if name in groups)}


def _simulates(within: Simulation) -> Simulated | None:
    protocol = within.prepared.parts.secure_sum
    if protocol is None or not group_count(within.prepared.study):
        return None
    return Simulated(partial(_fixes, within, protocol))


SIMULATED = _simulates
