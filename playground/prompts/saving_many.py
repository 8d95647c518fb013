"""Save several prompts together, those that others include first: all of them or none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound, PlaygroundError
from playground.policy.deciding import Resource, require
from playground.policy.people import names_of
from playground.prompts.composing import Composition, compose
from playground.prompts.content import Content
from playground.prompts.files.basing import Base
from playground.prompts.finding import version_of
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.saving import create_prompt, save_version
from playground.prompts.templating.compiling import names_in
from playground.prompts.templating.fragments import MAX_NESTING, name_of


class Outcome(StrEnum):
    """What became of a content that was to be saved."""

    CREATED = "created"
    SAVED = "saved"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A content that is to be the newest of a prompt, by its name without the team.

    Attributes:
        based_on: what it was made from, if it is to be refused where the newest version says
            something else.
    """

    name: str
    content: Content
    note: str = ""
    based_on: Base | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one.

    Attributes:
        version: the newest version now; None where it was refused.
        before: the newest version until then.
        composition: the content with what it includes; None where it was refused.
    """

    wanted: Wanted
    outcome: Outcome
    version: PromptVersion | None = None
    before: PromptVersion | None = None
    composition: Composition | None = None
    error: PlaygroundError | None = None


@contextmanager
def trying() -> Iterator[None]:
    """Undo whatever is stored inside of the block, at its end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def permit(context: RequestContext, wanted: Sequence[Wanted]) -> None:
    """Ask whether all of it may be saved, before anything is tried: a refusal stays in the log.

    Raises:
        PolicyDenied: not all of it.
    """
    names = {each.name for each in wanted}
    for prompt in Prompt.objects.of_team(context).filter(name__in=names).select_related("team"):
        require(context, "edit", prompt.resource(context))
        names.discard(prompt.name)
    for name in sorted(names):
        require(context, "create", Resource(kind="Prompt", id=name[:64], team=context.team))


def save_all(context: RequestContext, wanted: Sequence[Wanted]) -> list[Saved]:
    """Save each as the newest version of its prompt, which is made where there is none.

    A prompt that says the same already gets no version, whatever became of its fragments.
    Each is tried, also after one was refused; then nothing is stored.

    Returns:
        What became of each, fragments before what includes them.

    Raises:
        PolicyDenied: the context may not save one of them.
    """
    permit(context, wanted)
    with transaction.atomic():
        # In one order, so that two who save the same prompts wait for each other once.
        own = Prompt.objects.of_team(context).filter(name__in={each.name for each in wanted})
        list(own.order_by("pk").select_for_update(of=("self",)))
        saved = [_save(context, each) for each in in_order(context.team, wanted)]
        if any(each.error is not None for each in saved):
            transaction.set_rollback(True)
    return saved


def in_order(team: str, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Order contents so that a fragment comes before what includes it; others stay in order."""
    named: dict[str, list[Wanted]] = {}
    for each in wanted:
        named.setdefault(each.name, []).append(each)
    ordered: dict[str, None] = {}
    for name in named:
        _visit(name, team, named, ordered, ())
    return [each for name in ordered for each in named[name]]


def _visit(
    name: str,
    team: str,
    named: dict[str, list[Wanted]],
    ordered: dict[str, None],
    above: tuple[str, ...],
) -> None:
    # Circles and towers are left as they are: saving refuses them and says why.
    if name in ordered or name in above or len(above) > MAX_NESTING:
        return
    for each in named[name]:
        for inner in sorted(_included(each.content, team) & named.keys()):
            _visit(inner, team, named, ordered, (*above, name))
    ordered[name] = None


def _included(content: Content, team: str) -> set[str]:
    found = set()
    for template in content.templates:
        try:
            names = [name_of(written) for written in names_in(template)]
        except InvalidInput:
            continue
        found |= {each.name for each in names if each.team in (None, team)}
    return found


def _save(context: RequestContext, wanted: Wanted) -> Saved:
    own = Prompt.objects.of_team(context).select_related("team")
    prompt = own.filter(name=wanted.name).first()
    before = prompt.versions.current() if prompt else None
    try:
        with transaction.atomic():
            if prompt is None:
                version = create_prompt(
                    context, name=wanted.name, content=wanted.content, note=wanted.note
                )
                return Saved(wanted, Outcome.CREATED, version, None, _composed(context, version))
            composition = compose(context, wanted.content, prompt=prompt, shared=prompt.shared)
            if before is not None and composition.is_said_by(before):
                return Saved(wanted, Outcome.UNCHANGED, before, before, composition)
            if before is not None and wanted.based_on is not None:
                _refuse_other_base(wanted.based_on, before)
            version = save_version(context, prompt.path, content=wanted.content, note=wanted.note)
            return Saved(wanted, Outcome.SAVED, version, before, composition)
    except (InvalidInput, NotFound, Conflict) as error:
        return Saved(wanted, Outcome.REFUSED, None, before, None, error)


def _refuse_other_base(base: Base, current: PromptVersion) -> None:
    if base.says(current.content_hash):
        return
    # The base's number is that of the Playground it was pulled from; its hash is the same here.
    known = current.prompt.versions.newest_first().hashed(base.hash).first()
    at = f"version {current.number} of {names_of([current.author])[current.author]}"
    if known is None:
        said = f"this was made from a version that the prompt never had here; it is at {at}"
    elif known.number < current.number:
        said = f"{at} is newer than version {known.number}, which this was made from"
    else:
        said = (
            f"version {known.number}, which this was made from, is archived; the prompt is at {at}"
        )
    raise Conflict("prompt.edited-meanwhile", said, latest=current.number)


def _composed(context: RequestContext, version: PromptVersion) -> Composition:
    return compose(context, version.content, prompt=version.prompt, shared=version.prompt.shared)


def labelled(context: RequestContext, name: str, label: str | None) -> PromptVersion | None:
    """Return the team's version at a label, or the newest; None where there is none."""
    prompt = Prompt.objects.of_team(context).select_related("team").filter(name=name).first()
    if prompt is None or (label and not prompt.labels.filter(name=label).exists()):
        return None
    return version_of(prompt, label=label)
