"""Take a picture of every screen: ``python -m tests.shots [--base URL --link LINK] [name …]``.

Without ``--base`` it starts a Playground of its own with the sample workspace. All pictures go to
``shots/`` as ``<screen>-<width>-<theme>.png``; those that the documents show go to
``docs/images/`` too. Names on the command line pick screens.
"""

import argparse
import contextlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser as chromium
from tests.stack import ROOT, Stack

SHOTS = ROOT / "shots"
IMAGES = ROOT / "docs" / "images"
SIZES = {1440: 900, 1280: 800, 390: 844}
THEMES = ("light", "dark")
REQUEST = (
    "Find senior Python engineers in Berlin who know fintech and draft an outreach to the best one"
)
TABLE = """candidate.given,candidate.years,praised.company
Ana,4,Northwind
Bo,11,Contoso
Cy,7,Litware"""
LIMIT_BYTES = 300_000


@dataclass(frozen=True)
class Screen:
    """One screen; ``act`` brings it into the state that is shown."""

    name: str
    path: str
    act: Callable[[Page], None] | None = None
    document: tuple[int, str] | None = None


def _begin(page: Page) -> None:
    page.locator("#talk-scroll").evaluate("e => e.scrollTop = 0")


def _open_step(page: Page) -> None:
    page.locator("details.step[data-kind=skill] summary").first.click()
    page.locator("#talk-scroll").evaluate("e => e.scrollTop = 0")


def _tab(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        if page.viewport_size and page.viewport_size["width"] < 760:
            page.locator("[data-show=inspector]").click()
        page.locator(f"#inspector [data-tab={name}]").first.click()
        page.locator(f".inspector-body[data-tab={name}]").wait_for()

    return act


def _try_model(page: Page) -> None:
    page.locator("#try-form [type=submit]").click()
    page.locator("#try-figures", has_text=" out").wait_for()


def _pane(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        if page.viewport_size and page.viewport_size["width"] < 760:
            page.locator(f"[data-show={name}]").click()

    return act


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#palette [role=option]").first.wait_for()


def _keys(page: Page) -> None:
    page.keyboard.press("?")


def _first_skill(page: Page) -> None:
    page.locator(".data-table td.main a, .main a[href^='/skills/']").first.click()
    page.wait_for_url(re.compile("/skills/.+"))


def _first_agent(page: Page) -> None:
    page.locator("main a[href^='/agents/']:not([href$='/new'])").first.click()
    page.wait_for_url(re.compile("/agents/.+"))


def _edit_agent(page: Page) -> None:
    _first_agent(page)
    page.goto(page.url.split("?")[0].rstrip("/") + "/edit")


def _open_prompt(page: Page) -> None:
    page.goto(page.url.split("/prompts")[0] + "/prompts/hiring/outreach")


def _edit_prompt(page: Page) -> None:
    page.goto(page.url.split("/prompts")[0] + "/prompts/hiring/outreach/edit")
    page.locator("#preview .rendered").first.wait_for()


def _compare_prompt(page: Page) -> None:
    page.goto(page.url.split("/prompts")[0] + "/prompts/hiring/outreach/compare")


def _plan_ramp(page: Page) -> None:
    prompts = page.locator("#plan-prompt")
    if prompts.count():
        page.locator("#plan-prompts button").first.click()
        page.locator("#simulation .foretold").wait_for()


def _table_rows(page: Page) -> None:
    page.locator(".wb-table").scroll_into_view_if_needed()
    page.locator(".wb-table").evaluate("e => e.scrollIntoView()")


def _screens(thread: str, run: str, trace: str, bench: str) -> list[Screen]:
    return [
        Screen("home", "/", document=(1280, "light")),
        Screen("chat", thread, _begin, document=(1440, "light")),
        Screen("chat-end", thread),
        Screen("chat-step", thread, _open_step),
        Screen("chat-threads", thread, _pane("threads")),
        Screen("chat-context", thread, _tab("context")),
        Screen("chat-state", thread, _tab("state")),
        Screen("chat-new", "/chat"),
        Screen("palette", "/", _palette),
        Screen("keys", "/", _keys),
        Screen("run", run, document=(1280, "light")),
        Screen("traces", "/traces"),
        Screen("trace", trace, document=(1440, "dark")),
        Screen("prompts", "/prompts"),
        Screen("prompt", "/prompts", _open_prompt, document=(1280, "light")),
        Screen("prompt-edit", "/prompts", _edit_prompt, document=(1440, "light")),
        Screen("prompt-compare", "/prompts", _compare_prompt, document=(1280, "light")),
        Screen("prompt-new", "/prompts/new"),
        Screen("prompt-about", "/prompts/hiring/outreach/about"),
        Screen("prompt-versions", "/prompts/hiring/outreach/versions"),
        Screen("prompt-bump", "/prompts/trust/responsible-ai/bump"),
        Screen("prompt-rules", "/prompts/rules"),
        Screen("prompt-proposals", "/prompts/proposals"),
        Screen("prompt-import", "/prompts/import"),
        Screen("models", "/models", _try_model),
        Screen("routes", "/models/routes"),
        Screen("usage", "/models/usage"),
        Screen("workbenches", "/workbench"),
        Screen("workbench", bench, document=(1440, "light")),
        Screen("workbench-table", bench, _table_rows),
        Screen("skills", "/skills", document=(1280, "light")),
        Screen("skill", "/skills", _first_skill),
        Screen("agents", "/agents"),
        Screen("agent", "/agents", _first_agent),
        Screen("agent-edit", "/agents", _edit_agent, document=(1280, "light")),
        Screen("agent-new", "/agents/new"),
        Screen("api-keys", "/keys"),
        Screen("ramps", "/admin/prompts/ramp/"),
        Screen("ramp-plan", "/admin/prompts/ramp/add/", _plan_ramp),
        Screen("not-found", "/chat/00000000-0000-7000-8000-000000000000"),
    ]


def _have_a_thread(page: Page, base: str) -> tuple[str, str, str]:
    """Run the main job once and return the addresses of thread, run and trace."""
    page.goto(f"{base}/chat")
    page.locator("#composer-text").fill(REQUEST)
    page.locator("#composer-text").press("Enter")
    page.wait_for_url(re.compile(r"/chat/[0-9a-f-]{36}$"))
    foot = page.locator("[data-run-status=succeeded], [data-run-status=failed]")
    foot.first.wait_for(timeout=120_000)
    run, trace = foot.first.get_attribute("data-run"), foot.first.get_attribute("data-trace")
    return page.url.removeprefix(base), f"/runs/{run}", f"/traces/{trace}"


def _have_two_versions(page: Page, base: str) -> None:
    """Save the sample's outreach anew, so that there is something to compare."""
    page.goto(f"{base}/prompts/hiring/outreach/edit")
    page.locator("#preview .rendered").first.wait_for()
    page.locator("#cards .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\nAsk one question about their work, and offer a call.\n")
    page.get_by_label("What changed").fill("Ask one question, offer a call")
    page.keyboard.press("Control+s")
    page.wait_for_url(f"{base}/prompts/hiring/outreach")


def _have_a_workbench(page: Page, base: str) -> str:
    """Hold two versions against each other, also over a table; return the address with marks."""
    page.goto(f"{base}/prompts/hiring/outreach?version=1")
    page.get_by_role("button", name="Open in workbench").click()
    page.wait_for_url(re.compile(r"/workbench/[0-9a-f-]{36}$"))
    page.locator("#bench-name").fill("Outreach, with a question and without")
    page.get_by_title("Another column like the last").click()
    second = page.locator(".wb-column").nth(1)
    second.locator("[name$='.source']").fill("hiring/outreach@2")
    second.locator("[name$='.source']").press("Tab")
    page.locator("summary", has_text="Table of inputs").click()
    page.locator("#table-text").fill(TABLE)
    page.get_by_role("button", name="Use this table").click()
    page.get_by_role("button", name="Run all rows").click()
    page.locator("#progress", has_text="6 of 6").wait_for(timeout=60_000)
    page.locator("#run-all").click()
    page.locator(".wb-out [data-state=succeeded]").nth(1).wait_for(timeout=60_000)
    first = page.locator(".wb-column").first.get_attribute("data-column")
    return f"{page.url.removeprefix(base).partition('#')[0]}?against={first}"


@contextlib.contextmanager
def _playground(base: str | None, link: str | None) -> Iterator[tuple[str, str]]:
    if base and link:
        yield base.rstrip("/"), link
        return
    stack = Stack()
    try:
        stack.start()
        yield stack.base, stack.manage("login_link").split()[-1]
    finally:
        stack.kill_everything()


def _shoot(browser: Browser, base: str, state: str, screens: list[Screen]) -> list[str]:
    complaints = []
    for width, height in SIZES.items():
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,  # type: ignore[arg-type]
                reduced_motion="reduce",
                storage_state=state,
            )
            for screen in screens:
                # A page each, so that its listeners go with it.
                page = context.new_page()
                complaints += _picture(page, base, screen, width, theme)
                page.close()
            context.close()
    return complaints


def _picture(page: Page, base: str, screen: Screen, width: int, theme: str) -> list[str]:
    """Take one picture; return what is wrong with it: errors, a page wider than its window."""
    said: list[str] = []

    def note(text: str) -> None:
        said.append(f"{screen.name}-{width}-{theme}: {text}")

    page.on("pageerror", lambda error: note(str(error)))
    page.on("console", lambda line: note(line.text) if line.type == "error" else None)
    page.goto(base + screen.path)
    try:
        if screen.act:
            screen.act(page)
    except Exception as error:
        note(str(error).splitlines()[0])
    page.wait_for_timeout(350)
    wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    if wide > 0:
        note(f"{wide} px wider than the window")
    target = SHOTS / f"{screen.name}-{width}-{theme}.png"
    page.screenshot(path=target)
    if screen.document == (width, theme):
        if target.stat().st_size < LIMIT_BYTES:
            shutil.copyfile(target, IMAGES / f"{screen.name}.png")
        else:
            note("too large for the documents")
    return said


def main() -> int:
    """Take the pictures and print what looked wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base")
    parser.add_argument("--link")
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args()
    executable = chromium.find()
    if executable is None:
        print("no Chromium found", file=sys.stderr)
        return 1
    SHOTS.mkdir(exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with _playground(wanted.base, wanted.link) as (base, link), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(executable), args=list(chromium.ARGUMENTS)
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(link)
        page.wait_for_url(f"{base}/")
        thread = _have_a_thread(page, base)
        _have_two_versions(page, base)
        screens = _screens(*thread, _have_a_workbench(page, base))
        state = context.storage_state()
        context.close()
        chosen = [one for one in screens if not wanted.names or one.name in wanted.names]
        complaints = _shoot(browser, base, state, chosen)  # type: ignore[arg-type]
        browser.close()
    for complaint in sorted(set(complaints)):
        print(complaint)
    print(f"{len(chosen) * len(SIZES) * len(THEMES)} pictures in shots/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
