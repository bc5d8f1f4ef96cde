"""The sandbox page, what it needs to know, and its clock (快进)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import FileResponse

from bot.clock import SHANGHAI, MovableClock, local
from bot.platforms.sandbox.bodies import documented, read_json
from bot.platforms.sandbox.guard import loopback_only
from bot.web.state import sandbox_state
from models.database import Database

STATIC = Path(__file__).with_name("static")
FARTHEST = timedelta(days=366)
"""How far the clock may be moved at once."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_WRONG = {
    "minutes": f"快进的分钟数要在 1 到 {FARTHEST // timedelta(minutes=1)} 之间",
    "to": "快进到几时没看懂，要写成 2026-11-27T15:30 这样",
    "": "快进多少，请只说 minutes 或者 to 中的一个",
}

Advance = Callable[[datetime], Awaitable[None]]
"""Moves the clock to a moment, and does what is due on the way."""


class ClockMove(BaseModel):
    """How far to go: some minutes, or to a local time of Shanghai (``2026-11-27T15:30``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: Annotated[int, Field(ge=1, le=FARTHEST // timedelta(minutes=1))] | None = None
    to: datetime | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "ClockMove":
        if (self.minutes is None) == (self.to is None):
            raise ValueError("one of minutes and to")
        return self

    def target(self, now: datetime) -> datetime:
        """The moment that is meant."""
        if self.to is None:
            return now + timedelta(minutes=self.minutes or 0)
        return self.to.replace(tzinfo=SHANGHAI) if self.to.tzinfo is None else self.to


def sandbox_router(database: Database, clock: MovableClock, advance: Advance, bot_name: str = "小蜂") -> APIRouter:
    """The page at ``/`` and what it asks for, for this machine only."""
    router = APIRouter(dependencies=[Depends(loopback_only)], tags=["沙盒"])
    _add_files(router)
    moving = asyncio.Lock()

    async def state() -> dict[str, Any]:
        return await asyncio.to_thread(sandbox_state, database, clock(), bot_name)

    @router.get("/sandbox/state", summary="演谁、有哪些群、现在几点、试什么")
    async def read_state() -> dict[str, Any]:
        return await state()

    @router.post("/sandbox/clock", summary="快进", openapi_extra=documented(ClockMove))
    async def move_clock(request: Request) -> dict[str, Any]:
        move = await read_json(request, ClockMove, _WRONG)
        async with moving:
            await advance(_checked(move.target(clock()), clock()))
        return await state()

    return router


def _add_files(router: APIRouter) -> None:
    files = {path.name: path for path in STATIC.iterdir() if path.suffix in _TYPES}

    @router.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return _file(STATIC / "index.html")

    @router.get("/sandbox/static/{name}", include_in_schema=False)
    async def file(name: str) -> FileResponse:
        if name not in files:
            raise HTTPException(404, "没有这个文件")
        return _file(files[name])


def _file(path: Path) -> FileResponse:
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=_HEADERS)


def _checked(moment: datetime, now: datetime) -> datetime:
    if moment < now:
        raise HTTPException(422, f"时间只能向前走，现在已经是 {local(now):%H:%M} 了")
    if moment - now > FARTHEST:
        raise HTTPException(422, f"一次最多快进 {FARTHEST.days} 天")
    return moment
