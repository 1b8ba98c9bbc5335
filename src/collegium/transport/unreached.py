"""Why a sequencer was not reached: the proxy, its certificate, or the line."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.client import RemoteDisconnected

import urllib3

from collegium.errors import RunError, reason_of
from collegium.transport.proxy import shown

AWAY = ("transport.unreachable", "transport.proxy", "transport.untrusted", "transport.other-name")
"""Codes of what may be otherwise when it is asked again later."""

_OTHER_NAME = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL."""


def is_final(error: Exception) -> bool:
    """Whether trying again is of no use: one of the two does not trust the other."""
    return isinstance(error, urllib3.exceptions.SSLError) or any(
        isinstance(one, ssl.SSLCertVerificationError) for one in _causes(error)
    )


def is_silence(error: Exception) -> bool:
    """Whether nothing came in time: a process that is paused, or a line that is dead."""
    return isinstance(error, urllib3.exceptions.TimeoutError)


def unreached(url: str, error: Exception, proxy: str | None = None) -> RunError:
    """Return the error to tell of a question that got no answer.

    Args:
        url: the sequencer's.
        error: what urllib3 or the system says.
        proxy: through which it was asked, or None.
    """
    why = _why(error)
    for cause in _causes(error):
        if isinstance(cause, urllib3.exceptions.ProxyError) or "Tunnel connection" in str(cause):
            return RunError(
                "transport.proxy", f"the proxy {shown(proxy or '')} does not lead to {url}", why,
                "check sequencer.proxy in node.toml, or HTTPS_PROXY and NO_PROXY; ask whoever runs "
                "the proxy to allow CONNECT to that host and port, without inspecting TLS",
            )  # fmt: skip
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _distrusted(url, cause)
    return RunError(
        "transport.unreachable", f"the sequencer at {url} cannot be reached", why,
        "it is asked again; see that it runs, that both have one authority, and that both clocks "
        "are right",
    )  # fmt: skip


def _why(error: Exception) -> str:
    """Return what the system or TLS says, without the way on which it came."""
    for cause in reversed(list(_causes(error))):
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return f"TLS: {cause.reason.replace('_', ' ').lower()}"
        if isinstance(cause, OSError) and cause.strerror:
            return reason_of(cause)
        if isinstance(cause, RemoteDisconnected):
            return "it hung up without an answer, as where it does not accept this certificate"
    return " ".join(str(error).split())[:500] or type(error).__name__


def _distrusted(url: str, cause: ssl.SSLCertVerificationError) -> RunError:
    if cause.verify_code in _OTHER_NAME:
        return RunError(
            "transport.other-name", f"the sequencer's certificate does not name the host of {url}",
            cause.verify_message, "use the name for which it was made in node.toml, or ask the "
            "sequencer's operator for a certificate with this one",
        )  # fmt: skip
    return RunError(
        "transport.untrusted", f"the certificate that {url} shows is not to be trusted",
        cause.verify_message, "compare tls/ca.pem with the sequencer's operator, who renews what "
        "has ended; a proxy must not inspect TLS",
    )  # fmt: skip


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was made of; urllib3 keeps that in different places."""
    seen: list[BaseException | None] = [error]
    for one in seen:
        if one is None:
            continue
        yield one
        inner = (getattr(one, "original_error", None), getattr(one, "reason", None), *one.args,
                 one.__cause__)  # fmt: skip
        seen += [new for new in inner if isinstance(new, BaseException) and new not in seen]
