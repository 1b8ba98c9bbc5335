"""A rehearsal's sums by groups: lots and groups as in a run, without a mask on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from collegium.assembly.preparation import Prepared
from collegium.errors import RunError
from collegium.federation.authoring import Assignment
from collegium.federation.identity import identity
from collegium.federation.secrets import simulated_secret
from collegium.learning.aggregation.groups import GroupSum, is_within, model_of_groups, norm_bound
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState
from collegium.mechanisms.groups.rules import draw_groups, members_by_group
from collegium.study.terms import fewest_groups, group_count, share_threshold
from collegium.threats.dropout import absent


def grouped_model(
    prepared: Prepared, genesis: bytes, work: Assignment, sent: Mapping[str, Contribution],
    start: ModelState,
) -> tuple[ModelState, list[Contribution]]:  # fmt: skip
    """Return a round's model and the updates behind it.

    Args:
        prepared: the study.
        genesis: the ledger's digest.
        work: what the round asks.
        sent: the updates of those who have one.
        start: the round's model.

    Raises:
        RunError: too few groups are left, or the arithmetic has no finite result.
    """
    study, protocol = prepared.study, prepared.parts.secure_sum
    secure, number = study.privacy.secure_aggregation, work.round
    if protocol is None or secure is None:
        raise LookupError(study.study.id)
    weights = dict(zip(work.participants, work.weights, strict=True))
    silent = absent(study.faults.dropout, study.study.seed, number, 1, work.participants)
    advertised = {}
    for name in work.participants:
        if name not in silent:
            member = identity(name, genesis, simulated_secret(study.study.seed, name))
            advertised[name] = protocol.advertise(member.own_secrets(study.study.id, number, 1))
    keys = {name: pair.mask + pair.share for name, pair in advertised.items()}
    lots = draw_groups(study.study.id, number, 1, keys, group_count(study))
    threshold, tolerate = share_threshold(study, len(prepared.sites)), study.aggregation.tolerate
    going_on = {
        one: names
        for one, names in members_by_group(lots, tuple(sent)).items()
        if len(names) >= threshold
    }
    left = sum(map(len, going_on.values()))
    if len(going_on) < fewest_groups(study) or left < prepared.min_sites:
        raise _too_few(len(going_on))
    sums = {
        one: GroupSum(
            np.sum([weights[name] * sent[name].values.astype(np.int64) for name in names], axis=0),
            sum(weights[name] for name in names),
        )
        for one, names in going_on.items()
    }
    longest = secure.norm_bound
    bound = None if longest is None else norm_bound(longest, work.exponent)
    sound = {
        one: found
        for one, found in sums.items()
        if bound is None or is_within(found.values, bound * found.weight)
    }
    refused = len(sums) - len(sound)
    if refused > tolerate or not sound:
        raise _too_few(len(sound))
    model = model_of_groups(
        start, sound, work.exponent, prepared.parts.rule, tolerate - refused,
        prepared.parts.server, study.aggregation.server,
    )  # fmt: skip
    return model, [sent[name] for one in sound for name in going_on[one]]


def _too_few(groups: int) -> RunError:
    return RunError(
        "aggregation.refused", "the updates cannot be aggregated",
        f"{groups} groups are left, and the rule needs more",
        "look at who fell silent, or is told to be bad",
    )  # fmt: skip
