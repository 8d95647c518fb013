"""One row of every table of the gateway, for pages that show them."""

import uuid

from playground.core.clock import now
from playground.gateway.models import (
    CacheRule,
    Endpoint,
    Guardrail,
    LedgerRow,
    Quota,
    Route,
    ServedModel,
    Target,
)
from playground.policy.models import Team

SECRET = "sk-xylophone-quartz"


def configure(team: Team) -> Endpoint:
    """Make an endpoint with a secret and a model, a route to it, and a rule of each kind."""
    endpoint = Endpoint(name="acme", kind="openai", base_url="https://models.acme.example/v1")
    endpoint.secret = SECRET
    endpoint.save()
    model = ServedModel.objects.create(endpoint=endpoint, name="large")
    route = Route.objects.create(name="chat-acme")
    Target.objects.create(route=route, model=model)
    Quota.objects.create(team=team, kind="day", cap=5)
    Guardrail.objects.create(name="no-pii", check_kind="pii", action="redact")
    CacheRule.objects.create(team=team, ttl_s=60)
    LedgerRow.objects.create(
        id=uuid.uuid4(), settled_at=now(), team=team.slug, subject="user:ada", purpose="test",
        operation="chat", model="acme/large", outcome="succeeded", cost_micro_usd=12,
    )  # fmt: skip
    return endpoint
