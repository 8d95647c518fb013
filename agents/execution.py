"""Answer a message of a thread: the handler of messaging's runs of kind ``thread``."""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agents.conversing import Said, history, kept_records
from agents.models import AgentVersion, Thread
from agents.running import AgentRunner, Outcome, Turn
from agents.specifying import DEFAULT_MODEL
from playground.core import context as contexts
from playground.core import spans
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import DeveloperError, PlaygroundError
from playground.core.ids import urn
from playground.core.spans import SpanKind
from playground.gateway.catalogue import default_model
from playground.gateway.prompting import attributes_of
from playground.messaging.interruptions import RunCancelled
from playground.messaging.working import Work
from playground.policy.people import person_for
from playground.prompts.composing import includes_of
from playground.prompts.templating.rendering import RenderedMessage, render
from playground.prompts.using import noting, using


def answer(work: Work) -> None:
    """Answer with the LangGraph agent; returning means the run succeeded."""
    # Imported here because LangGraph takes a second and 40 MB that web processes never need.
    from agents.graphs.react import run

    answer_with(run, work)


def answer_with(runner: AgentRunner, work: Work) -> None:
    """Answer the message of a run with a runner, and append what it says to the log.

    Raises:
        RunCancelled: somebody asked to stop; what was written until then is kept.
        DeveloperError: the agent stopped without an answer, or its prompt cannot be rendered.
    """
    thread = Thread.objects.select_related("agent__team", "lane__owner").get(pk=work.lane_id)
    version = _version(thread, work)
    context = _context(thread, work)
    with contexts.bound(context), _trace(thread, version, context, work) as root:
        root.set("input.value", work.message.content)
        with _prompted(version, context, work) as system:
            turn = _turn(version, context, work, system)
            try:
                with noting(_noted_on(work)):
                    outcome = runner(turn)
            except RunCancelled:
                _keep_partial(turn, version, work)
                raise
            _append(outcome, version, work)
            root.output(outcome.text)
            if outcome.code is not None:
                raise DeveloperError(outcome.code, outcome.text.splitlines()[0])


def variables_for(
    context: RequestContext, *, title: str, version: int, description: str = ""
) -> dict[str, Any]:
    """Return the variables that every agent's prompt may use."""
    person = person_for(context)
    return {
        "agent": {"title": title, "version": version, "description": description},
        "team": context.team,
        "user": {"name": str(person) if person else context.subject},
        "today": now().date().isoformat(),
        "locale": context.locale,
    }


@contextlib.contextmanager
def _prompted(
    version: AgentVersion, context: RequestContext, work: Work
) -> Iterator[Sequence[RenderedMessage]]:
    """Give the system messages: of the version that is wired, or that the label leads to."""
    variables = variables_for(
        context, title=version.title, version=version.number, description=version.description
    )
    if not version.prompt_label:
        yield _wired(version, variables)
        return
    name = version.prompt_version.prompt.name
    with using(
        context,
        name=name,
        label=version.prompt_label,
        variables=variables,
        once=urn("run", work.run_id),
    ) as used:
        work.decide(prompt=used.as_json())
        yield used.rendered.messages
        # Of all attempts together; nobody knows it where no model has a price.
        if "cost_usd" in work.spent:
            used.tell(cost_usd=work.spent["cost_usd"])


def _noted_on(work: Work) -> Callable[[dict[str, Any]], None]:
    """Keep on the run which prompts its skills got, and why; skills may work side by side."""
    together = threading.Lock()

    def note(told: dict[str, Any]) -> None:
        with together:
            noted = work.why.get("skill_prompts", [])
            if told not in noted:
                work.decide(skill_prompts=[*noted, told])

    return note


def _turn(
    version: AgentVersion,
    context: RequestContext,
    work: Work,
    system: Sequence[RenderedMessage],
) -> Turn:
    said = [
        Said(
            seq=message.seq,
            role=message.role,
            content=message.content,
            run_id=str(message.run_id) if message.run_id else None,
            data=message.data or {},
        )
        for message in work.history()
    ]
    return Turn(
        run_id=str(work.run_id),
        lane_id=str(work.lane_id),
        context=context,
        messages=[*system, *history(said, upto=work.message.seq, run_id=str(work.run_id))],
        model=default_model() if version.model == DEFAULT_MODEL else version.model,
        skills=tuple(version.skills),
        step_limit=version.step_limit,
        planning=version.planning,
        progress=work,
        attempt=work.attempt,
        fence=work.fence,
    )


def _version(thread: Thread, work: Work) -> AgentVersion:
    """Return the version that the thread had when the message was sent."""
    versions = AgentVersion.objects.select_related("agent", "prompt_version__prompt")
    number = (work.why or {}).get("agent_version")
    pinned = versions.filter(agent=thread.agent, number=number).first() if number else None
    return pinned or versions.get(pk=thread.version_id)


def _context(thread: Thread, work: Work) -> RequestContext:
    why = work.why or {}
    return RequestContext(
        subject=work.message.author,
        team=thread.agent.team.slug,
        actor=urn("agent", thread.agent_id),
        purpose=why.get("purpose", "agent-development"),
        locale=why.get("locale", "en"),
        attributes=why.get("attributes", {}),
        key=why.get("key"),
        thread=urn("thread", thread.pk),
        training_consent=bool(why.get("training_consent")),
    )


def _trace(thread: Thread, version: AgentVersion, context: RequestContext, work: Work) -> Any:
    return spans.trace(
        f"agent {thread.agent.name}",
        trace_id=work.trace_id,
        team=context.team,
        subject=context.subject,
        run_id=str(work.run_id),
        thread_id=str(work.lane_id),
        attempt=work.attempt,
        attributes={
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": str(thread.agent_id),
            "gen_ai.agent.name": thread.agent.name,
            "gen_ai.agent.version": str(version.number),
            "gen_ai.conversation.id": str(thread.pk),
        },
    )


def _wired(version: AgentVersion, variables: Mapping[str, Any]) -> list[RenderedMessage]:
    stored = version.prompt_version
    why = f"wired into version {version.number} of the agent"
    attributes = attributes_of(stored.prompt.name, stored.number, why=why)
    name = f"prompt {stored.prompt.name}"
    with spans.span(name, SpanKind.PROMPT, attributes=attributes, input=variables) as span:
        try:
            # The variables are the platform's own; what is missing is told by its place.
            rendered = render(stored.content, variables, includes=includes_of(stored)).messages
        except PlaygroundError as error:
            raise DeveloperError(error.code, error.detail, **error.extra) from error
        span.output(rendered)
    return rendered


def _append(outcome: Outcome, version: AgentVersion, work: Work) -> None:
    data: dict[str, Any] = {"agent_version": version.number}
    if outcome.records:
        data["tools"] = kept_records(outcome.records)
    if outcome.code is not None:
        data["code"] = outcome.code
    _say(work, version, outcome.text, data)


def _keep_partial(turn: Turn, version: AgentVersion, work: Work) -> None:
    if not turn.draft.text.strip():
        return
    data: dict[str, Any] = {"agent_version": version.number, "cancelled": True}
    if turn.draft.records:
        data["tools"] = kept_records(turn.draft.records)
    _say(work, version, turn.draft.text, data)


def _say(work: Work, version: AgentVersion, text: str, data: dict[str, Any]) -> None:
    author = urn("agent", version.agent_id)
    work.append("assistant", text, data=data, author=author, dedup_key=answer_key(work.run_id))


def answer_key(run_id: uuid.UUID | str) -> str:
    """Name the answer of a run, so that a second attempt does not say it twice."""
    return f"answer:{run_id}"
