"""Render prompts over HTTP."""

from typing import Annotated, Any, Literal

from ninja import Router, Schema
from pydantic import Field

from playground.policy.requests import TeamRequest
from playground.prompts import rendering

prompts_api = Router(tags=["prompts"])


class MessageIn(Schema):
    role: Literal["system", "user", "assistant"]
    template: str


class RenderIn(Schema):
    """Messages to render without saving them."""

    messages: Annotated[list[MessageIn], Field(min_length=1, max_length=rendering.MAX_MESSAGES)]
    variables: dict[str, Any] = {}


class MessageOut(Schema):
    role: Literal["system", "user", "assistant"]
    content: str


class RenderOut(Schema):
    messages: list[MessageOut]


@prompts_api.post("/render", response=RenderOut, summary="Render templates without saving them")
def render(request: TeamRequest, body: RenderIn) -> dict[str, Any]:
    """Render Jinja messages in the sandbox; errors say line and column."""
    messages: list[rendering.PromptMessage] = [
        {"role": message.role, "template": message.template} for message in body.messages
    ]
    return {"messages": rendering.render(messages, body.variables)}
