"""Answer the turns of a run: the handler of lanes of kind ``workbench``.

A turn that fails says so in its cell and the others go on; only a stop ends the run early.
"""

import logging
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import connection, transaction

from playground.console.workbench import acting, tooling
from playground.console.workbench.asking import NO_MODEL, Asked, asked_in
from playground.console.workbench.calling import Figures, Saying, rendered, say, verdict
from playground.console.workbench.models import SINGLE, Turn, TurnStatus
from playground.console.workbench.spreading import patiently, spread, width_of
from playground.core import context as contexts
from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.core.spans import SpanKind
from playground.gateway.prompting import attributes_of
from playground.messaging.interruptions import RunCancelled, RunInterrupted
from playground.messaging.texts import storable
from playground.messaging.working import Work

log = logging.getLogger(__name__)

KIND = "workbench"
_OPEN = (TurnStatus.QUEUED, TurnStatus.RUNNING)


def answer(work: Work) -> None:
    """Answer every turn of the run that has not ended, also those an attempt before left.

    Raises:
        RunCancelled: somebody asked to stop; what was written until then is kept.
    """
    context = _context(work)
    open_turns = Turn.objects.filter(run_id=work.run_id, status__in=_OPEN)
    turns = list(open_turns.select_related("cell__column__bench").order_by("cell__row", "number"))

    def one(turn: Turn) -> None:
        work.raise_if_cancelled()
        with contexts.bound(context):
            _turn(turn, context, work)

    if len(turns) == 1:
        one(turns[0])
    else:
        spread(turns, one, width=partial(width_of, work.run))


def conversation_of(turns: list[Turn]) -> list[dict[str, Any]]:
    """Return what these turns of one cell added to its request, in order."""
    return [message for turn in turns for message in [*turn.asked, *turn.said]]


def expects_trace(context: RequestContext, trace_id: str) -> bool:
    """Tell whether a turn of the context's team will leave this trace."""
    turns = Turn.objects.filter(cell__column__bench__team__slug=context.team, trace_id=trace_id)
    return turns.exists()


def _turn(turn: Turn, context: RequestContext, work: Work) -> None:
    _keep(work, turn, status=TurnStatus.RUNNING.value)
    _tell(work, turn, "running")
    saying = Saying()
    try:
        with _trace(turn, context, work) as root:
            root.set("input.value", _question(turn))
            _converse(turn, context, work, saying)
            root.output(turn.said[-1]["content"] if turn.said else "")
    except RunCancelled:
        _add(turn, saying, cut=True)
        _keep(work, turn, status=TurnStatus.CANCELLED.value)
        raise
    except PlaygroundError as error:
        _add(turn, saying, cut=True)
        turn.error = {"code": error.code, "detail": error.detail}
        _keep(work, turn, status=TurnStatus.FAILED.value)
        work.clear_partial()
        _tell(work, turn, "error")
    except RunInterrupted:
        raise
    except Exception:
        # What nobody foresaw fails this cell alone; the text of it may hold secrets.
        log.exception("turn %s failed", turn.pk)
        turn.error = {"code": "internal", "detail": "Something went wrong here; see the log."}
        _keep(work, turn, status=TurnStatus.FAILED.value)
        _tell(work, turn, "error")
    else:
        _keep(work, turn, status=TurnStatus.SUCCEEDED.value)
        _tell(work, turn, "ok")


def _converse(turn: Turn, context: RequestContext, work: Work, saying: Saying) -> None:
    """Ask, answer the calls that can be answered, and ask again until the model has done."""
    asked = asked_in(turn.cell.request)
    before = list(turn.cell.turns.filter(number__lt=turn.number))
    for _ in range(tooling.MAX_ROUNDS):
        if _finished(turn):
            # Also where an attempt before this one came as far.
            turn.check_result = verdict(asked.response_format, turn.said[-1]["content"])
            break
        waits = tooling.pending(conversation_of([*before, turn]))
        keep = partial(_keep, work, turn)
        if not acting.answer_calls(turn, asked, waits, context=context, keep=keep):
            break
        _say(turn, asked, conversation_of([*before, turn]), context, work, saying)


def _finished(turn: Turn) -> bool:
    return (
        bool(turn.said) and turn.said[-1]["role"] == "assistant" and not tooling.pending(turn.said)
    )


def _say(
    turn: Turn,
    asked: Asked,
    conversation: list[dict[str, Any]],
    context: RequestContext,
    work: Work,
    saying: Saying,
) -> None:
    if asked.model == NO_MODEL:
        rendered(asked.messages, saying)
    else:
        _ask(turn, asked, conversation, context, work, saying)
    text = saying.text
    _add(turn, saying)
    _keep(work, turn)
    # The log is for those who follow a column without the page; the turn is what counts.
    work.append(
        "assistant",
        text,
        data={"cell": str(turn.cell_id), "turn": turn.number},
        dedup_key=f"{turn.pk}:{len(turn.said)}",
    )


def _ask(
    turn: Turn,
    asked: Asked,
    conversation: list[dict[str, Any]],
    context: RequestContext,
    work: Work,
    saying: Saying,
) -> None:
    request = asked.request(tooling.to_send(conversation))
    # A run shows one text as it grows: rows of a table come whole.
    single = turn.cell.row == SINGLE

    def attempt() -> None:
        saying.text, saying.message, saying.figures = "", None, Figures()
        say(
            context,
            request,
            saying,
            heard=work.delta if single else _unheard,
            cancelled=work.raise_if_cancelled,
        )

    # The model may take minutes, in which others need the connection.
    connection.close()
    if single:
        attempt()
    else:
        patiently(attempt, check=work.raise_if_cancelled)
    spent = saying.figures
    work.usage(
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        cost_usd=spent.cost_usd,
    )


def _unheard(text: str) -> None:
    pass


def _add(turn: Turn, saying: Saying, *, cut: bool = False) -> None:
    """Add what the model said, and what it took, to the turn; once."""
    if saying.message is None:
        return
    message = saying.message
    if cut:
        # Half a tool call is none.
        message = {"role": "assistant", "content": saying.text, "cut": True}
    if not cut or saying.text:
        turn.said = [*turn.said, storable(message)]
    figures = Figures(**turn.figures) if turn.figures else Figures()
    turn.figures = storable(figures.and_then(saying.figures).as_json())
    saying.text, saying.message = "", None


def _keep(work: Work, turn: Turn, *, status: str | None = None) -> None:
    """Store the turn while the lane is still this worker's.

    Raises:
        LeaseLost
    """
    turn.status = status or turn.status
    with transaction.atomic():
        work.fence.check(connection)
        turn.save(update_fields=["status", "said", "intents", "figures", "check_result", "error"])


def _tell(work: Work, turn: Turn, status: Any) -> None:
    work.step(
        str(turn.pk),
        kind="model",
        name="workbench",
        title="asks the model",
        status=status,
        data={"cell": str(turn.cell_id), "turn": turn.number, "trace_id": turn.trace_id},
    )


def _question(turn: Turn) -> str:
    messages = turn.asked or asked_in(turn.cell.request).messages
    texts = [each.get("content") for each in messages if each.get("role") == "user"]
    return texts[-1] if texts and isinstance(texts[-1], str) else ""


def _context(work: Work) -> RequestContext:
    why = work.why
    return replace(
        RequestContext(subject=work.message.author, team=work.run.lane.team.slug),
        actor=why.get("actor"),
        purpose=why.get("purpose", "agent-development"),
        locale=why.get("locale", "en"),
        training_consent=bool(why.get("training_consent")),
    )


def _trace(turn: Turn, context: RequestContext, work: Work) -> Any:
    bench = turn.cell.column.bench
    asked = asked_in(turn.cell.request)
    attributes: dict[str, Any] = {
        "playground.workbench.id": str(bench.pk),
        "playground.workbench.cell": str(turn.cell_id),
    }
    if asked.ref:
        path, _, number = asked.ref.rpartition("@")
        why = f"chosen in the workbench as {asked.source}"
        attributes |= attributes_of(path, int(number), why=why)
    return spans.trace(
        "workbench",
        trace_id=turn.trace_id,
        team=context.team,
        subject=context.subject,
        run_id=None,
        thread_id=None,
        attempt=work.attempt,
        kind=SpanKind.CHAIN,
        attributes=attributes,
    )
