"""What the pages share: opening a signed link, templates, and the headers of every answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from bot.clock import Clock
from bot.links import BadLink, LinkExpired, Links, subject_of
from bot.messages import Intake
from models.database import Database

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
EXPIRED = "这个链接过期了。请到和小蜂的聊天里再要一个。"
NOT_A_LINK = "这个链接不对，可能没有复制全。请从聊天里重新点开。"

AT_ONCE = 2
"""Pages and files that take seconds, made at once: threads are left for those who check in."""

Found = TypeVar("Found")


def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


class Closed(Exception):
    """The page cannot be shown; the answer says why and what to do."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(frozen=True)
class Pages:
    """What a page may use of the server."""

    database: Database
    clock: Clock
    intake: Intake
    links: Links
    data_dir: Path
    """Where files are kept."""
    _making: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), repr=False)
    _templates: Environment = field(default_factory=_environment, repr=False)

    def subject(self, page: str, token: str, expired: str = EXPIRED) -> str:
        """What the link is about. Raises Closed; ``expired`` is what it says of one whose time is over."""
        try:
            return subject_of(page, token, self.clock())
        except LinkExpired as error:
            raise Closed(410, expired) from error
        except BadLink as error:
            raise Closed(404, NOT_A_LINK) from error

    async def read(self, look: Callable[[Session], Found]) -> Found:
        """What ``look`` finds in the database, in a thread of its own."""

        def run() -> Found:
            with self.database.read() as session:
                return look(session)

        return await asyncio.to_thread(run)

    async def make(self, look: Callable[[Session], Found]) -> Found:
        """Like ``read``, for what may take seconds: it waits for its turn."""
        async with self._making:
            return await self.read(look)

    def show(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page made of a template of ``templates/``."""
        return HTMLResponse(self._templates.get_template(template).render(values), status, HEADERS)
