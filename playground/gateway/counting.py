"""Count what a call takes, as far as no endpoint tells it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from playground.core.offloading import aside
from playground.gateway import calibrating
from playground.gateway.call import Call
from playground.gateway.chat import ChatRequest
from playground.gateway.configuration import Model
from playground.gateway.metering import Estimate, Used
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.tokens import (
    NEWEST,
    PER_ANSWER,
    Vocabulary,
    count,
    count_messages,
    is_all_text,
    is_loaded,
    size,
    vocabulary_of,
)

# Counting more than this is left to a thread, or guessed from the beginning: about 10 ms.
_LONG_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class Counted:
    """How many tokens a model makes of something.

    Attributes:
        basis: the model's own ``vocabulary``; else what its endpoint has ``told``, or a bare
            ``guess`` where it told too little.
        exact: nothing of it is estimated.
        calls: how many told, where they did.
    """

    tokens: int
    basis: Literal["vocabulary", "told", "guess"]
    exact: bool = False
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted once in each vocabulary, from which follows what each model makes of it.

    Attributes:
        plain: it is all messages of text; tools and pictures have a size of the endpoint's own.
    """

    in_vocabulary: Mapping[Vocabulary, int]
    plain: bool = True
    is_chat: bool = True

    def of(self, model: Model) -> Counted:
        """Return how many tokens a model makes of it."""
        if model.server.kind == "offline":
            # It counts so itself.
            return Counted(self.in_vocabulary[NEWEST], "vocabulary", exact=True)
        if vocabulary := vocabulary_of(model.name):
            more = PER_ANSWER if self.is_chat and self.in_vocabulary[vocabulary] else 0
            tokens = self.in_vocabulary[vocabulary] + more
            return Counted(tokens, "vocabulary", exact=self.plain)
        return _estimated(self.in_vocabulary[NEWEST], model)


def tally(
    said: str | Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None,
    models: Iterable[Model],
) -> Tally:
    """Count a text or messages once for all the models; with long ones not for event loops."""
    vocabularies = _vocabularies(models)
    if isinstance(said, str):
        return Tally({each: count(said, each) for each in vocabularies}, is_chat=False)
    counts = {each: count_messages(said, tools, each) for each in vocabularies}
    return Tally(counts, plain=not tools and is_all_text(said))


async def tally_request(request: ChatRequest, models: Sequence[Model]) -> Tally:
    """Count a request once for all the models that may answer it."""
    is_long = size(request.messages) + size(request.tools) > _LONG_CHARS
    is_slow = is_long or not all(map(is_loaded, _vocabularies(models)))
    return await aside(is_slow, tally, request.messages, request.tools, models)


def input_tokens(counted: Tally, models: Sequence[Model]) -> dict[str, int]:
    """Return what each model makes of a request, by its id."""
    return {model.id: counted.of(model).tokens for model in models}


def can_teach(request: ChatRequest) -> bool:
    """Tell whether the endpoint's count of a request can be held against the one made here."""
    return is_all_text(request.messages)


def used(call: Call, estimate: Estimate, outcome: Outcome) -> Used:
    """Return what the call took: what the endpoint told at its end, else what came of it.

    Of a call that nobody answered that is nothing, unless its caller left while a model read it.
    """
    if call.from_cache:
        return Used()
    told, written = call.heard.usage, call.heard.written
    if told is not None and (call.operation == "embeddings" or _is_final(call, outcome)):
        return Used(told.input_tokens, told.output_tokens, told.cached_tokens, told.counted_here)
    model = call.attempts.model
    if model is None:
        asked = call.attempts.asked
        left = outcome is Outcome.ABORTED and asked is not None
        return Used(estimate.input_of(asked) if left else 0, counted_here=True)
    # No settlement may be cancelled half-way, so this is not left to a thread.
    output = _written_tokens(written[:_LONG_CHARS], model)
    if len(written) > _LONG_CHARS:
        output = output * len(written) // _LONG_CHARS
    if told is None:
        return Used(estimate.input_of(model), output, counted_here=True)
    # Some endpoints tell the tokens with every piece, some only those in at first, some none.
    return Used(
        told.input_tokens or estimate.input_of(model),
        max(told.output_tokens, output),
        told.cached_tokens,
        counted_here=True,
    )


def _vocabularies(models: Iterable[Model]) -> list[Vocabulary]:
    wanted = {_vocabulary(model) for model in models}
    return sorted(wanted) or [NEWEST]


def _vocabulary(model: Model) -> Vocabulary:
    if model.server.kind == "offline":
        return NEWEST
    return vocabulary_of(model.name) or NEWEST


def _estimated(counted: int, model: Model) -> Counted:
    ratio = calibrating.ratio_of(model.id)
    if ratio is None:
        return Counted(counted, "guess")
    return Counted(math.ceil(counted * ratio.value), "told", calls=ratio.calls)


def _written_tokens(text: str, model: Model) -> int:
    counted = count(text, _vocabulary(model))
    known = model.server.kind == "offline" or vocabulary_of(model.name)
    return counted if known else _estimated(counted, model).tokens


def _is_final(call: Call, outcome: Outcome) -> bool:
    """Return whether what the endpoint told is of the whole answer."""
    said = call.heard
    ended = outcome is Outcome.SUCCEEDED or len(said.ended) >= call.choices
    if said.usage is None or not ended or not said.is_counted:
        return False
    return bool(said.usage.input_tokens and (said.usage.output_tokens or not said.written))
