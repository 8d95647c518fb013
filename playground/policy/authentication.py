"""Find out who asks, at every door: pages, the API, WebSockets. Nobody is the default."""

from collections.abc import Mapping
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, Final

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from playground.core import attributes, problems
from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError, PolicyDenied, Unauthenticated
from playground.core.ids import urn
from playground.policy import bodies, keys, limiting
from playground.policy.deciding import Resource, decide
from playground.policy.models import Membership, User
from playground.policy.origins import header
from playground.policy.people import memberships_of
from playground.policy.requests import Caller, OpenRequest

# Everything else asks for a person. A test holds this list against the site map.
PUBLIC_ROUTES: Final = frozenset({"healthz", "login", "login-link"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# What a caller says of a call besides its body.
DECLARING: Final = (
    "Playground-Purpose",
    "Playground-On-Behalf-Of",
    "Playground-Training-Consent",
)
_API = "/api/"
_FORMS = frozenset(("multipart/form-data", "application/x-www-form-urlencoded"))


class ContextMiddleware(MiddlewareMixin):
    """Set ``request.context`` and ``request.team``, and close every route that is not public."""

    def process_request(self, request: OpenRequest) -> HttpResponse | None:
        request.context = request.team = request.caller = None
        try:
            _check_head(request)
            caller = _limited(request)
        except PlaygroundError as error:
            return problems.respond(request, error)
        if caller is not None:
            request.context = caller.context
            request.team = caller.membership.team
            request.caller = caller
        return None

    def process_view(
        self, request: OpenRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        public = match is not None and match.view_name in PUBLIC_ROUTES
        if not public and request.context is None:
            if request.user.is_anonymous:
                return _ask_to_sign_in(request)
            if match is None or match.view_name != "logout":
                return problems.respond(
                    request,
                    PolicyDenied("policy.no-team", "You belong to no team; ask an administrator."),
                )
        try:
            _check_body(request)
        except Exception as error:
            return problems.respond(request, error)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        # Unforeseen ones go on to Django, which logs them and calls handler500.
        if isinstance(error, PlaygroundError):
            return problems.respond(request, error)
        return None


class ApiAuth(AuthBase):
    """Let in whoever the middleware recognised: by key, or by session with its CSRF token."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "An API key, `pg_…`; make one on the page *API keys*."
    # Makes the documentation send the token of its own page.
    csrf = True

    def __call__(self, request: HttpRequest) -> RequestContext:
        caller: Caller | None = getattr(request, "caller", None)
        if caller is None:
            raise Unauthenticated("auth.required", "Sign in, or send an API key.")
        if caller.key is None and request.method not in SAFE_METHODS and check_csrf(request):
            raise PolicyDenied("auth.csrf", "Send the page's token as X-CSRFToken.")
        return caller.context


def _caller_of(request: HttpRequest) -> Caller | None:
    authorization = request.headers.get("Authorization")
    request_id = problems.request_id_of(request)
    if authorization is not None and request.path.startswith(_API):
        caller = _by_key(authorization)
        request.user = caller.membership.user
        return _declared(_identified(caller, request_id), request.headers)
    user = request.user
    if isinstance(user, AnonymousUser):
        return None
    member = _by_membership(user, team=request.session.get("team"))
    return _declared(_identified(member, request_id), request.headers) if member else None


def _identified(caller: Caller, request_id: str | None) -> Caller:
    return replace(caller, context=replace(caller.context, request_id=request_id))


def _by_key(authorization: str) -> Caller:
    scheme, _, presented = authorization.partition(" ")
    key = keys.recognise(presented.strip()) if scheme.lower() == "bearer" else None
    membership = (
        Membership.objects.filter(user=key.user, team=key.team).select_related("user", "team")
        if key
        else Membership.objects.none()
    ).first()
    if key is None or membership is None:
        raise Unauthenticated("auth.invalid-key", "This API key is unknown, expired or revoked.")
    context = RequestContext(
        subject=key.user.urn,
        team=membership.team.slug,
        purpose=key.purpose,
        key=urn("key", key.pk),
    )
    return Caller(context, membership, key)


def _by_membership(user: User, *, team: str | None) -> Caller | None:
    memberships = list(memberships_of(user))
    if not memberships:
        return None
    # The team of the session may have been left in the meantime.
    chosen = next((each for each in memberships if each.team.slug == team), memberships[0])
    return Caller(RequestContext(subject=user.urn, team=chosen.team.slug), chosen)


def _declared(caller: Caller, headers: Mapping[str, str]) -> Caller:
    """Apply the headers that name another subject or purpose, where policy allows them."""
    context = caller.context
    purpose = headers.get("Playground-Purpose")
    if purpose is not None and purpose != context.purpose:
        if not decide(context, "declare", Resource("Purpose", purpose, context.team)).allowed:
            raise PolicyDenied("policy.purpose-denied", "You may not declare this purpose.")
        context = replace(context, purpose=purpose)
    subject = headers.get("Playground-On-Behalf-Of")
    if subject is not None and subject != context.subject:
        kind, _, identifier = subject.partition(":")
        kinds = {"user": "User", "member": "Member"}
        person = Resource(kinds.get(kind, "Unknown"), identifier, context.team)
        known = bool(identifier) and (
            kind == "member" or Membership.objects.of_subject(subject, team=context.team).exists()
        )
        # Asked in any case, so that attempts to become somebody unknown are in the audit log.
        if not decide(context, "act_for", person).allowed or not known:
            raise PolicyDenied("policy.on-behalf-denied", "You may not act for this subject.")
        context = replace(context, subject=subject, actor=context.subject)
    told = headers.get(attributes.HEADER)
    if told is not None:
        context = replace(context, attributes=attributes.read(told))
    # Said for each call, never kept: silence, or anything else, is a no.
    if headers.get("Playground-Training-Consent") == "granted":
        context = replace(context, training_consent=True)
    return replace(caller, context=context)


def _limited(request: HttpRequest) -> Caller | None:
    address = request.META.get("REMOTE_ADDR") or "unknown"
    try:
        caller = _caller_of(request)
    except PlaygroundError:
        # Guessing keys costs the guesser's address.
        limiting.take(limiting.ADDRESS, address)
        raise
    if caller is None:
        limiting.take(limiting.ADDRESS, address)
    elif caller.key is not None:
        limiting.take(limiting.PERSON, f"key:{caller.key.id}")
    else:
        limiting.take(limiting.PERSON, caller.membership.user.urn)
    return caller


def _check_head(request: HttpRequest) -> None:
    told = (request.headers.get(name) for name in DECLARING)
    # A quoted cookie may spell characters in octal.
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    bodies.check_headers((session, *told))
    bodies.check_address(request.path, request.META.get("QUERY_STRING", ""))


def _check_body(request: HttpRequest) -> None:
    if request.method in SAFE_METHODS:
        return
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise problems.too_large()
    by_api = request.path.startswith(_API)
    form = request.content_type in _FORMS
    if request.content_type == "multipart/form-data" and not by_api:
        bodies.check_fields(request.POST.lists())
        return
    body = request.body
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise problems.too_large()
    if form and not by_api:
        bodies.check_text(body)
        if b"%00" in body:
            raise bodies.nul()
    elif body:
        # The API takes every body for JSON, whatever it is called.
        bodies.check_json(body, called_so=not form)


def _ask_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if problems.wants_document(request):
        return problems.respond(
            request, Unauthenticated("auth.required", "Sign in, or send an API key.")
        )
    target = f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request") == "true":
        # A fragment cannot show the login page; htmx is told to leave the whole page.
        return HttpResponse(status=401, headers={"HX-Redirect": reverse("login")})
    return redirect(target if request.method in SAFE_METHODS else reverse("login"))


async def context_from_scope(scope: Mapping[str, Any]) -> RequestContext | None:
    """Return who opened a WebSocket or called a plain ASGI door, by key or by session cookie.

    Keys in the address are not looked at: addresses end up in logs.

    Raises:
        InvalidInput: ``attributes.invalid``, ``request.nul``.
        PolicyDenied: a purpose or subject may not be declared.
    """
    bodies.check_address(scope["path"], scope.get("query_string", b"").decode("latin-1"))
    caller = await caller_from_scope(scope)
    if caller is None:
        return None
    told = attributes.read(header(scope, attributes.HEADER.lower()))
    return replace(caller.context, attributes=told)


async def caller_from_scope(scope: Mapping[str, Any]) -> Caller | None:
    """Return the same with the key by which they ask, without what each call tells anew.

    Raises:
        InvalidInput: ``request.nul``.
        PolicyDenied: a purpose or subject may not be declared.
    """
    return await database_sync_to_async(_caller_of_scope)(scope)


def _caller_of_scope(scope: Mapping[str, Any]) -> Caller | None:
    declared = {
        name: value for name in DECLARING if (value := header(scope, name.lower())) is not None
    }
    authorization = header(scope, "authorization")
    session = _session_key(header(scope, "cookie"))
    bodies.check_headers((session, *declared.values()))
    try:
        if authorization is not None:
            return _declared(_by_key(authorization), declared)
        kept = import_module(settings.SESSION_ENGINE).SessionStore(session)
        user = _user_of(kept)
        if user is None:
            return None
        caller = _by_membership(user, team=kept.get("team"))
        return _declared(caller, declared) if caller else None
    except Unauthenticated:
        return None


def _session_key(cookies: str | None) -> str | None:
    try:
        cookie = SimpleCookie(cookies or "").get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return cookie.value if cookie else None


def _user_of(session: Any) -> User | None:
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=session.get(SESSION_KEY), is_active=True).first()
    if user is None or not constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    ):
        return None
    return user
