"""The prompt that outreach is written with: it ships with the sample, then it is the team's own.

The skill asks for its label, so that a new wording is ramped and rolled back like any other.
"""

import json
from pathlib import Path

from playground.core.context import RequestContext
from playground.prompts.content import Content, PromptKind, Text
from playground.prompts.labelling import move_label
from playground.prompts.models import Prompt
from playground.prompts.saving import About, create_prompt

OUTREACH = "outreach"
LABEL = "production"
_LABELS = (LABEL, "staging")
_FOLDER = Path(__file__).parent / "prompts"


def content() -> Content:
    """Return the prompt as it ships."""
    template = (_FOLDER / "outreach.jinja").read_text(encoding="utf-8").removesuffix("\n")
    inputs = json.loads((_FOLDER / "outreach.inputs.json").read_text(encoding="utf-8"))
    return Content(kind=PromptKind.TEXT, messages=[Text(template=template)], inputs=inputs)


def ensure_outreach(context: RequestContext) -> bool:
    """Make the prompt and label it where the team has none; return whether it was made.

    Raises:
        PolicyDenied: the context may not make prompts, or label them so.
    """
    if Prompt.objects.visible_to(context).filter(team__slug=context.team, name=OUTREACH).exists():
        return False
    about = About("Outreach letter", "The first message to a candidate, written by draft_outreach.")
    version = create_prompt(
        context, name=OUTREACH, content=content(), about=about, note="As it ships"
    )
    for label in _LABELS:
        move_label(context, OUTREACH, label=label, version=version.number, reason="As it ships")
    return True
