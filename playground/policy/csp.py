"""Tell browsers what our pages may do: the content security policy and its companions."""

import secrets
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# Swagger UI sets style attributes and draws its icons from data URLs; its scripts are files.
DOCS_PATH = "/api/docs"
# The administration's Alpine compiles the expressions of its attributes, and writes styles.
ADMIN_PATH = "/admin/"
# Below the list of ramps every page is our own and needs neither.
RAMP_PATH = "/admin/prompts/ramp/"
_COMPANIONS = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def policy_for(request: HttpRequest, *, nonce: str) -> str:
    """Write the policy for one response; everything comes from our own origin."""
    socket = "wss" if request.is_secure() else "ws"
    # WebKit before 15.4 does not count WebSockets of the same host as 'self'.
    sockets = f"{socket}://{request.META.get('HTTP_HOST', 'localhost')}"
    own = request.path.startswith(RAMP_PATH) and request.path != RAMP_PATH
    administers = request.path.startswith(ADMIN_PATH) and not own
    inline = " 'unsafe-inline'" if administers or request.path == DOCS_PATH else ""
    compiled = " 'unsafe-eval'" if administers else ""
    # CodeMirror writes its style sheet at run time; beside a nonce 'unsafe-inline' has no effect.
    styles = inline or f" 'nonce-{nonce}'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'{compiled}",
            f"style-src 'self'{styles}",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' {sockets}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "manifest-src 'self'",
        )
    )


class ContentSecurityPolicy:
    """Send the headers with every response; pages read the nonce as ``request.csp_nonce``."""

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        answer = self.get_response(request)
        if isinstance(answer, HttpResponseBase):
            return _sealed(request, answer, nonce=nonce)
        return self._answer_async(request, answer, nonce=nonce)

    async def _answer_async(
        self, request: HttpRequest, answer: Awaitable[HttpResponseBase], *, nonce: str
    ) -> HttpResponseBase:
        return _sealed(request, await answer, nonce=nonce)


def _sealed(request: HttpRequest, response: HttpResponseBase, *, nonce: str) -> HttpResponseBase:
    # A Host header with quotes or semicolons never reaches a view, but its 400 passes here too.
    host = request.META.get("HTTP_HOST", "")
    if any(mark in host for mark in " ;,'\"\r\n"):
        request.META["HTTP_HOST"] = "localhost"
    response["Content-Security-Policy"] = policy_for(request, nonce=nonce)
    for name, value in _COMPANIONS.items():
        response.setdefault(name, value)
    # What one person was shown must not be shown to the next by a cache in between.
    if "Cache-Control" not in response:
        response["Cache-Control"] = "no-store"
    return response
