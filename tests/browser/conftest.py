"""One browser for all page tests; without one they are skipped, and say so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.phone import NO_BROWSER, browser, find_browser

expect.set_options(timeout=30_000)  # ms; with four tests at a time on two cores the five seconds of old were too few


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of this machine."""
    executable = find_browser()
    if executable is None:
        pytest.skip(NO_BROWSER)
    with browser(executable) as started:
        yield started
