"""Say which agents use a prompt."""

import uuid
from collections.abc import Iterable

from django.db.models import Max

from agents.models import AgentVersion
from playground.core.context import RequestContext
from playground.prompts.relying import Use


def agents_using(
    context: RequestContext, prompts: Iterable[uuid.UUID]
) -> dict[uuid.UUID, list[Use]]:
    """Return the team's active agents whose newest version uses one of these prompts."""
    newest = (
        AgentVersion.objects.filter(agent__team__slug=context.team, agent__archived_at=None)
        .values("agent")
        .annotate(top=Max("number"))
    )
    tops = {row["agent"]: row["top"] for row in newest.order_by()}
    rows = AgentVersion.objects.filter(agent__in=tops, prompt_version__prompt__in=list(prompts))
    found: dict[uuid.UUID, list[Use]] = {}
    for row in rows.select_related("agent", "prompt_version"):
        if row.number == tops[row.agent_id]:
            use = Use(row.agent.title, f"/agents/{row.agent.name}", "agent")
            found.setdefault(row.prompt_version.prompt_id, []).append(use)
    return found
