"""``GET /v1/prompts/{team}/{name}`` and ``POST …/render``, on the hot path beside Django."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from playground.core.asking import in_thread
from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking, wrong
from playground.gateway.door.routes import Route
from playground.prompts.resolving import Chosen, choose, choose_at_hand, render_version

PREFIX = "/v1/prompts/"
MAX_KEY = 256
# A version never changes; a label may be moved at any moment.
VERSION_FOR_S, LABEL_FOR_S = 300, 1


async def resolve(asking: Asking, answer: Answer) -> None:
    """Tell the version that a label or a number leads to, its templates and all."""
    named = asking.parameters()
    number = named.get("version")
    if number is not None and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise wrong("version", "must be a whole number")
    version = None if number is None else int(number)
    chosen = await _choose(asking, named.get("label"), version, named.get("key"))
    body = orjson.dumps(_told(chosen))
    age_s = LABEL_FOR_S if version is None else VERSION_FOR_S
    answer.headers["Cache-Control"] = f"private, max-age={age_s}"
    answer.headers["Vary"] = "Authorization, Cookie"
    tag = hashlib.blake2b(body, digest_size=16).hexdigest()
    await answer.tagged(body, "application/json", tag=f'"{tag}"', known=asking.known)


async def render(asking: Asking, answer: Answer) -> None:
    """Tell the messages or the text that a version gives with these variables."""
    label, key = (asking.text(name) if name in asking.body else None for name in ("label", "key"))
    version = asking.number("version", low=1, high=2**31 - 1, whole=True)
    variables = asking.thing("variables") or {}
    history = asking.objects("history") if asking.body.get("history") is not None else None
    chosen = await _choose(asking, label, None if version is None else int(version), key)
    # Rendering holds the loop up for two seconds at worst, where it is stopped.
    rendered = await asyncio.to_thread(render_version, chosen.version, variables, history=history)
    said: dict[str, Any] = {"messages": rendered.messages}
    if rendered.text is not None:
        said = {"text": rendered.text}
    await answer.json(_named(chosen) | said)


def route_of(rest: str) -> Route | None:
    """Return who answers below ``PREFIX``."""
    match rest.split("/"):
        case [team, name] if team and name:
            return Route("GET", resolve)
        case [team, name, "render"] if team and name:
            return Route("POST", render)
        case _:
            return None


async def _choose(
    asking: Asking, label: str | None, version: int | None, key: str | None
) -> Chosen:
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise wrong("key", f"has 1 to {MAX_KEY} characters")
    name = "/".join(asking.rest.split("/")[:2])
    at_hand = choose_at_hand(asking.context, name=name, label=label, version=version)
    if at_hand is not None:
        return at_hand
    return await in_thread(choose, asking.context, name=name, label=label, version=version, key=key)


def _named(chosen: Chosen) -> dict[str, Any]:
    prompt = chosen.version.prompt
    return {
        "team": prompt.team.slug,
        "name": prompt.name,
        "kind": prompt.kind,
        "version": chosen.version.number,
        "label": chosen.label,
        "arm": chosen.arm,
        "reason": chosen.reason,
    }


def _told(chosen: Chosen) -> Mapping[str, Any]:
    version = chosen.version
    return _named(chosen) | {
        "messages": version.messages,
        "inputs": version.inputs,
        "settings": version.settings,
        "tools": version.tools,
        "response_format": version.response_format,
        "composed_from": version.composed_from,
        "content_hash": version.content_hash,
    }
