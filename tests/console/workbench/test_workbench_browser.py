"""The workbench in a real browser on the real stack: two columns, live, over a table, shared."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.console.browsing import signed_in, watch
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

INPUTS = {
    "candidate.name": "Ana Sousa",
    "candidate.headline": "Python engineer",
    "job.title": "Backend lead",
}
PITCH = """
from playground.policy.models import User
from playground.prompts.content import content_of
from playground.prompts.saving import create_prompt
said = "Write to {{ candidate.name }}, {{ candidate.headline }}, about {{ job.title }}."
content = content_of({"messages": [{"role": "user", "template": said}]})
create_prompt(User.objects.get(username="rita").context(), name="pitch", content=content)
"""
TABLE = "candidate.name,job.title\nAna,Lead\nBo,Designer\nCy,Tester"

People = Callable[[str], BrowserContext]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Run a Playground whose scripted model speaks as slowly as a test wants."""
    running = Stack(extra={"PLAYGROUND_SCRIPTED": "1"})
    try:
        yield running.start()
    finally:
        running.kill_everything()


@pytest.fixture
def people(browser: Browser, stack: Stack) -> Iterator[People]:
    contexts: list[BrowserContext] = []

    def entered(username: str) -> BrowserContext:
        contexts.append(signed_in(browser, stack, username))
        return contexts[-1]

    yield entered
    for context in contexts:
        context.close()


def _say(stack: Stack, *replies: object) -> None:
    queue = f"from playground.gateway.providers import scripted; scripted.queue({list(replies)!r})"
    stack.manage("shell", "-c", queue)


def test_it_holds_two_versions_against_each_other_and_shares_what_came_of_it(
    stack: Stack, people: People
) -> None:
    page, wrong = watch(people("rita"))
    stack.manage("shell", "-c", PITCH)
    page.goto(f"{stack.base}/prompts/hiring/pitch")
    page.get_by_role("button", name="Open in workbench").click()
    page.wait_for_url(re.compile(r"/workbench/[0-9a-f-]{36}"))
    link = page.url
    model = page.get_by_label("Model", exact=True)
    model.fill("scripted")
    for name, value in INPUTS.items():
        page.locator(f'[name="input.{name}"]').fill(value)
    page.get_by_title("Another column like the last").click()
    columns = page.locator(".wb-column")
    expect(columns).to_have_count(2)

    # Both stream at the same time: each chunk is the time at which it was sent.
    _say(stack, *[{"clock": 60, "chunk_ms": 50}] * 2)
    page.locator('[name="input.candidate.name"]').fill("Bo Berg")
    page.keyboard.press("Control+Enter")
    for index in range(2):
        expect(columns.nth(index).locator("[data-live]")).to_contain_text(re.compile(r"\d{10}\."))
    expect(columns.locator("[data-state=running]")).to_have_count(2)
    page.reload()
    expect(columns.locator(".wb-out [data-state=succeeded]")).to_have_count(2, timeout=30_000)
    texts = columns.locator(".wb-text").all_inner_texts()
    first, second = ([float(each) for each in text.split()] for text in texts)
    assert first[0] < second[-1]
    assert second[0] < first[-1]
    foot = columns.first.locator(".wb-foot")
    expect(foot).to_contain_text(re.compile(r"ms first.* s.*\d+ → \d+.*scripted"))
    expect(foot.get_by_role("link", name="trace")).to_be_visible()

    # A changed variable is kept, and asked with.
    page.locator('[name="input.candidate.name"]').fill("Cleo Cruz")
    columns.first.get_by_role("button", name="Run column A").click()
    expect(columns.first.locator(".wb-text")).to_contain_text("Cleo Cruz", timeout=30_000)

    page.locator("summary", has_text="Table of inputs").click()
    page.locator("#table-text").fill(TABLE)
    page.get_by_role("button", name="Use this table").click()
    page.get_by_role("button", name="Run all rows").click()
    cells = page.locator(".wb-rows [data-state=succeeded]")
    expect(cells).to_have_count(6, timeout=60_000)
    expect(page.locator("#progress")).to_contain_text("6 of 6 done")
    expect(cells.nth(2)).to_contain_text("Designer")
    assert not wrong

    mate, trouble = watch(people("hugo"))
    mate.goto(link)
    expect(mate.locator(".wb-rows [data-state=succeeded]")).to_have_count(6)
    expect(mate.locator(".wb-out").first).to_contain_text("Cleo Cruz")
    assert not trouble
    stranger, _ = watch(people("otto"))
    refused = stranger.goto(link)
    assert refused is not None
    assert refused.status == 404


def test_it_stops_a_column_and_keeps_what_was_written(stack: Stack, people: People) -> None:
    page, wrong = watch(people("rita"))
    page.goto(f"{stack.base}/workbench")
    page.get_by_role("button", name="New workbench").first.click()
    page.get_by_role("button", name="begin a draft").click()
    page.locator(".wb-card .cm-content").fill("Count for {{ whom }}")
    page.get_by_label("Model", exact=True).fill("scripted")
    whom = page.locator('[name="input.whom"]')
    whom.fill("Ana")
    _say(stack, {"clock": 600, "chunk_ms": 50})
    whom.press("Control+Enter")
    live = page.locator("[data-live]")
    expect(live).to_contain_text(re.compile(r"\d{10}\."))

    page.get_by_role("button", name="Stop all").click()

    expect(page.locator(".wb-out [data-state=cancelled]")).to_be_visible(timeout=15_000)
    expect(page.locator(".wb-out .wb-text")).to_contain_text(re.compile(r"\d{10}\."))
    expect(page.locator(".wb-out")).to_contain_text("cut off here")
    assert not wrong


def test_it_keeps_two_people_from_overwriting_each_other(stack: Stack, people: People) -> None:
    page, wrong = watch(people("rita"))
    page.goto(f"{stack.base}/workbench")
    page.get_by_role("button", name="New workbench").first.click()
    page.wait_for_url(re.compile(r"/workbench/[0-9a-f-]{36}"))
    page.get_by_title("Another column like the last").click()
    expect(page.locator(".wb-column")).to_have_count(2)
    mate, trouble = watch(people("rita"))
    mate.goto(page.url)

    def model(of: Page, column: int) -> Locator:
        return of.locator(".wb-column").nth(column).get_by_label("Model", exact=True)

    # Different columns: both stay, though each page shows the other's column as it was.
    with page.expect_response("**/save"):
        model(page, 0).fill("of-the-first")
    with mate.expect_response("**/save") as answered:
        model(mate, 1).fill("of-the-second")
    assert answered.value.status == 200

    # The same column: the later one is told, and has the words again after a reload.
    with mate.expect_response("**/save") as answered:
        model(mate, 0).fill("over-the-first")
    assert answered.value.status == 409
    expect(mate.locator("#save-state")).to_contain_text("Changed by somebody else")
    with mate.expect_response("**/save") as answered:
        mate.get_by_role("button", name="Reload with what you typed").click()
    assert answered.value.status == 200
    expect(model(mate, 0)).to_have_value("over-the-first")
    page.reload()
    expect(model(page, 0)).to_have_value("over-the-first")
    expect(model(page, 1)).to_have_value("of-the-second")
    assert not wrong + trouble
