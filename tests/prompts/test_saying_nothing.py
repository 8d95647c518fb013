"""Nothing that people write into prompts, or put into them, stands in a log line."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from playground.core.logging import OWN
from playground.policy.models import User
from playground.prompts.models import Prompt
from tests.prompts.ramped import greeting

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

WORDS = "zanzibar"
SECRET = "sk-" + "Ab1" * 16
ADDRESS = "/prompts/hiring/greeting"
TEMPLATES = (
    f"{WORDS} {{{{ name }}}}",
    f"{WORDS} {{{{ name",
    f"{{% if {WORDS} %}}",
    f"{{{{ {WORDS}.{WORDS} }}}}",
    f"{{{{ '{WORDS}' + 1 }}}}",
    f"{{{{ '{WORDS}'|int / 0 }}}}",
    f'{{% include "trust/{WORDS}" %}}',
    f"{{{{ range(10**9)|join('{WORDS}') }}}}",
    f"{{{{ ''.__class__.{WORDS} }}}}",
    f"{WORDS} {SECRET}",
)
Kept = Callable[[], str]


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Return what is logged from now on when everything is."""
    written, rooms = io.StringIO(), [logging.getLogger(name) for name in OWN]
    handler, before = logging.StreamHandler(written), [room.level for room in rooms]
    logging.getLogger().addHandler(handler)
    for room in rooms:
        room.setLevel(logging.DEBUG)
    yield written.getvalue
    logging.getLogger().removeHandler(handler)
    for room, level in zip(rooms, before, strict=True):
        room.setLevel(level)


def said_nowhere(kept: Kept) -> bool:
    return WORDS not in kept() and SECRET not in kept()


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_logs_nothing_of_a_template_when_it_is_tried_and_saved(
    valkey: object,
    greeting: Prompt,
    alice: User,
    client_for: Callable[..., Client],
    api_for: Callable[..., Client],
    kept: Kept,
    template: str,
) -> None:
    api, browser = api_for(alice), client_for(alice)
    said = [{"role": "system", "template": template}]
    content: dict[str, Any] = {"kind": "chat", "messages": said}
    form = {"role": "system", "template": template, "based_on": "2", "value_name": WORDS}

    def send(method: str, path: str, body: dict[str, Any]) -> None:
        answer = api.generic(method, path, json.dumps(body), "application/json")
        assert answer.status_code < 500, path

    send("POST", "/api/prompts/render", {"messages": said, "variables": {"name": WORDS}})
    send("POST", f"/api{ADDRESS}/check", {"content": content, "variables": {"name": WORDS}})
    send("PUT", f"/api{ADDRESS}/draft", {"content": content})
    send("POST", f"/api{ADDRESS}/versions", {"content": content, "note": WORDS})
    send("POST", f"/api{ADDRESS}/render", {"label": "production", "variables": {"name": WORDS}})
    for path in ("preview", "draft", "edit"):
        answer = browser.post(f"{ADDRESS}/{path}", form)
        assert answer.status_code < 500, path
        assert WORDS not in answer.headers.get("Location", "")

    assert "refused" in kept() or template == TEMPLATES[0]
    assert said_nowhere(kept)


def test_it_logs_nothing_of_what_columns_ask_when_they_run(
    valkey: object, greeting: Prompt, alice: User, api_for: Callable[..., Client], kept: Kept
) -> None:
    api = api_for(alice)

    def send(method: str, path: str, body: dict[str, Any]) -> Any:
        answer = api.generic(method, path, json.dumps(body), "application/json")
        assert answer.status_code < 500, path
        return answer.json()

    bench = send("POST", "/api/workbench", {"variables": {"name": WORDS}})
    column = send("POST", f"/api/workbench/{bench['id']}/columns", {"source": "hiring/greeting@1"})
    send("POST", f"/api/workbench/{bench['id']}/run", {})
    send("PATCH", f"/api/workbench/{bench['id']}", {"variables": {"name": {WORDS: SECRET}}})
    send("PATCH", f"/api/workbench/{bench['id']}", {"inputs": [{WORDS: WORDS}, WORDS]})
    send("POST", f"/api/workbench/{bench['id']}/say", {"content": WORDS})

    assert "id" in bench
    assert column
    assert said_nowhere(kept)
