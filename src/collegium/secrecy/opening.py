"""From masked updates, deals and shares to the next model: what every auditor repeats."""

from __future__ import annotations

from collections.abc import Mapping

from collegium.canonical import malformed
from collegium.learning.aggregation.rule import Aggregate
from collegium.learning.blobs import ModelState
from collegium.learning.server import ServerOptimizer, server_step
from collegium.plugins import find_versioned
from collegium.secrecy.masked import Total, total_of
from collegium.secrecy.secure_sum import Flaw, Posted, SecureSum
from collegium.secrecy.setting import Agreement
from collegium.study.document import Server


def secure_sum_named(versioned: str) -> SecureSum:
    """Return the protocol with a versioned name, such as ``secagg@1``.

    Raises:
        PluginError: it is not installed, or only in another version.
    """
    protocol: SecureSum = find_versioned("secure_sums", versioned)
    return protocol


def unmasked(
    protocol: SecureSum, agreement: Agreement, parameters: int, weights: Mapping[str, int],
    masked: Mapping[str, bytes], deals: Mapping[str, bytes], posted: Posted,
) -> Total | Flaw:  # fmt: skip
    """Return what an attempt's masked updates add up to.

    Args:
        protocol: the study's.
        agreement: the attempt's.
        parameters: d, how many coordinates the model has.
        weights: the survivors' registered weights.
        masked: the blobs of the survivors' masked updates.
        deals: the blobs of all deals.
        posted: the shares on the ledger.

    Raises:
        FormatError: a blob is malformed, or the sum is of no honest updates.
    """
    vector = protocol.total(agreement, parameters, masked, deals, posted)
    if isinstance(vector, Flaw):
        return vector
    total = total_of(vector, sum(weights.values()), len(masked))
    if total is None:
        raise malformed("a sum of masked updates", "no updates within their range give it")
    return total


def model_after(
    start: ModelState, total: Total, weights: int, exponent: int, optimizer: ServerOptimizer,
    settings: Server,
) -> ModelState:  # fmt: skip
    """Return the model after a round, as the mean of the same plain updates gives it.

    Raises:
        RunError: the arithmetic has no finite result.
    """
    return server_step(start, Aggregate(total.values, weights), exponent, optimizer, settings)
