"""A ramp in a real browser: plan it, watch it, go on, take it back, while others do things too."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from playground.policy.models import User
from playground.prompts.models import Prompt, Ramp
from playground.prompts.ramps import ramping
from tests import browser as chromium
from tests.console.browsing import SIZE
from tests.prompts.ramped import PATH, filled, greeting, happen, started

__all__ = ["greeting"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.django_db(transaction=True, databases="__all__"),
]


def _aside(work: Callable[[], Any]) -> Any:
    """Do something with the database in a thread, as the browser's own loop runs in this one."""

    def closing() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result()


@contextmanager
def _browsing(server: LiveServer, session: str) -> Iterator[Page]:
    executable = chromium.find()
    if executable is None:
        pytest.skip("no Chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=str(executable), args=list(chromium.ARGUMENTS)
        )
        context = running.new_context(viewport=SIZE)  # type: ignore[arg-type]
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server.url}
        context.add_cookies([cookie])  # type: ignore[list-item]
        page, said = context.new_page(), []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        yield page
        running.close()
    assert said == []


def test_it_is_planned_watched_advanced_and_taken_back(
    rhea: User, greeting: Prompt, live_server: LiveServer
) -> None:
    User.objects.filter(pk=rhea.pk).update(is_staff=True, is_superuser=True)
    signed_in = Client()
    signed_in.force_login(rhea)

    with _browsing(live_server, signed_in.cookies[settings.SESSION_COOKIE_NAME].value) as page:
        # It is planned: what it would do is shown beside the form and follows what is typed.
        page.goto(f"{live_server.url}/admin/prompts/ramp/add/?prompt={PATH}")
        page.locator("[name=stages-percent]").first.fill("40")
        expect(page.locator("#simulation .foretold tbody tr").first).to_contain_text("40 %")
        page.locator("#plan-add-rules").click()
        expect(page.locator("[name=rules-value]")).to_be_visible()
        page.locator("[name=rules-value]").fill("member:7")
        expect(page.locator("#simulation .drawn")).to_contain_text("rule 1")
        page.locator("#plan-reason").fill("try it")
        page.locator("#plan-start").click()
        expect(page.locator(".ramp-state")).to_have_text("Running")
        expect(page.locator("[aria-current=step]")).to_contain_text("40")

        # It is watched: calls show by themselves, and what is half typed stays.
        ramp = _aside(lambda: Ramp.objects.whole().get())
        page.locator("#reason").press_sequentially("half-ty")
        page.locator("#ramp-pause").evaluate("button => { button.sameAsBefore = true; }")
        fine = {"error_rate": 0.0, "latency_ms": 900.0}
        _aside(
            lambda: happen(
                ramp, {"baseline": fine, "candidate": fine}, members=range(100, 140), user=rhea
            )
        )
        expect(page.locator("#ramp-charts")).to_contain_text("of 40 members seen")
        page.locator("#reason").press_sequentially("ped")
        expect(page.locator("#reason")).to_have_value("half-typed")
        expect(page.locator("#reason")).to_be_focused()
        assert page.locator("#ramp-pause").evaluate("button => button.sameAsBefore === true")
        expect(page.locator(".guard .chart-bar").first).to_be_visible()
        expect(page.locator("article.guard .strip svg")).to_have_count(2)
        expect(page.locator("article.guard .verdict").first).to_contain_text("Undecided")

        # Somebody else pauses it: the buttons follow.
        _aside(lambda: ramping.pause(rhea.context(), ramp.pk, reason="wait for me"))
        page.locator("#ramp-resume").click()
        expect(page.locator(".ramp-state")).to_have_text("Running")
        expect(page.locator("#ramp-events")).to_contain_text("half-typed")

        # It goes on, and is taken back with one click.
        page.locator("#reason").fill("looks well")
        page.locator("#ramp-advance_early").click()
        expect(page.locator("[aria-current=step]")).to_contain_text("50")
        page.locator("#ramp-roll_back").click()
        expect(page.locator(".ramp-state")).to_have_text("Rolled back")
        expect(page.locator("#reason")).to_be_hidden()

        # Another one is taken back by somebody else while it is watched.
        other = _aside(lambda: started(rhea))
        page.goto(f"{live_server.url}/admin/prompts/ramp/{other.pk}/change/")
        expect(page.locator(".ramp-state")).to_have_text("Running")
        _aside(lambda: ramping.roll_back(rhea.context(), other.pk, reason="a doubt"))
        expect(page.locator(".ramp-state")).to_have_text("Rolled back")
        expect(page.locator("#ramp-again")).to_be_visible()
        expect(page.locator("#reason")).to_be_hidden()

    ramp.refresh_from_db()
    done = list(ramp.events.values_list("what", flat=True))
    assert done == ["created", "started", "paused", "resumed", "advanced", "rolled_back"]


def test_it_finds_a_prompt_among_many_when_a_part_of_its_name_is_typed(
    rhea: User, greeting: Prompt, live_server: LiveServer
) -> None:
    User.objects.filter(pk=rhea.pk).update(is_staff=True, is_superuser=True)
    filled(greeting, count=60)
    signed_in = Client()
    signed_in.force_login(rhea)

    with _browsing(live_server, signed_in.cookies[settings.SESSION_COOKIE_NAME].value) as page:
        page.goto(f"{live_server.url}/admin/prompts/ramp/add/")
        expect(page.locator("#plan-prompts button")).to_have_count(20)
        page.locator("#plan-prompt").press_sequentially("p-5")
        expect(page.locator("#plan-prompts button")).to_have_count(11)
        page.get_by_role("button", name="hiring/p-59").click()
        expect(page.locator("#plan-prompt")).to_have_value("hiring/p-59")
        expect(page.locator("#plan-label")).to_have_value("production")
        expect(page.locator("#simulation .foretold")).to_be_visible()

        # Another one, by the keyboard: what was typed of the plan stays.
        page.locator("[name=stages-percent]").first.fill("7")
        page.locator("#plan-prompt").fill("p-42")
        expect(page.locator("#plan-prompts button")).to_have_count(1)
        page.locator("#plan-prompt").press("Enter")
        expect(page.locator("#plan-prompt")).to_have_value("hiring/p-42")
        expect(page.locator("[name=stages-percent]").first).to_have_value("7")

        # None that is called so is said at the field.
        page.locator("#plan-prompt").fill("nothing")
        page.locator("#plan-prompt").press("Enter")
        expect(page.locator("#plan-prompt-fault")).to_be_visible()
        expect(page.locator("#plan-prompt")).to_have_attribute("aria-invalid", "true")


def test_it_leads_back_and_fits_when_the_screen_is_narrow(
    rhea: User, greeting: Prompt, live_server: LiveServer
) -> None:
    User.objects.filter(pk=rhea.pk).update(is_staff=True, is_superuser=True)
    ramp = started(rhea)
    signed_in = Client()
    signed_in.force_login(rhea)

    with _browsing(live_server, signed_in.cookies[settings.SESSION_COOKIE_NAME].value) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{live_server.url}/prompts")
        expect(page.get_by_role("link", name="New prompt")).to_be_in_viewport(ratio=1)
        assert _overflow(page) == 0

        page.goto(f"{live_server.url}/prompts/{PATH}")
        expect(page.get_by_role("link", name="Edit", exact=True)).to_be_in_viewport(ratio=1)
        assert _overflow(page) == 0
        page.get_by_label("More actions").click()
        expect(page.locator(".page-actions .menu-list")).to_be_in_viewport(ratio=1)

        page.goto(f"{live_server.url}/admin/prompts/ramp/{ramp.pk}/change/")
        places = page.locator(".sidebar .nav-link2:visible")
        expect(places).to_have_text(["Back to the Playground", "Ramps"])
        assert _overflow(page) == 0
        places.last.click()
        page.wait_for_url("**/admin/prompts/ramp/")


def _overflow(page: Page) -> int:
    """Return how many pixels the page pans sideways."""
    return int(page.locator("main").evaluate("main => main.scrollWidth - main.clientWidth"))
