"""Decide whether a WebSocket may be opened from a web page.

Browsers send cookies along with cross-site WebSocket handshakes and apply no same-origin rule, so
the server must look at the Origin itself.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def header(scope: Mapping[str, Any], name: str) -> str | None:
    """Return the first header of this lower-case name, as Latin-1 text."""
    wanted = name.encode("latin-1")
    for key, value in scope.get("headers", ()):
        if key.lower() == wanted:
            return bytes(value).decode("latin-1")
    return None


def host_allowed(scope: Mapping[str, Any]) -> bool:
    """Tell whether the handshake names a host that this server answers for."""
    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = [".localhost", "127.0.0.1", "[::1]"]
    return _is_among(header(scope, "host") or "", tuple(allowed))


@lru_cache(maxsize=256)
def _is_among(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def origin_allowed(scope: Mapping[str, Any]) -> bool:
    """Tell whether the handshake comes from our own pages, or from a program with a key.

    A request with a bearer key needs no Origin: no page can make a browser send that header on a
    WebSocket.
    """
    if not host_allowed(scope):
        return False
    origin = header(scope, "origin")
    if origin is None:
        return (header(scope, "authorization") or "").lower().startswith("bearer ")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    return (
        parts.scheme in {"http", "https"}
        and parts.netloc.lower() == (header(scope, "host") or "").lower()
    )
