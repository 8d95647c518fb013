"""The type of a request whose sender is known."""

from django.http import HttpRequest

from playground.core.context import RequestContext


class KnownRequest(HttpRequest):
    """A request that passed authentication, which gave it a context."""

    context: RequestContext
