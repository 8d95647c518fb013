"""The models over REST."""

from typing import Any

from ninja import Router, Schema

from playground.gateway import catalogue
from playground.policy.requests import TeamRequest

models_api = Router(tags=["models"])


class ModelOut(Schema):
    """A model that an agent can use."""

    id: str
    provider: str
    title: str
    note: str
    offline: bool


class ModelsOut(Schema):
    """A page of models."""

    items: list[ModelOut]
    next: str | None = None


@models_api.get("", response=ModelsOut, summary="List models")
def list_models(request: TeamRequest) -> dict[str, Any]:
    """List the models that agents can name, the default one first."""
    return {"items": catalogue.available()}
