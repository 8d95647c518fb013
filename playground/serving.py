"""Run daphne: ``python -m playground.serving <daphne's own arguments>``.

Twisted would read every form itself before Django does, and end the connection without an answer
where one cannot be read. Here bodies go to the application as they came. Daphne would take in a
body for as long as it trickles, and keep what a caller does not read in memory, however much it is:
here bodies for ``/v1`` have a time, answers wait for their reader, and readers are waited for no
longer than ``READ_WITHIN_S``.
"""

import asyncio
import contextlib
import gc
import sys
import threading
import time
from http import HTTPStatus
from typing import Any

import orjson

if sys.platform != "win32":
    import uvloop

    # Daphne makes its loop when it is imported.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from daphne import cli, http_protocol, server
from django.apps import apps
from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from playground.core.errors import PlaygroundError
from playground.gateway import looping
from playground.gateway.door.answers import error_body
from playground.policy import bodies

# How long a caller has to read what waits for them, 64 KiB and the piece that came on top.
READ_WITHIN_S = 60.0


@implementer(IPushProducer)
class Request(http_protocol.WebRequest):  # type: ignore[misc]
    """A request whose body nobody has parsed, and whose answer waits for its reader."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "parsePOSTFormSubmission": False})
        self.unread: asyncio.Future[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._body_by = 0.0
        self._too_slow = False

    def gotLength(self, length: int | None) -> None:
        """Begin to take in the body."""
        self._body_by = time.monotonic() + bodies.TAKEN_WITHIN_S
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Take in a piece of the body; one that comes too late is the last."""
        if self._too_slow:
            return
        if time.monotonic() > self._body_by and self.channel._path.startswith(b"/v1/"):
            self._too_slow = True
            self._refuse(bodies.too_slow())
            return
        super().handleContentChunk(data)

    def _refuse(self, error: PlaygroundError) -> None:
        """Answer before the request has come to its end, and hang up."""
        body = orjson.dumps(error_body(error))
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self.channel.transport.write(head.encode() + body)
        self.channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Let the application answer."""
        if not self._too_slow:
            super().requestReceived(command, path, version)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Send a piece of the answer."""
        begins = message["type"] == "http.response.start" and self.producer is None
        if begins and self.channel is not None and not self.finished:
            self.registerProducer(self, True)
        super().handle_reply(message)

    def pauseProducing(self) -> None:
        """Wait for the reader, who has more to read than is kept."""
        if self.unread is None:
            loop = asyncio.get_running_loop()
            self.unread = loop.create_future()
            self._patience = loop.call_later(READ_WITHIN_S, self._give_up)

    def resumeProducing(self) -> None:
        """Go on, as the reader has read it all or is gone."""
        if self.unread is not None and self._patience is not None:
            self._patience.cancel()
            self.unread.set_result(None)
            self.unread = None

    def stopProducing(self) -> None:
        """End; the connection tells the application."""

    def _give_up(self) -> None:
        self.channel.transport.abortConnection()

    def finish(self) -> None:
        """End the answer; what is unread then is Twisted's to wait for."""
        self._leave()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        """Let nobody wait for a reader who is gone."""
        self._leave()
        super().connectionLost(reason)

    def _leave(self) -> None:
        self.resumeProducing()
        if self.producer is not None:
            self.unregisterProducer()


class Server(server.Server):  # type: ignore[misc]
    """A server whose applications wait for their readers, and which leaves nothing open."""

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Send a piece of the answer, and wait until there is room for the next."""
        await super().handle_reply(protocol, message)
        unread = getattr(protocol, "unread", None)
        if unread is not None:
            await asyncio.shield(unread)

    def kill_all_applications(self) -> Deferred[None]:
        """Abort what runs, then close the connections with endpoints and Redis."""
        running = [each["application_instance"] for each in self.connections.values()]
        # What it returns is over as soon as the first of them is.
        super().kill_all_applications()
        return Deferred.fromFuture(asyncio.ensure_future(_leave(running)))


async def _leave(running: list[asyncio.Future[None]]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(looping.LEAVE_S):
            await asyncio.gather(*running, return_exceptions=True)
            await looping.close()


def _without_context(_: Any, work: Any, *args: Any) -> Any:
    """Read or write a socket; the reactor's own method tells what goes wrong."""
    return work(*args)


def spare_bookkeeping() -> None:
    """Leave out what Twisted does for logs that daphne sends nowhere."""
    asyncioreactor.callWithLogger = _without_context
    http_protocol.HTTPFactory.log = lambda factory, request: None


def warm_up() -> None:
    """Load what the first call would wait for, once the application is there."""
    while not apps.ready:
        time.sleep(0.05)
    from playground.gateway import tokens, watching
    from playground.prompts.held import watching as prompts

    watching.watch()
    prompts.watch("web")
    tokens.count("warm up")
    # What is loaded by now stays: the collector need not look at it again after every few calls.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def main() -> None:
    """Serve until told to stop."""
    # The factory of connections looks the class up by this name.
    http_protocol.WebRequest = Request
    spare_bookkeeping()
    cli.CommandLineInterface.server_class = Server
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    cli.CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
