"""What every socket does beside its own work: ask who is there, count faults, stem floods."""

import logging
import time
from typing import Any, Final

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError, QuotaExceeded, Unauthenticated
from playground.core.problems import Internal, as_playground_error, frame
from playground.policy.authentication import context_from_scope

log = logging.getLogger(__name__)

UNAUTHENTICATED: Final = 4401
NOT_FOUND: Final = 4404
ABUSED: Final = 4400
# Whatever else a handshake is refused for closes with what HTTP would answer, above this.
HTTP_STATUS: Final = 4000
MAX_FAULTS: Final = 50
FRAMES_PER_S: Final = 20.0
BURST: Final = 100


class GuardedConsumer(AsyncWebsocketConsumer):
    """A socket whose every refusal is a frame with a code, and that closes on whoever goes on."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._faults = 0
        self._tokens = float(BURST)
        self._filled = time.monotonic()

    async def identify(self) -> RequestContext | None:
        """Return who this is; nobody is told so and the socket closed.

        So is whoever tells of the call what cannot be read or may not be declared.
        """
        try:
            context = await context_from_scope(self.scope)
        except PlaygroundError as error:
            await self.refuse(error, HTTP_STATUS + error.status)
            return None
        if context is None:
            await self.refuse(
                Unauthenticated("auth.required", "Sign in, or send an API key."), UNAUTHENTICATED
            )
        return context

    async def refuse(self, error: Exception, code: int) -> None:
        """Say why and close."""
        await self.say(frame(error))
        await self.close(code)

    async def fault(self, error: Exception) -> None:
        """Answer a frame that could not be done; too many of them close the socket."""
        known = as_playground_error(error)
        if isinstance(known, Internal):
            log.error("a frame failed", exc_info=error)
        await self.say(frame(known))
        self._faults += 1
        if self._faults >= MAX_FAULTS:
            await self.close(ABUSED)

    def take(self) -> None:
        """Take one of the socket's tokens.

        Raises:
            QuotaExceeded: more frames came than anybody needs.
        """
        clock = time.monotonic()
        self._tokens = min(BURST, self._tokens + (clock - self._filled) * FRAMES_PER_S)
        self._filled = clock
        if self._tokens < 1:
            raise QuotaExceeded("rate-limited", "Too many frames; wait a moment.", retry_after_s=1)
        self._tokens -= 1

    async def say(self, content: dict[str, Any]) -> None:
        """Send a frame."""
        await self.send(text_data=orjson.dumps(content).decode())
