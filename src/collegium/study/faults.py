"""Whether the faults that a study plants leave it able to work."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.refusal import contradiction
from collegium.study.simulated import SIMULATED
from collegium.study.terms import dropouts


def check_faults(study: Study) -> None:
    """Refuse faults that go with nothing else of the study.

    Raises:
        Refusal: they are planted in no simulation, nobody could go on without those who fail, or
            nobody could be caught by a trap.
    """
    for key, planted in (("dropout", study.faults.dropout), ("traps", study.faults.traps)):
        if planted:
            _check_fault(study, key)
    if study.faults.traps and study.privacy.secure_aggregation is not None:
        raise contradiction(
            ("faults", "traps"), "traps do not go with secure aggregation",
            "a masked update looks like any other, so nobody can be caught by one",
            "leave traps out, or privacy.secure_aggregation",
        )  # fmt: skip


def _check_fault(study: Study, key: str) -> None:
    if study.consensus.engine not in SIMULATED:
        raise contradiction(
            ("faults", key), f"{key} does not go with {study.consensus.engine!r}",
            "faults are planted in simulations only; members of a consortium fail by themselves",
            f'set consensus.engine = "solo", or leave {key} out',
        )  # fmt: skip
    if study.study.attendance == "all":
        raise contradiction(
            ("faults", key), f'{key} does not go with attendance = "all"',
            "a phase would wait for ever for those who have nothing to say",
            f'set attendance = "quorum", or leave {key} out',
        )  # fmt: skip


def check_faults_of_round(study: Study, drawn: int, needed: int) -> None:
    """Refuse faults that leave a round without the updates it needs.

    Args:
        study: the document.
        drawn: how many sites take part in a round.
        needed: how many updates it needs.

    Raises:
        Refusal: every attempt would fail, or every one with a trap.
    """
    silent = dropouts(study.faults.dropout, drawn)
    if silent > drawn - needed:
        raise contradiction(
            ("faults", "dropout"), f"{silent} of the {drawn} sites of a round drop out",
            f"study.min_sites asks for {needed} updates, so every attempt would fail",
            "choose a lower dropout, or a lower study.min_sites",
        )  # fmt: skip
    if study.faults.traps and silent + 1 > drawn - needed:
        raise contradiction(
            ("faults", "traps"), f"a trap leaves {drawn - silent - 1} of a round's {drawn} sites",
            f"study.min_sites asks for {needed} updates, so every attempt with a trap would fail",
            "leave traps out, or choose a lower study.min_sites",
        )  # fmt: skip
