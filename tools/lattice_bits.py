"""How many bits of work the lattices of encrypted sums ask for, by core-SVP.

Attacks of Alkim, Ducas, Pöppelmann and Schwabe ("NewHope", USENIX Security 2016), by the geometric
series assumption; one call of a sieve in dimension b costs 2^(0.292 b) classically, and one call is
all that is counted. Primal (section 6.3): blocks of b find the error in a lattice of dimension
d = m + n + 1 and volume q^m where sigma sqrt(b) <= delta^(2 b - d - 1) q^(m/d). Dual (6.4): the
2^(0.2075 b) vectors of a sieve, of length l = delta^(d-1) q^(n/d) with d = m + n, tell samples from
uniform ones with advantage 4 exp(-2 (pi l sigma / q)^2) each.

A uniform secret is turned into one that is distributed as the noise by n of the samples (Applebaum,
Cash, Peikert and Sahai, CRYPTO 2009), so both have one deviation.
"""

from __future__ import annotations

from math import e, log2, pi, sqrt

from collegium.mechanisms.threshold_he.rlwe import NOISE, PARAMETERS, Parameters

CLASSICAL = 0.292


def block_size(degree: int, log2_modulus: float, deviation: float, most_samples: int) -> int:
    """Return the least block size with which the primal attack succeeds.

    Args:
        degree: n, the dimension of the secret, whose own deviation is at least the noise's.
        log2_modulus: of q.
        deviation: sigma of the noise.
        most_samples: m is at most this.
    """
    samples = range(degree // 4, most_samples + 1, max(1, degree // 256))
    low, high = 60, degree  # a larger block than this is no attack worth counting
    while low < high:
        block = (low + high) // 2
        if any(_succeeds(block, degree, m, log2_modulus, deviation) for m in samples):
            high = block
        else:
            low = block + 1
    return low


def bits(parameters: Parameters) -> float:
    """Return the bits of a set: a member's noise given its sum with one other's."""
    log2_modulus = sum(log2(prime) for prime in parameters.primes)
    deviation = sqrt(NOISE / 2) / sqrt(2)
    samples = 2 * parameters.degree
    degree = parameters.degree
    return min(
        CLASSICAL * block_size(degree, log2_modulus, deviation, samples),
        dual_bits(degree, log2_modulus, deviation, samples),
    )


def dual_bits(degree: int, log2_modulus: float, deviation: float, most_samples: int) -> float:
    """Return the bits of the dual attack; the arguments are those of `block_size`."""
    least = float("inf")
    for m in range(degree // 4, most_samples + 1, max(1, degree // 64)):
        for block in range(60, degree):
            length = (m + degree - 1) * log2(_delta(block)) + log2_modulus * degree / (m + degree)
            tau = 2 ** min(length + log2(deviation) - log2_modulus, 20)
            log2_advantage = 2 - 2 * (pi * tau) ** 2 * log2(e)
            repeated = max(0.0, -2 * log2_advantage - 0.2075 * block)
            least = min(least, CLASSICAL * block + repeated)
    return least


def _delta(block: int) -> float:
    return float(((pi * block) ** (1 / block) * block / (2 * pi * e)) ** (1 / (2 * (block - 1))))


def _succeeds(block: int, degree: int, m: int, log2_modulus: float, deviation: float) -> bool:
    dimension = m + degree + 1
    if block > dimension:
        return False
    found = (2 * block - dimension - 1) * log2(_delta(block)) + log2_modulus * m / dimension
    return log2(deviation * sqrt(block)) <= found


if __name__ == "__main__":
    for ring, parameters in PARAMETERS.items():
        print(f"ring {ring}, degree {parameters.degree}: {bits(parameters):.0f} bits")
