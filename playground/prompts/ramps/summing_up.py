"""Say on other pages what is ramping, and what could be."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Literal

from playground.prompts.content import PromptKind
from playground.prompts.finding import PRODUCTION
from playground.prompts.models import Prompt, PromptVersion, Ramp
from playground.prompts.ramps.guarding_ramps import comparisons_of_each
from playground.prompts.ramps.sequential import Verdict


@dataclass(frozen=True, slots=True)
class Summary:
    """A live ramp in one line, for the prompt's page."""

    id: uuid.UUID
    label: str
    said: str
    since: dt.datetime | None
    tone: Literal["ok", "warn", "error"]


def label_to_ramp(version: PromptVersion) -> str | None:
    """Return the label that a ramp could lead to a version, production first; None for no label."""
    prompt = version.prompt
    if prompt.archived_at or version.archived_at or prompt.kind == PromptKind.FRAGMENT:
        return None
    ramping = Ramp.objects.live().filter(prompt=prompt).values("label")
    labels = prompt.labels.exclude(version=version).exclude(name__in=ramping)
    names = sorted(labels.values_list("name", flat=True))
    return PRODUCTION if PRODUCTION in names else next(iter(names), None)


def summaries_of(prompt: Prompt) -> list[Summary]:
    """Sum up the ramps that are live on the prompt's labels; three queries."""
    found = []
    ramps = list(Ramp.objects.live().whole().filter(prompt=prompt).order_by("label"))
    compared = comparisons_of_each(ramps)
    for ramp in ramps:
        verdicts = {each.verdict for each in compared[ramp.pk]}
        tone: Literal["ok", "warn", "error"] = "ok"
        if ramp.state == Ramp.State.PAUSED:
            tone, word = "warn", "paused"
        elif not verdicts:
            word = "not guarded"
        else:
            word = "fine" if verdicts == {Verdict.FINE} else "undecided"
        if Verdict.REGRESSED in verdicts:
            tone, word = "error", "regressed"
        said = f"{ramp.step.percent:g} % to v{ramp.candidate.number}, {word}"
        found.append(Summary(ramp.pk, ramp.label, said, ramp.since, tone))
    return found
