"""Save prompts as immutable versions."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput
from playground.policy.deciding import Resource, require
from playground.policy.models import Team
from playground.prompts.changing import announce
from playground.prompts.composing import Composition, Taken, compose
from playground.prompts.content import Content, PromptKind
from playground.prompts.finding import check_name, find_prompt
from playground.prompts.models import Inclusion, Prompt, PromptVersion
from playground.prompts.spotting import refuse_secrets, spot, spot_in_text

MAX_CONTENT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class About:
    """What a prompt is called and described as; ``shared`` is for fragments alone."""

    title: str = ""
    description: str = ""
    shared: bool = False


def create_prompt(
    context: RequestContext,
    *,
    name: str,
    content: Content,
    about: About | None = None,
    note: str = "",
) -> PromptVersion:
    """Make a prompt with its first version.

    Raises:
        PolicyDenied: the context may not create prompts.
        InvalidInput: the name, the content or what it includes is wrong; ``prompt.secret``.
        Conflict: ``prompt.name-taken``.
    """
    about = about or About()
    require(context, "create", Resource(kind="Prompt", id=name[:64], team=context.team))
    check_name(name)
    check_about(about, content.kind)
    _check_size(content, note)
    team = Team.objects.get(slug=context.team)
    if Prompt.objects.filter(team=team, name=name).exists():
        raise _name_taken()
    composition = compose(context, content, shared=about.shared)
    refuse_secrets(spot(content))
    try:
        with transaction.atomic():
            prompt = Prompt.objects.create(
                team=team,
                name=name,
                kind=content.kind.value,
                title=about.title,
                description=about.description,
                shared=about.shared,
                author=context.subject,
            )
            version = _append(context, prompt, composition, number=1, note=note)
            announce(prompt, "created")
    except IntegrityError as error:
        raise _name_taken() from error
    return version


def save_version(
    context: RequestContext,
    path: str,
    *,
    content: Content,
    note: str = "",
    based_on: int | None = None,
) -> PromptVersion:
    """Append a version to a prompt, or return the newest one if it says and includes the same.

    Args:
        path: ``name`` or ``team/name``.
        based_on: number of the version that the editor began with; None skips the comparison.

    Raises:
        NotFound: there is no such prompt.
        PolicyDenied: the context may not edit it.
        InvalidInput: the content or what it includes is wrong; ``prompt.secret``.
        Conflict: ``prompt.edited-meanwhile``, somebody saved version ``latest`` since;
            ``prompt.archived``.
    """
    prompt = find_prompt(context, path, action="edit")
    _check_size(content, note)
    return append_version(context, prompt, content, note=note, based_on=based_on)


def keep_version(
    context: RequestContext, prompt: Prompt | None, *, name: str, content: Content, note: str = ""
) -> PromptVersion:
    """Append a version to a prompt that belongs to something else; None makes one of that name.

    The caller has asked for permission: a prompt is edited as part of what it belongs to.

    Raises:
        InvalidInput: the content or what it includes is wrong.
        Conflict: ``prompt.name-taken``, a prompt was to be made, and there is one.
    """
    _check_size(content, note)
    if prompt is None:
        team = Team.objects.get(slug=context.team)
        prompt, made = Prompt.objects.select_related("team").get_or_create(
            team=team, name=name, defaults={"kind": content.kind.value, "author": context.subject}
        )
        if not made:
            raise _name_taken()
    return append_version(context, prompt, content, note=note)


def check_about(about: About, kind: PromptKind | str) -> None:
    """Refuse a title or description that cannot be stored, and shared prompts of other kinds.

    Raises:
        InvalidInput: ``prompt.about``, ``prompt.secret``.
    """
    for field, text, limit in (
        ("title", about.title, 100),
        ("description", about.description, 1000),
    ):
        if len(text) > limit:
            raise InvalidInput(
                "prompt.about", f"The {field} has at most {limit} characters.", field=field
            )
        if "\x00" in text:
            raise InvalidInput("prompt.about", f"The {field} holds a null character.", field=field)
        refuse_secrets(spot_in_text(text, field))
    if about.shared and kind != PromptKind.FRAGMENT:
        raise InvalidInput(
            "prompt.about", "Only fragments are shared with other teams.", field="shared"
        )


def append_version(
    context: RequestContext,
    prompt: Prompt,
    content: Content,
    *,
    note: str,
    based_on: int | None = None,
    taken: Taken | None = None,
) -> PromptVersion:
    """Append a version for somebody who has been found to be allowed to; see ``save_version``.

    Args:
        taken: versions to take of fragments, by the prompts' ids, where the text pins none.
    """
    if content.kind != prompt.kind:
        raise InvalidInput("prompt.kind", f"{prompt} is a {prompt.kind} and stays one.")
    composition = compose(context, content, prompt=prompt, shared=prompt.shared, taken=taken)
    refuse_secrets(spot(content))
    with transaction.atomic():
        prompt = (
            Prompt.objects.select_for_update(of=("self",)).select_related("team").get(pk=prompt.pk)
        )
        if prompt.archived_at is not None:
            raise Conflict("prompt.archived", f"{prompt} is archived; restore it to go on.")
        last = prompt.versions.newest_first().first()
        if last is not None and based_on is not None and last.number != based_on:
            raise Conflict(
                "prompt.edited-meanwhile",
                f"Version {last.number} was saved by {last.author} while you edited {based_on}.",
                latest=last.number,
            )
        if last is not None and composition.is_stored_as(last):
            return last
        number = 1 if last is None else last.number + 1
        version = _append(context, prompt, composition, number=number, note=note)
        announce(prompt, "saved")
    return version


def _append(
    context: RequestContext, prompt: Prompt, composition: Composition, *, number: int, note: str
) -> PromptVersion:
    stored = composition.content.model_dump(mode="json", exclude_none=True)
    version = PromptVersion.objects.create(
        prompt=prompt,
        number=number,
        messages=stored["messages"],
        inputs=stored["inputs"],
        settings=stored["settings"],
        tools=stored["tools"],
        response_format=stored.get("response_format"),
        note=note,
        content_hash=composition.content.content_hash,
        author=context.subject,
    )
    Inclusion.objects.bulk_create(
        Inclusion(version=version, fragment=e.fragment, through=e.through, name=e.name)
        for e in composition.edges
    )
    return version


def _check_size(content: Content, note: str) -> None:
    if len(note) > 200 or "\x00" in note:
        raise InvalidInput("prompt.note", "The note has at most 200 characters.")
    refuse_secrets(spot_in_text(note, "note"))
    if len(content.model_dump_json()) > MAX_CONTENT_BYTES:
        raise InvalidInput(
            "prompt.too-large",
            f"A prompt has at most {MAX_CONTENT_BYTES} bytes.",
            http_status=413,
        )


def _name_taken() -> Conflict:
    return Conflict("prompt.name-taken", "A prompt of this name exists in your team.", field="name")
