"""Count what a call takes, as far as no endpoint tells it."""

import asyncio

from playground.gateway.call import Call
from playground.gateway.chat import ChatRequest
from playground.gateway.metering import Estimate, Used
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.tokens import count, count_messages, size

# Counting more than this is left to a thread, or guessed from the beginning: about 10 ms.
_LONG_CHARS = 100_000


async def input_tokens(request: ChatRequest) -> int:
    """Return about how many tokens a request has."""
    if size(request.messages) + size(request.tools) > _LONG_CHARS:
        return await asyncio.to_thread(count_messages, request.messages, request.tools)
    return count_messages(request.messages, request.tools)


def used(call: Call, estimate: Estimate, outcome: Outcome) -> Used:
    """Return what the call took: what the endpoint told at its end, else what came of it.

    Of a call that nobody answered that is nothing, unless its caller left while a model read it.
    """
    if call.from_cache:
        return Used()
    told = call.heard.usage
    ended = outcome is Outcome.SUCCEEDED or bool(call.heard.gathered.finish_reason)
    if told is not None and ended:
        return Used(told.input_tokens, told.output_tokens, told.cached_tokens)
    if call.attempts.model is None:
        left = outcome is Outcome.ABORTED and call.attempts.asked is not None
        return Used(estimate.input_tokens if left else 0, counted_here=True)
    written = call.heard.written
    # No settlement may be cancelled half-way, so this is not left to a thread.
    output = count(written[:_LONG_CHARS])
    if len(written) > _LONG_CHARS:
        output = output * len(written) // _LONG_CHARS
    if told is None:
        return Used(estimate.input_tokens, output, counted_here=True)
    # Some endpoints tell the tokens with every piece, some only those in at first.
    return Used(
        told.input_tokens, max(told.output_tokens, output), told.cached_tokens, counted_here=True
    )
