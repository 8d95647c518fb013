"""Answer the calls of tools in a turn, so that a lost worker makes no skill act twice."""

from collections.abc import Callable
from typing import Any

from playground.console.workbench import tooling
from playground.console.workbench.asking import Asked
from playground.console.workbench.models import Turn
from playground.core.context import RequestContext


def answer_calls(
    turn: Turn,
    asked: Asked,
    waits: list[dict[str, Any]],
    *,
    context: RequestContext,
    keep: Callable[[], None],
) -> bool:
    """Answer the calls that need nobody's word, and tell whether those were all. Blocks.

    The intent to call a skill is kept before it, and the result at once after it. Where an attempt
    before this one left an intent, nobody knows whether the skill has acted: one that changes
    something waits for a person then.

    Args:
        keep: stores the turn; what it raises ends this.
    """
    # Whoever has said that skills may be called has said so of the calls that waited then.
    confirmed = turn.invokes and not any(each["role"] == "assistant" for each in turn.said)
    # One run answers many rows, and some providers begin to count their calls anew in each answer.
    step = f"{turn.pk}/{sum(each['role'] == 'assistant' for each in turn.said)}"
    complete = True
    for call in waits:
        told = tooling.made_up(call, mode=asked.tool_mode, simulated=asked.simulated)
        if told is not None and not confirmed:
            turn.said = [*turn.said, told]
            continue
        skill = tooling.skill_for(context, call, mode=asked.tool_mode, confirmed=confirmed)
        if skill is None or (skill.effect == "write" and call["id"] in turn.intents):
            complete = False
            continue
        turn.intents = {**turn.intents, call["id"]: skill.name}
        keep()
        turn.said = [*turn.said, tooling.invoked(context, skill, call, step=step)]
        turn.intents = {key: name for key, name in turn.intents.items() if key != call["id"]}
        keep()
    return complete
