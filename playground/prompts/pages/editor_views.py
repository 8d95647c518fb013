"""The editor of a prompt: open it, preview what is typed, keep drafts, save."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from playground.core.errors import Conflict, InvalidInput
from playground.core.numbering import whole_number
from playground.gateway import catalogue
from playground.policy.deciding import Resource, require
from playground.policy.requests import TeamRequest
from playground.prompts.composing import includes_of
from playground.prompts.content import PromptKind, content_of
from playground.prompts.drafting import discard_draft, save_draft
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import Draft, Prompt, PromptVersion
from playground.prompts.pages.browsing import fragments_for
from playground.prompts.pages.editing import ROLES, Card, Sheet, Typed, sheet_of, typed
from playground.prompts.pages.meeting import Meeting, against, body_of, meet
from playground.prompts.pages.merging import merge
from playground.prompts.pages.placing import placed
from playground.prompts.pages.previewing import discovers, preview
from playground.prompts.pages.showing import EditingNow, editing_now
from playground.prompts.pages.starting import starter
from playground.prompts.pages.trying import Opener, opener
from playground.prompts.saving import About, create_prompt, save_version

FOLDED = {
    "inputs": "Inputs",
    "model": "Model",
    "temperature": "Temperature",
    "max_tokens": "Most tokens",
    "settings": "Other settings",
    "tools": "Tools",
    "response_format": "Response format",
}
"""What stands folded away beneath the messages, and is unfolded where it is wrong."""


@dataclass(slots=True)
class Editor:
    """Everything that the editor shows.

    Attributes:
        errors: by field, what is wrong.
        asks: whether the draft can be taken to where it is asked.
    """

    prompt: Prompt
    sheet: Sheet
    based_on: int
    latest: PromptVersion
    draft: Draft | None = None
    editors: list[EditingNow] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    note: str = ""
    notice: str = ""
    meeting: Meeting | None = None
    roles: tuple[str, ...] = ROLES
    blank: Card = field(default_factory=lambda: Card("user"))
    models: list[str] = field(default_factory=list)
    fragments: str = "[]"
    asks: bool = False

    @property
    def unsaved(self) -> bool:
        """Tell whether the form holds what no version does."""
        return bool(self.draft or self.errors or self.failure or self.meeting or self.notice)

    @property
    def wrong(self) -> dict[str, str]:
        """Return the titles of the folded fields that are wrong, by their names."""
        return {name: title for name, title in FOLDED.items() if name in self.errors}


@require_http_methods(["GET", "HEAD", "POST"])
def new_prompt(request: TeamRequest) -> HttpResponse:
    """Make a prompt with a first version to edit."""
    form, kinds = request.POST, list(PromptKind)
    kind = form.get("kind") or request.GET.get("kind", "")
    shown: dict[str, Any] = {"kinds": kinds, "kind": kind if kind in kinds else PromptKind.CHAT}
    if request.method != "POST":
        require(request.context, "create", Resource("Prompt", "new", request.context.team))
        return render(request, "prompts/new.html", shown)
    about = About(form.get("title", "").strip(), form.get("description", "").strip())
    name = form.get("name", "").strip()
    try:
        content = starter(PromptKind(shown["kind"]))
        made = create_prompt(request.context, name=name, content=content, about=about)
    except (InvalidInput, Conflict) as error:
        errors, failure = placed(error, ("name", "title", "description"))
        shown |= {"about": about, "name": name, "errors": errors, "failure": failure}
        return render(request, "prompts/new.html", shown, status=error.status)
    return redirect("edit-prompt", made.prompt.team.slug, made.prompt.name)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Edit a prompt; saving makes a new version."""
    prompt = find_prompt(request.context, f"{team}/{name}", action="edit")
    if request.method == "POST":
        return _save(request, prompt)
    latest = prompt.versions.newest_first()[0]
    draft = Draft.objects.filter(prompt=prompt, author=request.context.subject).first()
    wanted = request.GET.get("version", "")
    if draft is not None and not wanted:
        sheet = sheet_of(draft.content, own_inputs="inputs" in draft.content)
        based_on = draft.based_on or latest.number
        return _editor(request, Editor(prompt, sheet, based_on, latest, draft=draft))
    shown = version_of(prompt, version=int(wanted[:9])) if wanted.isdecimal() else latest
    notice = "" if shown == latest else f"This is what version {shown.number} says."
    editor = Editor(prompt, _sheet(shown), latest.number, latest, notice=notice)
    return _editor(request, editor)


@require_POST
def preview_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show what is typed as a model would get it, with what is wrong and how long it is."""
    prompt = find_prompt(request.context, f"{team}/{name}", action="edit", audit=False)
    written = _typed(request, prompt)
    seen = preview(request.context, prompt, written)
    names = " ".join(f"{each.name}:{each.kind}" for each in seen.fields)
    shown = {
        "preview": seen,
        "fields": names,
        "shown_fields": "fields" in request.POST,
        "same_fields": names == request.POST.get("fields"),
        "facts": json.dumps({"schema": seen.schema}) if seen.schema is not None else "",
    }
    if "compare" in request.POST:
        based_on = version_of(prompt, version=whole_number(request.POST.get("based_on")))
        shown |= {"sections": against(based_on, written), "based_on": based_on}
    return render(request, "prompts/preview.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
def draft_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Keep what is typed; a GET answers what others do meanwhile."""
    path = f"{team}/{name}"
    prompt = find_prompt(request.context, path, action="edit", audit=False)
    if request.method != "POST":
        shown = {
            "editors": editing_now(request.context, prompt),
            "latest": prompt.versions.summaries().newest_first()[0],
            "based_on": whole_number(request.GET.get("based_on")),
        }
        return render(request, "prompts/others.html", shown)
    if request.POST.get("do") == "discard":
        discard_draft(request.context, path)
        messages.success(request, "Your draft is thrown away.")
        return redirect("edit-prompt", team, name)
    written = _typed(request, prompt)
    based_on = whole_number(request.POST.get("based_on"))
    refused = ""
    try:
        draft = save_draft(request.context, path, content=written.body, based_on=based_on)
    except InvalidInput as error:
        if error.code != "prompt.secret":
            raise
        draft, refused = None, error.detail
    shown = {"draft": draft, "based_on": based_on, "refused": refused}
    return render(request, "prompts/draft.html", shown, status=422 if refused else 200)


def _save(request: TeamRequest, prompt: Prompt) -> HttpResponse:
    written = _typed(request, prompt)
    note = request.POST.get("note", "").strip()
    onto = whole_number(request.POST.get("onto"))
    based_on = onto or whole_number(request.POST.get("based_on"))
    latest = prompt.versions.newest_first()[0]
    if request.POST.get("do") == "merge":
        return _merged(request, prompt, written, latest)
    editor = Editor(prompt, _typed_sheet(request, written), based_on or 0, latest, note=note)
    if written.errors:
        editor.errors = written.errors
        return _editor(request, editor, status=422)
    if not based_on:
        editor.failure = "The form does not say which version it began with; load the page again."
        return _editor(request, editor, status=422)
    take = _opener_for(prompt) if request.POST.get("do") == "workbench" else None
    if take is not None:
        return _tried(request, editor, written, take)
    try:
        version = save_version(
            request.context,
            prompt.path,
            content=content_of(written.body),
            note=note,
            based_on=based_on,
        )
    except InvalidInput as error:
        return _refused(request, editor, error)
    except Conflict as error:
        editor.failure = error.detail
        if error.code == "prompt.edited-meanwhile":
            editor.failure, editor.meeting = "", meet(prompt, written, based_on)
        return _editor(request, editor, status=error.status)
    discard_draft(request.context, prompt.path)
    same = version.number == based_on
    said = "Nothing changed; there is no new version." if same else f"Saved {version.ref}."
    messages.success(request, said)
    return redirect("prompt", prompt.team.slug, prompt.name)


def _opener_for(prompt: Prompt) -> Opener | None:
    """Return who takes drafts to where they are asked; a fragment is nothing to ask."""
    return None if prompt.kind == PromptKind.FRAGMENT else opener()


def _tried(request: TeamRequest, editor: Editor, written: Typed, take: Opener) -> HttpResponse:
    """Keep what is typed as the draft, and take it to where it is asked."""
    path = editor.prompt.path
    try:
        save_draft(request.context, path, content=written.body, based_on=editor.based_on)
        address = take(request.context, path, values=written.values)
    except InvalidInput as error:
        return _refused(request, editor, error)
    return redirect(address)


def _refused(request: TeamRequest, editor: Editor, error: InvalidInput) -> HttpResponse:
    editor.errors, editor.failure = placed(error, FOLDED)
    return _editor(request, editor, status=error.status)


def _merged(
    request: TeamRequest, prompt: Prompt, written: Typed, latest: PromptVersion
) -> HttpResponse:
    """Take what the other saved where one's own work left it alone, and go on from there."""
    base = version_of(prompt, version=whole_number(request.POST.get("based_on")))
    result = merge(body_of(base), written.body, body_of(latest))
    clashes = f" Look at {', '.join(result.clashes)}: both changed it." if result.clashes else ""
    sheet = sheet_of(result.body, own_inputs="inputs" in result.body)
    notice = f"Version {latest.number} and your work are merged, and not saved yet.{clashes}"
    note = request.POST.get("note", "").strip()
    return _editor(request, Editor(prompt, sheet, latest.number, latest, note=note, notice=notice))


def _editor(request: TeamRequest, editor: Editor, *, status: int = 200) -> HttpResponse:
    editor.editors = editing_now(request.context, editor.prompt)
    editor.asks = _opener_for(editor.prompt) is not None
    editor.models = [model.id for model in catalogue.available()]
    editor.fragments = json.dumps(
        [
            {"path": each.path, "title": each.title, "href": f"/prompts/{each.path}"}
            for each in fragments_for(request.context)
            if each.pk != editor.prompt.pk
        ]
    )
    shown = {"editor": editor, "prompt": editor.prompt, "sheet": editor.sheet}
    return render(request, "prompts/editor.html", shown, status=status)


def _typed(request: TeamRequest, prompt: Prompt) -> Typed:
    form = {key: [str(each) for each in values] for key, values in request.POST.lists()}
    return typed(PromptKind(prompt.kind), form)


def _typed_sheet(request: TeamRequest, written: Typed) -> Sheet:
    """Show the form as it was typed: what could not be read stands there as it was written."""
    own = request.POST.get("inputs_mode") == "own"
    sheet = sheet_of(written.body, own_inputs=own)
    raw = {name: request.POST.get(name, "") for name in written.errors if name in _RAW}
    return Sheet(**{name: raw.get(name, getattr(sheet, name)) for name in Sheet.__slots__})


_RAW = {"settings", "inputs", "tools", "response_format", "temperature", "max_tokens"}


def _sheet(version: PromptVersion) -> Sheet:
    content = version.content
    return sheet_of(content.as_json(), own_inputs=not discovers(content, includes_of(version)))
