"""The main job in a real browser on the real stack: sign in, ask, watch, reload, follow along."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

REQUEST = (
    "Find senior Python engineers in Berlin who know fintech and draft an outreach to the best one"
)


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    page = owner.new_page()
    refused: list[str] = []
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on(
        "console",
        lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield page
    page.close()
    assert not refused


def _conversation(page: Page) -> str:
    """Return the conversation's HTML without what differs between two renderings."""
    html = page.locator("#conversation").inner_html()
    html = re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", html)
    html = re.sub(r"(<time[^>]*>)[^<]*", r"\1", html)
    html = re.sub(r' data-(attempt|offset)="\d+"', "", html)
    html = re.sub(r' class="live markdown"', ' class="live"', html)
    return re.sub(r"\s+", " ", re.sub(r">\s+<", "><", html)).strip()


def _grow_alike(page: Page, other: Page) -> None:
    """Wait until both show the same, as the last of what was streamed may still be under way."""
    until = time.monotonic() + 20
    while (shown := _conversation(page)) != (expected := _conversation(other)):
        assert time.monotonic() < until, f"{shown}\n\n{expected}"
        page.wait_for_timeout(50)


def _begin(page: Page, base: str, request: str = REQUEST) -> None:
    page.goto(f"{base}/")
    page.get_by_label("First message").fill(request)
    page.get_by_label("First message").press("Enter")
    page.wait_for_url(re.compile(r"/chat/[0-9a-f-]{36}$"))


def _ended(page: Page) -> None:
    expect(page.locator("[data-run-status=succeeded]").last).to_be_visible(timeout=90_000)


def test_it_answers_with_a_draft_when_a_newcomer_types_the_request(
    page: Page, live_stack: Stack
) -> None:
    _begin(page, live_stack.base)

    expect(page.locator(".said-text").first).to_have_text(REQUEST)
    expect(page.locator(".step").first).to_be_visible(timeout=30_000)
    expect(page.locator("#inspector trace-view")).to_be_visible(timeout=30_000)
    _ended(page)

    steps = page.locator(".step").all_inner_texts()
    assert any("search" in step.lower() for step in steps)
    assert any("profile" in step.lower() for step in steps)
    assert any("draft" in step.lower() for step in steps)
    answer = page.locator(".answer .markdown").last.inner_text()
    assert len(answer) > 200
    spans = page.locator("#inspector trace-view [data-id]")
    expect(spans.nth(4)).to_be_visible()


def test_it_streams_words_and_spans_when_the_run_is_still_working(
    page: Page, live_stack: Stack
) -> None:
    page.add_init_script("""
        window.grown = {answer: new Set(), spans: new Set()};
        setInterval(() => {
          const live = document.querySelector(".live:not([hidden])");
          if (live) window.grown.answer.add(live.textContent.length);
          const tree = document.querySelector("#inspector trace-view");
          const rows = [...(tree?.rows?.values() ?? [])];
          const ended = rows.filter((row) => row.end !== null);
          if (rows.length) window.grown.spans.add(`${rows.length} ${ended.length}`);
        }, 15);
    """)
    _begin(page, live_stack.base)
    _ended(page)

    answer = page.evaluate("[...window.grown.answer].filter(Boolean).length")
    spans = page.evaluate("window.grown.spans.size")

    assert answer >= 3, "the answer came in one piece"
    assert spans >= 3, "the trace came in one piece"


def test_it_shows_the_same_when_the_page_is_loaded_again(
    page: Page, owner: BrowserContext, live_stack: Stack
) -> None:
    _begin(page, live_stack.base)
    _ended(page)
    expect(page.locator("[data-run-status=succeeded] .foot-facts")).to_be_visible()

    again = owner.new_page()
    again.goto(page.url)

    _grow_alike(page, again)
    again.close()


def test_it_follows_along_when_a_second_window_is_open(
    page: Page, owner: BrowserContext, live_stack: Stack
) -> None:
    _begin(page, live_stack.base, "Which jobs are open?")
    second = owner.new_page()
    second.goto(page.url)
    _ended(page)

    page.locator("#composer-text").fill("And what did I ask you before?")
    page.locator("#composer-text").press("Enter")

    expect(second.locator(".said-text").nth(1)).to_have_text("And what did I ask you before?")
    expect(second.locator("[data-run-status]").nth(1)).to_be_visible()
    expect(page.locator("[data-run-status=queued], [data-run-status=running]")).to_have_count(
        0, timeout=90_000
    )
    expect(second.locator("[data-run-status=queued], [data-run-status=running]")).to_have_count(
        0, timeout=20_000
    )
    _grow_alike(second, page)
    second.close()


def test_it_sends_once_when_the_connection_was_lost_while_writing(
    page: Page, owner: BrowserContext, live_stack: Stack
) -> None:
    page.add_init_script("""
        window.sockets = [];
        window.WebSocket = class extends WebSocket {
          constructor(...given) { super(...given); window.sockets.push(this); }
        };
    """)
    _begin(page, live_stack.base, "Which jobs are open?")
    _ended(page)

    owner.set_offline(True)
    expect(page.locator("#line-state")).to_contain_text("Connection lost", timeout=5_000)
    page.evaluate("window.sockets.forEach((socket) => socket.close())")
    page.locator("#composer-text").fill("Written in a tunnel")
    page.locator("#composer-text").press("Enter")
    expect(page.locator(".said--pending")).to_have_count(1)
    page.wait_for_timeout(1500)
    owner.set_offline(False)

    expect(page.locator(".said--pending")).to_have_count(0, timeout=30_000)
    expect(page.locator(".said-text", has_text="Written in a tunnel")).to_have_count(1)


def test_it_goes_to_the_next_pane_when_a_finger_is_drawn_across_a_phone(
    browser: Browser, owner: BrowserContext, page: Page, live_stack: Stack
) -> None:
    _begin(page, live_stack.base, "Which jobs are open?")
    _ended(page)
    phone = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        storage_state=owner.storage_state(),
    )
    small = phone.new_page()
    small.goto(page.url)
    swipe = """([from, to]) => {
      const target = document.querySelector("#conversation");
      const touch = (x) => new Touch({ identifier: 1, target, clientX: x, clientY: 300 });
      const all = { bubbles: true, cancelable: true };
      const [a, b] = [touch(from), touch(to)];
      const send = (name, ...touches) =>
        target.dispatchEvent(new TouchEvent(name, { ...all, touches, changedTouches: [b] }));
      send("touchstart", a);
      send("touchend");
    }"""

    seen = []
    for move in ([300, 100], [300, 100], [100, 300], [100, 130], [100, 300]):
        small.evaluate(swipe, move)
        seen.append(small.locator(".chat").get_attribute("data-pane"))
    phone.close()

    assert seen == ["inspector", "inspector", "talk", "talk", "threads"]


def test_it_keeps_the_draft_when_the_page_is_left(page: Page, live_stack: Stack) -> None:
    _begin(page, live_stack.base, "Which jobs are open?")
    page.locator("#composer-text").fill("half a thou")
    page.goto(f"{live_stack.base}/skills")

    page.go_back()

    expect(page.locator("#composer-text")).to_have_value("half a thou")


def test_it_jumps_anywhere_when_the_palette_is_asked(page: Page, live_stack: Stack) -> None:
    page.goto(f"{live_stack.base}/")
    page.keyboard.press("Control+k")
    page.locator("#palette input").fill("traces")
    expect(page.locator("#palette [role=option]").first).to_contain_text("Traces")

    page.keyboard.press("Enter")

    page.wait_for_url(f"{live_stack.base}/traces")


def test_it_remembers_the_theme_when_it_was_chosen(page: Page, live_stack: Stack) -> None:
    page.goto(f"{live_stack.base}/")
    page.get_by_label("Theme").click()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"

    page.reload()

    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.evaluate("localStorage.removeItem('theme')")


def test_it_walks_lists_and_tabs_by_keyboard(page: Page, live_stack: Stack) -> None:
    page.goto(f"{live_stack.base}/skills")
    focused = "document.activeElement.textContent.trim()"
    titles = []
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
        titles.append(page.evaluate(focused))

    _begin(page, live_stack.base, "Which jobs are open?")
    expect(page.locator("#composer-text")).to_be_focused()
    _ended(page)
    page.locator("#inspector-tab-trace").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".inspector-body[data-tab=context]")).to_be_visible()

    assert titles[0] == titles[2] != titles[1]
    expect(page.locator("#inspector-tab-context")).to_be_focused()
