"""The sandbox in a real browser, driven as a person would: by what is seen on the page."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from bot.clock import local
from tests.fakes.product import Product, running
from tests.fakes.serving import free_port

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
NO_BROWSER = "没有找到 Chromium，页面测试跳过；要跑它们，请先 `make browser`"

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_CONFIG = """
[server]
port = {port}
[database]
url = "sqlite:///{folder}/jufeng.db"
[bot]
data_dir = "{folder}"
"""


def find_browser() -> str | None:
    """The browser of this machine, if there is one."""
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def browser(executable: str) -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        yield started
        started.close()


@contextmanager
def sandbox_server(folder: Path) -> Iterator[Product]:
    """The product with no platform configured; it is Monday, 15:00."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = folder / "config.toml"
    config.write_text(_CONFIG.format(port=port, folder=folder.as_posix()), encoding="utf-8")
    with running(config, port) as product:
        _to_monday(product.url)
        yield product


def _to_monday(url: str) -> None:
    """In the trough between two rushes, when riders' lessons are held."""
    now = local(datetime.fromisoformat(httpx.get(f"{url}/sandbox/state").json()["now"]))
    monday = (now + timedelta(days=7 - now.weekday())).replace(hour=15, minute=0, second=0, microsecond=0)
    httpx.post(f"{url}/sandbox/clock", json={"to": monday.isoformat()}, timeout=60).raise_for_status()


class Phone:
    """One open page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.failures: list[str] = []
        """What went wrong in the page, and whom else it asked."""
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.on("request", lambda request: self._check_address(request.url, url))
        page.goto(url)
        expect(page.locator("body.ready")).to_be_visible()

    def _check_address(self, address: str, url: str) -> None:
        if not address.startswith((url, "data:", f"blob:{url}")):
            self.failures.append(f"asked {address}")

    def play(self, name: str) -> None:
        """Becomes somebody."""
        self.page.get_by_role("radio", name=name).click()
        expect(self.page.get_by_role("radio", name=name)).to_be_checked()

    def open(self, chat: str) -> None:
        """Goes to a chat."""
        self.tab(chat).click()
        expect(self.tab(chat)).to_have_attribute("aria-selected", "true")

    def tab(self, chat: str) -> Locator:
        """The tab of a chat."""
        return self.page.get_by_role("tab", name=re.compile(chat))

    def say(self, text: str) -> None:
        """Types and sends."""
        self.page.get_by_label("说点什么").fill(text)
        self.page.keyboard.press("Enter")
        expect(self.own(text).last).to_be_visible()

    def own(self, text: str = "") -> Locator:
        """What one said oneself, containing ``text``."""
        return self.page.locator(".row.own").filter(has_text=text)

    def bot(self, text: str | re.Pattern[str] = "") -> Locator:
        """What the bot said, containing ``text``."""
        return self.page.locator(".row.bot").filter(has_text=text)

    def attach_sample(self) -> None:
        """Attaches the drawn photo."""
        self.page.get_by_role("button", name="发照片").click()
        self.page.get_by_role("button", name="用一张示例照片").click()
        expect(self.page.locator("#attached .photo:not(.busy)")).to_be_visible()

    def forward(self, label: str | re.Pattern[str]) -> None:
        """快进, on a wide screen."""
        self.page.locator("#story").get_by_role("button", name=label).click()
        expect(self.page.locator(".toast").filter(has_text="现在是")).to_be_visible(timeout=30_000)

    def next_step(self) -> None:
        """Does what the page proposes next."""
        self.page.locator(".next .play").click()
