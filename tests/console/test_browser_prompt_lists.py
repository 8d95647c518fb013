"""The lists of prompts in a real browser: keyboard, failure and another try, bumping one by one."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    page = owner.new_page()
    refused: list[str] = []
    page.on("pageerror", lambda error: refused.append(str(error)))
    yield page
    page.close()
    assert not refused


@pytest.fixture(scope="module")
def call(live_stack: Stack) -> Callable[..., Any]:
    """Call the API as a script of the hiring team does."""
    made = live_stack.manage("create_api_key", "--user", "lists", "--team", "hiring")
    key = made.split()[-1]

    def call(method: str, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{live_stack.base}{path}",
            data=json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    return call


def _prompt(call: Callable[..., Any], name: str, text: str, kind: str = "chat") -> None:
    role = "text" if kind == "fragment" else "system"
    content = {"kind": kind, "messages": [{"role": role, "template": text}]}
    call("POST", "/api/prompts", {"name": name, "content": content})


def test_it_says_in_its_place_that_a_list_failed_and_reads_it_again(
    page: Page, live_stack: Stack
) -> None:
    page.goto(f"{live_stack.base}/prompts")
    broken = True

    def answer(route: Route) -> None:
        if broken and "q=" in route.request.url:
            route.fulfill(status=503, headers={"X-Request-ID": "req-1"}, body="no")
        else:
            route.continue_()

    page.route("**/prompts?*", answer)
    page.get_by_label("Search prompts").fill("outreach")

    failed = page.locator(".list-problem")
    expect(failed).to_contain_text("The list could not be read.")
    expect(failed).to_contain_text("request id req-1")
    expect(page.locator("#prompts tbody tr").nth(2)).to_be_visible()
    broken = False
    failed.get_by_role("button", name="Try again").click()

    expect(page.locator("#prompts .toolbar .count")).to_contain_text(" of ")
    expect(page.locator("#prompts tbody")).to_contain_text("outreach")
    expect(failed).to_have_count(0)


def test_it_goes_through_rows_by_the_keyboard_and_sorts_by_the_address(
    page: Page, live_stack: Stack
) -> None:
    page.goto(f"{live_stack.base}/prompts")

    page.get_by_role("link", name="Last change").click()
    page.wait_for_url(re.compile("sort=-changed"))
    page.wait_for_load_state("networkidle")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("#prompts td.main a").first
    expect(first).to_be_focused()
    href = first.get_attribute("href")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(f"{href}$"))


def test_it_bumps_the_chosen_one_by_one_and_tells_of_each(
    page: Page, live_stack: Stack, call: Callable[..., Any]
) -> None:
    _prompt(call, "b-tone", "Be kind.", "fragment")
    _prompt(call, "b-old", "Old.", "fragment")
    for name in ("b-one", "b-three"):
        _prompt(call, name, '{% include "b-tone" %}')
    _prompt(call, "b-two", '{% include "b-tone" %}{% include "b-old" %}')
    call("PATCH", "/api/prompts/hiring/b-old", {"archived": True})
    content = {"kind": "fragment", "messages": [{"role": "text", "template": "Be kinder."}]}
    call("POST", "/api/prompts/hiring/b-tone/versions", {"content": content})

    page.goto(f"{live_stack.base}/prompts/hiring/b-tone/bump")
    rows = page.locator(".bump-table tbody tr")
    rows.nth(0).get_by_text("What would change").click()
    expect(rows.nth(0).locator(".pdiff")).to_contain_text("Be kinder.")
    page.get_by_label("Choose all that are shown").uncheck()
    expect(page.locator("[data-bump]")).to_be_disabled()
    page.get_by_label("Bump hiring/b-one").check()
    page.get_by_label("Bump hiring/b-two").check()
    page.get_by_role("button", name="Bump 2 prompts").click()

    expect(page.locator("[data-bump-said]")).to_have_text("1 bumped, 1 not; each says why.")
    expect(page.locator("tr[data-path='hiring/b-one']")).to_contain_text("v1 → v2")
    expect(page.locator("tr[data-path='hiring/b-two']")).to_contain_text("b-old” is archived")
    expect(page.locator("tr[data-path='hiring/b-three']")).to_contain_text("behind")
    expect(page.get_by_label("Bump hiring/b-two")).to_be_checked()
    call("PATCH", "/api/prompts/hiring/b-old", {"archived": False})
