"""What endpoints tell of their tokens makes the next estimate of the same model better."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from playground.gateway import calibrating
from playground.gateway.models import Quota, ServedModel, TokenRatio
from playground.gateway.tokens import PER_MESSAGE, count
from tests.gateway.door.conftest import Door

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

WORDS = "One word follows the other until the sentence is long enough. " * 20
LONG = [{"role": "user", "content": WORDS}]
COUNTED = count(WORDS) + PER_MESSAGE


def tells(input_tokens: int) -> dict[str, Any]:
    return {"prompt_tokens": input_tokens, "completion_tokens": 2, "total_tokens": 0}


async def learned(door: Door) -> None:
    """Keep what was called, and let this process look at what came of it."""
    await door.ledger()
    calibrating.forget()
    await sync_to_async(calibrating.refresh)()


async def test_it_estimates_by_what_an_endpoint_told_of_earlier_calls(door: Door) -> None:
    door.first.usage = tells(int(COUNTED * 1.5))
    for _ in range(calibrating.ENOUGH_CALLS):
        await door.ask(messages=LONG)

    await learned(door)
    door.first.usage = {}
    await door.ask(messages=LONG)

    ratio = calibrating.ratio_of("one/m")
    assert ratio is not None
    assert (ratio.calls, ratio.value) == (calibrating.ENOUGH_CALLS, pytest.approx(1.5, abs=0.01))
    row = (await door.ledger())[-1]
    assert row.counted_here
    assert row.input_tokens == pytest.approx(COUNTED * 1.5, abs=2)


async def test_it_reserves_what_the_call_is_estimated_to_take(door: Door) -> None:
    door.first.usage = tells(COUNTED * 2)
    for _ in range(calibrating.ENOUGH_CALLS):
        await door.ask(messages=LONG)
    await learned(door)
    await Quota.objects.acreate(kind="tokens", cap=10**6)

    await door.ask(messages=LONG, max_tokens=100)

    assert (await door.ledger())[-1].reserved_tokens == COUNTED * 2 + 100


@pytest.mark.parametrize(
    "ask",
    [
        {"usage": None, "calls": 2},
        {"usage": {}, "calls": 9},
        {"usage": tells(10**9), "calls": 9},
        {"usage": tells(1), "calls": 9},
    ],
    ids=["too few", "untold", "too much", "too little"],
)
async def test_it_guesses_when_nothing_sensible_was_told(door: Door, ask: dict[str, Any]) -> None:
    door.first.usage = ask["usage"]
    for _ in range(ask["calls"]):
        await door.ask(messages=LONG)

    await learned(door)

    assert calibrating.ratio_of("one/m") is None


async def test_it_learns_nothing_from_pictures_whose_size_only_the_endpoint_knows(
    door: Door,
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    for _ in range(calibrating.ENOUGH_CALLS):
        await door.ask(messages=[{"role": "user", "content": [picture]}])

    await learned(door)

    assert await TokenRatio.objects.acount() == 0


async def test_it_counts_in_the_models_own_vocabulary_when_that_is_known(door: Door) -> None:
    await ServedModel.objects.filter(endpoint__name="one").aupdate(name="gpt-3.5-turbo")
    await ServedModel.objects.filter(endpoint__name="two").aupdate(enabled=False)
    door.first.usage = {}
    text = "Überraschungsgäste, 思い出 und Ελληνικά"

    await door.ask(messages=[{"role": "user", "content": text}])

    (row,) = await door.ledger()
    assert row.counted_here
    assert row.input_tokens == count(text, "cl100k_base") + PER_MESSAGE + 3
    assert count(text, "cl100k_base") != count(text)


@pytest.mark.django_db
def test_it_forgets_half_when_a_model_may_have_been_exchanged() -> None:
    row = {"served_by": "one/m", "outcome": "succeeded", "counted_here": False}
    old = row | {"counted_tokens": 100, "input_tokens": 100}
    new = row | {"counted_tokens": 100, "input_tokens": 200}

    calibrating.learn([old] * calibrating.MOST_CALLS)
    for _ in range(4):
        calibrating.learn([new] * (calibrating.MOST_CALLS // 2))

    known = TokenRatio.objects.get()
    assert known.calls <= calibrating.MOST_CALLS * 1.5
    assert known.told / known.counted > 1.75
