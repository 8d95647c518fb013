"""Lead whoever names a label that is ramped to the version of their arm."""

from playground.core.context import RequestContext
from playground.prompts.models import Prompt
from playground.prompts.resolving import Steered


def steer(
    context: RequestContext, *, prompt: Prompt, label: str, key: str | None
) -> Steered | None:
    """Return the version of the caller's arm, None where no ramp runs on the label.

    See ``resolving.Assigner``.
    """
    ramp = prompt.ramps_in_force.get(label)
    if ramp is None:
        return None
    assigned = ramp.assign(context, key)
    return Steered(
        number=ramp.version_of(assigned.assignment.arm),
        arm=assigned.assignment.arm.value,
        reason=assigned.assignment.reason,
        observed=assigned.token,
        ramp=ramp.id,
    )
