"""Cox's partial likelihood with Breslow's treatment of ties, for many sets of rows at once.

The likelihood of an event compares the row with those still under observation at that time, its
risk set (Cox, "Regression Models and Life-Tables", JRSS B 1972, equation 12; ties: Breslow,
"Covariance Analysis of Censored Survival Data", Biometrics 1974). A risk set never reaches
beyond a set of rows: what comes of it is the likelihood stratified by set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


def slopes(risk: Float64, time: Float64, event: Bool, counted: Bool) -> Float64:
    """Return the derivative of the negative log likelihood by each log hazard, [A, B].

    Args:
        risk: [A, B], each row's log relative hazard.
        time: [A, B], 0 or more.
        event: [A, B], whether the event was seen at that time.
        counted: [A, B], which rows are there; at least one in each line.
    """
    order, latest_first = _latest_first(time, counted)
    hazard, at_risk = _at_risk(risk, order, latest_first, counted)
    seen = np.take_along_axis(event & counted, order, axis=1)
    steps = np.where(seen, 1.0 / at_risk, 0.0)
    # Sums run along a line one by one: no other line, nor the number of lines, changes their bits.
    cumulative = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
    cumulative = np.take_along_axis(cumulative, _first_of_equals(latest_first), axis=1)
    result = np.empty_like(risk)
    np.put_along_axis(result, order, hazard * cumulative - seen, axis=1)
    return result


def terms(risk: Float64, time: Float64, event: Bool) -> Float64:
    """Return each row's part of the negative log likelihood, [B]: 0 where no event was seen."""
    counted = np.ones((1, len(risk)), np.bool_)
    order, latest_first = _latest_first(time[None], counted)
    _, at_risk = _at_risk(risk[None], order, latest_first, counted)
    logs = np.empty_like(risk)
    logs[order[0]] = np.log(at_risk[0]) + risk.max()
    return np.where(event, logs - risk, 0.0)


def _latest_first(time: Float64, counted: Bool) -> tuple[NDArray[np.int64], Float64]:
    """Return the order of rows from the latest time on, those not counted last, and the times."""
    times = np.where(counted, time, -1.0)
    order = np.argsort(-times, axis=1, kind="stable")
    return order, np.take_along_axis(times, order, axis=1)


def _at_risk(
    risk: Float64, order: NDArray[np.int64], latest_first: Float64, counted: Bool
) -> tuple[Float64, Float64]:
    """Return each row's hazard and that of its risk set, in order, over that of the line's peak."""
    in_order = np.take_along_axis(np.where(counted, risk, -np.inf), order, axis=1)
    hazard = np.exp(in_order - in_order.max(axis=1, keepdims=True))
    sums = np.cumsum(hazard, axis=1)
    return hazard, np.take_along_axis(sums, _last_of_equals(latest_first), axis=1)


def _first_of_equals(values: Float64) -> NDArray[np.int64]:
    """Return for each position the first one with the same value, where equal values adjoin."""
    places = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    begins = np.ones(values.shape, np.bool_)
    begins[:, 1:] = values[:, 1:] != values[:, :-1]
    return np.maximum.accumulate(np.where(begins, places, 0), axis=1)


def _last_of_equals(values: Float64) -> NDArray[np.int64]:
    """Return for each position the last one with the same value, where equal values adjoin."""
    mirrored = _first_of_equals(values[:, ::-1])[:, ::-1]
    return np.asarray(values.shape[1] - 1 - mirrored)
