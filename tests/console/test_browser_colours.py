"""The code editor colours what Jinja takes, also where its grammar stops."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

STATIC = Path(__file__).parents[2] / "static"
SITE = "http://editor.invalid"
EDIT = """async (text) => {
  const { codeEditor } = await import("/static/js/code-editor.js");
  document.body.innerHTML = '<textarea aria-label="Code"></textarea>';
  const area = document.querySelector("textarea");
  area.value = text;
  const none = () => [];
  const known = { variables: none, properties: none, fragments: none };
  const options = { language: "jinja", nonce: "", ...known };
  window.editor = codeEditor(area, options);
}"""
WORDS = """() => [...document.querySelectorAll(".cm-line span")]
  .filter((each) => !each.children.length)
  .map((each) => `${each.className}:${each.textContent}`)"""

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page that has nothing but our own files."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(f"{SITE}/static/")
        if path.endswith((".js", ".css")):
            route.fulfill(path=STATIC / path)
        else:
            route.fulfill(content_type="text/html", body="<!doctype html><title>Editor</title>")

    opened = browser.new_page()
    opened.route("**/*", answer)
    opened.goto(SITE)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ('{{ a if b else "c" }}', ["cm-k:if", "cm-k:else", 'cm-s:"c"']),
        ('{{ a if b|length else "c" }}', ["cm-b:length", "cm-k:else", 'cm-s:"c"', "cm-b:}}"]),
        ("{{ a if b|length > 3 else 'c' ~ d.e }}", ["cm-k:else", "cm-s:'c'", "cm-v:d", "cm-v:e"]),
        ("{{ a if b not in c else 2.5 }}", ["cm-k:not", "cm-k:in", "cm-k:else", "cm-n:2.5"]),
        ('{{- a if b else "c" -}}', ["cm-v:a", "cm-k:else", 'cm-s:"c"', "cm-b:-}}"]),
        ("{{ a[1:2] if b else none }} {{ d }}", ["cm-k:else", "cm-n:none", "cm-v:d"]),
        ("{% set x = a if b|trim else c|upper %}", ["cm-k:else", "cm-v:c", "cm-b:upper"]),
    ],
)
def test_it_colours_every_word_of_a_tag(page: Page, template: str, words: list[str]) -> None:
    page.evaluate(EDIT, template)

    page.wait_for_selector(".cm-line .cm-k")
    shown = page.evaluate(WORDS)

    assert set(words) <= set(shown)


def test_it_colours_a_tag_anew_when_it_is_changed(page: Page) -> None:
    page.evaluate(EDIT, '{{ a if b|length else "c" }}')

    page.evaluate("() => editor.view.dispatch({ changes: { from: 8, to: 16, insert: 'b' } })")
    page.evaluate("() => editor.view.dispatch({ changes: { from: 9, insert: '|first' } })")

    assert page.locator(".cm-content").inner_text() == '{{ a if b|first else "c" }}'
    assert page.evaluate(WORDS)[-3:] == ["cm-k:else", 'cm-s:"c"', "cm-b:}}"]
