"""The workbench in a real browser on the real stack: two columns, live, over a table, shared."""

import json
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
FRAGMENT = """
from playground.policy.models import User
from playground.prompts.content import content_of
from playground.prompts.saving import create_prompt
content = content_of({"kind": "fragment", "messages": [{"role": "text", "template": "Be kind."}]})
create_prompt(User.objects.get(username="rita").context(), name="kindness", content=content)
"""
TABLE = "candidate.name,job.title\nAna,Lead\nBo,Designer\nCy,Tester"

People = Callable[[str], BrowserContext]


@pytest.fixture(scope="module")
def stack(live_stack: Stack) -> Stack:
    """Return a Playground whose scripted model speaks as slowly as a test wants."""
    return live_stack


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
    _say(stack, *[{"clock": 240, "chunk_ms": 50}] * 2)
    page.locator('[name="input.candidate.name"]').fill("Bo Berg")
    page.keyboard.press("Control+Enter")
    for index in range(2):
        expect(columns.nth(index).locator("[data-live]")).to_contain_text(re.compile(r"\d{10}\."))
    expect(columns.locator("[data-state=running]")).to_have_count(2)
    page.reload()
    expect(columns.locator(".wb-out [data-state=succeeded]")).to_have_count(2, timeout=60_000)
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


def _draft(page: Page, stack: Stack, says: str) -> None:
    """Open a workbench whose one column is a draft on the scripted model."""
    page.goto(f"{stack.base}/workbench")
    page.get_by_role("button", name="New workbench").first.click()
    page.get_by_role("button", name="begin a draft").click()
    page.locator(".wb-card .cm-content").fill(says)
    with page.expect_response("**/save"):
        page.get_by_label("Model", exact=True).fill("scripted")


def _use_table(page: Page, text: str) -> None:
    page.locator("summary", has_text="Table of inputs").click()
    page.locator("#table-text").fill(text)
    page.get_by_role("button", name="Use this table").click()
    expect(page.locator("#table-title")).to_be_visible()


def test_it_runs_rows_side_by_side_stops_them_all_and_runs_the_rest(
    stack: Stack, people: People
) -> None:
    page, wrong = watch(people("rita"))
    _draft(page, stack, "Count for {{ whom }}")
    _use_table(page, "whom\n" + "\n".join(f"person {number}" for number in range(1, 31)))
    rows = page.locator(".wb-rows tbody tr")
    expect(rows).to_have_count(25)
    _say(stack, *[{"clock": 1200, "chunk_ms": 50}] * 30)

    page.get_by_role("button", name="Run all rows").click()
    expect(page.locator(".wb-rows [data-state=running]")).to_have_count(4, timeout=30_000)
    page.get_by_role("button", name="Stop all").click()
    expect(page.locator("#progress")).to_contain_text("30 of 30 done, 30 stopped", timeout=30_000)

    stack.manage(
        "shell", "-c", "from playground.gateway.providers import scripted; scripted.clear()"
    )
    refused = {"error": {"code": "provider.refused", "retryable": False}}
    _say(stack, refused)
    page.get_by_role("button", name="Run 30 without an answer").click()
    expect(page.locator("#progress")).to_contain_text("30 of 30 done, 1 failed", timeout=60_000)
    page.get_by_role("link", name="Show only failed rows").click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Retry 1 failed").click()
    # The row stays in sight, though it failed no more.
    expect(page.locator(".wb-rows [data-state=succeeded]")).to_have_count(1, timeout=30_000)
    page.get_by_role("link", name="Show all rows").click()
    page.get_by_role("link", name="Further rows").click()
    expect(rows).to_have_count(5)
    expect(page.locator("#pager")).to_contain_text("Rows 26–30 of 30")
    expect(page.locator(".wb-sum")).to_contain_text("p95")
    page.locator("summary", has_text="Compare the columns").click()
    expect(page.locator("#charts .chart-bar").first).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="JSONL").click()
    assert downloaded.value.path().read_text().count("\n") == 30
    assert not wrong


def _clear(text: Locator) -> None:
    # Text over coloured text would take the colour along as a style, which the policy refuses.
    text.press("Control+a")
    text.press("Delete")


def test_it_writes_a_draft_with_the_help_of_the_prompt_editor(stack: Stack, people: People) -> None:
    context = people("rita")
    page, wrong = watch(context)
    stack.manage("shell", "-c", FRAGMENT)
    _draft(page, stack, "Write to {{ whom }}")
    text = page.locator(".wb-card .cm-content")

    # Names complete themselves.
    text.press("End")
    text.press_sequentially(" and {{ wh")
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("whom")
    page.keyboard.press("Escape")
    _clear(text)
    text.press_sequentially('{% include "hiring/kind')
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("hiring/kindness")
    page.keyboard.press("Escape")

    # What is wrong is marked in its place, and listed below.
    _clear(text)
    page.keyboard.insert_text("Fine\n{% if %}")
    mark = page.locator(".wb-card .cm-lintRange-error")
    expect(mark).to_have_count(1, timeout=15_000)
    page.locator(".wb-lint .lint-item").first.click()
    expect(page.locator(".wb-card .cm-editor")).to_have_class(re.compile("cm-focused"))
    page.keyboard.type("x")
    expect(text.locator(".cm-line").nth(1)).to_contain_text("x")

    # A fragment is a click away.
    _clear(text)
    page.keyboard.insert_text('{% include "hiring/kindness" %}')
    expect(mark).to_have_count(0, timeout=15_000)
    with context.expect_page() as opened:
        page.locator(".wb-card .cm-line", has_text="kindness").click(modifiers=["Control"])
    expect(opened.value).to_have_url(re.compile(r"/prompts/hiring/kindness"))
    opened.value.close()

    # The keys that run it write nothing.
    text.press("Control+Enter")
    expect(page.locator(".wb-out .wb-text")).to_contain_text("Be kind.", timeout=30_000)
    assert text.inner_text().strip() == '{% include "hiring/kindness" %}'
    assert not wrong


def test_it_answers_tool_calls_checks_structure_and_goes_on_by_keyboard(
    stack: Stack, people: People
) -> None:
    page, wrong = watch(people("rita"))
    _draft(page, stack, "Weather in {{ city }}?")
    page.locator('[name="input.city"]').fill("Oslo")
    schema = {"type": "object", "required": ["celsius"],
              "properties": {"celsius": {"type": "integer"}}}  # fmt: skip
    page.locator("summary", has_text="Parameters").click()
    page.get_by_label("Response format, JSON").fill(
        json.dumps({"type": "json_schema", "json_schema": {"name": "t", "schema": schema}})
    )
    page.locator("summary", has_text="Tools").click()
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    page.get_by_label("Tools, a JSON list").fill(json.dumps([tool]))
    asks = {"tool_calls": [{"id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}]}
    _say(stack, asks, '{"celsius": "cold"}', '{"celsius": -3}')

    page.keyboard.press("Control+Enter")
    result = page.locator(".wb-waits textarea")
    expect(result).to_be_visible(timeout=30_000)
    result.fill('{"celsius": -3}')
    page.get_by_role("button", name="Send simulated").click()
    out = page.locator(".wb-out")
    expect(out).to_contain_text("does not fit", timeout=30_000)
    expect(out.locator(".wb-check")).to_contain_text("/celsius")

    more = out.get_by_placeholder("Go on in this column")
    more.fill("As a number, please.")
    out.get_by_role("button", name="Send").press("Enter")
    expect(out).to_contain_text("fits the schema", timeout=30_000)
    expect(out.locator(".wb-user")).to_have_text("As a number, please.")
    assert not wrong


def test_it_points_at_what_it_cannot_read(stack: Stack, people: People) -> None:
    page, wrong = watch(people("rita"))
    _draft(page, stack, "Say hello.")
    tools = page.locator("details", has_text="Simulated results")
    simulated = page.get_by_label("Simulated results, JSON by the tool's name")
    temperature = page.get_by_label("Temperature")
    tools.locator("summary").click()
    page.get_by_label("When the model calls one").select_option("simulate")
    expect(tools.locator("summary")).to_contain_text("calls are simulated")

    simulated.fill("{oops")
    expect(simulated).to_have_attribute("aria-invalid", "true")
    expect(simulated).to_have_accessible_description(re.compile("A JSON object"))
    tools.locator("summary").click()
    expect(simulated).to_be_hidden()
    page.locator("#run-all").click()
    expect(simulated).to_be_focused()
    expect(page.locator("#save-state")).to_have_text("Not all of it is kept")

    simulated.fill("{}")
    expect(simulated).not_to_have_attribute("aria-invalid", "true")
    page.locator("summary", has_text="Parameters").click()
    temperature.fill("hot")
    expect(temperature).to_have_attribute("aria-invalid", "true")
    temperature.fill("0.2")
    expect(temperature).not_to_have_attribute("aria-invalid", "true")
    assert not wrong


@pytest.mark.parametrize("width", [1440, 1280, 390])
def test_it_shows_every_skill_and_no_text_under_the_arrow_of_a_select(
    stack: Stack, people: People, width: int
) -> None:
    page, wrong = watch(people("rita"))
    page.set_viewport_size({"width": width, "height": 900})
    _draft(page, stack, "Say hello.")

    page.locator("summary", has_text="Tools").click()
    skills = page.get_by_role("group", name="Offer skills as tools")
    expect(skills.get_by_role("checkbox").last).to_be_visible()

    hidden = skills.locator("div").evaluate("e => e.scrollHeight - e.clientHeight")
    assert hidden == 0
    # What stands right of the text: the arrow's distance from the border, its width, some air.
    beside = page.locator("select.form-select:visible").evaluate_all(
        "all => all.map(e => { const s = getComputedStyle(e); return [s.paddingRight,"
        " s.backgroundPositionX.match(/(\\d+)px/)[1], s.backgroundSize].map(parseFloat) })"
    )
    assert beside
    assert all(padding >= arrow + size + 2 for padding, arrow, size in beside)
    assert not wrong


def test_it_keeps_the_button_for_columns_and_says_why_not_at_six(
    stack: Stack, people: People
) -> None:
    page, wrong = watch(people("rita"))
    _draft(page, stack, "Say hello.")
    add = page.locator('button[value="add"]')

    for number in range(2, 7):
        expect(add).to_be_enabled()
        add.click()
        expect(page.locator(".wb-column")).to_have_count(number)

    expect(add).to_be_disabled()
    expect(add).to_have_accessible_description("6 columns at most")
    expect(page.get_by_text("6 columns at most")).to_be_visible()
    # The columns have their own scroll bar, and the page gets none.
    assert page.locator("main").evaluate("main => main.scrollWidth - main.clientWidth") == 0
    assert not wrong


def test_it_shows_an_earlier_run_beside_the_newest_by_link(stack: Stack, people: People) -> None:
    page, wrong = watch(people("rita"))
    _draft(page, stack, "Say {{ word }}")
    for said in ("goodbye", "hello"):
        _say(stack, f"I said {said}")
        page.locator('[name="input.word"]').fill(said)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".wb-out .wb-text")).to_contain_text(said, timeout=30_000)

    page.locator("summary", has_text="Earlier runs").click()
    runs = page.locator(".wb-runs a")
    expect(runs).to_have_count(2)
    runs.nth(1).click()
    older = page.locator(".wb-earlier")
    expect(older).to_contain_text("I said goodbye")
    expect(older).to_contain_text("Say goodbye")
    page.get_by_label("Mark differences from").select_option(label="A")
    expect(older.locator("mark")).to_have_text("goodbye")

    mate, trouble = watch(people("hugo"))
    mate.goto(page.url)
    expect(mate.locator(".wb-earlier mark")).to_have_text("goodbye")
    mate.get_by_role("link", name="Close the earlier run").click()
    expect(mate.locator(".wb-earlier")).to_have_count(0)
    assert not wrong + trouble


def test_it_gives_a_table_back_that_came_too_late(stack: Stack, people: People) -> None:
    page, wrong = watch(people("rita"))
    _draft(page, stack, "Say {{ word }}")
    mate, trouble = watch(people("rita"))
    mate.goto(page.url)
    _use_table(page, "word\nmine")

    mate.locator("summary", has_text="Table of inputs").click()
    mate.locator("#table-file").set_input_files(
        {"name": "rows.csv", "mimeType": "text/csv", "buffer": b"word\nlate"}
    )
    expect(mate.locator("#table-text")).to_have_value("word\nlate")
    mate.get_by_role("button", name="Use this table").click()
    expect(mate.locator("#save-state")).to_contain_text("Changed by somebody else")
    mate.get_by_role("button", name="Reload with what you typed").click()

    expect(mate.locator(".wb-rows tbody")).to_contain_text("mine")
    expect(mate.locator("#table-text")).to_have_value("word\nlate")
    mate.get_by_role("button", name="Replace the table").click()
    expect(mate.locator(".wb-rows tbody")).to_contain_text("late")
    assert not wrong + trouble


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
