"""Calls that name a stored prompt, and answers that are used again."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from playground.core.context import RequestContext
from playground.gateway.models import CacheRule
from playground.policy.models import Team, User
from playground.prompts.content import content_of
from playground.prompts.saving import keep_version
from tests.gateway.door.conftest import ASK, Door

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture
async def greeting(door: Door, alice: User) -> None:
    context = RequestContext(subject=alice.urn, team="hiring")
    kept = None
    for words in ("Greet {{ name }}.", "Greet {{ name }} warmly."):
        content = content_of({"messages": [{"role": "system", "template": words}]})
        version = await sync_to_async(keep_version)(context, kept, name="greeting", content=content)
        kept = version.prompt


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"version": 1}, "Greet Ada."),
        ({"version": 2}, "Greet Ada warmly."),
        ({"label": "latest"}, "Greet Ada warmly."),
        ({}, "Greet Ada warmly."),
    ],
)
async def test_it_renders_the_prompt_before_the_messages_when_one_is_named(
    door: Door, greeting: None, named: dict[str, Any], said: str
) -> None:
    prompt = {"name": "hiring/greeting", "variables": {"name": "Ada"}, **named}

    answer = await door.ask(prompt=prompt)

    assert answer.status_code == 200
    assert door.first.bodies[0]["messages"] == [
        {"role": "system", "content": said},
        *ASK["messages"],
    ]
    assert "prompt" not in door.first.bodies[0]


@pytest.mark.parametrize(
    ("named", "status", "code"),
    [
        ({"name": "nobody"}, 404, "prompt.not-found"),
        ({"name": "other/greeting"}, 404, "prompt.not-found"),
        ({"name": "greeting", "version": 9}, 404, "prompt.version-not-found"),
        ({"name": "greeting", "label": "production"}, 404, "prompt.label-unknown"),
        ({"name": "greeting", "variables": {}}, 400, "prompt.inputs"),
        ({"name": "greeting", "variables": []}, 400, "request.invalid"),
        ({"name": "greeting", "version": True}, 400, "request.invalid"),
        ({"name": "greeting", "version": 1, "label": "latest"}, 400, "request.invalid"),
        ({}, 400, "request.invalid"),
    ],
)
async def test_it_refuses_when_the_prompt_cannot_be_rendered(
    door: Door, greeting: None, named: dict[str, Any], status: int, code: str
) -> None:
    answer = await door.ask(prompt=named)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert door.first.calls == 0


async def keep_answers(**rule: Any) -> None:
    team = await Team.objects.aget(slug="hiring")
    await CacheRule.objects.acreate(team=team, **{"ttl_s": 60, **rule})


@pytest.mark.parametrize("stream", [False, True])
async def test_it_answers_from_the_cache_when_the_team_wants_it(door: Door, stream: bool) -> None:
    await keep_answers()

    first = await door.ask(stream=stream)
    again = await door.ask(stream=stream)

    assert [a.headers["playground-cache"] for a in (first, again)] == ["miss", "hit"]
    assert door.first.calls == 1
    assert "Hello" in again.text
    assert stream or again.json() == first.json()
    miss, hit = await door.ledger()
    assert (miss.from_cache, hit.from_cache) == (False, True)
    assert (hit.tokens, hit.cost_micro_usd) == (0, 0)


async def test_it_asks_again_when_nobody_wants_a_cache(door: Door) -> None:
    answers = [await door.ask() for _ in range(2)]

    assert door.first.calls == 2
    assert "playground-cache" not in answers[1].headers


@pytest.mark.parametrize(
    "other", [{"temperature": 1}, {"messages": [{"role": "user", "content": "bye"}]}]
)
async def test_it_asks_again_when_the_request_differs(door: Door, other: dict[str, Any]) -> None:
    await keep_answers()

    await door.ask()
    await door.ask(**other)

    assert door.first.calls == 2


async def test_it_asks_again_when_the_answer_was_cut(door: Door) -> None:
    await keep_answers()
    door.first.cut_after = 1

    await door.ask(stream=True)
    await door.ask(stream=True)

    assert door.first.calls == 2


async def test_it_asks_again_when_the_time_is_over(door: Door, valkey: Any) -> None:
    await keep_answers(ttl_s=50)

    await door.ask()

    (name,) = valkey.keys("playground:answers:{hiring}:*")
    assert 40 <= valkey.ttl(name) <= 50


async def test_it_keeps_no_answer_for_another_team(door: Door) -> None:
    await CacheRule.objects.acreate(
        team=await Team.objects.acreate(slug="elsewhere", name="Elsewhere"), ttl_s=60
    )

    await door.ask()
    await door.ask()

    assert door.first.calls == 2
