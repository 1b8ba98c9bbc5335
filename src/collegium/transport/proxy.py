"""The HTTP proxy on the way out of a hospital's network: which one, and with what it is asked.

The proxy sees a host's name, a port and bytes: TLS, with both certificates, is between the member
and the sequencer (CONNECT, RFC 9110 section 9.3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from urllib3.util import make_headers

NONE = "none"
"""What a setting says where no proxy is to be used, whatever the environment says."""


def proxy_of(setting: str | None, url: str) -> str | None:
    """Return the URL of the proxy through which a URL is asked, or None.

    Args:
        setting: of node.toml: a URL, `NONE`, or None for what HTTPS_PROXY and NO_PROXY say. Those
            are not for addresses of this machine.
        url: what is asked.
    """
    if setting is not None:
        return None if setting == NONE else setting
    host = urlsplit(url).hostname or ""
    variables = getproxies_environment()
    if _is_here(host) or proxy_bypass(host):
        return None
    return variables.get("https") or None


def proxy_fault(setting: str | None) -> tuple[str, str] | None:
    """Return what is wrong with a setting, and what to do; or None."""
    if setting in (None, NONE):
        return None
    try:
        parts = urlsplit(setting or "")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if usable:
        return None
    return "is no proxy's address", f'write http://host:port, or "{NONE}" for no proxy'


def shown(proxy: str) -> str:
    """Return a proxy's address without name and password."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def proxy_headers(proxy: str) -> Mapping[str, str]:
    """Return what is told to a proxy and not beyond: name and password, where its URL has them."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    given = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return make_headers(proxy_basic_auth=given)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
