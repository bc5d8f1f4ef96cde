"""``/p/checkin/<token>``: what the QR code at the place opens. One tap checks in who has been recognised before."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qs

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bot.links import token_for
from bot.messages import PAGE, IncomingMessage, Unavailable
from bot.web.pages.base import Closed, Pages
from bot.web.pages.visitors import Visitor, recognise
from bot.wording import hour_text
from models.lessons import CheckIn, Lesson, LessonSite, LessonState
from models.people import Person

FORM = "checkin-form"
TO_FILL_IN = timedelta(minutes=2)
"""How long somebody has who scanned the code in time."""
PHONE = 11
LARGEST = 4096
"""Bytes of a filled-in form."""
OLD_CODE = "这个二维码过期了。请再扫一次屏幕上现在的二维码。"
TOO_SLOW = "填得太久了，请再扫一次二维码。"
ENDED = "这一次签到已经结束了。"
NO_COOKIES = "请再扫一次二维码。还是不行的话，请在群里发「签到」加屏幕上的数字。"
BUSY = "服务器正忙，请再点一次。"


def add_to(router: APIRouter, pages: Pages) -> None:
    """Adds the page; the link's subject is ``lesson:<id>`` or ``site:<id>``."""

    @router.get("/p/checkin/{token}")
    async def scanned(token: str, request: Request, other: bool = False) -> HTMLResponse:
        now = pages.clock()
        about = pages.subject("checkin", token, OLD_CODE)
        visitor = Visitor.of(request, now) or Visitor.new()
        shown = await pages.read(lambda session: _shown(session, about, visitor))
        if shown["ended"]:
            raise Closed(410, ENDED)
        if other:
            shown["name"] = ""
        form = token_for(FORM, f"{about}|{visitor.browser}|{now.isoformat()}", now + TO_FILL_IN)
        response = pages.show("checkin.html", form=form, token=token, problem="", typed="", **shown)
        visitor.remember(response, pages)
        return response

    @router.post("/p/checkin/{form}")
    async def submitted(form: str, request: Request) -> HTMLResponse:
        about, browser, moment = pages.subject(FORM, form, TOO_SLOW).split("|")
        visitor = Visitor.of(request, pages.clock())
        if visitor is None or visitor.browser != browser:
            raise Closed(403, NO_COOKIES)
        name, phone = _fields(await _body(request))
        if name or phone or not visitor.person_id:
            found = await asyncio.to_thread(recognise, pages.database, pages.clock(), browser, name, phone)
            if isinstance(found, str):
                shown = await pages.read(lambda session: _shown(session, about, Visitor(browser)))
                return pages.show("checkin.html", 422, form=form, token="", problem=found, typed=name, **shown)
            visitor = replace(visitor, person_id=found)
        response = await _check_in(pages, about, visitor, form, datetime.fromisoformat(moment))
        visitor.remember(response, pages)
        return response


async def _check_in(pages: Pages, about: str, visitor: Visitor, form: str, scanned_at: datetime) -> HTMLResponse:
    """Has the intake check the person in as of the scan: who fills in a form was there before it was full."""
    message = IncomingMessage(
        platform=PAGE,
        bot="checkin",
        key=f"{visitor.person_id}:{form.rpartition('.')[2]}",
        chat=f"{visitor.person_id}",
        private=True,
        sender=f"{visitor.person_id}",
        sent_at=scanned_at,
        kind="button",
        text="签到",
        addressed=True,
        about=about,
    )
    try:
        receipt = await pages.intake.submit(message)
    except Unavailable as error:
        raise Closed(503, BUSY) from error
    return await pages.read(lambda session: _result(pages, session, about, visitor, receipt.answer))


def _result(pages: Pages, session: Session, about: str, visitor: Visitor, answer: str) -> HTMLResponse:
    """What has come of it, as it is recorded."""
    lesson, _ = _lesson(session, about)
    here = (CheckIn.lesson_id == lesson.id, CheckIn.person_id == visitor.person_id)
    record = session.scalars(select(CheckIn).where(*here)).one_or_none()
    if record is None:
        return pages.show("closed.html", 409, words=answer or ENDED)
    person = session.get_one(Person, visitor.person_id)
    late = "，迟到" if record.late else ""
    return pages.show("checked_in.html", title=lesson.title, name=person.name, hour=hour_text(record.at) + late)


async def _body(request: Request) -> bytes:
    """What the form sent. Raises Closed for what no form of ours sends."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Closed(413, NO_COOKIES)
    return body


def _fields(body: bytes) -> tuple[str, str]:
    """The name, and the last four digits where the whole number was written; both empty where neither was asked for."""
    said = parse_qs(body.decode("utf-8", errors="replace"))
    name, phone = (normalize("NFKC", said.get(field, [""])[0]).split() for field in ("name", "phone"))
    number = "".join(phone)
    return " ".join(name), number[-4:] if len(number) == PHONE else number


def _shown(session: Session, about: str, visitor: Visitor) -> dict[str, Any]:
    """What the page says of the lesson, and of who stands before it."""
    lesson, site = _lesson(session, about)
    person = session.get(Person, visitor.person_id) if visitor.person_id else None
    return {
        "title": lesson.title,
        "organisation": lesson.organisation.name,
        "place": site.place if site else lesson.place,
        "ended": lesson.state is not LessonState.OPEN,
        "name": person.name if person and person.left_on is None else "",
    }


def _lesson(session: Session, about: str) -> tuple[Lesson, LessonSite | None]:
    kind, _, number = about.partition(":")
    site = session.get(LessonSite, int(number)) if kind == "site" else None
    lesson = session.get(Lesson, site.lesson_id if site else int(number))
    if lesson is None:
        raise Closed(404, ENDED)
    return lesson, site
