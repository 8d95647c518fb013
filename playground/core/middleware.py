"""One id for each request, in its logs, its errors and its answer."""

import re
import uuid
from collections.abc import Awaitable, Callable

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from playground.core.problems import documented

HEADER = "X-Request-ID"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestId:
    """Take over the caller's ``X-Request-ID`` where it is well-formed, else make one."""

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._answer_async(request)
        request_id = _identify(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        assert isinstance(response, HttpResponseBase)
        response = documented(request, response)
        response[HEADER] = request_id
        return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        request_id = _identify(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            answer = self.get_response(request)
            assert not isinstance(answer, HttpResponseBase)
            response = await answer
        response = documented(request, response)
        response[HEADER] = request_id
        return response


def _identify(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    request_id = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
    request.request_id = request_id  # type: ignore[attr-defined]
    return request_id
