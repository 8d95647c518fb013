"""Lead whoever names a label that is ramped to the version of their arm."""

from dataclasses import replace

from playground.core.context import RequestContext
from playground.prompts.finding import version_of
from playground.prompts.models import Prompt
from playground.prompts.resolving import Chosen


def steer(
    context: RequestContext, *, prompt: Prompt, chosen: Chosen, key: str | None
) -> Chosen | None:
    """Return the version of the caller's arm, None where no ramp runs on the label.

    See ``resolving.Assigner``.
    """
    ramp = prompt.ramps_in_force.get(chosen.label or "")
    if ramp is None:
        return None
    assigned = ramp.assign(context, key)
    number = ramp.version_of(assigned.assignment.arm)
    same = number == chosen.version.number
    return replace(
        chosen,
        version=chosen.version if same else version_of(prompt, version=number),
        arm=assigned.assignment.arm.value,
        reason=assigned.assignment.reason,
        observed=assigned.token,
    )
