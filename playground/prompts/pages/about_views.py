"""What a prompt is called, who may use it, and taking it out of use."""

from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput
from playground.policy.deciding import decide, require
from playground.policy.requests import TeamRequest
from playground.prompts.archiving import delete_prompt, describe
from playground.prompts.finding import find_prompt
from playground.prompts.models import Inclusion, Prompt
from playground.prompts.relying import Use, used_by
from playground.prompts.saving import About


@dataclass(frozen=True, slots=True)
class AboutPage:
    """Everything that the page shows.

    Attributes:
        foreign: how many prompts of other teams include the fragment in some version.
        own: the same of the team's.
        uses: what else uses it.
    """

    prompt: Prompt
    about: About
    versions: int
    labels: list[str]
    own: int
    foreign: int
    uses: list[Use]
    may_delete: bool
    errors: dict[str, str] = field(default_factory=dict)
    typed_name: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def about_prompt(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Show what a prompt is called and who may use it; a POST changes it."""
    path = f"{team}/{name}"
    prompt = find_prompt(request.context, path, action="edit", audit=False)
    if request.method != "POST":
        shown = {"page": page_of(request.context, prompt), "prompt": prompt}
        return render(request, "prompts/about.html", shown)
    about = About(
        title=request.POST.get("title", "").strip(),
        description=request.POST.get("description", "").strip(),
        shared=request.POST.get("shared") == "1",
    )
    try:
        describe(
            request.context,
            path,
            title=about.title,
            description=about.description,
            shared=about.shared,
        )
    except InvalidInput as error:
        faults = {str(error.extra.get("field", "shared")): error.detail}
        page = page_of(request.context, prompt, about=about, errors=faults)
        shown = {"page": page, "prompt": prompt}
        return render(request, "prompts/about.html", shown, status=error.status)
    messages.success(request, f"{path} is described anew.")
    return redirect("prompt", team, name)


@require_POST
def delete_prompt_page(request: TeamRequest, team: str, name: str) -> HttpResponse:
    """Delete a prompt whose name was typed again."""
    path = f"{team}/{name}"
    prompt = find_prompt(request.context, path, action="delete", audit=False)
    typed = request.POST.get("name", "").strip()
    try:
        if typed not in (name, path):
            raise InvalidInput("prompt.name-typed", f"Type {name} to delete it.")
        delete_prompt(request.context, path)
    except (InvalidInput, Conflict) as error:
        require(request.context, "edit", prompt.resource(request.context), audit=False)
        page = page_of(request.context, prompt, errors={"delete": error.detail}, typed_name=typed)
        shown = {"page": page, "prompt": prompt}
        return render(request, "prompts/about.html", shown, status=error.status)
    messages.success(request, f"{path} is deleted.")
    return redirect("prompts")


def page_of(
    context: RequestContext,
    prompt: Prompt,
    *,
    about: About | None = None,
    errors: dict[str, str] | None = None,
    typed_name: str = "",
) -> AboutPage:
    """Gather what the page shows, with what was typed where that was refused."""
    users = Prompt.objects.filter(
        pk__in=Inclusion.objects.filter(fragment__prompt=prompt)
        .exclude(version__prompt=prompt)
        .values("version__prompt")
    )
    own = users.of_team(context).count()
    return AboutPage(
        prompt=prompt,
        about=about or About(prompt.title, prompt.description, prompt.shared),
        versions=prompt.versions.count(),
        labels=list(prompt.labels.values_list("name", flat=True)),
        own=own,
        foreign=users.count() - own,
        uses=used_by(context, [prompt.pk]).get(prompt.pk, []),
        may_delete=decide(context, "delete", prompt.resource(context), audit=False).allowed,
        errors=errors or {},
        typed_name=typed_name,
    )
