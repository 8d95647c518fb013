"""``/v1/prompts`` as programs find it."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction

from playground.asgi import application
from playground.policy.models import User
from playground.prompts.finding import find_prompt
from playground.prompts.models import Label, Prompt
from playground.prompts.ramps.drafting import draft
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.ramping import start
from tests.prompts.stocked import CHAT, FRAGMENT, context_of, create, label, save

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
ADDRESS = "/v1/prompts/hiring/outreach"


@pytest.fixture
def outreach(alice: User) -> None:
    context = context_of(alice)
    create(context, "outreach", CHAT)
    save(context, "outreach", "Write to {{ name }} warmly.")
    label(context, "outreach", "production", 1)


@pytest.fixture
async def http(
    outreach: None, alice: User, key_for: Callable[[User], str], valkey: object
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(await sync_to_async(key_for)(alice)) as client:
        yield client


def client_of(key: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


@contextmanager
def locked(*tables: str) -> Iterator[None]:
    """Hold tables in a transaction of another thread: whoever reads them waits."""
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            held.set()
            released.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        released.set()
        thread.join(10)


async def test_it_tells_the_version_behind_a_label(http: httpx.AsyncClient) -> None:
    answer = await http.get(ADDRESS, params={"label": "production"})

    assert answer.status_code == 200
    told = answer.json()
    assert told.pop("content_hash")
    assert told.pop("inputs")["required"] == ["name"]
    assert told == {
        "team": "hiring",
        "name": "outreach",
        "kind": "chat",
        "version": 1,
        "label": "production",
        "arm": None,
        "reason": "label production",
        "observe": None,
        "messages": [
            {"role": "system", "template": "Write to {{ name }} kindly."},
            {"role": "placeholder", "name": "history"},
        ],
        "settings": {"model": "chat-default"},
        "tools": [],
        "response_format": None,
        "composed_from": [],
    }


@pytest.mark.parametrize(
    ("named", "number", "reason"),
    [
        ({"version": "1"}, 1, "version 1 was asked for"),
        ({"label": "latest"}, 2, "label latest"),
        ({}, 2, "the newest version"),
        ({"key": "member:42"}, 2, "the newest version"),
    ],
)
async def test_it_tells_the_version_that_is_named(
    http: httpx.AsyncClient, named: dict[str, str], number: int, reason: str
) -> None:
    told = (await http.get(ADDRESS, params=named)).json()

    assert (told["version"], told["reason"]) == (number, reason)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("hiring/nobody", 404, "prompt.not-found"),
        ("trust/outreach", 404, "prompt.not-found"),
        ("hiring/outreach?label=staging", 404, "prompt.label-unknown"),
        ("hiring/outreach?label=", 404, "prompt.label-unknown"),
        ("hiring/outreach?label=a%00b", 400, "request.nul"),
        ("hiring/outreach?version=9", 404, "prompt.version-not-found"),
        ("hiring/outreach?version=0", 404, "prompt.version-not-found"),
        ("hiring/outreach?version=999999999", 404, "prompt.version-not-found"),
        ("hiring/outreach?version=-1", 400, "request.invalid"),
        ("hiring/outreach?version=1.5", 400, "request.invalid"),
        ("hiring/outreach?version=%C2%B2", 400, "request.invalid"),
        ("hiring/outreach?version=1&label=production", 400, "prompt.label-and-version"),
        ("hiring/outreach?key=" + "k" * 257, 400, "request.invalid"),
        ("hiring/outreach?key=", 400, "request.invalid"),
        ("hiring/outreach?version=", 400, "request.invalid"),
        ("hiring/outreach?labl=production", 400, "request.invalid"),
        ("hiring/outreach?Label=production&version=1", 400, "request.invalid"),
        ("hiring/outreach?label=%ff", 400, "request.malformed"),
        ("hiring/a%00b", 400, "request.nul"),
        ("hiring%2Foutreach/x/y", 404, "not-found"),
        ("hiring", 404, "not-found"),
        ("hiring/outreach/other", 404, "not-found"),
        ("/outreach", 404, "not-found"),
    ],
)
async def test_it_refuses_what_leads_nowhere(
    http: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    # From the database, and from memory.
    await http.get(ADDRESS)
    for _ in range(2):
        answer = await http.get(f"/v1/prompts/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_it_sends_nothing_again_when_the_caller_knows_it(http: httpx.AsyncClient) -> None:
    first = await http.get(ADDRESS, params={"label": "production"})
    tag = first.headers["etag"]

    again = [
        await http.get(ADDRESS, params={"label": "production"}, headers={"If-None-Match": known})
        for known in (tag, f'"other", W/{tag}', "*", '"other"')
    ]
    other = await http.get(ADDRESS, params={"label": "latest"}, headers={"If-None-Match": tag})

    assert tag.startswith('"')
    assert first.headers["cache-control"] == "private, max-age=1"
    assert [each.status_code for each in again] == [304, 304, 304, 200]
    assert (again[0].content, again[0].headers["etag"]) == (b"", tag)
    assert other.status_code == 200


async def test_it_lets_a_version_be_kept_for_longer(http: httpx.AsyncClient) -> None:
    answer = await http.get(ADDRESS, params={"version": 1})

    assert answer.headers["cache-control"] == "private, max-age=300"


async def test_it_renders_the_messages_when_variables_come(http: httpx.AsyncClient) -> None:
    body = {
        "label": "production",
        "key": "member:42",
        "variables": {"name": "Ada"},
        "history": [{"role": "user", "content": "Hello"}],
    }

    answer = await http.post(f"{ADDRESS}/render", json=body)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "team": "hiring",
        "name": "outreach",
        "kind": "chat",
        "version": 1,
        "label": "production",
        "arm": None,
        "reason": "label production",
        "observe": None,
        "messages": [
            {"role": "system", "content": "Write to Ada kindly."},
            {"role": "user", "content": "Hello"},
        ],
    }


async def test_it_renders_the_text_of_a_fragment_that_teams_share(
    http: httpx.AsyncClient, charlie: User
) -> None:
    await sync_to_async(create)(context_of(charlie, "trust"), "fair", FRAGMENT, shared=True)

    told = (await http.get("/v1/prompts/trust/fair")).json()
    rendered = (await http.post("/v1/prompts/trust/fair/render", json={})).json()

    assert (told["team"], told["kind"]) == ("trust", "fragment")
    assert rendered["text"] == "Be fair."
    assert "messages" not in rendered


async def test_it_tells_what_a_version_is_composed_from(
    http: httpx.AsyncClient, alice: User
) -> None:
    await sync_to_async(create)(context_of(alice), "fair", FRAGMENT)
    await sync_to_async(save)(context_of(alice), "outreach", "{% include 'fair' %} Hi.")

    told = (await http.get(ADDRESS)).json()
    rendered = (await http.post(f"{ADDRESS}/render", json={})).json()

    assert told["composed_from"] == [
        {"fragment": "hiring/fair", "version": 1, "name": "fair", "through": None}
    ]
    assert rendered["messages"] == [{"role": "system", "content": "Be fair. Hi."}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "prompt.inputs"),
        ({"variables": []}, "request.invalid"),
        ({"variables": {"name": "a"}, "history": {}}, "request.invalid"),
        ({"variables": {"name": "a"}, "history": [{"role": "king", "content": ""}], "version": 1},
         "prompt.history"),
        ({"version": "1"}, "request.invalid"),
        ({"version": True}, "request.invalid"),
        ({"version": 0}, "request.invalid"),
        ({"label": 7}, "request.invalid"),
        ({"label": ""}, "request.invalid"),
        ({"label": None}, "request.invalid"),
        ({"key": 7}, "request.invalid"),
        ({"variables": {"name": "a"}, "labl": "production"}, "request.invalid"),
        ({"label": "production", "version": 1}, "prompt.label-and-version"),
    ],
)  # fmt: skip
async def test_it_refuses_what_cannot_be_rendered(
    http: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    answer = await http.post(f"{ADDRESS}/render", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_it_lets_rules_test_what_the_caller_tells_and_logs_none_of_it(
    http: httpx.AsyncClient, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    rules = [{"attribute": "app", "op": "version_gte", "value": "2.10", "arm": "candidate"}]
    await sync_to_async(ramp_of)(alice, rules)
    caplog.set_level("DEBUG")

    async def arm(app: str) -> str:
        told = {"Playground-Attributes": json.dumps({"app": app})}
        answer = await http.get(f"{ADDRESS}?label=staging&key=member:1", headers=told)
        assert "Playground-Attributes" in answer.headers["Vary"]
        return str(answer.json()["arm"])

    resolved = [await arm("2.9.7"), await arm("2.10.0-secretword"), await arm("2.11")]
    rendered = await http.post(
        f"{ADDRESS}/render",
        json={"label": "staging", "variables": {"name": "Ada"}, "attributes": {"app": "3.0"}},
    )
    wrong = await http.post(f"{ADDRESS}/render", json={"attributes": {"app": ["secretword"]}})
    header = await http.get(ADDRESS, headers={"Playground-Attributes": '{"key": "secretword"}'})

    assert resolved == ["baseline", "baseline", "candidate"]
    assert rendered.json()["reason"] == "rule 1: app is version 2.10 or newer"
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "attributes.invalid")
    assert wrong.json()["error"]["param"] == "attributes.app"
    assert header.json()["error"]["param"] == "Playground-Attributes.key"
    assert "secretword" not in caplog.text + wrong.text + header.text


def ramp_of(alice: User, rules: list[dict[str, Any]]) -> None:
    context = context_of(alice)
    label(context, "outreach", "staging", 1)
    plan = {"label": "staging", "candidate": 2, "stages": [{"percent": 0.01}], "rules": rules}
    start(context, draft(context, "hiring/outreach", plan_of(plan)).pk, reason="try it")


async def test_it_knows_nothing_of_other_teams_prompts(
    http: httpx.AsyncClient, charlie: User, key_for: Callable[[User], str]
) -> None:
    await http.get(ADDRESS)
    async with client_of(await sync_to_async(key_for)(charlie)) as stranger:
        answers = [
            await stranger.get(ADDRESS),
            await stranger.get(ADDRESS, params={"label": "nope"}),
            await stranger.post(f"{ADDRESS}/render", json={"variables": {"name": "a"}}),
        ]

    assert [each.status_code for each in answers] == [404] * 3
    assert {each.json()["error"]["code"] for each in answers} == {"prompt.not-found"}
    assert {each.json()["error"]["message"] for each in answers} == {"There is no such prompt."}


async def test_it_answers_viewers_and_refuses_nobody_in_particular(
    http: httpx.AsyncClient, vera: User, key_for: Callable[[User], str]
) -> None:
    async with client_of(await sync_to_async(key_for)(vera)) as viewer:
        assert (await viewer.get(ADDRESS)).status_code == 200
        answer = await viewer.post(f"{ADDRESS}/render", json={"variables": {"name": "a"}})
        assert answer.status_code == 200

    async with client_of("pg_wrong") as nobody:
        assert (await nobody.get(ADDRESS)).status_code == 401
        assert (await nobody.post(f"{ADDRESS}/render", json={})).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/render"), ("HEAD", "/render")],
)
async def test_it_takes_one_method_at_each_address(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    content = json.dumps({}) if method != "HEAD" else None
    assert (await http.request(method, ADDRESS + path, content=content)).status_code == 405


async def test_it_asks_the_database_for_nothing_it_holds(http: httpx.AsyncClient) -> None:
    asked = {"label": "production", "variables": {"name": "Ada"}}
    await http.get(ADDRESS, params={"label": "production"})
    await http.post(f"{ADDRESS}/render", json=asked)

    tables = ("prompts_prompt", "prompts_promptversion", "prompts_label", "prompts_inclusion")
    with locked(*tables):
        answers = [
            await asyncio.wait_for(call, 5)
            for _ in range(10)
            for call in (
                http.get(ADDRESS, params={"label": "production"}),
                http.post(f"{ADDRESS}/render", json=asked),
            )
        ]

    assert {each.status_code for each in answers} == {200}


async def test_it_tells_what_was_changed_within_a_second(
    http: httpx.AsyncClient, alice: User
) -> None:
    await http.get(ADDRESS, params={"label": "production"})
    await sync_to_async(label)(context_of(alice), "outreach", "production", 2)
    changed = time.monotonic()

    while (await http.get(ADDRESS, params={"label": "production"})).json()["version"] != 2:
        await asyncio.sleep(0.02)

    assert time.monotonic() - changed < 1


async def test_it_tells_at_once_what_this_process_changed(
    http: httpx.AsyncClient, alice: User
) -> None:
    for number in (3, 4, 5):
        await sync_to_async(save)(context_of(alice), "outreach", f"Number {number}.")

        assert (await http.get(ADDRESS)).json()["version"] == number


async def test_it_knows_no_label_that_was_taken_away(http: httpx.AsyncClient) -> None:
    await http.get(ADDRESS, params={"label": "production"})
    await Label.objects.all().adelete()
    await asyncio.sleep(0.9)

    answer = await http.get(ADDRESS, params={"label": "production"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "prompt.label-unknown")


async def test_it_stops_sharing_when_a_fragment_is_no_longer_shared(
    http: httpx.AsyncClient, charlie: User
) -> None:
    trust = context_of(charlie, "trust")
    await sync_to_async(create)(trust, "fair", FRAGMENT, shared=True)
    assert (await http.get("/v1/prompts/trust/fair")).status_code == 200

    prompt = await sync_to_async(find_prompt)(trust, "fair")
    await Prompt.objects.filter(pk=prompt.pk).aupdate(shared=False)
    await asyncio.sleep(0.9)

    assert (await http.get("/v1/prompts/trust/fair")).status_code == 404
