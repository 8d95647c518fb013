"""Invoke a skill: ask the policies, check the arguments, run it within its time, trace it.

Whatever goes wrong comes back as an outcome that a model can read and act upon.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import ModelRetry, NotFound, PlaygroundError, PolicyDenied
from playground.policy import bodies
from playground.policy.deciding import require
from skills import registry
from skills.declaring import Skill, SkillContext
from skills.limiting import run_within

log = logging.getLogger(__name__)

MAX_ARGUMENT_BYTES = 65_536
MAX_OUTPUT_BYTES = 262_144
MAX_SUMMARY_CHARS = 300
MAX_ERRORS = 12


@dataclass(frozen=True, slots=True)
class SkillOutcome:
    """What became of a call.

    Attributes:
        output: JSON value; None where it failed.
        summary: one line for people: ``12 found``.
        error_code: stable, such as ``skill.arguments-invalid``.
        error_detail: for the model; names each wrong argument, holds no internals.
        errors: ``field`` and ``message`` of each wrong argument.
        ms: wall time in milliseconds.
        retryable: whether the same call may succeed later.
    """

    ok: bool
    output: Any = None
    summary: str = ""
    error_code: str | None = None
    error_detail: str | None = None
    errors: tuple[dict[str, str], ...] = field(default=())
    ms: int = 0
    span_id: str | None = None
    trace_id: str | None = None
    version: str | None = None
    retryable: bool = False


def invoke(
    context: RequestContext,
    name: str,
    arguments: Mapping[str, Any] | str,
    *,
    call_id: str | None = None,
    step: str = "",
) -> SkillOutcome:
    """Invoke the skill of this name or alias. Blocks: never call it on an event loop.

    Outside of a trace it opens one, so that every call can be looked at afterwards.

    Args:
        call_id, step: see ``SkillContext``; they are the same where a run makes the call again.

    Raises:
        RuntimeError: called on an event loop.
    """
    _refuse_event_loop()
    started = time.monotonic()
    try:
        skill = registry.find(context, name)
    except NotFound as error:
        return _failed(error, started)
    with _traced(context, skill, arguments, call_id) as span:
        try:
            require(context, "invoke", skill.resource())
            output, summary = _run(context, skill, arguments, (call_id, step), started)
        except PlaygroundError as error:
            span.fail(error)
            outcome = _failed(error, started, span=span, skill=skill)
        else:
            span.output(output)
            span.set("playground.skill.summary", summary)
            outcome = SkillOutcome(
                ok=True,
                output=output,
                summary=summary,
                ms=_ms_since(started),
                span_id=span.span_id,
                trace_id=span.trace_id or None,
                version=skill.version,
            )
    return outcome


def _refuse_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("invoke() blocks: on an event loop, call it through sync_to_async")


@contextlib.contextmanager
def _traced(
    context: RequestContext, skill: Skill, arguments: Mapping[str, Any] | str, call_id: str | None
) -> Iterator[spans.Span]:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": skill.name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": skill.description,
        "playground.skill.version": skill.version,
        "playground.skill.effect": skill.effect,
    }
    if call_id:
        attributes["gen_ai.tool.call.id"] = call_id
    with contextlib.ExitStack() as stack:
        if spans.current() is None:
            stack.enter_context(
                spans.trace(
                    f"try {skill.name}",
                    team=context.team,
                    subject=context.subject,
                    run_id=None,
                    thread_id=None,
                    input=arguments,
                )
            )
        span = stack.enter_context(
            spans.span(skill.name, skill.kind, attributes=attributes, input=arguments)
        )
        yield span


def _run(
    context: RequestContext,
    skill: Skill,
    arguments: Mapping[str, Any] | str,
    call: tuple[str | None, str],
    started: float,
) -> tuple[Any, str]:
    args = parse_arguments(skill, arguments)
    deadline = time.monotonic() + skill.timeout_s
    span = spans.current()
    called = SkillContext(
        request=context,
        call_id=call[0],
        step=call[1],
        deadline=deadline,
        run_id=span.trace.run_id if span else None,
        prompts=skill.prompts,
    )
    try:
        result = run_within(skill.timeout_s, lambda: skill.run(args, called), name=skill.name)
    except PlaygroundError:
        raise
    except TimeoutError as error:
        raise PlaygroundError(
            "skill.timed-out",
            f"The skill did not answer within {skill.timeout_s:g} s and was given up.",
            http_status=504,
            retryable=True,
        ) from error
    except BaseException as error:
        # The text of a foreign exception may hold rows, paths or secrets: it goes to the log only.
        log.error("skill %s failed", skill.name, exc_info=error)
        raise PlaygroundError(
            "skill.failed", "The skill failed on its side; its developers can see why in the log."
        ) from None
    return _as_json(skill, result)


def parse_arguments(skill: Skill, arguments: Mapping[str, Any] | str) -> BaseModel:
    """Check arguments against the skill's model.

    Raises:
        ModelRetry: ``skill.arguments-invalid``, its detail made for a model, ``errors`` for forms.
    """
    value: Any = arguments
    try:
        encoded = arguments if isinstance(arguments, str) else orjson.dumps(arguments, default=str)
        size = len(encoded.encode()) if isinstance(encoded, str) else len(encoded)
        if size > MAX_ARGUMENT_BYTES:
            raise _invalid([("", f"the arguments are larger than {MAX_ARGUMENT_BYTES} bytes")])
        if isinstance(arguments, str):
            value = orjson.loads(arguments.strip() or "{}")
    except (ValueError, TypeError, RecursionError):
        raise _invalid([("", "the arguments are not a JSON object")]) from None
    if not isinstance(value, Mapping):
        raise _invalid([("", "the arguments are not a JSON object")])
    if bodies.escapes_nul(orjson.dumps(value, default=str)):
        raise _invalid([("", "NUL characters are not allowed")])
    try:
        return skill.args.model_validate(dict(value))
    except ValidationError as error:
        return _refuse(skill, error)


def _refuse(skill: Skill, error: ValidationError) -> BaseModel:
    known = ", ".join(skill.input_schema["properties"]) or "none"
    found = []
    for each in error.errors(include_url=False, include_context=False)[:MAX_ERRORS]:
        where = ".".join(str(part) for part in each["loc"])
        if each["type"] == "extra_forbidden":
            found.append((where, f"there is no such argument; there are: {known}"))
        elif each["type"] == "missing":
            found.append((where, "is required"))
        else:
            message = each["msg"].removeprefix("Value error, ").replace("Input should", "should")
            found.append((where, f"{message}, not {str(each['input'])[:60]!r}"))
    raise _invalid(found) from None


def _invalid(found: list[tuple[str, str]]) -> ModelRetry:
    detail = "; ".join(f"{where}: {message}" if where else message for where, message in found)
    return ModelRetry(
        "skill.arguments-invalid",
        f"The arguments are not valid: {detail}.",
        errors=[{"field": where, "message": message} for where, message in found],
    )


def _as_json(skill: Skill, result: Any) -> tuple[Any, str]:
    try:
        plain = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
        encoded = orjson.dumps(plain)
    except (TypeError, ValueError, RecursionError) as error:
        log.error("skill %s returned what is not JSON", skill.name, exc_info=error)
        raise PlaygroundError(
            "skill.output-invalid", "The skill returned something that is not JSON."
        ) from None
    if len(encoded) > MAX_OUTPUT_BYTES:
        raise ModelRetry(
            "skill.output-too-large",
            f"The result has {len(encoded)} bytes, more than the {MAX_OUTPUT_BYTES} allowed; "
            "ask for less.",
            retryable=False,
        )
    value = orjson.loads(encoded)
    summary = getattr(result, "summary", None)
    if not isinstance(summary, str):
        summary = value.get("summary") if isinstance(value, dict) else None
    if not isinstance(summary, str) or not summary:
        summary = value if isinstance(value, str) else encoded.decode()
    return value, summary[:MAX_SUMMARY_CHARS]


def _failed(
    error: PlaygroundError,
    started: float,
    *,
    span: spans.Span | None = None,
    skill: Skill | None = None,
) -> SkillOutcome:
    detail = error.detail
    if isinstance(error, PolicyDenied):
        detail = f"{error.detail} Trying again does not help."
    return SkillOutcome(
        ok=False,
        summary=detail[:MAX_SUMMARY_CHARS],
        error_code=error.code,
        error_detail=detail,
        errors=tuple(error.extra.get("errors", ())),
        ms=_ms_since(started),
        span_id=span.span_id if span else None,
        trace_id=(span.trace_id or None) if span else None,
        version=skill.version if skill else None,
        retryable=error.may_retry,
    )


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
