"""The upload page in a real browser: files go up as they are, and what is refused is said beside its name."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, FilePayload, Page, expect

from bot.links import Links, token_for
from bot.web.pages import pages_router
from bot.web.pages.base import Pages
from models.database import Database
from tests.conftest import START, StandingClock
from tests.fakes.intake import StubIntake
from tests.fakes.serving import ServerThread
from tests.unit.city import City, shanghai

DAY = timedelta(days=1)
pytestmark = pytest.mark.xdist_group("browser")  # one browser for all


@pytest.fixture
def page(chromium: Browser, database: Database, clock: StandingClock, tmp_path: Path) -> Iterator[Page]:
    with database.write.begin() as session:
        city = City(session)
        lesson_id = city.planned(city.organisation(), shanghai(11, 25, 15), "党课", "<交通>安全").id
    app = FastAPI()
    app.include_router(pages_router(Pages(database, clock, StubIntake(), Links(), tmp_path)))
    with ServerThread(app) as server:
        opened = chromium.new_page(viewport={"width": 360, "height": 720})
        opened.goto(f"{server.url}/p/upload/{token_for('upload', f'{lesson_id}:7:0', START + DAY)}")
        yield opened
        opened.close()


@pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
def test_several_files_at_once(page: Page, tmp_path: Path) -> None:
    expect(page.locator("h1")).to_have_text("党课《<交通>安全》")
    files: list[FilePayload] = [
        {"name": "学习 材料.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"},
        {"name": "假.pdf", "mimeType": "application/pdf", "buffer": b"MZ"},
    ]
    page.set_input_files("#files", files)
    expect(page.locator("#done li")).to_have_text(
        ["✅ 收到了：学习 材料.pdf", "假.pdf：这个文件打不开，里面不是 PDF。请另存一份再传。"]
    )
    assert [path.read_bytes() for path in (tmp_path / "materials").iterdir()] == [b"%PDF-1.7"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
