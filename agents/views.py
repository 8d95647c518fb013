"""The pages of agents: list, one agent, editor."""

from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from agents import building, listing
from agents.comparing import Line, differences
from agents.execution import variables_for
from agents.models import Agent, AgentVersion
from agents.specifying import DEFAULT_MODEL, MAX_STEPS, MIN_STEPS, AgentSpec
from playground.core.errors import Conflict, InvalidInput
from playground.gateway import catalogue
from playground.policy.deciding import Resource, decide, require
from playground.policy.requests import TeamRequest
from playground.prompts.pages.marking import parts_of
from skills import registry

STARTER_PROMPT = (
    "You are {{ agent.title }}, working for the team {{ team }}.\n"
    "Today is {{ today }}. You talk with {{ user.name }}.\n\n"
    "Use your tools where they help, say what you found, and keep answers short.\n"
)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A line of the model field."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class SkillChoice:
    """A skill as pages show it; templates would call a skill itself, for it is a function."""

    name: str
    title: str = ""
    description: str = ""


@dataclass(slots=True)
class Editor:
    """Everything that the editor shows.

    ``errors`` maps fields to what is wrong; ``failure`` is an error of the whole form.
    """

    spec: AgentSpec
    is_new: bool
    based_on: int | None
    skills: list[SkillChoice]
    models: list[ModelChoice]
    labels: list[str]
    suggested_text: str
    errors: dict[str, list[str]] = field(default_factory=dict)
    failure: str = ""
    min_steps: int = MIN_STEPS
    max_steps: int = MAX_STEPS


@require_safe
def agent_list(request: TeamRequest) -> HttpResponse:
    """Show the team's agents."""
    query = request.GET.get("q", "")
    archived = request.GET.get("archived") == "1"
    page = listing.agents_page(
        request.context, q=query, archived=archived, cursor=request.GET.get("cursor")
    )
    shown = {
        "agents": page.items,
        "next": page.next,
        "q": query,
        "archived": archived,
        "may_create": _may(request, "create", Resource("Agent", "new", request.context.team)),
        "default_model": catalogue.default_model(),
    }
    return render(request, "agents/list.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
def agent_page(request: TeamRequest, name: str) -> HttpResponse:
    """Show an agent, its versions and its use; archive or restore it."""
    agent = building.find_agent(request.context, name)
    if request.method == "POST":
        archived = request.POST.get("do") == "archive"
        building.archive(request.context, name, archived=archived)
        said = "archived; its threads go on" if archived else "restored"
        messages.success(request, f"{agent.title} {said}.")
        return redirect("agent", name)
    versions = list(agent.versions.select_related("agent", "prompt_version").order_by("-number"))
    shown = _numbered(versions, request.GET.get("version")) or versions[0]
    against = _numbered(versions, request.GET.get("against"))
    known = {choice.name: choice for choice in _skills(request)}
    context = {
        "agent": agent,
        "version": shown,
        "latest": versions[0],
        "versions": versions,
        "against": against,
        "difference": _difference(against, shown),
        "parts": parts_of(shown.prompt),
        "skills": [known.get(name, SkillChoice(name)) for name in shown.skills],
        "threads": listing.threads_page(request.context, agent=name, limit=6).items,
        "runs": listing.recent_runs(agent),
        "model": _model_label(shown.model),
        "may_edit": _may(request, "edit", agent.resource()),
        "may_run": _may(request, "run", agent.resource()) and agent.archived_at is None,
    }
    return render(request, "agents/agent.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_agent(request: TeamRequest) -> HttpResponse:
    """Make an agent; ``?from=`` begins with a copy of another one."""
    if request.method == "POST":
        return _preview(request) if "preview" in request.POST else _save(request, None)
    require(request.context, "create", Resource("Agent", "new", request.context.team))
    spec = AgentSpec(name="", title="", prompt=STARTER_PROMPT)
    if source := request.GET.get("from"):
        copied = building.spec_of(building.find_agent(request.context, source).latest)
        spec = replace(copied, name="", title=f"{copied.title} (copy)"[:100], note="")
    return _editor(request, spec, None)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_agent(request: TeamRequest, name: str) -> HttpResponse:
    """Edit an agent; saving makes a new version."""
    agent = building.find_agent(request.context, name)
    if request.method == "POST":
        return _preview(request) if "preview" in request.POST else _save(request, agent)
    require(request.context, "edit", agent.resource())
    latest = agent.latest
    spec = replace(building.spec_of(latest), note="")
    return _editor(request, spec, agent, based_on=latest.number)


def _save(request: TeamRequest, agent: Agent | None) -> HttpResponse:
    spec = _posted(request, agent)
    based_on = _number(request.POST.get("based_on"))
    try:
        version = building.save_agent(
            request.context, spec, based_on=based_on, must_be_new=agent is None
        )
    except (InvalidInput, Conflict) as error:
        errors: dict[str, list[str]] = {}
        for wrong in error.extra.get("errors", ()):
            errors.setdefault(wrong["field"], []).append(wrong["message"])
        failure = "" if errors else error.detail
        return _editor(
            request,
            spec,
            agent,
            based_on=based_on,
            errors=errors,
            failure=failure,
            status=error.status,
        )
    messages.success(request, f"Saved version {version.number}. It is open to chat.")
    return redirect("agent", spec.name)


def _preview(request: TeamRequest) -> HttpResponse:
    """Render the prompt as it is typed; what is wrong shows in its place."""
    spec = _posted(request, None)
    latest = _number(request.POST.get("based_on")) or 0
    variables = variables_for(
        request.context, title=spec.title, version=latest + 1, description=spec.description
    )
    shown: dict[str, Any] = {"variables": variables}
    try:
        shown["text"] = building.render_prompt(request.context, spec, variables)
    except InvalidInput as error:
        shown["error"] = error
    return render(request, "agents/preview.html", shown)


def _editor(
    request: TeamRequest,
    spec: AgentSpec,
    agent: Agent | None,
    *,
    based_on: int | None = None,
    errors: dict[str, list[str]] | None = None,
    failure: str = "",
    status: int = 200,
) -> HttpResponse:
    editor = Editor(
        spec=spec,
        is_new=agent is None,
        based_on=based_on,
        skills=_skills(request),
        models=_models(),
        labels=building.labels_of(request.context, spec.name),
        suggested_text="\n".join(spec.suggested),
        errors=errors or {},
        failure=failure,
    )
    context = {
        "editor": editor,
        "agent": agent,
        "preview_url": reverse("new-agent") if agent is None else request.path,
    }
    return render(request, "agents/editor.html", context, status=status)


def _posted(request: TeamRequest, agent: Agent | None) -> AgentSpec:
    form = request.POST
    lines = [" ".join(line.split()) for line in form.get("suggested", "").splitlines()]
    return AgentSpec(
        name=agent.name if agent else form.get("name", "").strip(),
        title=form.get("title", "").strip(),
        description=form.get("description", "").strip(),
        prompt=form.get("prompt", "").replace("\r\n", "\n"),
        prompt_label=form.get("prompt_label", "").strip(),
        skills=tuple(form.getlist("skills")),
        model=form.get("model", DEFAULT_MODEL),
        step_limit=_number(form.get("step_limit")) or 0,
        planning=form.get("planning") == "on",
        suggested=tuple(line for line in lines if line),
        note=form.get("note", "").strip(),
    )


def _skills(request: TeamRequest) -> list[SkillChoice]:
    return [
        SkillChoice(skill.name, skill.title, skill.description)
        for skill in registry.visible_to(request.context)
    ]


def _models() -> list[ModelChoice]:
    usual = ModelChoice(DEFAULT_MODEL, f"Workspace default: {_model_label(DEFAULT_MODEL)}")
    named = [ModelChoice(model.id, _titled(model)) for model in catalogue.available()]
    return [usual, *named]


def _model_label(model_id: str) -> str:
    wanted = catalogue.default_model() if model_id == DEFAULT_MODEL else model_id
    found = next((model for model in catalogue.available() if model.id == wanted), None)
    return _titled(found) if found else wanted


def _titled(model: Any) -> str:
    return f"{model.title} (rule-based)" if model.offline else str(model.title)


def _difference(old: AgentVersion | None, new: AgentVersion) -> list[Line]:
    if old is None or old.pk == new.pk:
        return []
    return differences(building.spec_of(old), building.spec_of(new))


def _numbered(versions: list[AgentVersion], wanted: str | None) -> AgentVersion | None:
    number = _number(wanted)
    return next((version for version in versions if version.number == number), None)


def _number(text: str | None) -> int | None:
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        return None
    return int(text.strip()[:9])


def _may(request: TeamRequest, action: str, resource: Resource) -> bool:
    return decide(request.context, action, resource, audit=False).allowed
