"""Gather what the page of one prompt shows."""

from dataclasses import dataclass

from django.db.models import Max

from playground.core.context import RequestContext
from playground.core.forms import FormField
from playground.policy.deciding import Resource, decide
from playground.policy.people import names_of
from playground.prompts.composing import includes_of
from playground.prompts.content import Message, Placeholder, PromptKind
from playground.prompts.depending import Dependent, dependents
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import (
    Draft,
    Label,
    LabelMove,
    Prompt,
    PromptVersion,
)
from playground.prompts.pages.deciding import ShownProposal, proposals_of
from playground.prompts.pages.editing import Sheet, sheet_of
from playground.prompts.pages.filling import fields
from playground.prompts.pages.marking import Part, parts_of
from playground.prompts.pages.movers import Mover, movers_of
from playground.prompts.protecting import protected_in
from playground.prompts.relying import Use, used_by
from playground.prompts.ruling import Protection, Standing, protections, standings
from playground.prompts.templating.fragments import reachable

MOVES_SHOWN = 20
VERSIONS_SHOWN = 50
DEPENDENTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message with its template split for tinting; ``placeholder`` names a variable."""

    role: str
    parts: list[Part]
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class ShownLabel:
    """A label, who put it where it is, and whether moving it takes a reviewer."""

    label: Label
    by: Mover
    protected: bool


@dataclass(frozen=True, slots=True)
class RailEntry:
    """A version in the rail."""

    version: PromptVersion
    by: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Included:
    """A fragment's version that is included; ``newer`` is the number of a newer one, if any."""

    path: str
    number: int
    newer: int | None
    team: str
    name: str


@dataclass(frozen=True, slots=True)
class PromptPage:
    """Everything that the page of a prompt shows."""

    prompt: Prompt
    version: PromptVersion
    latest: PromptVersion
    author: str
    rail: list[RailEntry]
    messages: list[ShownMessage]
    sheet: Sheet
    inputs: list[FormField]
    labels: list[ShownLabel]
    proposals: list[ShownProposal]
    moves: list["ShownMove"]
    included: list[Included]
    dependents: list[Dependent]
    uses: list[Use]
    draft: Draft | None
    editors: list["EditingNow"]
    protections: list[Protection]
    standings: list[Standing]
    may_edit: bool
    may_review: bool
    opens_in_workbench: bool

    @property
    def shows_ramp(self) -> bool:
        """Return whether the plan of a ramp is among what is proposed."""
        return any(each.proposal.ramp for each in self.proposals)

    @property
    def dependents_shown(self) -> list[Dependent]:
        """Return the first of them; the rest stand on the page that bumps them."""
        return self.dependents[:DEPENDENTS_SHOWN]


@dataclass(frozen=True, slots=True)
class ShownMove:
    """A move of a label and who moved it."""

    move: LabelMove
    by: Mover


@dataclass(frozen=True, slots=True)
class EditingNow:
    """Somebody else who has a draft of the prompt."""

    name: str
    draft: Draft


def may_create(context: RequestContext) -> bool:
    """Tell whether the context may make prompts."""
    new = Resource(kind="Prompt", id="new", team=context.team)
    return decide(context, "create", new, audit=False).allowed


def opens_in_workbench(context: RequestContext, prompt: Prompt) -> bool:
    """Tell whether the context may try the prompt in a workbench; a fragment is no prompt yet."""
    new = Resource(kind="Workbench", id="new", team=context.team)
    may = decide(context, "create", new, audit=False).allowed
    return may and prompt.kind != PromptKind.FRAGMENT


def page_of(context: RequestContext, path: str, *, version: int | None) -> PromptPage:
    """Return what the page shows at a version, the newest one where none is named.

    Raises:
        NotFound: there is no such prompt or version.
    """
    prompt = find_prompt(context, path, audit=False)
    latest = version_of(prompt)
    shown = latest if version is None else version_of(prompt, version=version)
    versions = list(prompt.versions.summaries().order_by("-number")[:VERSIONS_SHOWN])
    labels = list(prompt.labels.select_related("version"))
    ours = prompt.team.slug == context.team
    moves = list(prompt.moves.all()[:MOVES_SHOWN]) if ours else []
    people = names_of({each.author for each in versions})
    movers = movers_of(prompt, [*labels, *moves])
    resource = prompt.resource(context)
    may_edit = decide(context, "edit", resource, audit=False).allowed
    protected = protected_in(prompt.team.slug)
    at: dict[int, list[str]] = {}
    for label in labels:
        at.setdefault(label.version.number, []).append(label.name)
    return PromptPage(
        prompt=prompt,
        version=shown,
        latest=latest,
        author=people.get(shown.author, shown.author),
        rail=[
            RailEntry(each, people[each.author], tuple(at.get(each.number, ())))
            for each in versions
        ],
        messages=[shown_message(each) for each in shown.content.messages],
        sheet=sheet_of(shown.content.as_json(), own_inputs=True),
        inputs=fields(shown.inputs),
        labels=[ShownLabel(each, movers[each.pk], each.name in protected) for each in labels],
        proposals=proposals_of(context, prompt),
        moves=[ShownMove(each, movers[each.pk]) for each in moves],
        included=_included(shown),
        dependents=dependents(context, path) if prompt.kind == PromptKind.FRAGMENT else [],
        uses=used_by(context, [prompt.pk]).get(prompt.pk, []),
        draft=Draft.objects.filter(prompt=prompt, author=context.subject).first(),
        editors=editing_now(context, prompt),
        protections=[each for each in protections(context) if each.protected] if ours else [],
        standings=standings(shown) if ours else [],
        may_edit=may_edit,
        may_review=ours and decide(context, "approve", resource, audit=False).allowed,
        opens_in_workbench=opens_in_workbench(context, prompt),
    )


def editing_now(context: RequestContext, prompt: Prompt) -> list[EditingNow]:
    """Return who else of the team has typed something into it in the last quarter of an hour."""
    if prompt.team.slug != context.team:
        return []
    drafts = list(Draft.objects.recent().filter(prompt=prompt).exclude(author=context.subject)[:5])
    people = names_of(each.author for each in drafts)
    return [EditingNow(people[each.author], each) for each in drafts]


def shown_message(message: Message) -> ShownMessage:
    """Split a message for tinting."""
    if isinstance(message, Placeholder):
        return ShownMessage("placeholder", [], message.name)
    return ShownMessage(message.role, parts_of(message.template))


def _included(version: PromptVersion) -> list[Included]:
    refs = {piece.ref for top in includes_of(version).values() for piece in reachable(top)}
    paths = {ref.rpartition("@")[0] for ref in refs}
    named = Prompt.objects.filter(name__in={path.rpartition("/")[2] for path in paths})
    tops = named.annotate(top=Max("versions__number")).order_by()
    newest = {
        f"{team}/{name}": top for team, name, top in tops.values_list("team__slug", "name", "top")
    }
    found = []
    for ref in sorted(refs):
        path, _, number = ref.rpartition("@")
        team, _, name = path.rpartition("/")
        newer = newest[path] if newest.get(path, 0) > int(number) else None
        found.append(Included(path, int(number), newer, team, name))
    return found
