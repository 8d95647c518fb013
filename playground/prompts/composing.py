"""Find what a prompt's templates include, and pin it to versions."""

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.prompts.content import Content, Placeholder, PromptKind
from playground.prompts.finding import PRODUCTION, version_of
from playground.prompts.models import Inclusion, Label, Prompt, PromptVersion
from playground.prompts.templating.compiling import compiled, located, names_in
from playground.prompts.templating.discovering import discover
from playground.prompts.templating.fragments import (
    MAX_INCLUSIONS,
    MAX_NESTING,
    NOTHING,
    Includes,
    Piece,
    name_of,
)
from playground.prompts.templating.locating import column_of
from playground.prompts.templating.validating import check_schemas, check_settings


@dataclass(frozen=True, slots=True)
class Edge:
    """One inclusion: ``through`` is None where the content's own templates name the fragment."""

    through: PromptVersion | None
    name: str
    fragment: PromptVersion

    @property
    def via(self) -> uuid.UUID | None:
        """Return the id of ``through``."""
        return None if self.through is None else self.through.pk


@dataclass(frozen=True, slots=True)
class Composition:
    """A content with everything it includes.

    Attributes:
        content: with its inputs, discovered where none were given.
    """

    content: Content
    edges: tuple[Edge, ...]
    includes: Includes

    def pins(self) -> set[tuple[uuid.UUID | None, str, uuid.UUID]]:
        """Return the inclusions as the database knows them."""
        return {(each.via, each.name, each.fragment.pk) for each in self.edges}

    def is_said_by(self, version: PromptVersion) -> bool:
        """Tell whether a version says the same, whatever became of what it includes."""
        return version.content_hash == self.content.content_hash

    def is_stored_as(self, version: PromptVersion) -> bool:
        """Tell whether a version says and includes the same."""
        pins = version.inclusions.values_list("through_id", "name", "fragment_id")
        return self.is_said_by(version) and self.pins() == set(pins)


Taken = Mapping[uuid.UUID, PromptVersion]
"""Versions to take of fragments, by the prompts' ids, where the text pins none."""


def compose(
    context: RequestContext,
    content: Content,
    *,
    prompt: Prompt | None = None,
    shared: bool = False,
    taken: Taken | None = None,
) -> Composition:
    """Find the fragments of a content, take their versions, and check that all of it compiles.

    Without a version or label in its name a fragment is taken at ``production``, if it has that
    label, else at its newest version.

    Args:
        prompt: what the content becomes a version of, if it is stored already.
        shared: every team may read the content, so that it may only include what they may read.

    Raises:
        InvalidInput: a template, setting or schema is wrong, a fragment is missing, archived or
            includes the prompt, or there are too many or too deeply nested ones.
    """
    check_settings(content)
    check_schemas(content)
    edges: dict[tuple[uuid.UUID | None, str], Edge] = {}
    for index, message in enumerate(content.messages):
        if isinstance(message, Placeholder):
            continue
        for name, line in names_in(message.template, message=index).items():
            if (None, name) in edges:
                continue
            column = column_of(message.template, line, name)
            try:
                fragment = _take(context, name, prompt, taken or {})
                _refuse_unshared(fragment, shared)
            except InvalidInput as error:
                raise located(error.code, error.detail, index, line, column) from error
            except NotFound as error:
                code = "prompt.fragment-not-found"
                raise located(code, error.detail, index, line, column) from error
            edges[None, name] = Edge(None, name, fragment)
            edges |= {(each.via, each.name): each for each in _of(fragment)}
            _refuse_size(len(edges))
    found = tuple(edges.values())
    if prompt is not None:
        _refuse_cycle(prompt, found)
    includes = _assemble(found)
    for index, message in enumerate(content.messages):
        if not isinstance(message, Placeholder):
            compiled(Piece(message.template, includes), message=index)
    if content.inputs is None:
        content = content.model_copy(update={"inputs": discover(content, includes)})
        check_schemas(content)
    return Composition(content, found, includes)


def includes_of(version: PromptVersion) -> Includes:
    """Return what a stored version includes; asks the database the first time only."""
    return _includes(version.pk)


@functools.lru_cache(maxsize=2048)
def _includes(version: uuid.UUID) -> Includes:
    # A version never changes, so what was read once holds for ever.
    rows = Inclusion.objects.filter(version=version)
    return _assemble(
        tuple(
            Edge(row.through, row.name, row.fragment)
            for row in rows.select_related("fragment__prompt__team", "through")
        )
    )


def _take(
    context: RequestContext, written: str, prompt: Prompt | None, taken: Taken
) -> PromptVersion:
    name = name_of(written)
    team = name.team or (prompt.team.slug if prompt else context.team)
    fragments = Prompt.objects.visible_to(context).select_related("team")
    fragment = fragments.filter(team__slug=team, name=name.name, kind=PromptKind.FRAGMENT).first()
    if fragment is None:
        raise InvalidInput("prompt.fragment-not-found", f"there is no fragment “{written}”")
    if name.version is not None or name.label is not None:
        return version_of(fragment, version=name.version, label=name.label)
    if fragment.archived_at is not None:
        raise InvalidInput(
            "prompt.fragment-archived",
            f"“{written}” is archived; write which version is meant, as in “{written}@1”",
        )
    if fragment.pk in taken:
        return taken[fragment.pk]
    labelled = Label.objects.filter(prompt=fragment, name=PRODUCTION).exists()
    return version_of(fragment, label=PRODUCTION if labelled else None)


def _of(fragment: PromptVersion) -> list[Edge]:
    rows = fragment.inclusions.select_related("fragment__prompt__team", "through__prompt__team")
    return [Edge(row.through or fragment, row.name, row.fragment) for row in rows]


def _assemble(edges: tuple[Edge, ...]) -> Includes:
    named: dict[uuid.UUID | None, dict[str, PromptVersion]] = {}
    for each in edges:
        named.setdefault(each.via, {})[each.name] = each.fragment
    pieces: dict[tuple[uuid.UUID, int], Piece] = {}

    def piece(version: PromptVersion, depth: int) -> Piece:
        if depth > MAX_NESTING:
            raise InvalidInput(
                "prompt.nesting", f"Fragments nest at most {MAX_NESTING} levels deep."
            )
        place = (version.pk, depth)
        if place not in pieces:
            below = named.get(version.pk, {})
            inner = {name: piece(each, depth + 1) for name, each in below.items()}
            pieces[place] = Piece(version.messages[0]["template"], inner, version.ref)
        return pieces[place]

    top = named.get(None)
    return {name: piece(each, 1) for name, each in top.items()} if top else NOTHING


def _refuse_unshared(fragment: PromptVersion, shared: bool) -> None:
    if shared and not fragment.prompt.shared:
        raise InvalidInput(
            "prompt.fragment-not-shared",
            f"every team may read this, and {fragment.prompt.path} is not shared",
        )


def _refuse_size(inclusions: int) -> None:
    if inclusions > MAX_INCLUSIONS:
        raise InvalidInput(
            "prompt.too-many-fragments", f"A prompt has at most {MAX_INCLUSIONS} inclusions."
        )


def _refuse_cycle(prompt: Prompt, edges: tuple[Edge, ...]) -> None:
    """Refuse a prompt that includes itself in some version, and name the way."""
    parent = {each.fragment.pk: each.through for each in edges}
    for each in edges:
        if each.fragment.prompt_id == prompt.pk:
            path = [prompt.path]
            through = each.through
            while through is not None:
                path.append(through.prompt.path)
                through = parent[through.pk]
            around = " -> ".join([prompt.path, *reversed(path[1:]), prompt.path])
            raise InvalidInput("prompt.cycle", f"A prompt cannot include itself: {around}.")
