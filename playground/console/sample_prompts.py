"""The sample's prompts: a guardrail that the trust team shares, an outreach that includes it."""

from playground.policy.models import User
from playground.prompts.content import Content, content_of
from playground.prompts.finding import PRODUCTION
from playground.prompts.labelling import move_label
from playground.prompts.models import Prompt
from playground.prompts.saving import About, create_prompt

GUARDRAIL = """\
Fairness and privacy
- Speak of skills and experience. Never infer or mention age, gender, origin, health, religion,
  family or anything else that must not decide about work.
- Use only what you were given about a person; where something is missing, leave it out.
- You propose and a person decides: promise nothing in anybody's name.
"""

_SYSTEM = """\
You write the first message from {{ sender.name }} of {{ sender.company }} to a candidate.

{% include "trust/responsible-ai" %}

How you write
- At most {{ max_words|default(120) }} words, in a {{ tone|default("friendly") }} tone.
- Begin with what in their experience fits, then the role, then one question.
{% if language is defined %}- Write in {{ language }}.
{% endif %}"""

_USER = """\
Candidate: {{ candidate.name }}, {{ candidate.headline }}
{% for skill in candidate.skills %}- {{ skill }}
{% endfor %}
Role: {{ job.title }} in {{ job.location }}
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
    if _is_missing("hiring", "outreach"):
        context = owner.context(team="hiring")
        version = create_prompt(
            context,
            name="outreach",
            content=_outreach(),
            about=About(title="Outreach", description="The first message to a candidate."),
            note="Sample",
        )
        for label in (PRODUCTION, "staging"):
            move_label(context, "outreach", label=label, version=version.number, reason="Sample")
        made.append("hiring/outreach")
    return tuple(made)


def _is_missing(team: str, name: str) -> bool:
    return not Prompt.objects.filter(team__slug=team, name=name).exists()


def _fragment() -> Content:
    return content_of({"kind": "fragment", "messages": [{"role": "text", "template": GUARDRAIL}]})


def _outreach() -> Content:
    messages = [{"role": "system", "template": _SYSTEM}, {"role": "user", "template": _USER}]
    return content_of({"messages": messages, "settings": {"temperature": 0.4, "max_tokens": 400}})
