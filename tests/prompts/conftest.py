"""Prompts to try things on, and people of each role."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.db import connection

from playground.policy.models import Role, Team, User
from playground.policy.people import ensure_member
from playground.prompts.content import Content, PromptKind, Text, content_of
from playground.prompts.models import PromptVersion
from playground.prompts.saving import About, create_prompt
from playground.prompts.templating.rendering import render

Make = Callable[..., PromptVersion]


def chat(template: str, **more: Any) -> Content:
    """Return a chat of one system message."""
    return content_of({"messages": [{"role": "system", "template": template}], **more})


def said_by(template: str, variables: Mapping[str, Any]) -> str:
    """Return what a text of this template says."""
    content = Content(kind=PromptKind.TEXT, messages=[Text(template=template)])
    return render(content, variables).text or ""


def fragment(template: str) -> Content:
    """Return the content of a fragment."""
    return content_of({"kind": "fragment", "messages": [{"role": "text", "template": template}]})


def until_somebody_waits() -> None:
    """Return as soon as another transaction waits for a lock."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.fixture
def rhea(hiring: Team) -> User:
    """Return a reviewer of Alice's team."""
    return ensure_member("rhea", team="hiring", role=Role.REVIEWER).user


@pytest.fixture
def guardrail(charlie: User) -> PromptVersion:
    """Return the fragment that the trust team shares with everybody."""
    return create_prompt(
        charlie.context(),
        name="responsible-ai",
        content=fragment("Be fair to {{ audience }}."),
        about=About(shared=True),
    )


@pytest.fixture
def outreach(alice: User, guardrail: PromptVersion) -> PromptVersion:
    """Return Alice's prompt, which includes the fragment."""
    content = chat('Write to {{ name }}.\n{% include "trust/responsible-ai" %}')
    return create_prompt(alice.context(), name="outreach", content=content)
