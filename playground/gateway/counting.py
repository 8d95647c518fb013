"""Count what a call takes, as far as no endpoint tells it."""

from playground.core.offloading import aside
from playground.gateway.call import Call
from playground.gateway.chat import ChatRequest
from playground.gateway.metering import Estimate, Used
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.tokens import count, count_messages, size

# Counting more than this is left to a thread, or guessed from the beginning: about 10 ms.
_LONG_CHARS = 100_000


async def input_tokens(request: ChatRequest) -> int:
    """Return about how many tokens a request has."""
    is_long = size(request.messages) + size(request.tools) > _LONG_CHARS
    return await aside(is_long, count_messages, request.messages, request.tools)


def used(call: Call, estimate: Estimate, outcome: Outcome) -> Used:
    """Return what the call took: what the endpoint told at its end, else what came of it.

    Of a call that nobody answered that is nothing, unless its caller left while a model read it.
    """
    if call.from_cache:
        return Used()
    told, written = call.heard.usage, call.heard.written
    if told is not None and (call.operation == "embeddings" or _is_final(call, outcome)):
        return Used(told.input_tokens, told.output_tokens, told.cached_tokens, told.counted_here)
    if call.attempts.model is None:
        left = outcome is Outcome.ABORTED and call.attempts.asked is not None
        return Used(estimate.input_tokens if left else 0, counted_here=True)
    # No settlement may be cancelled half-way, so this is not left to a thread.
    output = count(written[:_LONG_CHARS])
    if len(written) > _LONG_CHARS:
        output = output * len(written) // _LONG_CHARS
    if told is None:
        return Used(estimate.input_tokens, output, counted_here=True)
    # Some endpoints tell the tokens with every piece, some only those in at first, some none.
    return Used(
        told.input_tokens or estimate.input_tokens,
        max(told.output_tokens, output),
        told.cached_tokens,
        counted_here=True,
    )


def _is_final(call: Call, outcome: Outcome) -> bool:
    """Return whether what the endpoint told is of the whole answer."""
    said = call.heard
    ended = outcome is Outcome.SUCCEEDED or len(said.ended) >= call.choices
    if said.usage is None or not ended or not said.is_counted:
        return False
    return bool(said.usage.input_tokens and (said.usage.output_tokens or not said.written))
