"""Hold a model that knows no such limits to ``stop`` and ``max_tokens``."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace

from playground.gateway.chat import Chunk, Usage
from playground.gateway.tokens import count


async def stopped(
    chunks: AsyncIterator[Chunk], *, stop: Sequence[str], max_tokens: int | None
) -> AsyncGenerator[Chunk]:
    """Pass chunks on until a stop sequence comes or the tokens are used up.

    Text that could be the beginning of a stop sequence waits for what follows. The source is closed
    with it.
    """
    held, written, ended = "", 0, ""
    usage: Usage | None = None
    async with contextlib.aclosing(chunks) as source:  # type: ignore[type-var]
        async for chunk in source:
            if not stop and max_tokens is None:
                yield chunk
                continue
            usage = chunk.usage or usage
            if ended:
                continue
            text = held + (chunk.text or "")
            at = min((text.find(each) for each in stop if each in text), default=-1)
            held = "" if at >= 0 else _beginning(text, stop)
            said = text[:at] if at >= 0 else text[: len(text) - len(held)]
            if max_tokens is not None and said:
                # Words come with the space after them, tokens with the one before.
                written += count(said.rstrip())
                ended = "length" if written >= max_tokens else ""
            ended = "stop" if at >= 0 else ended
            finish_reason = None if ended else chunk.finish_reason
            yield replace(chunk, text=said, usage=None, finish_reason=finish_reason)
    if not stop and max_tokens is None:
        return
    if held and not ended:
        yield Chunk(text=held)
    yield Chunk(finish_reason=ended or None, usage=usage)


def _beginning(text: str, stop: Sequence[str]) -> str:
    """Return the longest end of the text that begins a stop sequence."""
    longest = max((len(each) for each in stop), default=1) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(each.startswith(text[-size:]) for each in stop):
            return text[-size:]
    return ""
