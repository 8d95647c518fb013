"""Wire agents: every saved change is a new version."""

from typing import Any

from django.db import IntegrityError, transaction

from agents.execution import variables_for
from agents.models import Agent, AgentVersion
from agents.specifying import AgentSpec, FieldError, errors_of, is_name
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound
from playground.gateway import catalogue
from playground.policy.deciding import Resource, require
from playground.policy.models import Team
from playground.prompts.composing import compose
from playground.prompts.content import Content, TemplateMessage, is_label
from playground.prompts.models import Label, PromptVersion
from playground.prompts.saving import keep_version
from playground.prompts.templating.rendering import render
from skills import registry


def find_agent(context: RequestContext, name: str) -> Agent:
    """Return an agent of the context's team.

    Raises:
        NotFound: there is none that the context may see.
    """
    agents = Agent.objects.visible_to(context).select_related("team")
    agent = agents.filter(name=name).first() if is_name(name) else None
    if agent is None:
        raise NotFound("agent.not-found", "There is no such agent.")
    require(context, "view", agent.resource())
    return agent


def save_agent(
    context: RequestContext,
    spec: AgentSpec,
    *,
    based_on: int | None = None,
    must_be_new: bool = False,
) -> AgentVersion:
    """Make the agent, or a new version of it; return the latest version if nothing changed.

    Args:
        based_on: number of the version that the editor began with; None skips the comparison.

    Raises:
        PolicyDenied: the context may not create or edit agents.
        InvalidInput: ``agent.invalid`` with ``errors``, a list of ``field``, ``code``, ``message``.
        Conflict: the name is taken, ``agent.prompt-name-taken``, or somebody saved another
            version in between.
    """
    agents = Agent.objects.visible_to(context).select_related("team")
    existing = agents.filter(name=spec.name).first() if is_name(spec.name) else None
    if existing is None:
        require(context, "create", Resource(kind="Agent", id=spec.name, team=context.team))
    else:
        require(context, "edit", existing.resource())
        if must_be_new:
            raise Conflict(
                "agent.name-taken",
                "An agent of this name exists in your team.",
                errors=[_as_dict(_taken())],
            )
    reject_errors(context, spec)
    try:
        with transaction.atomic():
            return _save(context, spec, based_on=based_on, must_be_new=must_be_new)
    except IntegrityError as error:
        raise Conflict("agent.name-taken", "An agent of this name was made meanwhile.") from error


def reject_errors(context: RequestContext, spec: AgentSpec) -> None:
    """Raise ``agent.invalid`` if anything is wrong with the wiring.

    The prompt is rendered once as it would be for whoever saves: what fails then fails each run.
    """
    errors = errors_of(
        spec,
        known_skills={skill.name for skill in registry.visible_to(context)},
        known_models={model.id for model in catalogue.available()},
    )
    if not any(error.field == "prompt" for error in errors):
        errors += _rendering_errors(context, spec)
    if is_label(spec.prompt_label) and spec.prompt_label not in labels_of(context, spec.name):
        errors.append(
            FieldError(
                "prompt_label",
                "agent.unknown-label",
                f"The prompt “{spec.name[:64]}” has no label “{spec.prompt_label}”.",
            )
        )
    if errors:
        raise InvalidInput(
            "agent.invalid",
            "; ".join(f"{error.field}: {error.message}" for error in errors),
            errors=[_as_dict(error) for error in errors],
        )


def labels_of(context: RequestContext, name: str) -> list[str]:
    """Return the labels of an agent's own prompt, in alphabetical order."""
    labels = Label.objects.filter(prompt__team__slug=context.team, prompt__name=name)
    return sorted(labels.values_list("name", flat=True))


def render_prompt(context: RequestContext, spec: AgentSpec, variables: dict[str, Any]) -> str:
    """Render the prompt as it is typed, with the fragments that a save would take.

    Raises:
        InvalidInput: see ``composing.compose`` and ``rendering.render``.
    """
    composition = compose(context, _content(spec))
    rendered = render(composition.content, variables, includes=composition.includes)
    return str(rendered.messages[0]["content"])


def _rendering_errors(context: RequestContext, spec: AgentSpec) -> list[FieldError]:
    variables = variables_for(context, title=spec.title, version=1, description=spec.description)
    try:
        render_prompt(context, spec, variables)
    except InvalidInput as error:
        code = error.code.replace("prompt.", "agent.prompt-")
        return [FieldError("prompt", code, error.detail)]
    return []


def _save(
    context: RequestContext, spec: AgentSpec, *, based_on: int | None, must_be_new: bool
) -> AgentVersion:
    team = Team.objects.get(slug=context.team)
    if must_be_new:
        agent, made = Agent.objects.create(team=team, name=spec.name, title=spec.title), True
    else:
        agent, made = Agent.objects.get_or_create(
            team=team, name=spec.name, defaults={"title": spec.title}
        )
    agent = Agent.objects.select_for_update().select_related("team").get(pk=agent.pk)
    last = None if made else agent.versions.order_by("-number").first()
    if last is not None and based_on is not None and last.number != based_on:
        raise Conflict(
            "agent.edited-meanwhile",
            f"Version {last.number} was saved by {last.author} while you edited {based_on}.",
            latest=last.number,
        )
    if last is not None and last.content_hash == spec.content_hash:
        return last
    prompt_version = _keep_prompt(context, spec, last)
    Agent.objects.filter(pk=agent.pk).update(title=spec.title, description=spec.description)
    return agent.versions.create(
        number=1 if last is None else last.number + 1,
        title=spec.title,
        description=spec.description,
        prompt_version=prompt_version,
        prompt_label=spec.prompt_label,
        skills=list(spec.skills),
        model=spec.model,
        step_limit=spec.step_limit,
        planning=spec.planning,
        suggested=list(spec.suggested),
        note=spec.note,
        content_hash=spec.content_hash,
        author=context.subject,
    )


def _keep_prompt(
    context: RequestContext, spec: AgentSpec, last: AgentVersion | None
) -> PromptVersion:
    prompt = None if last is None else last.prompt_version.prompt
    try:
        return keep_version(context, prompt, name=spec.name, content=_content(spec))
    except Conflict as error:
        if error.code != "prompt.name-taken":
            raise
        # Who may make agents need not be allowed to edit what others have written.
        wrong = FieldError(
            "name", "agent.prompt-name-taken", "A prompt of this name exists in your team."
        )
        raise Conflict(wrong.code, wrong.message, errors=[_as_dict(wrong)]) from error


def _content(spec: AgentSpec) -> Content:
    return Content(messages=[TemplateMessage(role="system", template=spec.prompt)])


def spec_of(version: AgentVersion) -> AgentSpec:
    """Return the wiring that a version holds."""
    return AgentSpec(
        name=version.agent.name,
        title=version.title,
        description=version.description,
        prompt=version.prompt,
        prompt_label=version.prompt_label,
        skills=tuple(version.skills),
        model=version.model,
        step_limit=version.step_limit,
        planning=version.planning,
        suggested=tuple(version.suggested),
        note=version.note,
    )


def archive(context: RequestContext, name: str, *, archived: bool = True) -> Agent:
    """Close an agent to new threads, or open it again; its threads go on.

    Raises:
        NotFound: there is no such agent.
        PolicyDenied: the context may not edit it.
    """
    agent = find_agent(context, name)
    require(context, "edit", agent.resource())
    agent.archived_at = now() if archived else None
    agent.save(update_fields=["archived_at"])
    return agent


def _taken() -> FieldError:
    return FieldError("name", "agent.name-taken", "An agent of this name exists in your team.")


def _as_dict(error: FieldError) -> dict[str, str]:
    return {"field": error.field, "code": error.code, "message": error.message}
