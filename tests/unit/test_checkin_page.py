"""The pages at the place: the code on the screen, the QR code's form, and the sheets for the walls."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from bot.app import Server
from bot.content import load
from bot.links import Links
from bot.messages import IncomingMessage
from bot.posting import Posting
from bot.settings import BotSettings, Settings
from bot.web.pages import pages_router
from bot.web.pages.base import Pages
from bot.web.pages.code import SCANNED_FOR
from models.audit import AuditEntry
from models.codes import code_at, new_secret
from models.database import Database
from models.inbox import Claim
from models.lessons import CheckIn, CheckInWay, Lesson, LessonSite
from models.outbox import Post
from models.people import Identity, Person
from tests.conftest import StandingClock
from tests.unit.city import said

SECOND = timedelta(seconds=1)


class Place:
    """The demonstration branch with a lesson whose code is shown, and a browser."""

    def __init__(self, server: Server, clock: StandingClock) -> None:
        self.server = server
        self.clock = clock
        self.database = server.database
        app = FastAPI()
        app.include_router(
            pages_router(Pages(server.database, clock, server.intake, server.roads.links, server.settings.bot.data_dir))
        )
        self._transport = httpx.ASGITransport(app)
        self.browser = self.new_browser()
        self._said = 0

    def new_browser(self) -> httpx.AsyncClient:
        """Somebody else's phone."""
        return httpx.AsyncClient(transport=self._transport, base_url=self.links.base)

    @property
    def links(self) -> Links:
        return self.server.roads.links

    async def say(self, who: str, text: str) -> None:
        with self.database.read() as session:
            ref = session.scalars(select(Identity.ref).join(Person).where(Person.name == who)).one()
        self._said += 1
        message = IncomingMessage(
            "sandbox", "main", f"say{self._said}", "branch", False, ref, self.clock(), text=text, addressed=True
        )
        await self.server.intake.submit(message)

    def lesson(self) -> Lesson:
        with self.database.read() as session:
            return session.scalars(select(Lesson).order_by(Lesson.id.desc()).limit(1)).one()

    def link(self, page: str, about: str = "", lasts: timedelta = SCANNED_FOR) -> str:
        return self.links.make(page, about or f"lesson:{self.lesson().id}", self.clock(), lasts)

    async def scan(self, link: str = "") -> str:
        """Opens the page, and returns where its form goes."""
        page = await self.browser.get(link or self.link("checkin"))
        assert page.status_code == 200, page.text
        found = re.search(r'action="([^"]+)"', page.text)
        assert found
        return found[1]

    async def fill(self, form: str, name: str = "", phone: str = "") -> httpx.Response:
        return await self.browser.post(form, data={"name": name, "phone": phone} if name or phone else {})

    def check_ins(self) -> list[tuple[str, CheckInWay]]:
        query = select(Person.name, CheckIn.way).join(CheckIn, CheckIn.person_id == Person.id).order_by(CheckIn.id)
        with self.database.read() as session:
            return [(name, way) for name, way in session.execute(query)]

    def told(self, name: str) -> list[str]:
        """What the bot has said to somebody in private, and where."""
        query = (
            select(Post)
            .join(Identity, Identity.ref == Post.target)
            .join(Person, Person.id == Identity.person_id)
            .where(Person.name == name, Post.to_person)
        )
        with self.database.read() as session:
            return [f"{post.platform}: {said(load(post.content))}" for post in session.scalars(query)]


@pytest.fixture
async def place(database: Database, tmp_path: Path, clock: StandingClock) -> AsyncIterator[Place]:
    server = Server(Settings(bot=BotSettings(data_dir=tmp_path)), database, clock)
    await server.start()
    made = Place(server, clock)
    await made.say("王书记", "开课 党员大会 三季度工作")
    with database.write.begin() as session:
        session.scalars(select(Lesson)).one().secret = new_secret()
    yield made
    await made.browser.aclose()
    await server.close()


pytestmark = pytest.mark.anyio


# The screen


async def test_the_screen_shows_the_code_of_now_and_who_is_there(place: Place) -> None:
    link = place.link("code", lasts=timedelta(hours=12))
    await place.say("小李", "签到")
    await place.say("小赵", "签到")
    secret = place.lesson().secret
    assert secret is not None
    first = (await place.browser.get(f"{link}/now")).json()
    assert first["code"] == code_at(secret, place.clock())
    assert (first["present"], first["expected"], first["guests"], first["ended"]) == (1, 8, 1, False)
    assert 0 < first["left"] <= first["step"] == 15_000
    page = await place.browser.get(link)
    assert first["code"] in page.text
    assert first["qr"].startswith("data:image/svg+xml")
    place.clock.move_to(place.clock() + 15 * SECOND)
    second = (await place.browser.get(f"{link}/now")).json()
    assert second["code"] == code_at(secret, place.clock())
    assert second["qr"] != first["qr"]


async def test_the_screen_says_when_it_is_over_and_shows_no_code_then(place: Place) -> None:
    link = place.link("code", lasts=timedelta(hours=12))
    await place.say("王书记", "结束签到")
    state = (await place.browser.get(f"{link}/now")).json()
    assert (state["ended"], state["code"], state["qr"]) == (True, "", "")
    assert "签到已结束" in (await place.browser.get(link)).text


async def test_the_screen_has_no_script_or_style_of_its_own(place: Place) -> None:
    page = await place.browser.get(place.link("code"))
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert re.findall(r"<script(?![^>]*src=)|<style| style=| on\w+=", page.text) == []


async def test_the_link_to_the_screen_ends_and_opens_nothing_else(place: Place) -> None:
    link = place.link("code", lasts=timedelta(hours=12))
    assert (await place.browser.get(link.replace("/code/", "/checkin/"))).status_code == 404
    place.clock.move_to(place.clock() + timedelta(hours=12))
    for address in (link, f"{link}/now"):
        assert (await place.browser.get(address)).status_code == 410


async def test_before_a_code_was_asked_for_there_is_nothing_to_show(place: Place) -> None:
    await place.say("王书记", "结束签到")
    await place.say("王书记", "开课 党课 防火")
    assert (await place.browser.get(place.link("code"))).status_code == 404


# The form


async def test_name_and_phone_check_in_and_the_person_hears_of_it_elsewhere(place: Place) -> None:
    answer = await place.fill(await place.scan(), "小何", "0018")
    assert "小何，已签到" in answer.text
    assert place.check_ins() == [("小何", CheckInWay.LINK)]
    assert place.told("小何") == [
        "sandbox: 📍 你在 15:00 扫码签到了：党员大会《三季度工作》。不是你本人的话，请马上告诉书记。"
    ]
    with place.database.read() as session:
        (claim,) = session.scalars(select(Claim).where(Claim.platform == "page"))
        record = session.scalars(select(CheckIn)).one()
        assert record.message_id == claim.id
        assert claim.person_id == record.person_id


async def test_the_next_time_is_one_tap(place: Place) -> None:
    await place.fill(await place.scan(), " 小 何", "１３８００００００１８")
    await place.say("王书记", "结束签到")
    await place.say("王书记", "开课 党课 防火")
    page = await place.browser.get(place.link("checkin"))
    assert "小何，签到" in page.text
    assert "小何，已签到" in (await place.fill(await place.scan())).text
    assert len(place.check_ins()) == 2


async def test_the_cookie_is_for_this_page_alone_and_for_half_a_year(place: Place) -> None:
    page = await place.browser.get(place.link("checkin"))
    cookie = page.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/p/checkin", "max-age=15552000"))
    assert "secure" not in cookie  # the sandbox has no https


async def test_two_taps_are_one_check_in(place: Place) -> None:
    form = await place.scan()
    pages = [await place.fill(form, "小何", "0018") for _ in range(2)]
    pages.append(await place.fill(await place.scan()))
    assert all("小何，已签到" in page.text for page in pages)
    assert len(place.check_ins()) == 1
    assert len(place.told("小何")) == 1


async def test_an_old_qr_code_is_refused(place: Place) -> None:
    link = place.link("checkin")
    place.clock.move_to(place.clock() + SCANNED_FOR)
    page = await place.browser.get(link)
    assert page.status_code == 410
    assert "再扫一次" in page.text


async def test_who_scanned_in_time_has_two_minutes_and_was_there_when_scanning(place: Place) -> None:
    link, scanned_at = place.link("checkin"), place.clock() + SCANNED_FOR - SECOND
    place.clock.move_to(scanned_at)
    form = await place.scan(link)
    place.clock.move_to(scanned_at + 2 * timedelta(minutes=1) - SECOND)
    await place.say("王书记", "结束签到")
    assert "已签到" in (await place.fill(form, "小何", "0018")).text
    with place.database.read() as session:
        assert session.scalars(select(CheckIn.at)).one() == scanned_at
    place.clock.move_to(scanned_at + timedelta(minutes=2))
    assert (await place.fill(form, "小郑", "0017")).status_code == 410


async def test_after_the_end_nobody_gets_in(place: Place) -> None:
    link = place.link("checkin")
    await place.say("王书记", "结束签到")
    assert (await place.browser.get(link)).status_code == 410
    assert place.check_ins() == []


async def test_a_guest_of_another_branch_is_welcome_and_counted_once(place: Place) -> None:
    for _ in range(2):
        assert "周组织员，已签到" in (await place.fill(await place.scan(), "周组织员", "0001")).text
    assert place.check_ins() == [("周组织员", CheckInWay.LINK)]


@pytest.mark.parametrize(("name", "phone"), [("小何", "9999"), ("小何", "18"), ("没有这人", "0018"), ("", "0018")])
async def test_who_is_not_recognised_may_try_again(place: Place, name: str, phone: str) -> None:
    form = await place.scan()
    page = await place.fill(form, name, phone)
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert "已签到" in (await place.fill(form, "小何", "0018")).text


async def test_a_name_that_no_database_can_hold_is_asked_for_again(place: Place) -> None:
    """PostgreSQL takes no NUL: the page failed, and the failure counted as a try."""
    page = await place.fill(await place.scan(), "小何\0", "0018")
    assert (page.status_code, 'role="alert"' in page.text) == (422, True)


@pytest.mark.parametrize("typed", ["小 何", "Tom  Lee"])
async def test_a_name_may_have_a_space(place: Place, typed: str) -> None:
    """小 何 is 小何; a name in Latin letters was never recognised, because the roster keeps its space."""
    with place.database.write.begin() as session:
        session.scalars(select(Person).where(Person.name == "小何")).one().name = typed.replace("小 ", "小").replace(
            "  ", " "
        )
    assert "已签到" in (await place.fill(await place.scan(), typed, "0018")).text


async def test_five_failures_of_a_name_within_an_hour_are_the_end(place: Place) -> None:
    for _ in range(5):
        place.browser = place.new_browser()
        await place.fill(await place.scan(), "小何", "9999")
    place.browser = place.new_browser()
    page = await place.fill(await place.scan(), "小何", "0018")
    assert "试得太多了" in page.text
    assert "小郑，已签到" in (await place.fill(await place.scan(), "小郑", "0017")).text
    with place.database.read() as session:
        subjects = set(session.scalars(select(AuditEntry.subject).where(AuditEntry.action == "page_bind_failed")))
    assert not any("小何" in subject for subject in subjects)
    place.clock.move_to(place.clock() + timedelta(minutes=59, seconds=59))
    page = await place.fill(await place.scan(), "小何", "0018")
    assert "试得太多了" in page.text


async def test_five_failures_of_a_browser_within_an_hour_are_the_end(place: Place) -> None:
    for name in ("小何", "小郑", "小李", "小张", "老马"):
        await place.fill(await place.scan(), name, "9999")
    assert "试得太多了" in (await place.fill(await place.scan(), "小吴", "0015")).text
    place.browser = place.new_browser()
    assert "小吴，已签到" in (await place.fill(await place.scan(), "小吴", "0015")).text


async def test_a_form_of_another_browser_checks_nobody_in(place: Place) -> None:
    """A page elsewhere cannot have somebody's browser send a form that was made for its own."""
    await place.fill(await place.scan(), "小何", "0018")
    await place.say("王书记", "结束签到")
    await place.say("王书记", "开课 党课 防火")
    victim, place.browser = place.browser, place.new_browser()
    form = await place.scan()
    assert (await victim.post(form)).status_code == 403
    assert (await place.new_browser().post(form, data={"name": "小何", "phone": "0018"})).status_code == 403
    assert len(place.check_ins()) == 1


async def test_who_has_left_is_not_recognised_any_more(place: Place) -> None:
    form = await place.scan()
    await place.fill(form, "小何", "0018")
    await place.say("王书记", "结束签到")
    await place.say("王书记", "开课 党课 防火")
    form = await place.scan()
    with place.database.write.begin() as session:
        session.scalars(select(Person).where(Person.name == "小何")).one().left_on = place.clock().date()
    page = await place.fill(form)
    assert page.status_code == 409
    assert len(place.check_ins()) == 1
    assert "小何" not in (await place.browser.get(place.link("checkin"))).text


async def test_a_page_is_no_way_to_reach_anybody(place: Place) -> None:
    await place.fill(await place.scan(), "小何", "0018")
    with place.database.write.begin() as session:
        person = session.scalars(select(Person).where(Person.name == "小何")).one()
        address = Posting(session, place.clock(), place.server.roads).reach(person)
        assert address is not None
        assert address.platform == "sandbox"
        assert {post.platform for post in session.scalars(select(Post))} == {"sandbox"}


async def test_too_large_a_form_is_no_form_of_ours(place: Place) -> None:
    assert (await place.fill(await place.scan(), "何" * 5000, "0018")).status_code == 413


# 随到随学


async def test_the_sheets_have_the_code_and_a_qr_code_of_each_place(place: Place) -> None:
    await place.say("王书记", "随到随学 交通安全 东站驿站、西站驿站 3天")
    page = await place.browser.get(place.link("sites", lasts=timedelta(days=3)))
    with place.database.read() as session:
        sites = list(session.scalars(select(LessonSite)))
    for site in sites:
        assert site.place in page.text
        assert f"签到 {site.code}" in page.text
    assert page.text.count("<article>") == page.text.count("data:image/svg+xml") == 2


async def test_the_qr_code_of_a_place_counts_there(place: Place) -> None:
    await place.say("王书记", "随到随学 交通安全 东站驿站、西站驿站 3天")
    with place.database.read() as session:
        east, _ = session.scalars(select(LessonSite).order_by(LessonSite.id))
    link = place.link("checkin", f"site:{east.id}", timedelta(days=3))
    assert urlsplit(link).path.startswith("/p/checkin/")
    for who, phone in (("小何", "0018"), ("刘书记", "0002")):
        place.browser = place.new_browser()
        assert "已签到" in (await place.fill(await place.scan(link), who, phone)).text
    assert place.check_ins() == [("小何", CheckInWay.SITE), ("刘书记", CheckInWay.SITE)]
    with place.database.read() as session:
        assert set(session.scalars(select(CheckIn.site_id))) == {east.id}
