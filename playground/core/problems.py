"""One mapping from errors to what each door answers: problem JSON, HTML, WebSocket frames.

Source: RFC 9457 for problem documents.
"""

import logging
from http import HTTPStatus
from typing import Any, cast

import orjson
from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from playground.core.errors import (
    InvalidInput,
    NotFound,
    PlaygroundError,
    PolicyDenied,
    QuotaExceeded,
    Unauthenticated,
    said_of,
)

log = logging.getLogger(__name__)

_DOCUMENT = "application/problem+json"


class Internal(PlaygroundError):
    """Something that nobody foresaw; its text stays in the log."""

    title = "Something went wrong"


def as_playground_error(error: BaseException) -> PlaygroundError:
    """Translate any exception; an unforeseen one becomes ``internal`` without its text."""
    match error:
        case PlaygroundError():
            return error
        case ValidationError():
            return InvalidInput(
                "request.invalid",
                "Some fields are missing or wrong.",
                errors=[_field_fault(fault) for fault in error.errors],
            )
        case Http404():
            return NotFound("not-found", "There is nothing at this address.")
        case RequestDataTooBig():
            return too_large()
        case PermissionDenied():
            return PolicyDenied("forbidden", "This is not allowed.")
        case HttpError():
            return _of_status(error.status_code)
        case BadRequest() | SuspiciousOperation() | MultiPartParserError():
            return _of_status(400)
        case _:
            return Internal("internal", "Something went wrong on our side. It was logged.")


def too_large() -> PlaygroundError:
    """Return the error for a body above the limit, which it names in bytes."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return InvalidInput(
        "request.too-large",
        f"The body is larger than {limit} bytes.",
        http_status=413,
        limit_bytes=limit,
    )


def _of_status(status: int) -> PlaygroundError:
    match status:
        case 401:
            return Unauthenticated("auth.required", "Sign in, or send an API key.")
        case 403:
            return PolicyDenied("forbidden", "This is not allowed.")
        case 404:
            return NotFound("not-found", "There is nothing at this address.")
        case 429:
            return QuotaExceeded("rate-limited", "Too many requests; wait a moment.")
        case 400 | 422:
            return InvalidInput(
                "request.malformed", "The request cannot be read.", http_status=status
            )
        case _:
            return PlaygroundError(
                f"http.{status}", HTTPStatus(status).phrase + ".", http_status=status
            )


def _field_fault(fault: dict[str, Any]) -> dict[str, Any]:
    # Without ``input`` and ``ctx``: a rejected value may be a secret.
    loc = list(fault.get("loc", ()))
    # The parameter that a body is read into has a name that no caller wrote.
    if loc[:2] == ["body", "body"]:
        del loc[0]
    return {"loc": loc, "msg": said_of(fault), "type": fault.get("type")}


def problem(error: PlaygroundError, *, request_id: str | None = None) -> dict[str, Any]:
    """Return the problem document."""
    return {
        **error.extra,
        "type": f"urn:playground:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
        "retryable": error.may_retry,
    }


def problem_json(error: PlaygroundError, *, request_id: str | None = None) -> HttpResponse:
    """Return the problem document as a response."""
    body = orjson.dumps(problem(error, request_id=request_id), default=str)
    return _with_headers(HttpResponse(body, content_type=_DOCUMENT, status=error.status), error)


def frame(error: BaseException) -> dict[str, Any]:
    """Return the error as a WebSocket frame."""
    known = as_playground_error(error)
    return {
        "type": "error",
        "code": known.code,
        "detail": known.detail,
        "retryable": known.may_retry,
    }


def respond(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Answer a failed request in the form that its caller reads: a document or a page."""
    known = as_playground_error(error)
    if isinstance(known, Internal):
        log.error("unhandled exception", exc_info=error)
    else:
        # Without the address: it may hold a login token.
        log.info("refused: %s (%s)", known.code, known.status)
    if wants_document(request):
        return problem_json(known, request_id=request_id_of(request))
    return _page(request, known)


def documented(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the answer; an error of the API that says nothing becomes a problem document.

    Django and django-ninja answer some requests before any handler of ours: a method that is not
    allowed, a multipart body without a boundary.
    """
    bare = "json" not in response.headers.get("Content-Type", "")
    by_api = request.path.startswith("/api/") and wants_document(request)
    if response.status_code < 400 or not bare or not by_api:
        return response
    answer = problem_json(_of_status(response.status_code), request_id=request_id_of(request))
    if "Allow" in response.headers:
        answer["Allow"] = response.headers["Allow"]
    return answer


def wants_document(request: HttpRequest) -> bool:
    """Tell whether the caller is a program: everything below ``/api/`` but its documentation."""
    if request.path.startswith("/api/") and request.path != "/api/docs":
        return True
    return "text/html" not in request.headers.get("Accept", "text/html, */*") and (
        "json" in request.headers.get("Accept", "")
    )


def request_id_of(request: HttpRequest) -> str | None:
    """Return the id under which the request is logged."""
    return cast("str | None", getattr(request, "request_id", None))


def _page(request: HttpRequest, error: PlaygroundError) -> HttpResponse:
    signed_in = getattr(request, "context", None) is not None
    template = f"errors/{error.status}.html"
    if error.status not in {403, 404, 429, 500}:
        template = "errors/500.html" if error.status >= 500 else "errors/error.html"
    values: dict[str, Any] = {"error": error, "request_id": request_id_of(request)}
    if request.headers.get("HX-Request") == "true":
        template = "errors/fragment.html"
    layout = "base.html" if signed_in else "errors/bare.html"
    try:
        page = render(request, template, {**values, "layout": layout}, status=error.status)
    except Exception:
        # The shell asks the database, which may be the very thing that failed.
        log.exception("the error page failed inside the shell")
        values["layout"] = "errors/bare.html"
        page = render(request, template, values, status=error.status)
    return _with_headers(page, error)


def _with_headers(response: HttpResponse, error: PlaygroundError) -> HttpResponse:
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="playground"'
    if "retry_after_s" in error.extra:
        response["Retry-After"] = str(error.extra["retry_after_s"])
    return response


class StrictParser(Parser):
    """Parse JSON bodies as the standard has it: no ``NaN``, no lone surrogates."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return cast("dict[str, Any]", orjson.loads(request.body))


def install(api: NinjaAPI) -> None:
    """Let every error of the API answer as a problem document."""
    api.parser = StrictParser()

    def answer(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        return respond(request, error if isinstance(error, Exception) else error())

    for kind in (Exception, PlaygroundError, ValidationError, HttpError, Http404):
        api.add_exception_handler(kind, answer)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's handler400."""
    return respond(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's handler403."""
    return respond(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's handler404."""
    return respond(request, Http404())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for Django's handler500; Django has logged the exception."""
    known = Internal("internal", "Something went wrong on our side. It was logged.")
    if wants_document(request):
        return problem_json(known, request_id=request_id_of(request))
    return _page(request, known)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer for ``CSRF_FAILURE_VIEW``."""
    return respond(
        request,
        PolicyDenied("auth.csrf", "The form is out of date. Reload the page and send it again."),
    )
