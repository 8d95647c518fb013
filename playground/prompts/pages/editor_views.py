"""The editor of a prompt: open it, preview what is typed, keep drafts, save."""

import json

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from playground.core.errors import InvalidInput
from playground.core.numbering import whole_number
from playground.policy.requests import TeamRequest
from playground.prompts.drafting import discard_draft, save_draft
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.pages.meeting import against
from playground.prompts.pages.opening import opened
from playground.prompts.pages.previewing import preview
from playground.prompts.pages.save_views import save_prompt, show_editor, typed_in
from playground.prompts.pages.showing import editing_now


@require_http_methods(["GET", "HEAD", "POST"])
def edit_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Edit a prompt; saving makes a new version."""
    prompt = find_prompt(request.context, f"{team}/{name}", action="edit")
    if request.method == "POST":
        return save_prompt(request, prompt)
    return show_editor(request, opened(request.context, prompt, request.GET.get("version", "")))


@require_POST
def preview_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show what is typed as a model would get it, with what is wrong and how long it is."""
    prompt = find_prompt(request.context, f"{team}/{name}", action="edit", audit=False)
    written = typed_in(request, prompt)
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
    written = typed_in(request, prompt)
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
