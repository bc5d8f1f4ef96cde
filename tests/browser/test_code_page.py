"""The code on the screen at the place, and the form behind its QR code, in a real browser on the real server."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy import select

from bot.links import Links
from models.database import Database
from models.lessons import Lesson
from models.sealing import load_key, unlock
from tests.browser.phone import PHONE, sandbox_server
from tests.fakes.product import Product

TV: ViewportSize = {"width": 1920, "height": 1080}
FLAT: ViewportSize = {"width": 844, "height": 390}
SMALL: ViewportSize = {"width": 320, "height": 568}
pytestmark = pytest.mark.xdist_group("browser")  # one browser for all
_LINK = re.compile(r"http://[\w.:]+/p/code/[\w.=-]+")


class Screen:
    """The served branch with an open lesson, and the address of its code."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.url = product.url
        self._folder = folder
        self.say("u3", "开课 党员大会 学习贯彻党的二十届四中全会精神")
        self.say("u3", "签到码")
        self.address = self._wait_for_link()

    def say(self, sender: str, text: str) -> None:
        body = {"id": uuid4().hex, "sender": sender, "chat": "branch", "text": text, "photos": []}
        httpx.post(f"{self.url}/sandbox/messages", json=body).raise_for_status()

    def forward(self, seconds: int) -> None:
        """快进."""
        to = self.now() + timedelta(seconds=seconds)
        httpx.post(f"{self.url}/sandbox/clock", json={"to": to.isoformat()}, timeout=60).raise_for_status()

    def now(self) -> datetime:
        return datetime.fromisoformat(httpx.get(f"{self.url}/sandbox/state").json()["now"])

    def qr_link(self) -> str:
        """What the QR code of now says."""
        unlock(load_key(self._folder / "keys" / "master.key"))
        with closing(Database(f"sqlite:///{self._folder}/jufeng.db")) as database, database.read() as session:
            lesson_id = session.scalars(select(Lesson.id).where(Lesson.secret.is_not(None))).one()
        return Links(self.url).make("checkin", f"lesson:{lesson_id}", self.now(), timedelta(minutes=2))

    def _wait_for_link(self) -> str:
        for _ in range(100):
            said = httpx.get(f"{self.url}/sandbox/messages", params={"chat": "private:u3"}).text
            if found := _LINK.search(said):
                return found[0]
            time.sleep(0.1)
        raise AssertionError("the secretary got no link")


@pytest.fixture
def screen(chromium: Browser, tmp_path: Path) -> Iterator[Screen]:
    with sandbox_server(tmp_path) as product:
        yield Screen(product, tmp_path)


def opened(chromium: Browser, size: ViewportSize) -> tuple[Page, list[str]]:
    """A window, and what goes wrong in it."""
    page = chromium.new_context(viewport=size).new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    return page, failures


def test_the_code_fits_every_screen_and_is_the_largest_thing_on_it(chromium: Browser, screen: Screen) -> None:
    for size in (TV, PHONE, FLAT, SMALL):
        page, failures = opened(chromium, size)
        page.goto(screen.address)
        expect(page.locator("#digits")).to_have_text(re.compile(r"^\d{4}$"))
        spilt = (
            "[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
        )
        assert page.evaluate(spilt) == [0, 0], size
        digits, code = page.locator("#digits").bounding_box(), page.locator("#qr").bounding_box()
        assert digits is not None
        assert code is not None
        assert digits["width"] > min(size["width"] * 0.45, size["height"] * 0.9)
        assert code["width"] > min(size["width"], size["height"]) * 0.3
        assert failures == []
        page.context.close()


def test_the_screen_follows_what_happens(chromium: Browser, screen: Screen) -> None:
    page, failures = opened(chromium, TV)
    page.goto(screen.address)
    first, picture = page.inner_text("#digits"), page.get_attribute("#qr", "src")
    screen.say("u4", "签到")
    expect(page.locator(".count")).to_have_text("已到 1 / 8", use_inner_text=True)
    screen.say("u6", "签到")
    expect(page.locator(".count")).to_have_text("已到 1 / 8，列席 1", use_inner_text=True)
    screen.forward(15)
    expect(page.locator("#digits")).not_to_have_text(first)
    assert page.get_attribute("#qr", "src") != picture
    screen.say("u5", f"签到 {page.inner_text('#digits')}")
    expect(page.locator(".count")).to_have_text("已到 2 / 8，列席 1", use_inner_text=True)
    screen.say("u3", "结束签到")
    expect(page.get_by_text("签到已结束")).to_be_visible()
    expect(page.locator("#digits")).to_be_hidden()
    assert failures == []
    page.context.close()


def test_without_a_network_no_old_code_stays_on_the_screen(chromium: Browser, screen: Screen) -> None:
    page, _ = opened(chromium, TV)
    page.clock.install()
    page.goto(screen.address)
    expect(page.locator("#digits")).to_have_text(re.compile(r"^\d{4}$"))
    page.context.set_offline(True)
    page.clock.run_for(22_000)
    expect(page.locator("#digits")).to_have_text("····")
    expect(page.get_by_role("status")).to_contain_text("连不上网")
    page.context.set_offline(False)
    page.clock.run_for(4_000)
    expect(page.locator("#digits")).to_have_text(re.compile(r"^\d{4}$"))
    expect(page.get_by_role("status")).to_be_hidden()
    page.context.close()


def test_the_form_is_filled_in_once_and_tapped_ever_after(chromium: Browser, screen: Screen) -> None:
    page, failures = opened(chromium, PHONE)
    page.goto(screen.qr_link())
    page.get_by_label("姓名").fill("小何")
    page.get_by_label("手机号后四位").fill("0018")
    page.get_by_role("button", name="签到").click()
    expect(page.get_by_role("heading", name="小何，已签到")).to_be_visible()
    page.goto(screen.qr_link())
    page.get_by_role("link", name="我不是小何").click()
    page.get_by_label("姓名").fill("小郑")
    page.get_by_label("手机号后四位").fill("0017")
    page.get_by_role("button", name="签到").click()
    expect(page.get_by_role("heading", name="小郑，已签到")).to_be_visible()
    page.goto(screen.qr_link())
    page.get_by_role("button", name="小郑，签到").click()
    expect(page.get_by_role("heading", name="小郑，已签到")).to_be_visible()
    assert failures == []
    page.context.close()
