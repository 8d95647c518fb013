"""Open lanes."""

from playground.core.context import RequestContext
from playground.core.errors import NotFound
from playground.messaging.models import Lane
from playground.policy.models import Team, User


def open_lane(*, context: RequestContext, owner: User, kind: str = "thread") -> Lane:
    """Open an empty lane in the context's team.

    Asks no policy: callers do.

    Raises:
        NotFound: the context's team is gone.
    """
    team = Team.objects.visible_to(context).first()
    if team is None:
        raise NotFound("team.not-found", "There is no such team.")
    return Lane.objects.create(team=team, owner=owner, kind=kind)
