"""The page of a ledger, as a browser asks for it: the workbook's figures, for as long as the link is good."""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI
from openpyxl import load_workbook

from bot.links import Links, token_for
from bot.reports.ledger_page import PAGES
from bot.web.pages import pages_router
from bot.web.pages.base import EXPIRED, Pages
from bot.web.pages.ledgers import NO_MONTH
from models.database import Database
from models.lessons import Lesson
from tests.conftest import StandingClock
from tests.fakes.intake import StubIntake
from tests.fakes.serving import ServerThread
from tests.unit import case_ledger_city
from tests.unit.ledger_city import Told, settle, wanted

WEEK = timedelta(days=7)


@pytest.fixture
def told(database: Database) -> Told:
    with database.write.begin() as session:
        return settle(session)


@pytest.fixture
def browser(database: Database, clock: StandingClock, tmp_path: Path) -> Iterator[httpx.Client]:
    app = FastAPI()
    app.include_router(pages_router(Pages(database, clock, StubIntake(), Links("http://127.0.0.1"), tmp_path)))
    with ServerThread(app) as server, httpx.Client(base_url=server.url) as client:
        yield client


def address(kind: str, organisation_id: int, clock: StandingClock) -> str:
    return f"/p/ledger/{token_for('ledger', f'{kind}:{wanted(organisation_id).subject}', clock() + WEEK)}"


def tables(page: str) -> dict[str, list[list[str]]]:
    """The cells of each table, by its caption."""
    found = {}
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        caption = re.findall(r"<caption>(.*?)</caption>", table)[0]
        rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        found[caption] = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return found


def test_meetings_have_the_figures_of_the_workbook(browser: httpx.Client, told: Told, clock: StandingClock) -> None:
    shown = browser.get(address("meetings", told.branch, clock))
    assert shown.status_code == 200
    found = tables(shown.text)
    assert found["汇总"][1:] == [
        ["2026年10月", "2", "7", "3", "1", "1", "1", "2", "1", "43%"],
        ["2026年11月", "2", "8", "3", "0", "0", "0", "1", "0", "38%"],
        ["合计", "4", "15", "6", "1", "1", "1", "3", "1", "40%"],
    ]
    assert found["2026年10月"][2][8:17] == ["", "", "", "", "", "", "", "", "已取消：大风"]
    assert found["2026年10月"][-1][8:17] == ["7", "3", "1", "1", "1", "2", "1", "43%", "已召开 2 次"]


def test_attendance_shows_each_branch_and_its_marks(browser: httpx.Client, told: Told, clock: StandingClock) -> None:
    found = tables(browser.get(address("attendance", told.branch, clock)).text)
    assert list(found) == ["汇总", "2026年10月 乙支部", "2026年10月 甲支部", "2026年11月 甲支部"]
    rows = {row[0]: row[2:] for row in found["2026年10月 甲支部"]}
    assert [row[1] for row in found["2026年10月 甲支部"][:6]] == ["党小组", "", "", "", "一组", "一组"]
    assert rows["小李"] == ["迟", "缺", "2", "1", "1", "0", "0", "1", "0", "50%"]
    assert rows["每次缺席"][:2] == ["1", "1"]


def test_the_roster_has_counts_and_no_phones(browser: httpx.Client, told: Told, clock: StandingClock) -> None:
    page = browser.get(address("roster", told.branch, clock)).text
    assert ["身份", "正式党员", "5"] in tables(page)["人数"]
    assert len(tables(page)["共 5 人"]) == 6
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", page)


@pytest.fixture
def cased(database: Database) -> int:
    """The id of a branch with hazards and appeals."""
    with database.write.begin() as session:
        return case_ledger_city.settle(session).branch


def test_hazards_have_the_figures_of_the_workbook(browser: httpx.Client, cased: int, clock: StandingClock) -> None:
    page = browser.get(address("hazards", cased, clock)).text
    found = tables(page)
    assert list(found) == [
        "合计",
        "类别",
        "组织",
        "责任单位",
        "2026年9月登记的",
        "2026年10月登记的",
        "2026年11月登记的",
    ]
    rates = ["40%（2/5）", "100%（3/3）", "25%（1/4）", "67%（2/3）", "100%（1/1）", "50%（1/2）", "172.5 小时"]
    assert found["合计"][1] == ["合计", "7", *rates]
    assert ["&gt;0*", "1"] in [row[:2] for row in found["责任单位"]]
    assert len(found["2026年10月登记的"]) == 7
    assert not [word for word in case_ledger_city.SECRETS if word in page]


def test_there_is_no_page_of_appeals(browser: httpx.Client, cased: int, clock: StandingClock) -> None:
    assert set(PAGES) == {"meetings", "attendance", "roster", "hazards"}
    for path in (address("appeals", cased, clock), f"{address('appeals', cased, clock)}/xlsx"):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert not [word for word in case_ledger_city.SECRETS if word in answer.text]


def test_one_month_can_be_asked_for(browser: httpx.Client, told: Told, clock: StandingClock) -> None:
    at = address("meetings", told.branch, clock)
    assert list(tables(browser.get(at, params={"month": "2026年11月"}).text)) == ["2026年11月"]
    answer = browser.get(at, params={"month": "2026年9月<script>"})
    assert (answer.status_code, NO_MONTH in answer.text, "<script>" in answer.text) == (404, True, False)


def test_too_much_for_one_page_is_shown_month_by_month(
    browser: httpx.Client, told: Told, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.reports.ledger_page.MANY", 3)
    page = browser.get(address("meetings", told.branch, clock)).text
    assert list(tables(page)) == ["汇总"]
    assert "请在上面选一个月看" in page
    assert "?month=2026%E5%B9%B410%E6%9C%88" in page


def test_what_people_wrote_is_text(browser: httpx.Client, told: Told, clock: StandingClock, database: Database) -> None:
    with database.write.begin() as session:
        session.get_one(Lesson, told.held).topic = "<script>alert(1)</script>"
    for kind in ("meetings", "attendance"):
        page = browser.get(address(kind, told.branch, clock)).text
        assert "<script>" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_nobody_reads_why_somebody_was_away(browser: httpx.Client, told: Told, clock: StandingClock) -> None:
    for kind in ("meetings", "attendance", "roster"):
        assert "青铜鲸鱼" not in browser.get(address(kind, told.top, clock)).text


def test_the_workbook_can_be_taken_away(browser: httpx.Client, told: Told, clock: StandingClock) -> None:
    names = {"meetings": "会议台账", "attendance": "考勤台账", "roster": "名册"}
    for kind, title in names.items():
        answer = browser.get(f"{address(kind, told.branch, clock)}/xlsx")
        days = "" if kind == "roster" else "-2026-10-01至2026-12-31"
        assert (
            unquote(answer.headers["Content-Disposition"]) == f"attachment; filename*=UTF-8''{title}-甲支部{days}.xlsx"
        )
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert load_workbook(io.BytesIO(answer.content)).sheetnames


def test_it_is_good_for_its_time_and_of_now(browser: httpx.Client, told: Told, clock: StandingClock) -> None:
    at = address("meetings", told.branch, clock)
    clock.move_to(clock() + timedelta(days=5))
    assert "没有召开" in tables(browser.get(at).text)["2026年11月"][4]
    clock.move_to(clock() + timedelta(days=2))
    for path in (at, f"{at}/xlsx"):
        answer = browser.get(path)
        assert (answer.status_code, EXPIRED in answer.text) == (410, True)
