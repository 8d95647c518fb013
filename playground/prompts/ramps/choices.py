"""Offer what a ramp can be planned for, and read an earlier one as a form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from playground.core.attributes import KNOWN
from playground.policy.models import Team, User
from playground.prompts.content import PromptKind
from playground.prompts.finding import PRODUCTION
from playground.prompts.models import Label, Prompt, PromptVersion, Ramp
from playground.prompts.protecting import needs_reviewer
from playground.prompts.ramps import metrics
from playground.prompts.ramps.bucketing import Arm, Operator
from playground.prompts.ramps.form import DAYS_OFFERED, Form, rows_of
from playground.prompts.ruling import reviewer_of

Choice = tuple[str, str]
KINDS = (*sorted(metrics.RATES | metrics.MEANS), "score:")
OPERATORS: Sequence[Choice] = (
    (Operator.EQ, "is"),
    (Operator.NE, "is not"),
    (Operator.IN, "is one of"),
    (Operator.PREFIX, "begins with"),
    (Operator.GT, "is more than"),
    (Operator.GTE, "is at least"),
    (Operator.LT, "is less than"),
    (Operator.LTE, "is at most"),
    (Operator.VERSION_GTE, "is version … or newer"),
    (Operator.VERSION_LT, "is older than version"),
    (Operator.EXISTS, "is there"),
)
ARMS: Sequence[Choice] = ((Arm.CANDIDATE, "candidate"), (Arm.BASELINE, "baseline"))
LOOKS: Sequence[Choice] = (
    *((str(days), f"the last {f'{days} days' if days > 1 else 'day'}") for days in DAYS_OFFERED),
    ("none", "a made-up crowd"),
)
# More of them nobody reads: whoever has more types a part of the name.
SUGGESTED = 20
_MOST_VERSIONS = 500


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers; ``prompt`` is None while none is chosen.

    Attributes:
        offers_any: whether the reader can plan a ramp of anything.
        prompts: a few that are called like what was typed, while no prompt is chosen.
        labels: with the version that each points at.
        live: the ramp that runs on the label already.
        reviewer: who can start the ramp, where the reader may plan and propose it and no more.
    """

    offers_any: bool
    prompts: Sequence[Prompt]
    prompt: Prompt | None
    labels: Sequence[Choice]
    candidates: Sequence[Choice]
    live: Ramp | None
    reviewer: str = ""
    label: str = ""
    candidate: str = ""
    kinds: Sequence[str] = KINDS
    operators: Sequence[Choice] = OPERATORS
    attributes: Sequence[str] = KNOWN
    arms: Sequence[Choice] = ARMS
    units: Sequence[Choice] = tuple(Ramp.Unit.choices)
    looks: Sequence[Choice] = LOOKS

    @property
    def unknown(self) -> bool:
        """Tell whether no prompt is called like what was typed."""
        return self.offers_any and self.prompt is None and not self.prompts

    @property
    def offers_label(self) -> bool:
        """Tell whether the label that is typed can be chosen still."""
        return any(name == self.label for name, _ in self.labels)

    @property
    def offers_candidate(self) -> bool:
        """Tell whether the candidate that is typed can be chosen still."""
        return any(number == self.candidate for number, _ in self.candidates)


def rampable(user: User, text: str = "") -> QuerySet[Prompt]:
    """Return the prompts of the user's teams that have a label and a version to lead it to.

    Args:
        text: in their path or their title.
    """
    found = (
        Prompt.objects.active()
        .exclude(kind=PromptKind.FRAGMENT)
        .filter(
            Exists(Label.objects.filter(prompt=OuterRef("pk"))),
            Exists(PromptVersion.objects.filter(prompt=OuterRef("pk"), number__gte=2)),
            team__in=Team.objects.of(user),
        )
        .select_related("team")
        .order_by("team__slug", "name")
    )
    if sought := text.strip():
        path = Concat("team__slug", Value("/"), "name", output_field=TextField())
        found = found.alias(sought=path).filter(
            Q(sought__icontains=sought) | Q(title__icontains=sought)
        )
    return found


def choices_for(user: User, form: Form) -> Choices:
    """Offer what the reader can plan a ramp for."""
    team, _, name = form.prompt.partition("/")
    prompt = rampable(user).filter(team__slug=team, name=name).first()
    if prompt is None:
        offered = list(rampable(user, form.prompt)[:SUGGESTED])
        return Choices(bool(offered) or rampable(user).exists(), offered, None, (), (), None)
    labels = list(prompt.labels.select_related("version").order_by("name"))
    current = next((each for each in labels if each.name == form.label), None)
    versions = PromptVersion.objects.filter(prompt=prompt, archived_at=None).order_by("-number")
    if current is not None:
        versions = versions.exclude(pk=current.version_id)
    live = Ramp.objects.live().whole().filter(prompt=prompt, label=form.label).first()
    context = user.context(team=prompt.team.slug)
    return Choices(
        offers_any=True,
        prompts=(),
        prompt=prompt,
        labels=[(each.name, f"{each.name}, now v{each.version.number}") for each in labels],
        candidates=[(str(each.number), _named(each)) for each in versions[:_MOST_VERSIONS]],
        live=live,
        label=form.label,
        candidate=form.candidate,
        reviewer=reviewer_of(context) if needs_reviewer(context, prompt, form.label) else "",
    )


def chosen(user: User, form: Form) -> Form:
    """Take the one prompt that is called like what was typed, if there is but one."""
    alike = list(rampable(user, form.prompt)[:2]) if form.prompt else []
    return replace(form, prompt=alike[0].path) if len(alike) == 1 else form


def completed(user: User, form: Form) -> Form:
    """Fill in what a chosen prompt suggests: its production label, its newest other version."""
    choices = choices_for(user, form)
    names = [name for name, _ in choices.labels]
    if choices.prompt is None:
        return form
    if form.label not in names:
        label = PRODUCTION if PRODUCTION in names else names[0]
        form = replace(form, label=label)
        choices = choices_for(user, form)
    numbers = [number for number, _ in choices.candidates]
    if form.candidate not in numbers:
        form = replace(form, candidate=numbers[0] if numbers else "")
    return form


def form_of(ramp: Ramp) -> Form:
    """Write a ramp as a form, to plan another one like it."""
    guards = ramp.guards.values("kind", "tolerated", "alpha")
    return Form(
        prompt=ramp.prompt.path,
        label=ramp.label,
        candidate=str(ramp.candidate.number),
        unit=ramp.unit,
        on_regression=ramp.on_regression,
        automatic_advance=ramp.automatic_advance,
        revision=str(ramp.revision),
        rows={
            "stages": rows_of("stages", ramp.stages),
            "rules": rows_of("rules", ramp.rules),
            "guards": rows_of("guards", list(guards)),
        },
    )


def _named(version: PromptVersion) -> str:
    note = f" – {version.note}" if version.note else ""
    return f"v{version.number}{note}"
