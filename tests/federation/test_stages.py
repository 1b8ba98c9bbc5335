"""What becomes of an update, stage by stage: which there are, in which order, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest

from collegium.accounting.updates import LEAST_BOUND
from collegium.federation.identity import Identity, member_key
from collegium.federation.local_updates import Assignment, Int16, encoding_of
from collegium.federation.stages import InRound, Stages, stages_of
from collegium.learning.encoding import encode_step
from collegium.plugins import BUILT_IN
from collegium.study.document import Study
from collegium.study.message import Outbound, Recipients
from collegium.study.privacy import privacy_terms
from collegium.study.reading import read_study

MASKED = 'privacy.secure_aggregation={ protocol = "secagg", trust = "honest_but_curious" }'
ENCRYPTED = 'privacy.secure_aggregation={ protocol = "threshold_he" }'
PATIENTS = "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}"
CUT = "aggregation.compression={keep=0.25}"


def clients(mechanism: str, *more: str) -> tuple[str, ...]:
    keys = ", ".join((f"mechanism='{mechanism}'", "epsilon=200.0", "delta=1e-5", *more))
    return (
        f"privacy.differential_privacy={{unit='client', {keys}}}", "aggregation.weights=equal",
        "training.rounds=3", "study.max_attempts=1",
    )  # fmt: skip


def study_of(*changes: str) -> Study:
    return read_study("heart10", changes).study


def work(exponent: int, size: int, **more: Any) -> InRound:
    """A round of a study of ten sites, at one of them."""
    asked = Assignment(
        3, exponent, ("s0",), (1,), b"m" * 32, np.zeros(size, np.float32), 10, lambda: None, **more
    )
    secret = bytes(range(32))
    return InRound(asked, Identity("s0", b"g" * 32, member_key(secret), secret))


def update(size: int, scale: float = 2000.0) -> Int16:
    values: Int16 = np.random.default_rng(1).normal(0, scale, size).astype(np.int16)
    return values


@pytest.mark.parametrize(("changes", "expected"), [
    ((), ["encode@1", "none@1", "plain@1"]),
    (("consensus.engine=log",), ["encode@1", "none@1", "sealed@1"]),
    ((PATIENTS,), ["encode@1", "dp_sgd@1", "none@1", "plain@1"]),
    ((PATIENTS, MASKED), ["encode@1", "dp_sgd@1", "none@1", "secagg@1"]),
    (clients("local"), ["encode@1", "clip@1", "local_skellam@1", "none@1", "plain@1"]),
    ((*clients("central"), MASKED),
     ["encode@1", "clip@1", "central_skellam@1", "none@1", "secagg@1"]),
    (clients("central", "clipping='adaptive'"),
     ["encode@1", "following_clip@1", "central_skellam@1", "none@1", "plain@1"]),
    ((CUT,), ["encode@1", "none@1", "random_k@1", "plain@1"]),
    ((CUT, ENCRYPTED), ["encode@1", "none@1", "random_k@1", "threshold_he@1"]),
    (("consensus.engine=log", MASKED), ["encode@1", "none@1", "secagg@1"]),
])  # fmt: skip
def test_a_study_has_its_stages_in_one_order(changes: tuple[str, ...], expected: list[str]) -> None:
    assert [stage.name for stage in stages_of(study_of(*changes))] == expected


def test_stages_follow_from_the_document_alone() -> None:
    for changes in ((), (CUT, MASKED), clients("local")):
        assert stages_of(study_of(*changes)) == stages_of(study_of(*changes))
        assert hash(stages_of(study_of(*changes)))


@pytest.mark.parametrize(
    "changes", [(), (CUT, MASKED), (PATIENTS,), clients("local"), clients("central")]
)
def test_what_stages_charge_is_what_the_study_registers(changes: tuple[str, ...]) -> None:
    study = study_of(*changes)
    stages, terms = stages_of(study), privacy_terms(study)
    charged = [stage.charge for stage in stages if stage.charge]
    assert charged == ([] if terms is None else [terms.charge])
    assert stages.charges == (terms is not None)


def test_who_makes_updates_encodes_as_the_first_stage_does() -> None:
    bound = 'privacy.secure_aggregation={ protocol = "secagg", groups = 3, norm_bound = 0.5 }'
    for changes, longest in (((), None), ((bound,), 0.5)):
        study = study_of(*changes)
        stages = stages_of(study)
        assert stages.encode == encoding_of(study)
        step = np.random.default_rng(2).normal(0, 1, 40)
        encoded = stages.encode.apply(step.copy(), work(10, 40).work)
        if longest is None:
            assert (encoded == encode_step(step.copy(), 10)).all()
        else:
            length = np.linalg.norm(encoded.astype(np.float64))
            assert longest * 2**10 * 0.9 < length <= longest * 2**10


@dataclass(frozen=True)
class Halved:
    """A stage of another package."""

    name: str = "halved@1"
    charge: tuple[int, ...] = ()

    def apply(self, what: Int16, at: InRound, /) -> Int16:
        return what // np.int16(2)

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        return message


HALVED = Halved()


def test_a_stage_of_another_package_stands_after_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN["stages"], "halved", f"{__name__}:HALVED")
    study, plain = study_of("privacy.protection=halved", *clients("local")), clients("local")
    stages, before = stages_of(study), stages_of(study_of(*plain))
    assert [stage.name for stage in stages][-3:] == ["local_skellam@1", "halved@1", "plain@1"]
    at, values = work(study.aggregation.exponent, 50), update(50)
    assert (stages.to_keep(values, at) == before.to_keep(values, at) // 2).all()


def test_plain_updates_are_kept_as_they_are() -> None:
    values = update(50)
    assert stages_of(study_of()).to_keep(values, work(12, 50)) is values


def test_a_fixed_clip_is_in_the_model_s_units_and_never_below_what_is_charged_for() -> None:
    clip, _, _ = stages_of(study_of(*clients("local", "clip=0.5"))).kept
    for exponent, bound in ((12, 2048), (9, 256), (4, LEAST_BOUND)):
        short = clip.apply(update(50), work(exponent, 50)).astype(np.int64)
        assert 0.8 * bound**2 < (short**2).sum() <= bound**2


def test_a_following_clip_is_the_round_s_and_says_whether_an_update_was_within_it() -> None:
    clip, _, _ = stages_of(study_of(*clients("central", "clip=0.5", "clipping='adaptive'"))).kept
    for k, within in ((-8, -1), (16, 1)):  # 2^(k/8) in the model's units
        told = clip.apply(np.append(update(50), np.int16(0)), work(12, 51, clip=k))
        bound = int(2 ** (k / 8 + 12))
        assert told[-1] == within * (bound // 3)
        assert (told[:-1].astype(np.int64) ** 2).sum() <= bound**2
    with pytest.raises(LookupError):
        clip.apply(update(51), work(12, 51))


def noise(stages: Stages, at: InRound) -> Int16:
    """What a study's noise adds to nothing."""
    return stages.to_keep(np.zeros(20_000, np.int16), at)


def test_noise_is_the_same_whenever_it_is_asked_for_and_another_round_s_is_another() -> None:
    stages, at = stages_of(study_of(*clients("local"))), work(8, 20_000)
    assert (noise(stages, at) == noise(stages, at)).all()
    for other in ({"round": 4}, {"model": b"n" * 32}):
        moved = InRound(_with(at.work, **other), at.identity)
        assert (noise(stages, moved) != noise(stages, at)).mean() > 0.5
    secret = bytes(32)
    stranger = InRound(at.work, Identity("s0", b"g" * 32, member_key(secret), secret))
    assert (noise(stages, stranger) != noise(stages, at)).mean() > 0.5


def test_a_part_of_the_noise_is_for_the_fewest_updates_less_the_colluders() -> None:
    stages = stages_of(study_of(*clients("central", "colluders=2"), "study.min_sites=6"))
    whole = noise(stages, work(8, 20_000, fewest=3)).astype(np.float64).var()
    for fewest in (4, 6, 10):
        part = noise(stages, work(8, 20_000, fewest=fewest)).astype(np.float64).var()
        assert part * (fewest - 2) == pytest.approx(whole, rel=0.1)


def _with(asked: Assignment, **changes: Any) -> Assignment:
    return msgspec.structs.replace(asked, **changes)


def test_a_cut_keeps_the_same_coordinates_at_every_site_and_others_in_another_round() -> None:
    stages, at, places = stages_of(study_of(CUT)), work(12, 80), np.arange(80, dtype=np.int16)
    kept = stages.to_keep(places, at)
    assert kept.size == 20
    other = bytes(32)
    elsewhere = InRound(at.work, Identity("s9", b"g" * 32, member_key(other), other))
    assert (stages.to_keep(places, elsewhere) == kept).all()
    later = InRound(_with(at.work, round=4), at.identity)
    assert set(stages.to_keep(places, later)) != set(kept)
