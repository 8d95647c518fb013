"""``GET /v1/models`` and one of them."""

from typing import Any

from playground.core.asking import in_thread
from playground.gateway import catalogue
from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking
from playground.gateway.embeddings import MODEL as EMBEDDINGS


async def models(asking: Asking, answer: Answer) -> None:
    """List the models, the default one first, or show one."""
    offered = await in_thread(catalogue.available)
    listed = [_shown(each.id, each.provider) for each in offered]
    listed.append(_shown(EMBEDDINGS, "offline"))
    if not asking.rest:
        await answer.json({"object": "list", "data": listed})
        return
    for one in listed:
        if one["id"] == asking.rest:
            await answer.json(one)
            return
    raise catalogue.unknown(asking.rest)


def _shown(name: str, owner: str) -> dict[str, Any]:
    # Nobody says when a model was made, and clients want a number.
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
