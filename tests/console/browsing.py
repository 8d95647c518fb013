"""What the tests in a browser do alike: sign in, watch for what the page refuses, write code."""

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.stack import Stack

SIZE = {"width": 1440, "height": 900}

# A busy machine takes longer than the five seconds that are usual to answer a keystroke.
expect.set_options(timeout=20_000)


def signed_in(browser: Browser, stack: Stack, username: str | None = None) -> BrowserContext:
    """Return a context in which somebody is signed in, the owner where nobody is named."""
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    page = context.new_page()
    options = ["--user", username] if username else []
    page.goto(stack.manage("login_link", *options).split()[-1])
    page.wait_for_url(f"{stack.base}/")
    page.close()
    return context


def watch(context: BrowserContext, *, strict: bool = False) -> tuple[Page, list[str]]:
    """Open a page, and return what goes wrong in it as it is found.

    Args:
        strict: every error that the console tells is wrong, such as an answer that is no success.
    """
    page, wrong = context.new_page(), list[str]()

    def heard(said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text or (strict and said.type == "error"):
            wrong.append(f"{page.url}: {said.text}")

    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on("console", heard)
    # Leaving what is typed and not kept yet asks first.
    page.on("dialog", lambda dialog: dialog.accept())
    return page, wrong


def rendered(page: Page) -> None:
    """Wait until the editor has shown its preview."""
    expect(page.locator("#preview .rendered").first).to_be_visible(timeout=30_000)


def code(page: Page, index: int = 0) -> Locator:
    """Return the text of one of the editor's cards."""
    return page.locator("#cards .cm-content").nth(index)


def write(page: Page, text: str, index: int = 0) -> None:
    """Write over what stands in one of the editor's cards."""
    code(page, index).click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def save(page: Page, note: str) -> None:
    """Save the prompt that is being edited."""
    page.get_by_label("What changed").fill(note)
    page.keyboard.press("Control+s")
