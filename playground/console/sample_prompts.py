"""The sample's prompts: a guardrail that the trust team shares, and the hiring team's letter."""

from playground.policy.models import User
from playground.prompts.content import Content, content_of
from playground.prompts.models import Prompt
from playground.prompts.saving import About, create_prompt
from skills.hiring import wording

GUARDRAIL = """\
Fairness and privacy
- Speak of skills and experience. Never infer or mention age, gender, origin, health, religion,
  family or anything else that must not decide about work.
- Use only what you were given about a person; where something is missing, leave it out.
- You propose and a person decides: promise nothing in anybody's name.
"""


def load_prompts(owner: User) -> tuple[str, ...]:
    """Make those of the sample's prompts that are missing; return their paths."""
    made = []
    if _is_missing("trust", "responsible-ai"):
        create_prompt(
            owner.context(team="trust"),
            name="responsible-ai",
            content=_fragment(),
            about=About(
                title="Responsible AI",
                description="What every prompt says that writes to or about people.",
                shared=True,
            ),
            note="Sample",
        )
        made.append("trust/responsible-ai")
    if wording.ensure_outreach(owner.context(team="hiring")):
        made.append("hiring/outreach")
    return tuple(made)


def _is_missing(team: str, name: str) -> bool:
    return not Prompt.objects.filter(team__slug=team, name=name).exists()


def _fragment() -> Content:
    return content_of({"kind": "fragment", "messages": [{"role": "text", "template": GUARDRAIL}]})
