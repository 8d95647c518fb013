"""The types of requests that passed our middleware, for the signatures of views."""

from dataclasses import dataclass

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from playground.core.context import RequestContext
from playground.policy.models import ApiKey, Membership, Team


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which team, and by which key if by one."""

    context: RequestContext
    membership: Membership
    key: ApiKey | None = None


class OpenRequest(HttpRequest):
    """A request that anybody may have sent: on public routes, and in the middleware."""

    request_id: str
    csp_nonce: str
    htmx: HtmxDetails
    caller: Caller | None
    context: RequestContext | None
    team: Team | None


class TeamRequest(OpenRequest):
    """A request of somebody known, as every route that is not public gets it."""

    caller: Caller
    context: RequestContext
    team: Team
