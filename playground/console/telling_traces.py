"""Tell the pages of traces what was said of their runs."""

import uuid
from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.db.models import CharField, QuerySet
from django.db.models.functions import Cast

from playground.core.context import RequestContext
from playground.messaging import feedback
from playground.messaging.events import RunFeedback
from playground.messaging.models import Feedback, Run
from playground.policy.people import names_of
from playground.tracing import publishing
from playground.tracing.feedback import Remark, Wanted


class Remembered:
    """What messaging keeps; see ``tracing.feedback.Teller``."""

    def remarks(self, run_ids: Iterable[str], *, team: str) -> dict[str, list[Remark]]:
        """Return what was said of the team's runs; two queries."""
        found = feedback.of_runs(filter(None, map(_uuid, run_ids)), team=team)
        names = names_of(one.author for said in found.values() for one in said)
        return {
            str(run_id): [
                Remark(
                    key=one.key,
                    score=one.score,
                    comment=one.comment,
                    author_name=names.get(one.author) or one.author.partition(":")[2],
                    source=one.source,
                )
                for one in said
            ]
            for run_id, said in found.items()
        }

    def runs(self, context: RequestContext, wanted: Wanted) -> QuerySet[Feedback, str]:
        """Return the ids of the team's runs of which something was said, as texts."""
        said = Feedback.objects.filter(run__lane__team__slug=context.team).order_by()
        if wanted is not Wanted.ANY:
            said = said.filter(key=feedback.THUMBS, score=1 if wanted is Wanted.UP else 0)
        return said.annotate(told=Cast("run_id", CharField())).values_list("told", flat=True)


def hint(said: RunFeedback) -> None:
    """Show viewers of the trace what is said, once it is kept."""
    trace_id = Run.objects.values_list("trace_id", flat=True).get(pk=said.run_id)
    transaction.on_commit(partial(publishing.hint, trace_id), robust=True)


def _uuid(text: str) -> uuid.UUID | None:
    # Spans that come from elsewhere name their runs as they like.
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
