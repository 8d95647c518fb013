"""Call a worker to a column."""

import uuid

from playground.console.workbench.answering import KIND
from playground.console.workbench.models import Column
from playground.core.context import RequestContext
from playground.messaging.appending import append_message


def ring(context: RequestContext, column: Column, content: str) -> uuid.UUID:
    """Append the message that starts a run, inside the caller's transaction."""
    appended = append_message(
        column.lane_id,
        role="user",
        content=content,
        author=context.subject,
        starts_run=True,
        why={
            "kind": KIND,
            "actor": context.actor,
            "purpose": context.purpose,
            "locale": context.locale,
            "training_consent": context.training_consent,
        },
    )
    assert appended.run_id is not None
    return appended.run_id
