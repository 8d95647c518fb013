"""A prompt is counted once in each vocabulary, and each model's tokens follow from that."""

import math

import pytest

from playground.gateway import calibrating
from playground.gateway.configuration import Model, Server
from playground.gateway.counting import Counted, tally
from playground.gateway.tokens import PER_ANSWER, PER_MESSAGE, count

ACME = Server("acme", "other")
LLAMA, GPT, OLD = (Model(name, ACME) for name in ("llama3.2", "gpt-4o", "gpt-4"))
PLANNER = Model("planner", Server("offline", "offline"))
SAID = [{"role": "user", "content": "Grüße aus Osnabrück, 思い出"}]
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {}}}]
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]


def test_it_counts_once_in_a_vocabulary_however_many_models_there_are() -> None:
    models = [Model(f"gpt-4o-{number}", ACME) for number in range(20)] + [LLAMA, OLD]

    counted = tally(SAID, None, models)

    assert sorted(counted.in_vocabulary) == ["cl100k_base", "o200k_base"]


def test_it_counts_exactly_when_the_vocabulary_is_known() -> None:
    newer, older = count(SAID[0]["content"]), count(SAID[0]["content"], "cl100k_base")

    counted = tally(SAID, None, [GPT, OLD, PLANNER])

    assert newer != older
    more = PER_MESSAGE + PER_ANSWER
    assert counted.of(GPT) == Counted(newer + more, "vocabulary", exact=True)
    assert counted.of(OLD) == Counted(older + more, "vocabulary", exact=True)
    assert counted.of(PLANNER) == Counted(newer + PER_MESSAGE, "vocabulary", exact=True)


def test_it_says_that_it_guesses_when_nobody_told() -> None:
    assert tally(SAID, None, [LLAMA]).of(LLAMA).basis == "guess"


@pytest.mark.parametrize(("said", "tools"), [(SAID, TOOLS), (PICTURE, None)])
def test_it_is_not_exact_when_the_endpoint_measures_in_its_own_way(
    said: list[dict[str, object]], tools: list[dict[str, object]] | None
) -> None:
    assert not tally(said, tools, [GPT]).of(GPT).exact


@pytest.mark.django_db
def test_it_multiplies_by_what_was_told_when_enough_was() -> None:
    row = {"served_by": LLAMA.id, "outcome": "succeeded", "counted_here": False}
    calibrating.learn([row | {"counted_tokens": 1000, "input_tokens": 1250}] * 7)
    calibrating.refresh()

    words = "word " * 100

    counted = tally(words, None, [LLAMA]).of(LLAMA)

    assert counted == Counted(math.ceil(count(words) * 1.25), "told", calls=7)
