"""What an attack did to a study, measured: by the same study without it, on the same rows.

Only a simulation can tell: it repeats the study's learning without the attackers, and once more
under attack with no defence.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from collegium.assembly.preparation import Prepared, prepare
from collegium.learning.algorithms.layout import model_part
from collegium.learning.blobs import ModelState
from collegium.measuring.quality import Float32, measures_on
from collegium.report.measurements import AttackEffect, Backdoor
from collegium.simulation.ledgerless import run_without_ledger, runs_without_ledger
from collegium.study.document import Threat
from collegium.study.reading import parse_study
from collegium.study.rendering import resolved
from collegium.threats.attack import Attack
from collegium.threats.backdoor import Trigger, success_rate
from collegium.threats.poisoning import Poisoning, pattern_of


def attack_effect(prepared: Prepared, model: Float32 | None) -> AttackEffect | None:
    """Return what a study's attack was granted and did; None where nobody attacks.

    Args:
        prepared: the study.
        model: its final model's parameters, None where it failed.
    """
    attack, threat = prepared.attack, prepared.study.threat
    if attack is None or threat is None:
        return None
    honest = [name for name in prepared.sites if name not in prepared.attackers]
    weights = {name: len(rows.y) for name, rows in prepared.train.items()}
    found = AttackEffect(
        attack=threat.attack,
        about=attack.about,
        attackers=tuple(prepared.attackers),
        rounds=threat.rounds,
        strength=_strength(attack, threat, len(prepared.sites), len(prepared.attackers)),
        share=sum(weights[name] for name in prepared.attackers) / max(sum(weights.values()), 1),
        adaptive=attack.grant.adaptivity != "oblivious",
        granted=dict(attack.grant.words()),
    )
    if model is None or not honest:
        return found
    found = msgspec.structs.replace(found, attacked=measures_on(prepared, honest, model))
    plain = replace(prepared, attack=None)
    if not runs_without_ledger(plain):
        return found
    clean = run_without_ledger(plain).parameters
    found = msgspec.structs.replace(found, clean=measures_on(prepared, honest, clean))
    if not isinstance(attack, Poisoning):
        return found
    if attack.pattern is not None:
        trigger = pattern_of(attack, prepared.train, prepared.attackers, prepared.parts.spec)
        found = msgspec.structs.replace(
            found, backdoor=_backdoor(prepared, honest, trigger, model, clean)
        )
    if prepared.study.aggregation.rule == "fedavg":
        return found
    bare = run_without_ledger(undefended(prepared)).parameters
    return msgspec.structs.replace(found, undefended=measures_on(prepared, honest, bare))


def _strength(attack: Attack, threat: Threat, sites: int, attackers: int) -> str:
    """Return in words how hard an attack hits, where a study may say so."""
    if not isinstance(attack, Poisoning) or attack.scale is None:
        return ""
    if threat.scale is None and not attack.scale:
        chosen = "" if attack.chooses is None else f"{attack.chooses(sites, attackers):.2g}, "
        return f"{chosen}its own choice ({attack.scale_means})"
    scale = attack.scale if threat.scale is None else threat.scale
    return f"{scale:g} ({attack.scale_means})"


def undefended(prepared: Prepared) -> Prepared:
    """Return a study under the same attack with FedAvg: no robust rule and no momentum carried."""
    study = prepared.study
    bare = msgspec.structs.replace(
        study,
        training=msgspec.structs.replace(study.training, site_momentum=None),
        aggregation=msgspec.structs.replace(
            study.aggregation, rule="fedavg", tolerate=0, scores=None
        ),
    )
    beside = prepared.read.folder
    return prepare(parse_study(resolved(bare), "the study without a defence", beside))


def _backdoor(
    prepared: Prepared, honest: list[str], trigger: Trigger, model: Float32, clean: Float32
) -> Backdoor | None:
    """Return how often the pattern decides, with the attack and without, and how long it does."""
    spec, threshold = prepared.parts.spec, prepared.study.evaluation.threshold
    tested = [prepared.test[name] for name in honest]
    trained = [prepared.train[name] for name in honest]
    success = success_rate(spec, model, tested, trigger, threshold)
    before = success_rate(spec, clean, tested, trigger, threshold)
    if success is None or before is None:
        return None
    rounds = prepared.study.threat.rounds if prepared.study.threat is not None else ()
    last = max(rounds, default=prepared.study.training.rounds)
    after: list[float] = []

    def watch(number: int, state: ModelState) -> None:
        if number >= last:
            parameters = model_part(spec, state.parameters)
            rate = success_rate(spec, parameters, trained, trigger, threshold)
            after.append(0.0 if rate is None else rate)

    run_without_ledger(prepared, watch)
    shut = next((index for index, rate in enumerate(after) if rate < 0.5), None)
    return Backdoor(
        success=success, without=before, rows=sum(int((rows.y != 0).sum()) for rows in tested),
        watched=len(after) - 1, lasted=shut,
    )  # fmt: skip
