"""What the tests in a browser share: Chromium, and the owner who is signed in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests import browser as chromium
from tests.console import browsing
from tests.stack import Stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a headless Chromium."""
    executable = chromium.find()
    if executable is None:
        pytest.skip("no Chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=str(executable), args=list(chromium.ARGUMENTS)
        )
        yield running
        running.close()


@pytest.fixture(scope="module")
def owner(browser: Browser, live_stack: Stack) -> Iterator[BrowserContext]:
    """Sign the owner in, once a module."""
    context = browsing.signed_in(browser, live_stack)
    yield context
    context.close()
