"""A flood of bad input: every answer says what is wrong and where, and the process goes on."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from pytest_django import DjangoDbBlocker

from playground.policy.models import User
from playground.prompts.archiving import archive_version
from playground.prompts.models import Prompt, PromptVersion
from tests.prompts.payloads import ADDRESSES, BOMBS, HEAVY, INPUTS, INSIDES, OUTSIDE, TAME
from tests.prompts.ramped import PATH, greeting
from tests.prompts.served import Web, code_of, webs

__all__ = ["greeting"]
pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(600),
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

T = TypeVar("T")
MIB = 2**20
# What templates of the flood may leave in memory: compiled ones are kept, within bounds.
MAY_GROW = 200 * MIB
MAY_HAVE = 700 * MIB
GOOD = {"messages": [{"role": "system", "template": "Dear {{ name }}"}], "variables": {"name": "A"}}
VARIABLES: dict[str, Any] = {
    "name": "Ana",
    "xs": [1],
    "agent": {"title": "scout"},
    "big": "z" * 60_000,
}
PLACED = {"prompt.limit", "prompt.syntax", "prompt.failed", "prompt.forbidden", "prompt.undefined"}


@pytest.fixture(scope="module")
def web(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Web]:
    with webs(1) as (running,):
        yield running


@pytest.fixture
def key(rhea: User, key_for: Callable[[User], str]) -> str:
    return key_for(rhea)


def rendering(template: str, variables: Any = VARIABLES) -> dict[str, Any]:
    return {"messages": [{"role": "user", "template": template}], "variables": variables}


def render(web: Web, key: str, template: str) -> tuple[int, Any]:
    return web.ask(key, "POST", "/api/prompts/render", rendering(template))


def stored() -> tuple[int, int]:
    return Prompt.objects.count(), PromptVersion.objects.count()


def test_it_refuses_every_way_inside_and_says_where(web: Web, key: str) -> None:
    before = stored()

    for template in (*INSIDES, *OUTSIDE):
        status, body = render(web, key, template)

        assert status == 422, template
        assert body["code"].startswith("prompt."), template
        assert body["line"] >= 1, template
    for template in ADDRESSES:
        status, body = render(web, key, template)
        assert status == 422 or "0x" not in json.dumps(body), template
    assert stored() == before


def test_it_answers_others_while_fifty_bombs_go_off(web: Web, key: str) -> None:
    bombs = [template for template in BOMBS.values() if len(template) < 64_000]
    over = threading.Event()

    def until_over(ask: Callable[[], T]) -> list[T]:
        seen = []
        while not over.wait(0.1):
            seen.append(ask())
        return seen

    def most_memory(at_ease: threading.Event) -> int:
        most = web.rss
        while not at_ease.wait(0.1):
            most = max(most, web.rss)
        return most

    def go_off() -> tuple[list[tuple[int, Any]], int]:
        """Set them off, fifty at a time; return the answers and the most memory meanwhile."""
        with ThreadPoolExecutor(50) as many, ThreadPoolExecutor(1) as watch:
            at_ease = threading.Event()
            watched = watch.submit(most_memory, at_ease)
            answers = list(many.map(lambda each: render(web, key, each), bombs * 2))
            at_ease.set()
            return answers, watched.result()

    with ThreadPoolExecutor(2) as beside:
        good = beside.submit(until_over, lambda: web.ask(key, "POST", "/api/prompts/render", GOOD))
        health = beside.submit(until_over, lambda: web.ask(key, "GET", "/healthz", timeout_s=60))
        first, at_first = go_off()
        second, at_last = go_off()
        over.set()

    for status, body in (*first, *second):
        assert status == 422, body
        assert body["code"] in PLACED
        assert body["line"] >= 1
    assert {status for status, _ in good.result()} == {200}
    assert all("parts" in body for _, body in health.result())
    # Threads and compiled templates stay; what bombs ask for does not.
    assert at_last - at_first < MAY_GROW // 2, f"{(at_last - at_first) / MIB:.0f} MiB"
    assert at_last < MAY_HAVE, f"{at_last / MIB:.0f} MiB"
    assert render(web, key, TAME["objects"])[0] == 200


@pytest.mark.parametrize("value", INPUTS.values(), ids=INPUTS)
def test_it_refuses_values_that_are_no_json(
    web: Web, key: str, greeting: Prompt, value: str
) -> None:
    variables = f'{{"x": {value}}}'.encode()
    doors = {
        "/api/prompts/render": b'{"messages": [{"role": "user", "template": "{{ x }}"}], ',
        f"/api/prompts/{PATH}/render": b'{"label": "production", ',
        f"/v1/prompts/{PATH}/render": b'{"label": "production", ',
    }

    for path, begun in doors.items():
        status, body = web.ask(key, "POST", path, begun + b'"variables": ' + variables + b"}")

        assert 400 <= status < 500, (path, status, body)
        assert code_of((status, body)), path


# Read here, numbers of more than 64 bits are floats, which are not alike.
ALIKE = {"numbers alike", "numbers alike in a namespace"}


@pytest.mark.parametrize("name", sorted(HEAVY.keys() - ALIKE))
def test_it_refuses_values_that_are_too_much(web: Web, key: str, name: str) -> None:
    text, template = HEAVY[name]
    body = json.dumps(rendering(template, {"x": 0})).replace('"x": 0', f'"x": {text}').encode()

    status, answer = web.ask(key, "POST", "/api/prompts/render", body)

    assert 400 <= status < 500
    assert answer["code"] in {"prompt.limit", "request.too-large", "request.malformed-json"}


DOUBLING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {
    "d40": {}
}
SCHEMAS: dict[str, Any] = {
    "no schema": {"type": "object", "properties": {"a": {"type": "nothing"}}},
    "remote": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/a.json"}}},
    "file": {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
    "look-around": {"type": "object", "properties": {"a": {"pattern": "(?=a)(a+)+$"}}},
    "reference back": {"type": "object", "properties": {"a": {"pattern": "(a)\\1"}}},
    "no pattern": {"type": "object", "properties": {"a": {"pattern": "("}}},
    "counted": {"type": "object", "properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}},
    "an array": {"type": "array"},
    "large": {"type": "object", "description": "a" * 70_000},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_it_refuses_a_schema_and_stores_nothing(
    web: Web, key: str, greeting: Prompt, schema: Any
) -> None:
    before = stored()
    content = {"messages": [{"role": "system", "template": "{{ a }}"}], "inputs": schema}

    status, body = web.ask(key, "POST", f"/api/prompts/{PATH}/versions", {"content": content})

    assert (status, body["code"]) == (422, "prompt.schema")
    assert body["field"] == "inputs"
    assert stored() == before


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"properties": {"a": {"pattern": "^(a+)+$"}}}, "a" * 50_000 + "!"),
        ({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": DOUBLING}, 1),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, 1),
        ({"properties": {"a": {"uniqueItems": True}}}, [[n] for n in [*range(20_000), 0]]),
    ],
    ids=["catastrophic pattern", "doubling references", "circle", "unique"],
)
def test_it_checks_inputs_in_bounded_time(
    web: Web, key: str, greeting: Prompt, schema: Any, value: Any
) -> None:
    content = {
        "messages": [{"role": "system", "template": "{{ a|length }}"}],
        "inputs": {"type": "object", **schema},
    }
    saved, version = web.ask(key, "POST", f"/api/prompts/{PATH}/versions", {"content": content})
    assert saved == 201, version

    body = {"version": version["version"], "variables": {"a": value}}
    status, answer = web.ask(key, "POST", f"/api/prompts/{PATH}/render", body, timeout_s=60)

    assert (status, code_of((status, answer))) == (422, "prompt.inputs"), answer


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"role": "user", "template": "a" * 1_000_000}], "prompt.too-large"),
        ([{"role": "user", "template": "a" * 2_000_000}], "request.too-large"),
        ([{"role": "user", "template": "a"}] * 10_000, "prompt.invalid"),
        ([{"role": "user", "template": "a\x00"}], "request.nul"),
        ([{"role": "user", "template": "\ud800"}], "request.malformed-json"),
        ([{"role": "root", "template": "a"}], "prompt.invalid"),
        ([{"role": "user", "template": BOMBS["signs"]}], "prompt.limit"),
        ([{"role": "user", "template": BOMBS["many outputs"]}], "prompt.limit"),
        ([{"role": "user", "template": BOMBS["a long number"]}], "prompt.limit"),
        ([{"role": "user", "template": "{% include 'hiring/greeting' %}"}], "prompt."),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_it_saves_nothing_of_what_is_too_large_or_wrong(
    web: Web, key: str, greeting: Prompt, messages: Any, code: str
) -> None:
    before = stored()

    body = {"content": {"messages": messages}}
    status, answer = web.ask(key, "POST", f"/api/prompts/{PATH}/versions", body)

    assert 400 <= status < 500
    assert answer["code"].startswith(code)
    assert stored() == before


def test_it_goes_on_with_a_fragment_that_is_archived_or_deleted(
    web: Web, key: str, rhea: User, outreach: PromptVersion
) -> None:
    path = f"/api/prompts/{outreach.prompt.path}"
    body = {"version": 1, "variables": {"name": "Ana", "audience": "all"}}
    first = web.ask(key, "POST", f"{path}/render", body)

    fragment = PromptVersion.objects.get(prompt__name="responsible-ai")
    gone = web.ask(key, "DELETE", "/api/prompts/trust/responsible-ai")
    again = web.ask(key, "POST", f"{path}/render", body)

    assert first[0] == 200
    assert 400 <= gone[0] < 500
    assert again == first
    assert PromptVersion.objects.filter(pk=fragment.pk).exists()


def test_it_starts_no_ramp_to_a_version_that_is_archived_or_not_there(
    web: Web, key: str, rhea: User, greeting: Prompt
) -> None:
    plan = {"label": "production", "candidate": 2, "stages": [{"percent": 50}]}
    ramps = f"/api/prompts/{PATH}/ramps"
    _, planned = web.ask(key, "POST", ramps, plan)
    archive_version(rhea.context(), PATH, version=2)

    started = web.ask(key, "POST", f"{ramps}/{planned['id']}/start", {"reason": "so"})
    again = web.ask(key, "POST", ramps, plan)
    missing = web.ask(key, "POST", ramps, plan | {"candidate": 99})

    assert (started[0], code_of(started)) == (409, "prompt.version-archived")
    assert (again[0], code_of(again)) == (409, "prompt.version-archived")
    assert (missing[0], code_of(missing)) == (404, "prompt.version-not-found")
