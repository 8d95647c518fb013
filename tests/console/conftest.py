"""Fixtures of the console: a thread whose runs are told as a worker tells them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import browser as chromium
from tests.stack import Stack


@pytest.fixture(scope="module")
def live_stack() -> Iterator[Stack]:
    """Run the whole product on a data folder of its own."""
    stack = Stack()
    try:
        yield stack.start()
    finally:
        stack.kill_everything()


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
def login_link(live_stack: Stack) -> Callable[[], str]:
    """Make one-time login links."""
    return lambda: live_stack.manage("login_link").split()[-1]
