"""``/p/sites/<token>``: for each 阵地 of a 随到随学 a sheet to print, with its code and its QR code."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from bot.links import Links
from bot.reports.sites import sites_of
from bot.web.pages.base import Closed, Pages
from bot.web.pages.qr import qr_image
from bot.wording import moment_text
from models.lessons import Lesson, LessonState

OVER = "这次随到随学已经结束了。"


def add_to(router: APIRouter, pages: Pages) -> None:
    """Adds the page; the link's subject is ``lesson:<id>``."""

    @router.get("/p/sites/{token}")
    async def sites(token: str) -> HTMLResponse:
        lesson_id = int(pages.subject("sites", token).removeprefix("lesson:"))
        now = pages.clock()
        shown = await pages.read(lambda session: _shown(session, lesson_id, now, pages.links))
        return pages.show("sites.html", **shown)


def _shown(session: Session, lesson_id: int, now: datetime, links: Links) -> dict[str, Any]:
    lesson = session.get(Lesson, lesson_id)
    if lesson is None or lesson.state is not LessonState.OPEN or lesson.closes_at is None:
        raise Closed(410, OVER)
    lasts = lesson.closes_at - now
    sheets = [
        {"place": site.place, "code": site.code, "qr": qr_image(links.make("checkin", f"site:{site.id}", now, lasts))}
        for site in sites_of(session, lesson)
    ]
    return {
        "title": lesson.title,
        "organisation": lesson.organisation.name,
        "end": moment_text(lesson.closes_at),
        "sheets": sheets,
    }
