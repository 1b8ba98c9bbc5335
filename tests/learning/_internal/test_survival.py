"""Cox's partial likelihood: as defined, as lifelines fits it, and stratum by stratum."""

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.learning._internal import survival

Rows = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def rows(number: int, seed: int, times: int = 1000) -> Rows:
    """Log hazards, times (few of them make ties) and events."""
    random = np.random.RandomState(seed)
    time = random.randint(0, times, number).astype(np.float64)
    return random.normal(size=number), time, random.rand(number) < 0.6


def by_definition(risk: NDArray[np.float64], time: NDArray[np.float64], event: list[bool]) -> float:
    """Breslow's negative log likelihood, event by event."""
    total = 0.0
    for i in range(len(risk)):
        if event[i]:
            total += np.log(sum(np.exp(risk[j]) for j in range(len(risk)) if time[j] >= time[i]))
            total -= risk[i]
    return float(total)


@pytest.mark.parametrize("times", [3, 1000])
def test_the_terms_add_up_to_breslows_likelihood(times: int) -> None:
    risk, time, event = rows(40, 1, times)
    total = survival.terms(risk, time, event).sum()
    assert total == pytest.approx(by_definition(risk, time, list(event)), rel=1e-12)


@pytest.mark.parametrize("times", [3, 1000])
def test_the_slopes_are_those_of_the_likelihood(times: int) -> None:
    risk, time, event = rows(25, 2, times)
    found = survival.slopes(risk[None], time[None], event[None], np.ones((1, 25), bool))[0]
    for i in range(25):
        step = 1e-6 * (np.arange(25) == i)
        up, down = (by_definition(risk + sign * step, time, list(event)) for sign in (1, -1))
        assert found[i] == pytest.approx((up - down) / 2e-6, abs=1e-6)
    assert abs(found.sum()) < 1e-12


def test_a_line_has_the_same_bits_alone_and_whatever_is_padded() -> None:
    lines = [rows(30, seed, 8) for seed in range(4)]
    counted = np.arange(30) < np.array([[30], [29], [7], [1]])
    risks, times, events = (np.stack(parts) for parts in zip(*lines, strict=True))
    whole = survival.slopes(risks, times, events, counted)
    for place, (risk, time, event) in enumerate(lines):
        alone = survival.slopes(risk[None], time[None], event[None], counted[place : place + 1])
        assert alone.tobytes() == whole[place : place + 1].tobytes()
        kept = counted[place]
        bare = survival.slopes(
            risk[None, kept], time[None, kept], event[None, kept], kept[None, kept]
        )
        assert whole[place, kept] == pytest.approx(bare[0], rel=1e-14, abs=1e-15)


# Golden values: lifelines 0.30.3, CoxPHFitter with precision 1e-12, without and with
# strata=["site"], on the rows below, in which no two times are equal, so that all treatments of
# ties agree.
PLAIN = [0.5990729600561597, -0.43855518248967595, 0.15215852701985125], -314.35019687926945
BY_SITE = [0.7343659367447507, -0.43466238495093373, 0.06684120941623907], -219.9983376447417


@pytest.mark.parametrize(("fitted", "stratified"), [(PLAIN, False), (BY_SITE, True)])
def test_lifelines_coefficients_are_where_the_likelihood_is_flat(
    fitted: tuple[list[float], float], stratified: bool
) -> None:
    random = np.random.RandomState(7)
    site, x = random.randint(0, 3, 120), random.normal(size=(120, 3))
    hazard = np.exp(x @ [0.8, -0.5, 0.0] + 0.4 * site)
    until = random.exponential(size=120) / hazard
    censored = random.exponential(size=120) * 1.5
    time: NDArray[np.float64] = np.round(np.minimum(until, censored), 9).astype(np.float64)
    event = until <= censored
    coefficients, likelihood = fitted
    slope, total = np.zeros(3), 0.0
    for stratum in range(3 if stratified else 1):
        own = site == stratum if stratified else np.ones(120, bool)
        risk = np.asarray(x[own] @ coefficients, np.float64)
        by_row = survival.slopes(
            risk[None], time[None, own], event[None, own], np.ones((1, own.sum()), bool)
        )
        slope += by_row[0] @ x[own]
        total -= survival.terms(risk, time[own], event[own]).sum()
    assert np.abs(slope).max() < 1e-8
    assert total == pytest.approx(likelihood, rel=1e-9)
