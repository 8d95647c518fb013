"""The whole path of a prompt in a real browser on a live product, chats going on beside it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.console.browsing import rendered, save, signed_in, watch, write
from tests.console.chatting import Chats
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PROMPT = "/prompts/hiring/outreach"
OLD = "I came across your profile, and your work"
NEW = "A colleague of mine named you, and your work"
TABLE = (
    "candidate.given,candidate.years,praised.company\nAna,4,Northwind\nBo,11,Contoso\nCy,7,Litware"
)
SLOWLY_MS = 90_000
"""How long a state may take to come about while the machine is busy with something else."""


@pytest.fixture(scope="module")
def live_stack() -> Iterator[Stack]:
    """Run a Playground of the story's own, which begins with the first version of a sample."""
    stack = Stack()
    try:
        yield stack.start()
    finally:
        stack.remove()


@pytest.fixture
def chats(live_stack: Stack) -> Chats:
    key = live_stack.manage("create_api_key", "--user", "rita", "--team", "hiring").split()[-1]
    return Chats(live_stack, key)


def test_it_goes_from_an_edit_over_a_comparison_and_ramps_to_a_version_for_everybody(
    browser: Browser, live_stack: Stack, owner: BrowserContext, chats: Chats
) -> None:
    page, wrong = watch(owner, strict=True)

    _edit(page, live_stack.base)
    _compare_on_three_inputs(page)
    link = _copied_link(page)
    _save_from_the_workbench(page)
    _ramp_while_chats_go_on(page, chats)
    assert chats.letter().told == {
        "name": "hiring/outreach",
        "version": 2,
        "label": "production",
        "reason": "label production",
    }
    _save_a_bad_one(page, live_stack.base)
    _watch_it_roll_itself_back(page, chats)
    assert {chats.letter().version for _ in range(3)} == {2}

    assert not wrong
    _the_link_shows_it_to_the_team_alone(browser, live_stack, link)


def _edit(page: Page, base: str) -> None:
    page.goto(f"{base}{PROMPT}")
    page.get_by_role("link", name="Edit").click()
    rendered(page)
    expect(page.locator("#preview")).to_contain_text(OLD)
    write(page, _template(page).replace(OLD, NEW))
    expect(page.locator("#preview")).to_contain_text(NEW)
    expect(page.locator("#preview")).not_to_contain_text(OLD)


def _compare_on_three_inputs(page: Page) -> None:
    page.get_by_role("button", name="Open in workbench").click()
    page.wait_for_url(re.compile(r"/workbench/[0-9a-f-]{36}"))
    expect(page.locator(".wb-title")).to_have_text(
        ["hiring/outreach@1", "Draft of hiring/outreach@1"]
    )
    page.locator("summary", has_text="Table of inputs").click()
    page.locator("#table-text").fill(TABLE)
    page.get_by_role("button", name="Use this table").click()
    page.get_by_role("button", name="Run all rows").click()

    cells = page.locator(".wb-rows [data-state=succeeded]")
    expect(cells).to_have_count(6, timeout=SLOWLY_MS)
    rows = page.locator(".wb-rows tbody tr")
    for index, (given, company) in enumerate(
        (("Ana", "Northwind"), ("Bo", "Contoso"), ("Cy", "Litware"))
    ):
        old, new = rows.nth(index).locator("td").all()
        for cell, words in ((old, OLD), (new, NEW)):
            expect(cell).to_contain_text(f"Hi {given},")
            expect(cell).to_contain_text(company)
            expect(cell).to_contain_text(words)
        # What differs from the old one is marked, and nothing else.
        expect(old.locator("mark")).to_have_count(0)
        expect(new.locator("mark", has_text="colleague")).to_have_count(1)
        expect(new.locator("mark").filter(has_text=company)).to_have_count(0)


def _copied_link(page: Page) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#share").click()
    expect(page.get_by_text("The link is copied")).to_be_visible()
    link = str(page.evaluate("navigator.clipboard.readText()"))
    assert link == page.url
    assert "against=" in link
    return link


def _save_from_the_workbench(page: Page) -> None:
    page.get_by_label("What changed in the draft of column B").fill("Say who named them")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.locator(".wb-title").nth(1)).to_have_text("hiring/outreach@2")
    page.locator(".wb-title a").nth(1).click()
    page.wait_for_url(re.compile(f"{PROMPT}.version=2"))
    expect(page.locator(".version-rail li").first).to_contain_text("Say who named them")
    # Nothing is left to be edited: the draft has become the version.
    expect(page.get_by_role("link", name="Edit", exact=False)).to_be_visible()
    expect(page.get_by_text("Go on editing")).to_have_count(0)


def _ramp_while_chats_go_on(page: Page, chats: Chats) -> None:
    _start_ramp(page, reason="It reads better")
    # By chance nobody has had the candidate yet while a tenth gets it.
    shown = [-1]
    with chats.going_on():
        for percent, following in ((10, 50), (50, 100), (100, None)):
            expect(page.locator("[aria-current=step] .stage-percent")).to_have_text(f"{percent}%")
            shown.append(_exposed(page, above=shown[-1], of=6 * len(shown)))
            if following is None:
                break
            page.locator("#reason").fill(f"{percent} % went well")
            page.get_by_role("button", name=re.compile(f"Advance.* to {following} %")).click()
        _see_the_arm_in_a_trace(page)
        page.locator("#reason").fill("Nothing got worse")
        page.get_by_role("button", name="Complete with v2").click()
        expect(page.locator(".ramp-state")).to_have_text("Completed")

    expect(page.locator("#ramp-events")).to_contain_text("10 % went well")
    expect(page.locator("#ramp-events")).to_contain_text("50 % went well")
    assert not chats.moved_back()
    assert {letter.version for letter in chats.letters} == {1, 2}
    for letter in chats.letters:
        if arm := letter.told.get("arm"):
            assert letter.version == {"baseline": 1, "candidate": 2}[arm], letter
            assert letter.told["reason"].startswith("bucket "), letter


def _see_the_arm_in_a_trace(page: Page) -> None:
    ramp = page.url
    page.locator(".guard-said").get_by_role("link", name="v2").click()
    page.wait_for_url(re.compile(r"/traces\?ramp=.*arm=candidate"))
    expect(page.locator(".trace-filters")).to_contain_text("candidate of ramp")
    page.locator(".trace-table tbody a.truncate").first.click()
    page.wait_for_url(re.compile(r"/traces/[0-9a-f]{32}"))
    expect(page.locator(".tv-prompt", has_text="outreach v2")).to_contain_text("candidate")
    page.locator(".tv-row[data-kind=prompt]", has_text="prompt outreach").click()
    told = page.locator(".sd-prompt")
    expect(told).to_contain_text("hiring/outreach v2")
    expect(told).to_contain_text("candidate")
    expect(told).to_contain_text("bucket ")
    told.get_by_role("link", name="Ramp", exact=True).click()
    page.wait_for_url(ramp)


def _save_a_bad_one(page: Page, base: str) -> None:
    page.goto(f"{base}{PROMPT}/edit")
    rendered(page)
    # It renders, and what reads it finds no subject.
    write(page, _template(page).replace("Subject: ", "About "))
    expect(page.locator("#preview .rendered")).to_contain_text("About Your work")
    save(page, "Sound less like an e-mail")
    page.wait_for_url(re.compile(f"{PROMPT}$"))
    expect(page.locator(".version-rail li").first).to_contain_text("Sound less like an e-mail")


def _watch_it_roll_itself_back(page: Page, chats: Chats) -> None:
    _start_ramp(page, reason="Shorter", stages=("50", "100"))
    with chats.going_on():
        expect(page.locator(".ramp-state")).to_have_text("Rolled back", timeout=SLOWLY_MS)
    expect(page.locator("#ramp-now")).to_contain_text("A guard rolled back this ramp.")
    last = page.locator("#ramp-events li").first
    expect(last).to_contain_text("the guard")
    expect(last).to_contain_text("Error rate got worse: 100 % against 0 %")


def _start_ramp(page: Page, *, reason: str, stages: tuple[str, ...] = ("10", "50", "100")) -> None:
    page.get_by_role("link", name="Ramp", exact=True).click()
    page.wait_for_url(re.compile("/admin/prompts/ramp/add/"))
    expect(page.locator("#plan-label")).to_have_value("production")
    for _ in range(3 - len(stages)):
        rows = page.locator("[name=stages-percent]")
        count = rows.count()
        page.get_by_role("button", name="Remove row 1", exact=True).first.click()
        expect(rows).to_have_count(count - 1)
    page.locator("#plan-unit").select_option("thread")
    for percent in stages:
        expect(page.locator("#simulation .foretold")).to_contain_text(f"{percent} %")
    # What is started is what was looked at.
    expect(page.locator("#simulation .drawn")).to_contain_text("thread:")
    page.locator("#plan-reason").fill(reason)
    page.locator("#plan-start").click()
    expect(page.locator(".ramp-state")).to_have_text("Running")


def _exposed(page: Page, *, above: int, of: int) -> int:
    """Wait until so many threads are shown, and more of them than before have had the candidate."""
    said = page.locator(".guard--exposed .guard-said")
    expect(said).to_be_visible(timeout=SLOWLY_MS)
    page.wait_for_function(
        """([above, of]) => {
          const said = document.querySelector(".guard--exposed .guard-said").textContent;
          const [candidate, total] = said.replaceAll(",", "").match(/\\d+/g).map(Number);
          return candidate > above && total >= of;
        }""",
        arg=[above, of],
        timeout=SLOWLY_MS,
    )
    return int(said.locator("strong").inner_text().replace(",", ""))


def _the_link_shows_it_to_the_team_alone(browser: Browser, stack: Stack, link: str) -> None:
    colleague = signed_in(browser, stack, "mina")
    page, wrong = watch(colleague, strict=True)
    page.goto(link)
    expect(page.locator(".wb-title")).to_have_text(["hiring/outreach@1", "hiring/outreach@2"])
    expect(page.locator(".wb-rows [data-state=succeeded]")).to_have_count(6)
    expect(page.locator(".wb-rows tbody tr").nth(1)).to_contain_text("Contoso")
    expect(page.locator(".wb-rows mark", has_text="colleague")).to_have_count(3)
    expect(page.get_by_role("button", name="Run all rows")).to_have_count(0)
    colleague.close()
    assert not wrong

    stranger = signed_in(browser, stack, "otto")
    refused = stranger.new_page().goto(link)
    assert refused is not None
    assert refused.status == 404
    assert NEW not in refused.text()
    stranger.close()


def _template(page: Page) -> str:
    return page.locator("#cards [name=template]").first.input_value()
