"""What an agent is wired from, and what is wrong with a wiring. Pure: imports no Django."""

import re
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field

from playground.core.canonical import content_hash
from playground.core.errors import InvalidInput
from playground.prompts.content import is_label
from playground.prompts.templating.compiling import MAX_TEMPLATE_CHARS, check

DEFAULT_MODEL = "default"
MIN_STEPS, MAX_STEPS, USUAL_STEPS = 1, 50, 16
MAX_SUGGESTED = 6
MAX_SKILLS = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
Wrong = Callable[[str, str, str], None]
RESERVED_NAMES = frozenset(("new", "edit", "versions"))


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """The wiring of an agent.

    Attributes:
        name: slug, unique in the team, fixed once saved.
        prompt: Jinja template of the system message.
        prompt_label: whose version of the agent's own prompt each run takes; without one it is the
            text wired here.
        skills: registry names, in the order in which the model sees them.
        model: id from ``GET /api/models``, or ``default`` for the workspace's own.
        step_limit: model calls and tool calls that one run may make.
        planning: whether a run begins with a written plan.
        suggested: first messages that the chat offers.
        note: what changed, for the list of versions.
    """

    name: str
    title: str
    prompt: str
    prompt_label: str = ""
    description: str = ""
    skills: tuple[str, ...] = ()
    model: str = DEFAULT_MODEL
    step_limit: int = USUAL_STEPS
    planning: bool = False
    suggested: tuple[str, ...] = field(default=())
    note: str = ""

    @property
    def content_hash(self) -> str:
        """Return a hash of all that changes what the agent is; the note does not."""
        said = {**asdict(self), "note": ""}
        if not self.prompt_label:
            # As it was when there were no labels, so that old versions are known again.
            del said["prompt_label"]
        return content_hash(said)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field; ``code`` is stable."""

    field: str
    code: str
    message: str


def is_name(text: str) -> bool:
    """Tell whether an agent could have this name."""
    return len(text) <= 64 and _NAME.fullmatch(text) is not None


def errors_of(
    spec: AgentSpec, *, known_skills: Collection[str], known_models: Collection[str]
) -> list[FieldError]:
    """Return everything wrong with a wiring, in the order of the form."""
    errors: list[FieldError] = []

    def wrong(field_name: str, code: str, message: str) -> None:
        errors.append(FieldError(field_name, f"agent.{code}", message))

    if not is_name(spec.name):
        wrong(
            "name",
            "name-invalid",
            "Use lower-case letters, digits and single dashes, a letter first, at most 64.",
        )
    elif spec.name in RESERVED_NAMES:
        wrong("name", "name-reserved", f"The name “{spec.name}” is reserved.")
    if not spec.title.strip():
        wrong("title", "title-empty", "Give the agent a title.")
    _check_length(wrong, "title", spec.title, 100)
    _check_length(wrong, "description", spec.description, 1000)
    _check_length(wrong, "note", spec.note, 200)
    _check_prompt(wrong, spec.prompt)
    if spec.prompt_label and not is_label(spec.prompt_label):
        wrong("prompt_label", "label-invalid", "A label is lower-case letters, digits and dashes.")
    if len(spec.skills) > MAX_SKILLS:
        wrong("skills", "skills-too-many", f"An agent has at most {MAX_SKILLS} skills.")
    if len(set(spec.skills)) < len(spec.skills):
        wrong("skills", "skills-repeated", "A skill is listed twice.")
    for name in spec.skills:
        if name not in known_skills:
            wrong("skills", "unknown-skill", f"There is no skill “{name[:80]}”.")
    if spec.model != DEFAULT_MODEL and spec.model not in known_models:
        wrong("model", "unknown-model", f"There is no model “{spec.model[:80]}”.")
    if not MIN_STEPS <= spec.step_limit <= MAX_STEPS:
        wrong(
            "step_limit",
            "step-limit-range",
            f"The step limit is a number from {MIN_STEPS} to {MAX_STEPS}.",
        )
    if len(spec.suggested) > MAX_SUGGESTED:
        wrong("suggested", "suggested-too-many", f"Suggest at most {MAX_SUGGESTED} messages.")
    for text in spec.suggested:
        _check_length(wrong, "suggested", text, 500)
    return errors


def _check_prompt(wrong: Wrong, prompt: str) -> None:
    if not prompt.strip():
        wrong("prompt", "prompt-empty", "Say what the agent is and does.")
    elif len(prompt) > MAX_TEMPLATE_CHARS:
        wrong("prompt", "prompt-too-long", f"At most {MAX_TEMPLATE_CHARS} characters.")
    else:
        try:
            check(prompt)
        except InvalidInput as error:
            wrong("prompt", error.code.replace("prompt.", "prompt-"), error.detail)


def _check_length(wrong: Wrong, field_name: str, text: str, limit: int) -> None:
    if len(text) > limit:
        wrong(field_name, f"{field_name}-too-long", f"At most {limit} characters.")
    if "\x00" in text:
        wrong(field_name, f"{field_name}-nul", "NUL characters are not allowed.")
