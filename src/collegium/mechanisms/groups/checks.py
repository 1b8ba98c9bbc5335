"""Whether sums of groups can hide updates and a rule can reduce them: sizes, thresholds, numbers.

Architecture 3.5, learning section 4: n/g > 2f, because f bad sites spoil up to f groups.
"""

from __future__ import annotations

from collegium.study.document import SecureAggregation, Study
from collegium.study.english import Value
from collegium.study.graph_size import least_threshold
from collegium.study.notice import Notice
from collegium.study.refusal import Refusal, contradiction
from collegium.study.secagg_checks import PLACE
from collegium.study.terms import (
    dropouts,
    fewest_groups,
    fewest_in_group,
    fewest_updates,
    group_count,
    group_sizes,
    share_threshold,
    sites_per_round,
)

GROUPED = ("secagg",)
"""Protocols whose sums can be opened by groups."""

CHECKED = ("secagg", "secagg_plus")
"""Protocols whose sums can be checked against commitments: their vectors are of integers."""


def check_groups(study: Study, sites: int) -> None:
    """Refuse groups that are too small, or too few for what the rule must bear.

    Raises:
        Refusal: with the nearest number that can be chosen.
    """
    secure = study.privacy.secure_aggregation
    if secure is None:
        return
    _check_protocol(secure)
    if secure.groups is None:
        return
    _check_noise(study)
    drawn, tolerate = sites_per_round(study, sites), study.aggregation.tolerate
    smallest, largest = group_sizes(study, sites)
    needed, hidden = fewest_groups(study), fewest_in_group(study)
    most = max(drawn // hidden, 1)
    fewer = f"choose at most {most}" if most > max(2 * tolerate, 1) else _more(tolerate, hidden)
    if smallest < hidden:
        raise Refusal(
            (*PLACE, "groups"), "study.groups",
            f"{secure.groups} groups of {drawn} sites would have as few as {smallest}",
            f"a sum must hide two updates from {tolerate} bad sites (aggregation.tolerate) that may"
            f" be in it, and each of two knows the other's: {hidden} sites at least",
            fewer,
        )  # fmt: skip
    if secure.groups <= 2 * tolerate:
        enough = 2 * tolerate + 1
        raise Refusal(
            (*PLACE, "groups"), "study.groups",
            f"{secure.groups} groups cannot bear {tolerate} bad sites",
            f"each may spoil the group that it is in, so more than {2 * tolerate} are needed",
            f"choose at least {enough}" if enough <= most else _more(tolerate, hidden),
        )  # fmt: skip
    if not 2 * tolerate < needed <= secure.groups:
        raise Refusal(
            (*PLACE, "fewest_groups"), "study.groups",
            f"a round is to go on with {needed} of {secure.groups} groups",
            f"to bear {tolerate} bad sites takes more than {2 * tolerate} groups, and there are no"
            f" more than {secure.groups}",
            f"choose {min(max(needed, 2 * tolerate + 1), secure.groups)}",
        )  # fmt: skip
    threshold = share_threshold(study, sites)
    least = max(least_threshold(secure.trust, largest), hidden)
    if not least <= threshold <= smallest:
        raise Refusal(
            (*PLACE, "threshold"), "study.threshold",
            f"a threshold of {threshold} in groups of {smallest} to {largest}",
            f"against {secure.trust.replace('_', ' ')} members it is at least {least} here, so that"
            " it is more than a half or two thirds of a group and two updates stay hidden from all"
            " bad sites; and no more than the smallest group has",
            f"choose {least}" if least <= smallest else f"choose at most {most} groups, or a number"
            f" of groups that divides {drawn}",
        )  # fmt: skip
    _check_dropout(study, sites, threshold)


def _check_dropout(study: Study, sites: int, threshold: int) -> None:
    """Refuse planted silence after which every attempt would have too few groups."""
    drawn, groups = sites_per_round(study, sites), group_count(study)
    silent = dropouts(study.faults.dropout, drawn)
    size, larger = divmod(drawn - silent, groups)
    alive = groups if size >= threshold else larger if size + 1 >= threshold else 0
    left = drawn - silent if size >= threshold else alive * (size + 1)
    if silent and (alive < fewest_groups(study) or left < fewest_updates(study, sites)):
        raise Refusal(
            ("faults", "dropout"), "study.groups",
            f"{silent} of the {drawn} sites of a round drop out, which leaves {left} in {alive}"
            f" groups of {threshold} or more",
            "lots put those who are left into groups of one size, and a smaller group is out, so"
            " every attempt would fail",
            "choose a lower dropout, fewer groups, or a lower threshold",
        )  # fmt: skip


def about_groups(study: Study, sites: int) -> tuple[Notice, ...]:
    """Return what sums of ever other groups show, and where one silent site ends a round."""
    secure = study.privacy.secure_aggregation
    if secure is None or secure.groups is None:
        return ()
    found: tuple[Notice, ...] = ()
    if study.privacy.differential_privacy is None:
        drawn: dict[str, Value] = {"case": "groups", "groups": secure.groups, "sites": sites}
        found = (Notice("warning", "study.sums-over-many-sets", drawn),)
    smallest, _ = group_sizes(study, sites)
    if share_threshold(study, sites) < smallest or fewest_groups(study) < secure.groups:
        return found
    told = {"groups": secure.groups, "smallest": smallest}
    return (*found, Notice("warning", "study.groups-need-all", told))


def _more(tolerate: int, hidden: int) -> str:
    return (
        f"let at least {(2 * tolerate + 1) * hidden} sites take part in a round, or lower"
        " aggregation.tolerate"
    )


def _check_protocol(secure: SecureAggregation) -> None:
    if secure.groups is None:
        for key in ("fewest_groups", "norm_bound"):
            if getattr(secure, key) is not None:
                raise contradiction(
                    (*PLACE, key), f"{key} is set, and there are no groups",
                    "it says what becomes of a group", f"set groups, or remove {key}",
                )  # fmt: skip
    for key, value, among in (
        ("groups", secure.groups, GROUPED), ("sum_check", secure.sum_check, CHECKED),
    ):  # fmt: skip
        if value is not None and secure.protocol not in among:
            raise contradiction(
                (*PLACE, key), f"{key} does not go with the protocol {secure.protocol!r}",
                f"it is made for {' and '.join(among)}", f"set protocol = {among[0]!r}",
            )  # fmt: skip


def _check_noise(study: Study) -> None:
    """Refuse noise and a clip that are made for the sum over all sites."""
    private = study.privacy.differential_privacy
    if private is not None and not private.protects.in_training:
        raise contradiction(
            (*PLACE, "groups"), "differential privacy of whole sites does not go with groups",
            "noise and clip are made for the sum over all sites, and a group's has a part of them",
            'remove groups, or set differential_privacy.unit = "patient"',
        )  # fmt: skip
