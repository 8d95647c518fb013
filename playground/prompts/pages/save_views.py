"""Save what was typed into the editor: as a version, merged with another's, or to be asked."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from playground.core.errors import Conflict, InvalidInput
from playground.core.numbering import whole_number
from playground.policy.requests import TeamRequest
from playground.prompts.content import PromptKind, content_of
from playground.prompts.drafting import discard_draft, save_draft
from playground.prompts.finding import version_of
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.pages.editing import Sheet, Typed, sheet_of, typed
from playground.prompts.pages.meeting import body_of, meet
from playground.prompts.pages.merging import merge
from playground.prompts.pages.opening import FOLDED, Editor, equip, opener_for
from playground.prompts.pages.placing import placed
from playground.prompts.pages.trying import Opener
from playground.prompts.saving import save_version

_RAW = {"settings", "inputs", "tools", "response_format", "temperature", "max_tokens"}


def save_prompt(request: TeamRequest, prompt: Prompt) -> HttpResponse:
    """Do what the form asks; whatever hinders it is shown in the form, as it was typed."""
    written = typed_in(request, prompt)
    note = request.POST.get("note", "").strip()
    onto = whole_number(request.POST.get("onto"))
    based_on = onto or whole_number(request.POST.get("based_on"))
    latest = prompt.versions.newest_first()[0]
    if request.POST.get("do") == "merge":
        return _merged(request, prompt, written, latest)
    editor = Editor(prompt, _typed_sheet(request, written), based_on or 0, latest, note=note)
    if written.errors:
        editor.errors = written.errors
        return show_editor(request, editor, status=422)
    if not based_on:
        editor.failure = "The form does not say which version it began with; load the page again."
        return show_editor(request, editor, status=422)
    take = opener_for(prompt) if request.POST.get("do") == "workbench" else None
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
        return show_editor(request, editor, status=error.status)
    discard_draft(request.context, prompt.path)
    same = version.number == based_on
    said = "Nothing changed; there is no new version." if same else f"Saved {version.ref}."
    messages.success(request, said)
    return redirect("prompt", prompt.team.slug, prompt.name)


def show_editor(request: TeamRequest, editor: Editor, *, status: int = 200) -> HttpResponse:
    """Show the editor as it stands."""
    equip(request.context, editor)
    shown = {"editor": editor, "prompt": editor.prompt, "sheet": editor.sheet}
    return render(request, "prompts/editor.html", shown, status=status)


def typed_in(request: TeamRequest, prompt: Prompt) -> Typed:
    """Read the form."""
    form = {key: [str(each) for each in values] for key, values in request.POST.lists()}
    return typed(PromptKind(prompt.kind), form)


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
    return show_editor(request, editor, status=error.status)


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
    return show_editor(
        request, Editor(prompt, sheet, latest.number, latest, note=note, notice=notice)
    )


def _typed_sheet(request: TeamRequest, written: Typed) -> Sheet:
    """Show the form as it was typed: what could not be read stands there as it was written."""
    own = request.POST.get("inputs_mode") == "own"
    sheet = sheet_of(written.body, own_inputs=own)
    raw = {name: request.POST.get(name, "") for name in written.errors if name in _RAW}
    return Sheet(**{name: raw.get(name, getattr(sheet, name)) for name in Sheet.__slots__})
