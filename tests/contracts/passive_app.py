"""An app or an account of the product with real database, intake and outbox; what it says follows a short script."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Generic, TypeVar

import httpx
from fastapi import FastAPI
from sqlalchemy import select, update

from bot.clock import MovableClock
from bot.content import Acknowledge, Card, File, Text
from bot.delivery import Limits
from bot.handling import Batch
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage, Intake, Receipt, Unavailable
from bot.outbox import Outbox
from bot.platforms.base import Platform, Services
from bot.posting import PASSIVE_FIRST, Address, Posting, Roads
from bot.router import Handled, Router
from models.database import Database
from models.outbox import Post, PostState
from tests.fakes.services import services

TOKEN = "QDG6eK"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
OTHER_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens on the discard port."""
LONG = "第一行很长" * 60 + "\n" + "第二行也很长" * 100
"""More than one text of 2048 bytes."""
PHOTO = "0" * 32 + ".jpg"
BOMB = '<!DOCTYPE xml [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]><xml><MsgType>&b;</MsgType></xml>'
OUTSIDE = '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><MsgType>&a;</MsgType></xml>'
NO_XML = ("", " ", "text", "{}", "<xml>", "<xml/>", "<html></html>", "\x00", BOMB, OUTSIDE, "<xml>" + "<a>" * 5000)
"""What is refused wherever XML is expected."""

P = TypeVar("P", bound=Platform)


def damaged(body: bytes, seed: int) -> bytes:
    """``body`` with a few bytes changed, lost or doubled; the same for the same ``seed``."""
    chance = random.Random(seed)
    data = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                del data[place : place + chance.randint(1, 20)]
            case _:
                data[place:place] = data[place : place + chance.randint(1, 20)]
    return bytes(data)


class Script(Router):
    """Has something to say to each message."""

    def __init__(self) -> None:
        self.heard: list[IncomingMessage] = []

    def handle(self, batch: Batch, message: IncomingMessage, message_id: int) -> Handled:
        """Posts the reply."""
        self.heard.append(message)
        here = Address(message.platform, message.bot, message.sender, to_person=True)
        if message.text == "签到":
            batch.posting.acknowledge(here, Acknowledge("已签到", "小李"), ref="", message_id=message_id)
        elif message.text != "别说":
            batch.posting.post(here, _reply(message), message_id=message_id)
        return Handled("test", "")


def _reply(message: IncomingMessage) -> Text | Card | File:
    match message.text:
        case "长":
            return Text(LONG)
        case "导出":
            return File("名册.xlsx", "roster:1")
        case "卡片":
            return Card("隐患 1001", "楼道堆物", hint="回复「办结 1001」", photos=(PHOTO,))
    return Text(f"收到：{message.text or message.place or message.kind}")


class HardIntake:
    """The intake, which takes ``slow`` seconds and fails ``unavailable`` times."""

    def __init__(self, intake: Intake) -> None:
        self.slow = 0.0
        self.unavailable = 0
        self._intake = intake

    async def submit(self, message: IncomingMessage) -> Receipt:
        """As the intake within, but later."""
        if self.unavailable:
            self.unavailable -= 1
            raise Unavailable
        receipt = await self._intake.submit(message)
        await asyncio.sleep(self.slow)
        return receipt


class HastyOutbox(Outbox):
    """Posts of one chat follow each other at once."""

    async def _keep_pace(self, job: object) -> None:
        pass


class Stage(Generic[P]):
    """What a test of a conversation has at hand."""

    def __init__(self, database: Database, clock: MovableClock, folder: Path, make: Callable[[Services], P]) -> None:
        self.database = database
        self.clock = clock
        self.script = Script()
        limits: dict[tuple[str, str], Limits] = {}
        self._intake = GroupCommitIntake(database, self.script, clock, Roads(limits=limits))
        self.intake = HardIntake(self._intake)
        self.services = services(self.intake, clock, database=database, folder=folder)
        self.platform = make(self.services)
        sender = self.platform.sender
        self.way = (sender.platform, sender.bot)
        limits[self.way] = sender.limits
        self.outbox = HastyOutbox(database, [sender], clock, files={"roster": lambda session, number: b"PK roster"})
        self.app = FastAPI()
        self.app.include_router(self.platform.router)
        self.url = f"http://product/webhooks/{'/'.join(self.way)}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for callbacks, while everything runs."""
        self._intake.start(self.outbox.announce)
        self.outbox.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as client:
            yield client
        await self._intake.close()
        await self.outbox.close()
        await self.platform.close()

    def remind(self, person: str, content: Text | Card) -> None:
        """Says something that no message has asked for."""
        with self.database.write.begin() as session:
            posting = Posting(session, self.clock(), Roads())
            posting.post(Address(*self.way, person, to_person=True), content)
            posting.write()

    async def later(self, after: timedelta = PASSIVE_FIRST) -> None:
        """Lets time pass, and what is due then go out; waits for retries are over."""
        self.clock.move_to(self.clock() + after)
        with self.database.write.begin() as session:
            session.execute(update(Post).values(retry_at=None))
        assert await self.outbox.emptied()

    def states(self) -> list[PostState]:
        """Of all posts."""
        with self.database.read() as session:
            return list(session.scalars(select(Post.state).order_by(Post.id)))


def copied(template: Path, folder: Path) -> Database:
    """An empty SQLite database, for tests to which databases make no difference."""
    path = folder / "copied.db"
    shutil.copy(template, path)
    return Database(f"sqlite:///{path}")
