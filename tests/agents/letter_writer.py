"""A skill that writes with a prompt, and a worker that is killed at a moment of its call.

``DRILL_DIES`` names the moment: ``within`` the use of the prompt, or ``after`` it, when the ramp
was told and the run has kept nothing yet.
"""

import os
import signal

import django
from pydantic import Field

django.setup()

from playground.core import spans  # noqa: E402
from playground.core.context import RequestContext  # noqa: E402
from playground.core.errors import ProviderError  # noqa: E402
from skills import registry  # noqa: E402
from skills.declaring import SkillArgs, SkillContext, skill  # noqa: E402
from skills.invoking import SkillOutcome, invoke  # noqa: E402

NAME = "demo.letters"


class Letters(SkillArgs):
    """What to write."""

    fails: bool = Field(default=False, description="Whether the first letter fails.")


@skill(NAME, title="Write letters", description="Write two letters.", prompts=("greeting",))
def letters(args: Letters, context: SkillContext) -> str:
    """Use a prompt for each of two letters."""
    for part in ("first", "second"):
        with context.using("greeting", label="production", variables={}, part=part):
            _die("within")
            if args.fails:
                raise ProviderError("provider.unavailable", "Nobody answers.")
    _die("after")
    return "Two letters."


def write(
    subject: str, *, run_id: str | None, call_id: str | None, step: str = "", fails: bool = False
) -> SkillOutcome:
    """Call the skill within a run, as an agent does."""
    context = RequestContext(subject=subject, team="hiring")
    told = {"team": "hiring", "subject": subject, "thread_id": None}
    with spans.trace("agent", run_id=run_id, **told):
        return invoke(context, NAME, {"fails": fails}, call_id=call_id, step=step)


def _die(moment: str) -> None:
    if os.environ.get("DRILL_DIES") == moment:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    registry.register(letters)
    write(os.environ["DRILL_SUBJECT"], run_id=os.environ["DRILL_RUN"], call_id="call_0_0_a")
