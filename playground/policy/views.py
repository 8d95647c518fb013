"""Pages for signing in and out, changing teams, and API keys."""

import uuid

from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from playground.core.clock import now
from playground.core.errors import InvalidInput, NotFound, Unauthenticated
from playground.policy import auditing, limiting, links
from playground.policy import keys as api_keys
from playground.policy.models import ApiKey, User
from playground.policy.requests import TeamRequest

BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Explain how to sign in, and take a pasted link or token."""
    target = _safe_target(request, request.POST.get("next") or request.GET.get("next"))
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(target)
        return render(request, "policy/login.html", {"target": target})
    pasted = request.POST.get("token", "").strip()
    return _sign_in(request, pasted.rstrip("/").rsplit("/", 1)[-1], target=target)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def login_with_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in with the printed link.

    Opening it shows a page that posts itself at once: programs that merely fetch addresses, as
    chat clients do for previews, run no scripts and leave the link unused.
    """
    if request.method != "POST":
        return render(request, "policy/login_link.html", {"token": token})
    return _sign_in(request, token, target="/")


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session."""
    auth.logout(request)
    return redirect("login")


@require_POST
def switch_team(request: TeamRequest) -> HttpResponse:
    """Work in another of the person's teams from now on."""
    slug = request.POST.get("team", "")
    assert isinstance(request.user, User)
    if not request.user.memberships.filter(team__slug=slug).exists():
        raise NotFound("team.not-found", "There is no such team.")
    request.session["team"] = slug
    return redirect(_safe_target(request, request.POST.get("next")))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def keys(request: TeamRequest) -> HttpResponse:
    """List the person's keys in this team; make one, shown once, or revoke one."""
    context = request.context
    created = None
    errors: dict[str, str] = {}
    if request.method == "POST" and "revoke" in request.POST:
        api_keys.revoke(context, _uuid(request.POST["revoke"]))
        return redirect("keys")
    if request.method == "POST":
        try:
            created = api_keys.create_own(
                context,
                name=request.POST.get("name", ""),
                expires_in_days=_days(request.POST.get("expires_in_days", "")),
            )
        except InvalidInput as invalid:
            errors[invalid.code] = invalid.detail
    values = {
        "keys": ApiKey.objects.visible_to(context),
        "created": created,
        "name_error": errors.get("key.name-invalid"),
        "days_error": errors.get("key.expiry-invalid"),
        "name": "" if created else request.POST.get("name", ""),
        "expires_in_days": "" if created else request.POST.get("expires_in_days", ""),
        "base_url": f"{request.scheme}://{request.get_host()}",
        "now": now(),
    }
    return render(request, "policy/keys.html", values, status=422 if errors else 200)


def _sign_in(request: HttpRequest, token: str, *, target: str) -> HttpResponse:
    try:
        user = links.redeem(token)
    except Unauthenticated as error:
        # Only failures count, so that nobody can use up another's way in from the same address.
        limiting.take(limiting.LOGIN, request.META.get("REMOTE_ADDR") or "unknown")
        values = {"error": error, "target": target}
        return render(request, "policy/login.html", values, status=error.status)
    auth.login(request, user, backend=BACKEND)
    memberships = user.memberships.select_related("team")
    for membership in memberships:
        context = user.context(team=membership.team.slug)
        auditing.record(context, action="sign_in", resource=user.urn, outcome="done")
    return redirect(target)


def _safe_target(request: HttpRequest, target: str | None) -> str:
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if target and allowed else "/"


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound("key.not-found", "There is no such key.") from None


def _days(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 4:
        raise InvalidInput("key.expiry-invalid", "A key lives from 1 to 3650 days.")
    return int(text)
