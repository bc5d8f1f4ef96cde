"""The pictures of the documentation: the story is played in a real browser, so they show what the product says.

``python -m tests.browser.screenshots docs/images``
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser.phone import DESKTOP, NO_BROWSER, PHONE, Phone, browser, find_browser, sandbox_server

SCREEN: ViewportSize = {"width": 1280, "height": 720}
"""A television or projector at the place."""
LARGEST = 300 * 1024
"""Bytes of one picture."""
STEPS = (
    ("1-lesson", "10分钟微课堂《交通安全》"),
    ("2-check-in", "1 / 12"),
    ("3-hazard", "170号院"),
    ("4-appeal", "诉求"),
    ("5-points", "分"),
    ("6-assigned", "派给"),
    ("7-resolved", "已办结"),
    ("8-digest", "隐患："),
)
"""Each step of the story: its picture's name, and what is to be seen on it."""


class Camera:
    """Takes pictures of a page into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)

    def take(self, phone: Phone, name: str) -> None:
        """Keeps what the window shows. Raises ValueError where that would be too large for the repository."""
        expect(phone.page.locator(".toast")).to_have_count(0)
        phone.page.wait_for_function("[...document.images].every((image) => image.complete)")
        phone.page.wait_for_timeout(400)
        self._keep(phone.page.screenshot(animations="disabled"), name)

    def take_link(self, phone: Phone, address: str, size: ViewportSize, name: str) -> None:
        """Keeps what the latest link of the chat to such an address opens, on a screen of this size."""
        with phone.page.expect_popup() as opened:
            phone.page.locator(f"a[href*='{address}']").last.click()
        page = opened.value
        page.set_viewport_size(size)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(400)
        self._keep(page.screenshot(animations="disabled"), name)
        page.close()

    def _keep(self, shot: bytes, name: str) -> None:
        data = _smaller(shot)
        if len(data) > LARGEST:
            raise ValueError(f"{name}.png would have {len(data)} bytes")
        (self._folder / f"{name}.png").write_bytes(data)


def _smaller(data: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def main(folder: Path) -> int:
    """Takes all pictures."""
    executable = find_browser()
    if executable is None:
        sys.stderr.write(f"{NO_BROWSER}\n")
        return 1
    camera = Camera(folder)
    with browser(executable) as started:
        _on_a_phone(started, camera)
        _on_a_desktop(started, camera)
        _of_linked_pages(started, camera)
    return 0


def _on_a_phone(started: Browser, camera: Camera) -> None:
    with tempfile.TemporaryDirectory() as folder, sandbox_server(Path(folder)) as product:
        phone = _window(started, product.url, PHONE)
        camera.take(phone, "0-start")
        for name, seen in STEPS:
            _step(phone, seen)
            camera.take(phone, name)
        phone.page.context.close()


def _on_a_desktop(started: Browser, camera: Camera) -> None:
    with tempfile.TemporaryDirectory() as folder, sandbox_server(Path(folder)) as product:
        phone = _window(started, product.url, DESKTOP)
        for _, seen in STEPS[:3]:
            _step(phone, seen)
        camera.take(phone, "sandbox")
        phone.page.emulate_media(color_scheme="dark")
        camera.take(phone, "sandbox-dark")
        phone.page.context.close()


def _of_linked_pages(started: Browser, camera: Camera) -> None:
    """The code on the screen at the place, and the ledger as the secretary's phone shows it."""
    with tempfile.TemporaryDirectory() as folder, sandbox_server(Path(folder)) as product:
        phone = _window(started, product.url, DESKTOP)
        phone.play("王书记")
        phone.say("开课 党员大会 冬季安全")
        for name in ("小李", "小张"):
            phone.play(name)
            phone.open("支部群")
            phone.say("签到")
        phone.play("王书记")
        phone.open("私聊")
        phone.say("签到码")
        camera.take_link(phone, "/p/code/", SCREEN, "code")
        phone.open("支部群")
        phone.say("结束签到")
        phone.open("私聊")
        phone.say("导出 考勤")
        camera.take_link(phone, "/p/ledger/", PHONE, "ledger")
        phone.page.context.close()


def _step(phone: Phone, seen: str) -> None:
    phone.next_step()
    expect(phone.bot(seen).last).to_be_visible(timeout=30_000)


def _window(started: Browser, url: str, size: ViewportSize) -> Phone:
    context = started.new_context(viewport=size, device_scale_factor=1.5, color_scheme="light")
    return Phone(context.new_page(), url)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
