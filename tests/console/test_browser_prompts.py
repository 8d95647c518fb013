"""Prompts in a real browser: write, see it rendered, be warned, compare, save, meet somebody."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.console.browsing import code, rendered, save, watch, write
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    page, wrong = watch(owner)
    yield page
    page.close()
    assert not wrong


def _make(page: Page, base: str, name: str, kind: str = "chat") -> None:
    page.goto(f"{base}/prompts/new?kind={kind}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Title").fill(name.title())
    page.get_by_role("button", name="Make and edit").click()
    page.wait_for_url(re.compile(f"/prompts/hiring/{name}/edit"))
    rendered(page)


def _uncovered(found: Locator) -> bool:
    """Tell whether it is what stands at its upper edge, under no head that stays."""
    expect(found).to_be_in_viewport(ratio=1)
    there = "(e) => { const r = e.getBoundingClientRect();"
    there += " return e.contains(document.elementFromPoint(r.x + r.width / 2, r.y + 3)); }"
    return bool(found.evaluate(there))


def test_it_renders_as_one_types_and_saves_a_version(page: Page, live_stack: Stack) -> None:
    _make(page, live_stack.base, "by-name")

    write(page, "You greet {{ member.name }}.")
    page.locator("[name='input.member.name']").fill("Ada")
    expect(page.locator("#preview")).to_contain_text("You greet Ada.")
    expect(page.locator("#token-count")).to_contain_text("tokens")
    save(page, "Greet by name")

    page.wait_for_url(re.compile("/prompts/hiring/by-name$"))
    expect(page.locator(".version-rail li").first).to_contain_text("Greet by name")
    expect(page.locator(".template-text").first).to_have_text("You greet {{ member.name }}.")


def test_it_leads_to_the_place_of_what_is_wrong(page: Page, live_stack: Stack) -> None:
    _make(page, live_stack.base, "mistakes")
    write(page, "first line\nsecond {{ name | nofilter }}")

    finding = page.locator(".lint-item[data-severity=error]").first
    expect(finding).to_contain_text("nofilter")
    finding.click()
    page.keyboard.insert_text("HERE")

    expect(code(page)).to_contain_text(re.compile("second .*HERE.*nofilter"))
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()


def test_it_completes_variables_and_fragments_and_goes_over_the_end_of_a_tag(
    page: Page, live_stack: Stack
) -> None:
    _make(page, live_stack.base, "soft-tone", kind="fragment")
    _make(page, live_stack.base, "completing")
    write(page, "Company: {{ company.name }}\n")
    expect(page.locator("[name='input.company.name']")).to_be_visible()

    page.keyboard.type("{{ com", delay=40)
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("company")
    page.keyboard.press("Escape")
    page.keyboard.type("pany.name }}\n", delay=15)
    page.keyboard.type('{% include "soft', delay=40)
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("hiring/soft-tone")
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")
    page.keyboard.type('" %}', delay=15)

    expect(page.locator("#cards [name=template]").first).to_have_value(
        'Company: {{ company.name }}\n{{ company.name }}\n{% include "hiring/soft-tone" %}'
    )
    with page.context.expect_page() as opened:
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("F12")
    expect(opened.value).to_have_url(re.compile("/prompts/hiring/soft-tone$"))
    opened.value.close()


def test_it_keeps_a_draft_and_compares_it_with_one_keystroke(page: Page, live_stack: Stack) -> None:
    _make(page, live_stack.base, "drafted")
    write(page, "Only half of it")
    expect(page.locator("#draft-state")).to_contain_text("Draft kept")

    page.reload()
    rendered(page)
    expect(code(page)).to_have_text("Only half of it")
    page.keyboard.press("Control+Shift+D")

    expect(page.locator("#own-changes .pdiff")).to_contain_text("Only half of it")
    expect(page.locator("#editor-columns")).to_be_hidden()


def test_it_moves_adds_and_removes_messages_from_the_keyboard(
    page: Page, live_stack: Stack
) -> None:
    _make(page, live_stack.base, "moving")
    roles = page.locator("#cards [name=role]")
    assert [roles.nth(i).input_value() for i in range(3)] == ["system", "placeholder", "user"]

    roles.nth(2).focus()
    page.keyboard.press("Alt+ArrowUp")
    page.get_by_role("button", name="Message", exact=True).click()
    page.keyboard.insert_text("And thanks.")
    page.locator("#cards .message-card").nth(2).get_by_label("Remove this message").click()

    assert [roles.nth(i).input_value() for i in range(roles.count())] == ["system", "user", "user"]
    expect(page.locator("#preview")).to_contain_text("And thanks.")


def test_it_moves_a_message_by_dragging_its_grip_and_saves_that_order(
    page: Page, live_stack: Stack
) -> None:
    _make(page, live_stack.base, "dragging")
    roles = page.locator("#cards [name=role]")

    grip = page.locator("#cards .message-card").nth(2).locator("[data-grip]")
    above = page.locator("#cards .message-card").nth(0)
    grip.drag_to(above, target_position={"x": 40, "y": 6})
    expect(roles.nth(0)).to_have_value("user")
    expect(page.locator("#draft-state")).to_contain_text("Draft kept")
    save(page, "The user first")

    page.wait_for_url(re.compile("/prompts/hiring/dragging$"))
    shown = page.locator(".message .role")
    assert shown.all_inner_texts() == ["user", "system", "placeholder"]


def test_it_moves_a_message_with_its_buttons(page: Page, live_stack: Stack) -> None:
    _make(page, live_stack.base, "buttons")
    roles = page.locator("#cards [name=role]")

    page.locator("#cards .message-card").nth(0).get_by_label("Move down").press("Enter")
    expect(roles.nth(1)).to_have_value("system")
    expect(page.locator("#cards .message-card").nth(1).get_by_label("Move down")).to_be_focused()
    page.keyboard.press("Enter")

    assert [roles.nth(i).input_value() for i in range(3)] == ["placeholder", "user", "system"]


def test_it_compares_with_d_and_lists_its_keys(page: Page, live_stack: Stack) -> None:
    _make(page, live_stack.base, "keys")
    write(page, "Something of mine")

    # The first may close what completes.
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator("#own-changes .pdiff").first).to_contain_text("Something of mine")
    page.keyboard.press("d")
    expect(page.locator("#editor-columns")).to_be_visible()
    page.keyboard.press("?")

    keys = page.locator("dialog[open]")
    expect(keys).to_contain_text("Compare with what you began from")
    expect(keys).to_contain_text("Move a message up, down")


def test_it_stays_when_one_types_on_after_leaving_the_text(page: Page, live_stack: Stack) -> None:
    _make(page, live_stack.base, "staying")
    write(page, "Something of mine")

    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.type("name gp")
    page.keyboard.press("d")

    expect(page.locator("#own-changes .pdiff").first).to_contain_text("Something of mine")
    assert page.url.endswith("/prompts/hiring/staying/edit")


def test_it_leads_to_the_schema_that_was_refused(page: Page, live_stack: Stack) -> None:
    _make(page, live_stack.base, "refused")
    page.get_by_text("Inputs, model, tools").click()
    page.get_by_text("My own schema").click()
    schema = page.locator("[data-json-field=inputs] .cm-content")
    schema.click()
    page.keyboard.insert_text('{"type": "objekt"}')
    save(page, "No schema")

    expect(page.locator("#draft-state")).to_have_text("Not saved")
    expect(schema).to_have_attribute("aria-invalid", "true")
    page.get_by_text("Inputs, model, tools").click()
    page.locator("#wrong").get_by_role("link", name="Inputs").click()

    expect(schema).to_be_focused()
    expect(schema).to_be_in_viewport()


def test_it_shows_what_the_other_saved_and_merges_both(
    page: Page, owner: BrowserContext, live_stack: Stack
) -> None:
    _make(page, live_stack.base, "shared-work")
    write(page, "First line.\n\nLast line.")
    save(page, "Both begin here")
    page.wait_for_url(re.compile("/prompts/hiring/shared-work$"))
    page.goto(f"{page.url}/edit")
    rendered(page)
    other = owner.new_page()
    other.goto(page.url)
    rendered(other)

    write(other, "First line.\n\nThe other's last line.")
    save(other, "The other was first")
    other.wait_for_url(re.compile("/prompts/hiring/shared-work$"))
    write(page, "My first line.\n\nLast line.")
    save(page, "Mine")

    expect(page.locator("#meeting")).to_contain_text("saved version 3 while you were editing")
    expect(page.locator("#meeting")).to_contain_text("The other's last line.")
    assert _uncovered(page.get_by_role("button", name="Save mine on top"))
    assert _uncovered(page.locator("#meeting > .card2-head"))
    page.get_by_role("button", name="Merge both").click()
    expect(page.locator("#cards [name=template]").first).to_have_value(
        "My first line.\n\nThe other's last line."
    )
    save(page, "Both")
    page.wait_for_url(re.compile("/prompts/hiring/shared-work$"))
    expect(page.locator(".version-rail li").first).to_contain_text("Both")
    other.close()


def test_it_compares_versions_by_a_link_that_carries_the_view(
    page: Page, live_stack: Stack
) -> None:
    _make(page, live_stack.base, "compared")
    write(page, "Something else entirely: {{ topic }}.")
    save(page, "Changed")
    page.wait_for_url(re.compile("/prompts/hiring/compared$"))
    page.wait_for_load_state("networkidle")

    page.keyboard.press("d")
    page.wait_for_url(re.compile(r"/compare\?"))
    page.wait_for_load_state("networkidle")
    expect(page.locator(".pdiff--side").first).to_be_visible()
    page.keyboard.press("u")

    expect(page.locator(".pdiff").first).to_be_visible()
    expect(page.locator(".pdiff--side")).to_have_count(0)
    page.reload()
    expect(page.locator(".pdiff--side")).to_have_count(0)
    expect(page.locator(".pdiff").first).to_contain_text("Something else entirely")
