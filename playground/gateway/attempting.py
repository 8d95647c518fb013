"""Try the ways of a route one after the other until one begins to answer."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from playground.core.errors import ProviderError, QuotaExceeded
from playground.gateway import permits
from playground.gateway.breaking import Breaker, breaker
from playground.gateway.configuration import Model, Route, Way
from playground.gateway.events import Event

# What the caller got wrong is wrong everywhere, and no other model is a way around a filter.
CALLERS_FAULT = frozenset(("provider.refused", "provider.content-filtered"))
# Another attempt at the same endpoint would meet the same.
_GONE = frozenset(
    "provider.unauthorized provider.unknown-model provider.redirected provider.saturated "
    "provider.address-refused provider.out-of-credit secret.unreadable".split()
)
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


@dataclass
class Attempts:
    """What was tried: the models in order with the error's code, empty for the one that answers.

    Attributes:
        model: who answers.
        asked: who has been asked and has neither answered nor failed.
    """

    made: list[tuple[str, str]] = field(default_factory=list)
    model: Model | None = None
    asked: Model | None = None


def order(
    ways: Sequence[Way], *, down: Collection[str] = (), dice: Callable[[], float] = random.random
) -> list[Model]:
    """Put the models of a route in the order in which they are tried.

    Priorities go first, those of one priority are drawn by weight without replacement; models of
    endpoints that are known to be ``down`` come last, as a probe may be wrong.
    Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006.
    """
    drawn = sorted(ways, key=lambda way: (way.priority, -(dice() ** (1 / max(way.weight, 1e-9)))))
    return [
        *(way.model for way in drawn if way.model.server.name not in down),
        *(way.model for way in drawn if way.model.server.name in down),
    ]


async def tried(
    route: Route,
    models: Sequence[Model],
    begin: Callable[[Model], AsyncGenerator[Event]],
    attempts: Attempts,
    *,
    admit: Callable[[Model], Awaitable[None]] | None = None,
    circuits: Breaker = breaker,
) -> AsyncGenerator[Event]:
    """Yield the events of the first model that begins to answer; after its first there is no other.

    Args:
        admit: raises ``QuotaExceeded`` where the caller may not fall over to a model; it is not
            asked about the first.

    Raises:
        ProviderError: the last one's, when all have failed; ``provider.unavailable`` when none may
            be asked just now.
        QuotaExceeded: none failed, and the caller may not fall over to those that could be asked.
    """
    last: ProviderError | None = None
    over: QuotaExceeded | None = None
    for model in models:
        if circuits.waits_s(model.id):
            continue
        if admit is not None and model is not models[0]:
            try:
                await admit(model)
            except QuotaExceeded as error:
                over = error
                attempts.made.append((model.id, error.code))
                continue
        for number in range(route.retries + 1):
            if circuits.waits_s(model.id):
                break
            if number:
                assert last is not None
                await asyncio.sleep(_pause_s(number, last))
            trial = circuits.begin(model.id)
            async with contextlib.AsyncExitStack() as held:
                try:
                    await held.enter_async_context(permits.held(model.id, model.max_concurrent))
                    attempts.asked = model
                    events = begin(model)
                    held.push_async_callback(events.aclose)
                    # Azure sends what its filters say before anybody has begun to answer.
                    lead = [await anext(events)]
                    while lead[-1].is_empty:
                        lead.append(await anext(events))
                except StopAsyncIteration:
                    last = ProviderError("provider.bad-answer", "The model answered nothing.")
                except ProviderError as error:
                    last = error
                except BaseException:
                    circuits.left(model.id, trial)
                    raise
                else:
                    attempts.made.append((model.id, ""))
                    attempts.model, attempts.asked = model, None
                    circuits.answers(model.id)
                    try:
                        for event in lead:
                            yield event
                        async for event in events:
                            yield event
                    except ProviderError as error:
                        _count(circuits, model, error, trial)
                        raise
                    except BaseException:
                        circuits.left(model.id, trial)
                        raise
                    circuits.succeeded(model.id)
                    return
            attempts.asked = None
            attempts.made.append((model.id, last.code))
            _count(circuits, model, last, trial)
            if last.code in CALLERS_FAULT:
                raise last
            if last.code in _GONE or _asks_for_long(last):
                break
    raise last or over or _unavailable(route, models, circuits)


def _count(circuits: Breaker, model: Model, error: ProviderError, trial: int) -> None:
    if error.code in CALLERS_FAULT:
        circuits.succeeded(model.id)
    elif error.code in ("provider.rate-limited", "provider.saturated", "provider.unknown-model"):
        # Busy is not broken, nor is who does not know a name.
        circuits.left(model.id, trial)
    else:
        circuits.failed(model.id, trial)


def _pause_s(number: int, error: ProviderError) -> float:
    """Return the wait before a retry: what the endpoint asks for, else drawn up to a growing end.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    asked = error.extra.get("retry_after_s")
    if asked is not None:
        return float(asked)
    return random.uniform(0, min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S))


def _asks_for_long(error: ProviderError) -> bool:
    return float(error.extra.get("retry_after_s") or 0) > LONGEST_PAUSE_S


def _unavailable(route: Route, models: Sequence[Model], circuits: Breaker) -> ProviderError:
    waits = [circuits.waits_s(model.id) for model in models]
    if not waits:
        return ProviderError(
            "provider.unavailable",
            f"“{route.name}” leads to no model that is switched on.",
            http_status=503,
        )
    return ProviderError(
        "provider.unavailable",
        f"Every model behind “{route.name}” has just failed; it is tried again soon.",
        http_status=503,
        retry_after_s=max(1, round(min(waits))),
    )
