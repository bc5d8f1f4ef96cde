"""``/p/ledger/<token>``: a ledger to read and print, as of now, and its workbook to take away."""

from dataclasses import replace
from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from bot.reports.files import FILES
from bot.reports.ledger_page import PAGES
from bot.reports.ledgers import TITLES, Wanted, file_name
from bot.web.pages.base import HEADERS, Closed, Pages
from models.organisations import Organisation

NO_MONTH = "这份台账里没有这个月。"
NO_PAGE = "这份台账没有网页。"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def add_to(router: APIRouter, pages: Pages) -> None:
    """Adds the page; the link's subject is ``<kind>:<what a Wanted is written as>``."""

    def wanted(token: str) -> tuple[str, Wanted]:
        kind, _, subject = pages.subject("ledger", token).partition(":")
        if kind not in PAGES:
            raise Closed(404, NO_PAGE)
        return kind, replace(Wanted.of(subject), now=pages.clock())

    @router.get("/p/ledger/{token}")
    async def ledger(token: str, month: str = "") -> Response:
        kind, about = wanted(token)

        def shown(session: Session) -> Response:
            page = PAGES[kind](session, about)
            sections = page.shown(month)
            if month and not sections:
                raise Closed(404, NO_MONTH)
            return pages.show("ledger.html", page=page, shown=sections, month=month, address=f"/p/ledger/{token}")

        return await pages.make(shown)

    @router.get("/p/ledger/{token}/xlsx")
    async def workbook(token: str) -> Response:
        kind, about = wanted(token)

        def make(session: Session) -> tuple[str, bytes]:
            organisation = session.get_one(Organisation, about.organisation_id)
            days = "" if kind == "roster" else about.period.name
            return file_name(TITLES[kind], organisation, days, ".xlsx"), FILES[kind](session, about.subject)

        name, made = await pages.make(make)
        disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return Response(made, media_type=XLSX, headers=HEADERS | disposition)
