"""Whole sites as units: which mechanism, weights and exponent go with them, and at what price."""

from __future__ import annotations

import pytest

from collegium.accounting.adaptive import bound_at, nearest_below
from collegium.accounting.orders import MICRO
from collegium.accounting.terms import spent_after
from collegium.errors import StudyError
from collegium.study.checking import check_sites
from collegium.study.privacy import in_words, privacy_terms
from collegium.study.reading import ReadStudy, read_study

SITES = tuple(f"s{k:02d}" for k in range(10))


def read(*changes: str, **settings: object) -> ReadStudy:
    usual = {"unit": "client", "epsilon": 8.0, "delta": 1e-5, "mechanism": "local", **settings}
    written = ", ".join(f"{key} = {value!r}" for key, value in usual.items() if value is not None)
    study = [
        f"privacy.differential_privacy={{{written}}}", "training.rounds=5",
        "aggregation.weights=equal", "aggregation.exponent=8",
    ]  # fmt: skip
    return read_study("heart", [*study, *changes])


def refused(*changes: str, **settings: object) -> StudyError:
    with pytest.raises(StudyError) as caught:
        check_sites(read(*changes, **settings).study, SITES)
    return caught.value


@pytest.mark.parametrize(
    ("changes", "settings", "words"),
    [
        ((), {"mechanism": "dp_sgd"}, '"local"'),
        ((), {"unit": "patient"}, '"dp_sgd"'),
        ((), {"sampling_rate": 0.1}, "remove sampling_rate"),
        (("aggregation.weights=rows",), {}, '"equal"'),
        (("consensus.engine=log",), {"mechanism": "central"}, '"local"'),
        ((), {"colluders": 1}, "remove colluders"),
        (("aggregation.rule=median",), {"mechanism": "central"}, '"fedavg"'),
        (("aggregation.rule=median",), {"clipping": "adaptive"}, 'clipping = "fixed"'),
        (
            (), {"unit": "patient", "mechanism": "dp_sgd", "clipping": "adaptive"},
            'clipping = "fixed"',
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_with_what_would(
    changes: tuple[str, ...], settings: dict[str, object], words: str
) -> None:
    error = refused(*changes, **settings)
    assert error.code == "study.combination"
    assert words in error.todo


def test_an_exponent_without_room_is_refused_with_one_that_has() -> None:
    error = refused("aggregation.exponent=14")
    suggested = error.todo.rpartition(" ")[2]
    check_sites(read(f"aggregation.exponent={suggested}").study, SITES)
    low = refused("aggregation.exponent=4")
    check_sites(read(f"aggregation.exponent={low.todo.rpartition(' ')[2]}").study, SITES)
    assert "no room" in refused(epsilon=0.02).what


def test_a_clip_that_follows_costs_a_tenth_and_keeps_room_for_every_step_of_its_grid() -> None:
    fixed, follows = privacy_terms(read().study), privacy_terms(read(clipping="adaptive").study)
    assert fixed is not None
    assert follows is not None
    assert follows.noise == pytest.approx(fixed.noise / 0.9**0.5, rel=0.001)
    assert "clips from 1 on that follow" in in_words(follows, 5)
    for clip in (1.0, 0.3, 5.0):
        error = refused("aggregation.exponent=20", clipping="adaptive", clip=clip)
        exponent = int(error.todo.rpartition(" ")[2])
        check_sites(
            read(f"aggregation.exponent={exponent}", clipping="adaptive", clip=clip).study, SITES
        )
        octave = nearest_below(clip) // 8
        largest = bound_at(8 * octave + 7, exponent)
        assert largest * (1 + 8 * follows.noise / MICRO) <= 32767
        assert bound_at(8 * octave, exponent) >= 64


def test_noise_of_one_site_alone_is_refused() -> None:
    error = refused("study.min_sites=2", mechanism="central", colluders=1)
    assert "noise of 1 sites" in error.what


def test_local_noise_is_twice_the_central_for_the_same_epsilon() -> None:
    local = privacy_terms(read().study)
    central = privacy_terms(read(mechanism="central").study)
    assert local is not None
    assert central is not None
    assert local.noise == pytest.approx(2 * central.noise, rel=0.002)
    for terms in (local, central):
        assert spent_after(terms, 5) <= 8 * MICRO < spent_after(terms, 6)
        assert "unit client" in in_words(terms, 5)
        assert "delta 1e-05" in in_words(terms, 5)


def test_few_sites_are_warned_that_it_is_hardly_affordable() -> None:
    codes = {one.code for one in check_sites(read().study, SITES)}
    assert "privacy.unaffordable" in codes
