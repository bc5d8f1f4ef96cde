"""The signed pages that chat messages link to: ``/p/<page>/<token>``."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bot.web.pages import checkin, code, files, ledgers, materials, sites
from bot.web.pages.base import HEADERS, Closed, Pages

STATIC = Path(__file__).with_name("static")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def pages_router(pages: Pages) -> APIRouter:
    """All pages, and the style and scripts that they use."""
    router = APIRouter(tags=["页面"], include_in_schema=False, route_class=_closing(pages))
    static = {path.name: path for path in STATIC.iterdir() if path.suffix in _TYPES}

    @router.get("/p/static/{name}")
    async def file(name: str) -> FileResponse:
        if name not in static:
            raise Closed(404, "没有这个文件。")
        return FileResponse(static[name], media_type=_TYPES[static[name].suffix], headers=HEADERS)

    for page in (checkin, code, files, ledgers, materials, sites):
        page.add_to(router, pages)
    return router


def _closing(pages: Pages) -> type[APIRoute]:
    """Routes that answer ``Closed`` with a page that says why."""

    class Closing(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    return await handle(request)
                except Closed as closed:
                    return pages.show("closed.html", closed.status, words=closed.words)

            return answer

    return Closing
