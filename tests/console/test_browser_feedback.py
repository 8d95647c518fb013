"""A thumb with a note on an answer, in a real browser: pressed at once and after a reload."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
NOTE = "Names the salary, which I asked for."


@pytest.fixture
def answered(owner: BrowserContext, live_stack: Stack) -> Iterator[Page]:
    """Open a page whose question has been answered."""
    page = owner.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{live_stack.base}/")
    page.get_by_label("First message").fill("Which jobs are open?")
    page.get_by_label("First message").press("Enter")
    page.wait_for_url(re.compile(r"/chat/[0-9a-f-]{36}$"))
    expect(page.locator("[data-run-status=succeeded]").last).to_be_visible(timeout=90_000)
    yield page
    page.close()
    assert not wrong


def _thumb(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def test_it_keeps_a_thumb_and_its_note_when_the_page_is_loaded_again(
    answered: Page, owner: BrowserContext
) -> None:
    second = owner.new_page()
    second.goto(answered.url)

    _thumb(answered, "Good answer").focus()
    answered.keyboard.press("Enter")
    expect(answered.locator("summary[aria-label='Add a note']")).to_be_visible()
    expect(_thumb(answered, "Good answer")).to_be_focused()
    expect(answered.locator("#inspector [data-header] .said-mark")).to_contain_text("1")
    answered.keyboard.press("Tab")
    answered.keyboard.press("Tab")
    answered.keyboard.press("Enter")
    answered.keyboard.press("Tab")
    answered.keyboard.type(NOTE)
    answered.keyboard.press("Tab")
    answered.keyboard.press("Enter")

    expect(second.locator(".remark")).to_have_text(NOTE)
    expect(_thumb(second, "Good answer")).to_have_attribute("aria-pressed", "true")
    expect(answered.locator("details.note")).not_to_have_attribute("open", "")
    expect(answered.locator("details.note summary")).to_be_focused()
    answered.reload()
    expect(_thumb(answered, "Good answer")).to_have_attribute("aria-pressed", "true")
    expect(answered.locator(".remark")).to_have_text(NOTE)
    second.close()


def test_it_is_changed_and_taken_back_when_a_thumb_is_pressed_again(answered: Page) -> None:
    _thumb(answered, "Good answer").click()
    expect(answered.locator("summary[aria-label='Add a note']")).to_be_visible()

    _thumb(answered, "Bad answer").click()
    expect(answered.locator(".thumb .num")).to_have_count(1)
    expect(_thumb(answered, "Bad answer")).to_contain_text("1")
    expect(_thumb(answered, "Good answer")).to_have_attribute("aria-pressed", "false")

    _thumb(answered, "Bad answer").click()
    expect(answered.locator(".thumb .num")).to_have_count(0)
    answered.reload()
    expect(_thumb(answered, "Bad answer")).to_have_attribute("aria-pressed", "false")


def test_it_keeps_what_is_half_written_when_somebody_else_judges(
    answered: Page, owner: BrowserContext
) -> None:
    _thumb(answered, "Good answer").click()
    answered.locator("summary[aria-label='Add a note']").click()
    answered.get_by_label("Note on this answer").fill("Half a th")
    second = owner.new_page()
    second.goto(answered.url)

    _thumb(second, "Bad answer").click()

    expect(_thumb(answered, "Bad answer")).to_contain_text("1")
    expect(answered.get_by_label("Note on this answer")).to_have_value("Half a th")
    expect(answered.get_by_label("Note on this answer")).to_be_focused()
    second.close()


def test_it_shows_the_thumb_on_the_trace_and_finds_traces_by_it(
    answered: Page, live_stack: Stack
) -> None:
    _thumb(answered, "Bad answer").click()
    expect(answered.locator("summary[aria-label='Add a note']")).to_be_visible()
    trace_id = answered.locator("[data-trace]").last.get_attribute("data-trace")

    answered.goto(f"{live_stack.base}/traces/{trace_id}")
    expect(answered.locator("[data-header] .said-mark")).to_contain_text("1")
    answered.goto(f"{live_stack.base}/traces")
    answered.get_by_label("Feedback").select_option("Thumbs down")

    answered.wait_for_url(re.compile("feedback=down"))
    expect(answered.locator(f'a[href="/traces/{trace_id}"]').first).to_be_visible()
