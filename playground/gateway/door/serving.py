"""``/v1``: a plain ASGI application beside Django, so that the hot path pays for no middleware."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from ninja.errors import HttpError

from playground.core import attributes
from playground.core import context as contexts
from playground.core.errors import NotFound, PlaygroundError, PolicyDenied, Unavailable
from playground.core.problems import Internal, as_playground_error
from playground.gateway.door import chat, embedding, listing, responses
from playground.gateway.door.answers import Answer, Send
from playground.gateway.door.asking import (
    Asking,
    Gone,
    Receive,
    gone,
    parse,
    read_body,
    request_id_of,
)
from playground.gateway.door.callers import Caller, caller_of
from playground.gateway.door.routes import Route, registered
from playground.policy import bodies, limiting
from playground.policy.origins import header

log = logging.getLogger(__name__)

PREFIX = "/v1/"
_DATABASE_AWAY = (OperationalError, InterfaceError)
ROUTES: Mapping[str, Route] = {
    "/v1/models": Route("GET", listing.models),
    "/v1/chat/completions": Route("POST", chat.complete, calls_models=True),
    "/v1/embeddings": Route("POST", embedding.embed, calls_models=True),
    "/v1/responses": Route("POST", responses.respond, calls_models=True),
}


async def application(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one request; one whose caller has hung up needs no answer."""
    request_id = request_id_of(scope)
    answer = Answer(send, request_id=request_id)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            await _answer(scope, receive, answer)
        except Gone:
            return
        except Exception as error:
            known = _known(error)
            if isinstance(known, Internal):
                log.error("unhandled exception", exc_info=error)
            else:
                log.info("refused: %s (%s)", known.code, known.status)
            await answer.error(known)


def _known(error: Exception) -> PlaygroundError:
    if isinstance(error, _DATABASE_AWAY):
        return Unavailable("unavailable", "The database cannot be asked just now; try again soon.")
    return as_playground_error(error)


async def _answer(scope: Mapping[str, Any], receive: Receive, answer: Answer) -> None:
    bodies.check_address(scope["path"], scope.get("query_string", b"").decode("latin-1"))
    caller = await _known_caller(scope)
    # Read for each call: who calls is known by their key, and may call for many.
    told = attributes.read(header(scope, attributes.HEADER.lower()))
    context = replace(caller.context, request_id=answer.request_id, attributes=told)
    route, more = _route(scope["method"], scope["path"])
    if not route.calls_models:
        # Calls are limited together with their quotas, in one step.
        await asyncio.to_thread(limiting.take, limiting.PERSON, context.subject)
    elif not caller.may_call:
        raise PolicyDenied("policy.denied", "You may not call models.")
    raw = await read_body(scope, receive)
    body = parse(raw) if raw or scope["method"] == "POST" else {}
    asking = Asking(
        context,
        body,
        more,
        caller.key,
        query=scope.get("query_string", b""),
        known=header(scope, "if-none-match") or "",
    )
    with contexts.bound(context):
        await _unless_gone(route.answer(asking, answer), receive)


async def _known_caller(scope: Mapping[str, Any]) -> Caller:
    try:
        return await caller_of(scope)
    except PlaygroundError:
        # Guessing keys costs the guesser's address.
        address = (scope.get("client") or ("unknown",))[0]
        await asyncio.to_thread(limiting.take, limiting.ADDRESS, address)
        raise


def _route(method: str, path: str) -> tuple[Route, str]:
    address, more = path.rstrip("/"), ""
    if address.startswith("/v1/models/"):
        address, more = "/v1/models", address.removeprefix("/v1/models/")
    known = ROUTES.get(address)
    if known is None:
        known, more = registered(address)
    if known is None:
        raise NotFound("not-found", "There is nothing at this address.")
    if method not in (known.method, "HEAD" if known.method == "GET" else known.method):
        raise HttpError(405, f"Use {known.method} here.")
    return known, more


async def _unless_gone(work: Awaitable[None], receive: Receive) -> None:
    """Do the work; stop it as soon as its caller hangs up, which closes its upstream too."""
    working = asyncio.current_task()
    assert working is not None
    told, has_left, has_ended = working.cancelling(), False, False

    def leave(_: "asyncio.Future[None]") -> None:
        nonlocal has_left
        if not has_ended:
            has_left = True
            working.cancel()

    leaving = asyncio.ensure_future(gone(receive))
    leaving.add_done_callback(leave)
    try:
        await work
    except BaseException as error:
        # Of a server that stops it in the same tick the call must not take back the word.
        if not has_left or working.cancelling() > told + 1:
            raise
        # Whatever the work died of: it was told to stop.
        raise Gone from error
    finally:
        # One that is on its way already is not held back by taking it off.
        has_ended = True
        leaving.cancel()
        if has_left:
            working.uncancel()
