"""``/p/code/<token>``: the rotating code for the screen at the place, with a QR code that changes as often."""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, JSONResponse

from bot.links import Links
from bot.web.pages.base import HEADERS, Closed, Pages
from bot.web.pages.qr import qr_image
from models.attendance import head_count
from models.codes import STEP, code_at, window_ends, window_of
from models.lessons import Lesson, LessonState

SCANNED_FOR = timedelta(minutes=2)
"""How long the link of one QR code is good."""
GONE = "没有这次课了。"
MILLISECOND = timedelta(milliseconds=1)


def add_to(router: APIRouter, pages: Pages) -> None:
    """Adds the page, and what its script asks for; the link's subject is ``lesson:<id>``."""

    async def state(token: str) -> dict[str, Any]:
        lesson_id = int(pages.subject("code", token).removeprefix("lesson:"))
        now = pages.clock()
        return await pages.read(lambda session: _state(session, lesson_id, now, pages.links))

    @router.get("/p/code/{token}")
    async def code(token: str) -> HTMLResponse:
        return pages.show("code.html", **await state(token))

    @router.get("/p/code/{token}/now")
    async def at_present(token: str) -> JSONResponse:
        return JSONResponse(await state(token), headers=HEADERS)


def _state(session: Session, lesson_id: int, now: datetime, links: Links) -> dict[str, Any]:
    """Everything that the page shows. Raises Closed."""
    lesson = session.get(Lesson, lesson_id)
    if lesson is None or lesson.secret is None:
        raise Closed(404, GONE)
    count = head_count(session, lesson)
    shown = {
        "title": lesson.title,
        "organisation": lesson.organisation.name,
        "ended": lesson.state is not LessonState.OPEN,
        "present": count.present,
        "expected": count.expected,
        "guests": count.guests,
        "step": STEP // MILLISECOND,
        "code": "",
        "left": 0,
        "qr": "",
    }
    if shown["ended"]:
        return shown
    window = window_of(now)
    ends = window_ends(window)
    link = links.make("checkin", f"lesson:{lesson.id}", ends - STEP, SCANNED_FOR)
    shown |= {"code": code_at(lesson.secret, now), "left": (ends - now) // MILLISECOND, "qr": qr_image(link)}
    return shown
