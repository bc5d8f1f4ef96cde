"""``/p/file/<token>``: a file for people whose platform takes none. It is made when it is fetched."""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from bot.reports.files import FILES
from bot.web.pages.base import HEADERS, Pages


def add_to(router: APIRouter, pages: Pages) -> None:
    """Adds the page; the link's subject is ``<name>|<kind>:<what it is made of>``."""

    @router.get("/p/file/{token}")
    async def file(token: str) -> Response:
        name, _, about = pages.subject("file", token).partition("|")
        kind, _, subject = about.partition(":")
        made = await pages.make(lambda session: FILES[kind](session, subject))
        disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return Response(made, media_type="application/octet-stream", headers=HEADERS | disposition)
