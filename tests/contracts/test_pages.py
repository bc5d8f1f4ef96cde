"""The signed pages over a real port: what opens, what does not, and what a browser is told about it."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import openpyxl
import pytest
from fastapi import FastAPI

from bot.content import File
from bot.links import Links, token_for
from bot.web.pages import pages_router
from bot.web.pages.base import EXPIRED, NOT_A_LINK, Pages
from models.database import Database
from models.people import Post
from tests.conftest import START, StandingClock
from tests.fakes.intake import StubIntake
from tests.fakes.serving import ServerThread
from tests.unit.city import City


@pytest.fixture
def served(database: Database, clock: StandingClock, tmp_path: Path) -> Iterator[httpx.Client]:
    app = FastAPI()
    app.include_router(pages_router(Pages(database, clock, StubIntake(), Links("http://127.0.0.1"), tmp_path)))
    with ServerThread(app) as server, httpx.Client(base_url=server.url) as browser:
        yield browser


def roster_link(database: Database) -> str:
    """The link to the roster of a branch, as somebody without files is given it."""
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation("幸福里流动党支部")
        city.person(branch, "王书记", Post.SECRETARY)
        about = f"roster:{branch.id}"
    words = Links("http://127.0.0.1").to_file(File("名册-幸福里流动党支部.xlsx", about), START).text
    return words.partition("\n")[2].removeprefix("http://127.0.0.1")


def test_a_file_is_fetched_by_its_link(served: httpx.Client, database: Database) -> None:
    answer = served.get(roster_link(database))
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E5%90%8D%E5%86%8C-")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert "王书记" in [str(cell.value) for row in sheet.iter_rows() for cell in row]


def test_a_link_is_good_for_its_time(served: httpx.Client, database: Database, clock: StandingClock) -> None:
    link = roster_link(database)
    clock.move_to(START + timedelta(days=7))
    answer = served.get(link)
    assert (answer.status_code, EXPIRED in answer.text) == (410, True)


@pytest.mark.parametrize("page", ["file", "ledger", "code", "checkin", "sites", "upload", "material"])
def test_what_nobody_made_opens_nothing(page: str, served: httpx.Client) -> None:
    for token in ("x", f"{'A' * 3000}.{'0' * 32}", token_for("other", "roster:1", START + timedelta(days=1))):
        answer = served.get(f"/p/{page}/{token}")
        assert (answer.status_code, NOT_A_LINK in answer.text) == (404, True)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_only_the_pages_own_files_are_served(served: httpx.Client) -> None:
    assert served.get("/p/static/page.css").headers["Content-Type"] == "text/css; charset=utf-8"
    for name in ("base.html", "..%2fbase.py", "%2e%2e/base.py"):
        assert served.get(f"/p/static/{name}").status_code == 404
