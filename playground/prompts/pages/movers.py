"""Say who moved labels: people by their names, the guard of a ramp in words, with its ramp."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from playground.prompts.crediting import GUARD, credits_for
from playground.prompts.models import Label, LabelMove, Prompt, Ramp


@dataclass(frozen=True, slots=True)
class Mover:
    """Who moved a label; ``ramp`` is the one that a guard completed."""

    name: str
    ramp: uuid.UUID | None = None


def movers_of(prompt: Prompt, moved: Sequence[Label | LabelMove]) -> dict[uuid.UUID, Mover]:
    """Return who moved each, by its id; one query, another one where a guard did."""
    names = credits_for(each.moved_by for each in moved)
    ramps: list[Ramp] = []
    if any(each.moved_by == GUARD for each in moved):
        completed = Ramp.objects.filter(prompt=prompt, state=Ramp.State.COMPLETED)
        ramps = list(completed.select_related("candidate"))
    return {
        each.pk: Mover(
            names[each.moved_by], _completed(ramps, each) if each.moved_by == GUARD else None
        )
        for each in moved
    }


def _completed(ramps: Sequence[Ramp], moved: Label | LabelMove) -> uuid.UUID | None:
    """Return the ramp that ended with this move; the same two versions may have had several."""
    at = (
        (moved.name, moved.version.number)
        if isinstance(moved, Label)
        else (moved.label, moved.after)
    )
    apart = {
        abs(ramp.ended_at - moved.moved_at): ramp.pk
        for ramp in ramps
        if ramp.ended_at and (ramp.label, ramp.candidate.number) == at
    }
    return apart[min(apart)] if apart else None
