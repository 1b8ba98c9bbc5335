"""The protocol of a recorded design."""

from __future__ import annotations

from collegium.plugins import find_versioned
from collegium.secrecy.secure_sum import SecureSum


def secure_sum_named(versioned: str) -> SecureSum:
    """Return the protocol of a design, such as ``secagg@1`` or ``grouped_secagg@1``.

    Raises:
        PluginError: it is not installed, or only in another version.
    """
    protocol: SecureSum = find_versioned("secure_sums", versioned.removeprefix("grouped_"))
    return protocol
