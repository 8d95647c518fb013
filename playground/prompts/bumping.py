"""Bring what includes a fragment to another version of it: all of it, or what somebody chooses."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PlaygroundError
from playground.policy.deciding import decide
from playground.prompts.comparing import compare, texts_of, written
from playground.prompts.composing import includes_of
from playground.prompts.content import Content, PromptKind
from playground.prompts.depending import others_count
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import Inclusion, Prompt, PromptVersion
from playground.prompts.saving import append_version
from playground.prompts.templating.discovering import discover
from playground.prompts.templating.fragments import name_of

MAX_BUMPS = 100
Outcome = Literal["bumped", "pinned", "denied", "archived", "failed", "waits"]
State = Literal["behind", "pinned", "archived", "waits", "current"]


@dataclass(frozen=True, slots=True)
class Bumped:
    """What a bump did to one prompt.

    Attributes:
        outcome: ``pinned``: its text names another version; ``waits``: it includes the fragment
            through others alone, which were not bumped; ``failed``: ``detail`` says why.
        after: number of the new version; in a dry run the number that it would get.
        diff: unified, through fragments.
    """

    path: str
    outcome: Outcome
    before: int
    after: int | None = None
    diff: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bumps:
    """What became of some prompts, and the cursor of those after them."""

    items: list[Bumped]
    next: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prompt of the team whose newest version includes the fragment.

    Attributes:
        includes: numbers of the fragment's versions that it includes, by all ways.
        through: paths of the fragments through which it includes it, where it does not itself.
        state: what a bump would find; whether it succeeds shows only when it is tried.
    """

    prompt: Prompt
    version: int
    includes: tuple[int, ...]
    through: tuple[str, ...]
    state: State


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bump is about.

    Attributes:
        candidates: what is included comes before what includes it.
        others: how many prompts of other teams include the fragment; theirs to bump.
    """

    fragment: Prompt
    target: PromptVersion
    candidates: list[Candidate]
    others: int


@dataclass(frozen=True, slots=True)
class _User:
    """A prompt that includes the fragment, its newest version, and what that includes."""

    prompt: Prompt
    newest: PromptVersion
    rows: list[Inclusion]

    @property
    def own(self) -> list[Inclusion]:
        """Return what its own text includes."""
        return [row for row in self.rows if row.through_id is None]

    @property
    def below(self) -> set[uuid.UUID]:
        """Return the prompts that it includes, by all ways."""
        return {row.fragment.prompt_id for row in self.rows}

    def holds(self, target: PromptVersion) -> bool:
        """Tell whether it includes this version and no other of the fragment."""
        return all(
            row.fragment_id == target.pk
            for row in self.rows
            if row.fragment.prompt_id == target.prompt_id
        )


def plan(context: RequestContext, path: str, *, version: int | None = None) -> Plan:
    """Say what a bump to a version would have to do, without trying; five queries.

    Raises:
        NotFound: there is no such prompt or version.
        InvalidInput: ``prompt.not-fragment``.
    """
    target = _target(context, path, version)
    users = _in_order(context, target.prompt)
    taken: dict[uuid.UUID, uuid.UUID | None] = {target.prompt_id: target.pk}
    found = []
    for user in users:
        state = _state(user, target, taken)
        if state in ("behind", "current"):
            taken[user.prompt.pk] = user.newest.pk if state == "current" else None
        mine = [row for row in user.rows if row.fragment.prompt_id == target.prompt_id]
        through = {row.through.prompt.path for row in mine if row.through is not None}
        itself = any(row.through_id is None for row in mine)
        found.append(
            Candidate(
                user.prompt,
                user.newest.number,
                tuple(sorted({row.fragment.number for row in mine})),
                () if itself else tuple(sorted(through)),
                state,
            )
        )
    return Plan(target.prompt, target, found, others_count(context, target.prompt))


def bump_dependents(
    context: RequestContext,
    path: str,
    *,
    version: int | None = None,
    prompts: Collection[str] | None = None,
    dry_run: bool = True,
    cursor: str | None = None,
    limit: int = MAX_BUMPS,
) -> Bumps:
    """Make new versions of the team's prompts that include a fragment, with another version of it.

    Fragments between the two are bumped first, so that what includes them gets the new ones. Each
    prompt succeeds or fails by itself. No label moves.

    Args:
        version: number of the fragment's version; None for its newest.
        prompts: paths of those to bump; None for all. Of what is between only those are bumped
            that are named, and what was bumped before is taken as it is.
        cursor: path after which to go on.

    Raises:
        NotFound: there is no such prompt or version.
        InvalidInput: ``prompt.not-fragment``; ``prompt.not-dependent``; ``cursor.invalid``.
    """
    target = _target(context, path, version)
    users = _in_order(context, target.prompt)
    chosen = _chosen(users, prompts, cursor)
    size = max(1, min(limit, MAX_BUMPS))
    page = {user.prompt.pk for user in chosen[:size]}
    between = set().union(*(user.below for user in chosen[:size])) if dry_run else set()
    touched = (page | between) & {user.prompt.pk for user in users}
    taken = {target.prompt_id: target}
    results: list[Bumped] = []
    with transaction.atomic():
        # In the order of ``save_all``, so that neither waits for what the other holds.
        own = Prompt.objects.filter(pk__in=touched)
        list(own.order_by("pk").select_for_update(of=("self",)))
        for user in users:
            if user.prompt.pk in touched:
                bumped = _bump(context, user, target, taken, dry_run=dry_run)
                if bumped is not None and user.prompt.pk in page:
                    results.append(bumped)
            if user.prompt.pk not in taken and user.holds(target):
                taken[user.prompt.pk] = user.newest
        if dry_run:
            # What is made of fragments in between is needed to see what comes of the others.
            transaction.set_rollback(True)
    more = len(chosen) > size
    return Bumps(results, chosen[size - 1].prompt.path if more else None)


def _target(context: RequestContext, path: str, version: int | None) -> PromptVersion:
    fragment = find_prompt(context, path, audit=False)
    if fragment.kind != PromptKind.FRAGMENT:
        raise InvalidInput("prompt.not-fragment", f"{fragment.path} is a {fragment.kind}.")
    return version_of(fragment, version=version)


def _in_order(context: RequestContext, fragment: Prompt) -> list[_User]:
    """Return the team's prompts whose newest version includes it, what is included first."""
    own = Prompt.objects.of_team(context).filter(versions__inclusions__fragment__prompt=fragment)
    tops = PromptVersion.objects.filter(prompt__in=own.order_by().values("pk"))
    newest = {
        each.prompt_id: each
        for each in tops.summaries()
        .select_related("prompt__team")
        .order_by("prompt_id", "-number")
        .distinct("prompt_id")
    }
    rows: dict[uuid.UUID, list[Inclusion]] = {}
    included = Inclusion.objects.filter(version__in=[each.pk for each in newest.values()])
    included = included.select_related("fragment__prompt__team", "through__prompt__team")
    for row in included.defer("fragment__messages", "through__messages"):
        rows.setdefault(row.version_id, []).append(row)
    users = {key: _User(each.prompt, each, rows.get(each.pk, [])) for key, each in newest.items()}
    users = {key: user for key, user in users.items() if fragment.pk in user.below}
    ordered: dict[uuid.UUID, _User] = {}
    for user in sorted(users.values(), key=lambda each: each.prompt.name):
        _visit(user, users, ordered, set())
    return list(ordered.values())


def _visit(
    user: _User,
    users: dict[uuid.UUID, _User],
    ordered: dict[uuid.UUID, _User],
    above: set[uuid.UUID],
) -> None:
    # Two may include each other's versions; then one of them has to come first.
    if user.prompt.pk in ordered or user.prompt.pk in above:
        return
    inner = [users[key] for key in user.below & users.keys()]
    for each in sorted(inner, key=lambda each: each.prompt.name):
        _visit(each, users, ordered, {*above, user.prompt.pk})
    ordered[user.prompt.pk] = user


def _state(user: _User, target: PromptVersion, taken: dict[uuid.UUID, uuid.UUID | None]) -> State:
    """Foretell a bump; ``taken`` are the versions that it would take, None for new ones."""
    if user.holds(target):
        return "current"
    if user.prompt.archived_at is not None:
        return "archived"
    stale = [
        row
        for row in user.own
        if row.fragment.prompt_id in taken and row.fragment_id != taken[row.fragment.prompt_id]
    ]
    if not stale:
        return "waits"
    return "pinned" if all(_is_pinned(row.name) for row in stale) else "behind"


def _chosen(users: list[_User], prompts: Collection[str] | None, cursor: str | None) -> list[_User]:
    paths = [user.prompt.path for user in users]
    if prompts is not None and (unknown := sorted(set(prompts) - set(paths))):
        raise InvalidInput(
            "prompt.not-dependent",
            f"{unknown[0]} is no prompt of yours whose newest version includes the fragment.",
            prompts=unknown[:20],
        )
    if cursor and cursor not in paths:
        raise InvalidInput("cursor.invalid", "This cursor was not given by this list.")
    start = paths.index(cursor) + 1 if cursor else 0
    return [user for user in users[start:] if prompts is None or user.prompt.path in prompts]


def _bump(
    context: RequestContext,
    user: _User,
    target: PromptVersion,
    taken: dict[uuid.UUID, PromptVersion],
    *,
    dry_run: bool,
) -> Bumped | None:
    prompt = user.prompt
    last = PromptVersion.objects.select_related("prompt__team").get(pk=user.newest.pk)
    stale = [row for row in user.own if _differs(row, taken)]
    if not stale:
        if user.holds(target):
            return None
        names = ", ".join(_between(user.rows, target))
        return Bumped(
            prompt.path, "waits", last.number, detail=f"Through {names}, which was not bumped."
        )
    if all(_is_pinned(row.name) for row in stale):
        names = ", ".join(sorted(row.name for row in stale))
        return Bumped(prompt.path, "pinned", last.number, detail=f"The text says {names}.")
    if prompt.archived_at is not None:
        return Bumped(prompt.path, "archived", last.number)
    if not decide(context, "edit", prompt.resource(context), audit=not dry_run).allowed:
        return Bumped(prompt.path, "denied", last.number)
    pins = {row.fragment.prompt_id: row.fragment for row in user.own} | taken
    note = f"Bump {', '.join(sorted({row.name for row in stale}))}"[:200]
    try:
        made = append_version(
            context, prompt, _content(last), note=note, based_on=last.number, taken=pins
        )
    except PlaygroundError as error:
        return Bumped(prompt.path, "failed", last.number, detail=error.detail)
    taken[prompt.pk] = made
    sections = compare(
        last.content,
        made.content,
        old_fragments=texts_of(includes_of(last)),
        new_fragments=texts_of(includes_of(made)),
    )
    text = written(sections, before=last.ref, after=made.ref)
    return Bumped(prompt.path, "bumped", last.number, made.number, text)


def _between(rows: Iterable[Inclusion], target: PromptVersion) -> list[str]:
    mine = [row for row in rows if row.fragment.prompt_id == target.prompt_id]
    return sorted({row.through.prompt.path for row in mine if row.through is not None})


def _differs(row: Inclusion, taken: dict[uuid.UUID, PromptVersion]) -> bool:
    wanted = taken.get(row.fragment.prompt_id)
    return wanted is not None and wanted.pk != row.fragment_id


def _is_pinned(written: str) -> bool:
    name = name_of(written)
    return name.version is not None or name.label is not None


def _content(version: PromptVersion) -> Content:
    """Return the content; inputs that were discovered will be discovered again."""
    content = version.content
    discovered = discover(content, includes_of(version))
    if discovered == content.inputs:
        return content.model_copy(update={"inputs": None})
    return content
