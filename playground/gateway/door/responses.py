"""``POST /v1/responses``: OpenAI's newer interface, spoken to every model through chat completions.

Nothing is stored, so there is no earlier response to go on from: send the whole conversation.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from collections.abc import AsyncIterator
from typing import Any

from playground.gateway.chat import Chunk
from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking
from playground.gateway.door.measuring import traced
from playground.gateway.door.responses_asked import request_of
from playground.gateway.door.responses_reply import Reply
from playground.gateway.encoding import Head
from playground.gateway.events import Event, Reading
from playground.gateway.providers.openai_compatible import body_of
from playground.gateway.providers.reading import whole


async def respond(asking: Asking, answer: Answer) -> None:
    """Answer a request, streamed or whole."""
    request = request_of(asking)
    reply = Reply(asking.body, Head.new("resp", model=request.model))
    streamed = asking.flag("stream")
    async with traced(asking, answer, request, body_of(request), streamed=streamed) as events:
        if streamed:
            await _stream(_pieces(events, reply), reply, answer)
        else:
            async for event in events:
                reply.gathered.add(whole(event.body))
    if not streamed:
        await answer.json(reply.whole("completed"))


async def _pieces(events: AsyncIterator[Event], reply: Reply) -> AsyncIterator[Chunk]:
    reading = Reading()
    async for each in events:
        chunk = reading.chunk(each)
        reply.gathered.add(chunk)
        yield chunk


async def _stream(pieces: AsyncIterator[Chunk], reply: Reply, answer: Answer) -> None:
    place: dict[str, Any] = {"output_index": 0, "content_index": 0, "item_id": ""}
    opened = begun = False
    async for chunk in pieces:
        # Not before the model speaks: until then the answer can still be an error.
        if not opened:
            opened = True
            for kind in ("response.created", "response.in_progress"):
                await answer.piece(reply.event(kind, response=reply.whole("in_progress")))
        if not chunk.text:
            continue
        if not begun:
            begun = True
            item = reply.message("in_progress")
            place["item_id"] = item["id"]
            await answer.piece(reply.event("response.output_item.added", output_index=0, item=item))
            await answer.piece(
                reply.event("response.content_part.added", **place, part=reply.part(""))
            )
        await answer.piece(
            reply.event("response.output_text.delta", **place, delta=chunk.text, logprobs=[])
        )
    if begun:
        text = reply.gathered.text
        for done in (
            reply.event("response.output_text.done", **place, text=text, logprobs=[]),
            reply.event("response.content_part.done", **place, part=reply.part()),
            reply.event(
                "response.output_item.done", output_index=0, item=reply.message("completed")
            ),
        ):
            await answer.piece(done)
    for index, item in enumerate(reply.calls(), start=int(begun)):
        at = {"output_index": index, "item_id": item["id"]}
        empty = {**item, "arguments": "", "status": "in_progress"}
        arguments = item["arguments"]
        for told in (
            reply.event("response.output_item.added", output_index=index, item=empty),
            reply.event("response.function_call_arguments.delta", **at, delta=arguments),
            reply.event(
                "response.function_call_arguments.done",
                **at,
                name=item["name"],
                arguments=arguments,
            ),
            reply.event("response.output_item.done", output_index=index, item=item),
        ):
            await answer.piece(told)
    response = reply.whole("completed")
    await answer.piece(reply.event(f"response.{response['status']}", response=response))
    await answer.end()
