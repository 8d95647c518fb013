"""Make a prompt with a first version to edit."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from playground.core.errors import Conflict, InvalidInput
from playground.policy.deciding import Resource, require
from playground.policy.requests import TeamRequest
from playground.prompts.content import PromptKind
from playground.prompts.pages.placing import placed
from playground.prompts.pages.starting import starter
from playground.prompts.saving import About, create_prompt


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
