"""Do what a button of a ramp's page says."""

import uuid
from collections.abc import Mapping
from typing import Any

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.prompts.models import Ramp
from playground.prompts.proposed import find_proposal, not_found
from playground.prompts.proposing import decide_proposal, withdraw_proposal
from playground.prompts.ramps import drafting, proposing_ramps, ramping
from playground.prompts.ramps.stepping import check_revision

DONE = {
    "start": "Started.",
    "propose": "Proposed. A reviewer decides.",
    "approve": "Approved and started.",
    "reject": "Rejected. It stays a draft.",
    "withdraw": "Withdrawn. It stays a draft.",
    "discard": "Discarded. Nobody got the candidate.",
    "advance": "Advanced.",
    "advance_early": "Advanced before its time.",
    "pause": "Paused.",
    "resume": "Resumed.",
    "roll_back": "Rolled back. Everybody gets the baseline.",
    "complete": "Completed.",
}


def press(
    context: RequestContext, ramp: Ramp, verb: str, *, reason: str, shown: Mapping[str, Any]
) -> None:
    """Call the verb; going on takes the period that the page showed, so that no click counts twice.

    Of a draft it takes the revision, so that nobody starts what they have not seen.

    Raises:
        InvalidInput: ``ramp.verb``, there is no such thing to do.
        Conflict, NotFound, PolicyDenied: see ``ramping`` and ``proposing``.
    """
    match verb:
        case "start":
            ramping.start(context, ramp.pk, reason=reason, revision=_number(shown, "revision"))
        case "propose":
            seen = _number(shown, "revision")
            proposing_ramps.propose(context, ramp.pk, reason=reason, revision=seen)
        case "approve" | "reject":
            # What is proposed stays as it is, so that this holds until it is decided.
            check_revision(ramp, _number(shown, "revision"))
            asked = _proposal(context, ramp, shown)
            decide_proposal(context, asked, approve=verb == "approve", answer=reason)
        case "withdraw":
            withdraw_proposal(context, _proposal(context, ramp, shown))
        case "discard":
            drafting.discard(context, ramp.pk, reason=reason, revision=_number(shown, "revision"))
        case "advance" | "advance_early":
            early = verb == "advance_early"
            period = _number(shown, "period")
            ramping.advance(context, ramp.pk, reason=reason, early=early, period=period)
        case "pause":
            ramping.pause(context, ramp.pk, reason=reason)
        case "resume":
            ramping.resume(context, ramp.pk, reason=reason)
        case "roll_back":
            # In a hurry nobody shall have to look for words.
            ramping.roll_back(context, ramp.pk, reason=reason or "rolled back on its page")
        case "complete":
            ramping.complete(context, ramp.pk, reason=reason)
        case _:
            raise InvalidInput("ramp.verb", "There is no such thing to do with a ramp.")


def _proposal(context: RequestContext, ramp: Ramp, shown: Mapping[str, Any]) -> uuid.UUID:
    found = find_proposal(context, str(shown.get("proposal", "")))
    if found.ramp_id != ramp.pk:
        raise not_found()
    return found.pk


def _number(shown: Mapping[str, Any], name: str) -> int:
    text = str(shown.get(name, ""))
    return int(text[:9]) if text.isascii() and text.isdigit() else 0
