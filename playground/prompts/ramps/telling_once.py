"""Count what is told of a call once, however often it is told.

Whoever tells may die before they know that they were heard, and tells again then: so that nothing
is lost, and this keeps it from counting twice. What was told is remembered in the transaction that
counts it, and forgotten some time after the ramp is over.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from playground.core.clock import now
from playground.prompts.models import CountedFeedback, Ramp, RunInRamp, Told, UnitTally
from playground.prompts.ramps.observing import record

# Who has found the ramp live just before its end may still be counting.
FORGOTTEN = dt.timedelta(minutes=1)
MAX_KEY = 200
_CLAIM = """
INSERT INTO prompts_told (ramp_id, key) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""


def record_once(token: Mapping[str, Any], outcome: Mapping[str, float], *, key: str | None) -> bool:
    """Do what ``observing.record`` does unless something was told under this key before.

    Two who tell at once wait for each other. ``key`` has at most ``MAX_KEY`` characters; what has
    none counts each time.

    Raises:
        InvalidInput: see ``observing.record``.
    """
    if key is None:
        return record(token, outcome)
    ramp = uuid.UUID(str(token["ramp"]))
    with transaction.atomic():
        if not Ramp.objects.live().filter(pk=ramp).exists():
            return False
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, [ramp, key])
            if not cursor.rowcount:
                return False
        return record(token, outcome)


def forget() -> None:
    """Forget what single units and runs did, and which calls were told, under ramps that are over.

    Not where the ramp ends: whoever is still counting holds some of these rows and waits for
    others, in another order than that in which they would be deleted.
    """
    ended = Ramp.objects.filter(ended_at__lt=now() - FORGOTTEN)
    for kept in (UnitTally, RunInRamp, CountedFeedback, Told):
        kept.objects.filter(ramp__in=ended).delete()
