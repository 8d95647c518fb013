"""Render prompts over HTTP."""

from typing import Annotated, Any, Literal

from ninja import Router, Schema
from pydantic import Field

from playground.policy.requests import TeamRequest
from playground.prompts.composing import compose
from playground.prompts.content import MAX_MESSAGES, content_of
from playground.prompts.rendering import render as render_content

prompts_api = Router(tags=["prompts"])


class MessageIn(Schema):
    role: Literal["system", "developer", "user", "assistant"]
    template: str


class RenderIn(Schema):
    """Messages to render without saving them."""

    messages: Annotated[list[MessageIn], Field(min_length=1, max_length=MAX_MESSAGES)]
    variables: dict[str, Any] = {}


class MessageOut(Schema):
    role: str
    content: str


class RenderOut(Schema):
    messages: list[MessageOut]


@prompts_api.post("/render", response=RenderOut, summary="Render templates without saving them")
def render(request: TeamRequest, body: RenderIn) -> dict[str, Any]:
    """Render Jinja messages in the sandbox; errors say line and column."""
    composition = compose(request.context, content_of({"messages": body.dict()["messages"]}))
    rendered = render_content(composition.content, body.variables, includes=composition.includes)
    return {"messages": rendered.messages}
