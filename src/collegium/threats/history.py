"""Attacks that look back: at how the model moved, and at what others have revealed.

Against centered clipping: Özfatura, Özfatura, Küpçü and Gündüz, "Byzantines can also Learn from
History: Fall of Centered Clipping in Federated Learning", IEEE TIFS 2024: a perturbation at a right
angle to the reference around which updates are clipped, of the reference's own length, is hardly
shortened and adds up over rounds. Free-riders: Fraboni, Vidal and Lorenzi, "Free-rider Attacks on
Model Aggregation in Federated Learning", AISTATS 2021.
"""

from __future__ import annotations

import numpy as np

from collegium.data.randomness import draws
from collegium.learning.encoding import Units
from collegium.threats.adversary_view import AdversaryView, Vector
from collegium.threats.poisoning import Poisoning
from collegium.threats.threat_model import ThreatModel


def _history_aware(observation: AdversaryView) -> Units:
    """Follow the last move, and drift off it at a right angle, always to the same side.

    Before there is a last move, the attackers' own updates stand for it. The side is fixed by the
    seed; what of it lies along the reference is taken out, and the update is as long as the
    attackers' own.
    """
    own = observation.own.astype(np.float64).mean(axis=0)
    moved = observation.last_move
    reference = own if moved is None or not moved.any() else moved
    length = float(np.linalg.norm(own))
    squared = float(reference @ reference)
    side = np.asarray(draws("history", observation.seed).standard_normal(own.size))
    if squared:
        side -= (side @ reference / squared) * reference
        reference = reference / np.sqrt(squared)
    across = float(np.linalg.norm(side)) or 1.0
    return observation.alike(
        observation.scale * length * (reference + side / across) / np.sqrt(2.0)
    )


def _free_rider(observation: AdversaryView) -> Units:
    """Send the last move again with a little noise: no row was looked at for it."""
    moved = observation.last_move
    return _disguised(observation, np.zeros(observation.start.size) if moved is None else moved)


def _copycat(observation: AdversaryView) -> Units:
    """Send the heaviest site's update of the round before: this round's is only committed to."""
    if not len(observation.revealed):
        return _disguised(observation, np.zeros(observation.start.size))
    return _disguised(observation, observation.revealed[0].astype(np.float64))


def _disguised(observation: AdversaryView, vector: Vector) -> Units:
    """Return a vector for each attacker, each with noise of its own so that none looks copied."""
    spread = max(0.02 * float(np.sqrt(np.square(vector).mean())), 1.0)
    sent = []
    for index in observation.attackers:
        noise = draws(
            "disguise", observation.seed, observation.round, observation.participants[index]
        )
        sent.append(observation.within(vector + spread * noise.standard_normal(vector.size)))
    return np.stack(sent)


def _sybil(observation: AdversaryView) -> Units:
    """Send one attack in parts that have nothing in common but their sum.

    k identities send b + d_i, with d_i at right angles to b, of zero sum and of such a length that
    no two of the k vectors point the same way: rules that weigh down those who agree see nothing.
    """
    base = -observation.scale * observation.own.astype(np.float64).mean(axis=0)
    count, length = len(observation.attackers), float(np.linalg.norm(base))
    if count == 1 or not length or base.size <= count:
        return observation.alike(base)
    lots = draws("sybil", observation.seed, observation.round).standard_normal((count, base.size))
    lots -= np.outer(lots @ base, base) / length**2
    basis = np.linalg.qr(lots.T)[0].T[:count]
    corners = basis - basis.mean(axis=0)
    corners *= length * np.sqrt(count - 1) / np.linalg.norm(corners, axis=1, keepdims=True)
    return observation.within(base + corners)


HISTORY_AWARE = Poisoning(
    "history_aware",
    "follows the model's last move and drifts off it at a right angle",
    ThreatModel(
        "a worse model", ("own", "published"), ("updates",), "history-aware", together=True
    ),
    _history_aware,
    scale=1.0,
    scale_means="length, in that of the attackers' own updates",
)
FREE_RIDER = Poisoning(
    "free_rider", "trains nothing and sends the model's last move again, with a little noise",
    ThreatModel("a model and a good name without work", ("own", "published"), ("updates",),
          "history-aware"),
    _free_rider,
)  # fmt: skip
COPYCAT = Poisoning(
    "copycat", "trains nothing and sends the heaviest site's last update, with a little noise",
    ThreatModel("another's merit", ("own", "published", "others"), ("updates",), "history-aware"),
    _copycat,
)  # fmt: skip
SYBIL = Poisoning(
    "sybil", "one attacker as several sites, whose updates have nothing in common but their sum",
    ThreatModel("a worse model", ("own",), ("updates",), "defence-aware", together=True),
    _sybil, scale=5.0, scale_means="multiple of the attackers' mean update, turned round",
)  # fmt: skip
