"""One row of each thing about prompts that the administration shows."""

from playground.policy.models import User
from playground.prompts.labelling import move_label
from playground.prompts.protecting import require_fragment, set_protected
from playground.prompts.ramps.drafting import draft
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.ramping import start
from playground.prompts.saving import create_prompt, save_version
from tests.prompts.conftest import chat, fragment


def administer(user: User) -> None:
    """Have an admin of a team ramp a prompt, protect a label and require a fragment."""
    context = user.context()
    create_prompt(context, name="rules", content=fragment("Be fair."))
    create_prompt(context, name="greeting", content=chat("Hi."))
    save_version(context, "greeting", content=chat("Hello."))
    move_label(context, "greeting", label="staging", version=1)
    plan = {"label": "staging", "candidate": 2, "stages": [{"percent": 10}, {"percent": 100}]}
    start(context, draft(context, "greeting", plan_of(plan)).pk, reason="try it")
    set_protected(context, label="staging", protected=True)
    require_fragment(context, label="production", fragment="rules")
