"""The sandbox behind a real port, as the contract tests use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from PIL import Image

from bot.clock import MovableClock
from bot.content import Attachment, Button, Card, Choice, Form
from bot.delivery import Delivery
from bot.messages import IncomingMessage, Receipt
from bot.platforms.sandbox import SandboxPlatform
from bot.web.sandbox import sandbox_router
from models.database import Database
from tests.fakes.intake import StubIntake
from tests.fakes.services import services
from tests.fakes.serving import ServerThread

LESSON = Card(
    "📖 10分钟微课堂《交通安全》",
    buttons=(Button("签到", "签到", "lesson:17", "primary"), Button("请假", "请假", "lesson:17")),
)

CASE = Card(
    "🚧 新隐患 1001",
    choice=Choice(
        "派给", (Button("物业", "派单 1001 物业", "case:1001"), Button("城管", "派单 1001 城管", "case:1001"))
    ),
    form=Form("怎么办的", Button("办结", "办结 1001", "case:1001")),
    hint="请回复「派单 1001 单位」或「办结 1001 怎么办的」。",
)
ROSTER = Attachment("名册-幸福里流动党支部.xlsx", b"PK\x03\x04 a workbook")


class PostingIntake(StubIntake):
    """Has the bot do something for certain words: 发卡 and 派单卡 post a card, 发文件 a file, 打勾 ticks, 更新 changes
    the last card."""

    platform: SandboxPlatform
    card = ""

    async def submit(self, message: IncomingMessage) -> Receipt:
        """Remembers the message, after the bot has done what it says."""
        match message.text:
            case "发卡":
                self.card = await self.platform.send(Delivery(uuid4().hex, message.chat, False, LESSON, message.ref))
            case "私下发卡":
                self.card = await self.platform.send(Delivery(uuid4().hex, message.sender, True, LESSON))
            case "派单卡":
                self.card = await self.platform.send(Delivery(uuid4().hex, message.chat, False, CASE, message.ref))
            case "发文件":
                await self.platform.send(Delivery(uuid4().hex, message.sender, True, ROSTER))
            case "打勾":
                await self.platform.react(message.ref, chat=message.chat)
            case "更新":
                await self.platform.update(self.card, Card("📋 签到结束"), private=False)
        return await super().submit(message)


class Sandbox:
    """The served sandbox, and what its page would send."""

    def __init__(self, platform: SandboxPlatform, intake: PostingIntake, client: httpx.Client) -> None:
        self.platform = platform
        self.intake = intake
        self.client = client

    def say(self, text: str = "签到", **changes: Any) -> httpx.Response:
        """小李 says something in the branch's group."""
        message = {"id": uuid4().hex, "sender": "u4", "chat": "branch", "text": text, "photos": []}
        return self.client.post("/sandbox/messages", json={**message, **changes})

    def press(self, card: str, index: int | None = 0, **changes: Any) -> httpx.Response:
        """小李 presses a button, or with ``index=None`` what the changes say."""
        press = {"id": uuid4().hex, "sender": "u4", "message": card, "index": index}
        return self.client.post("/sandbox/buttons", json={**press, **changes})

    def upload(self, data: bytes | None = None) -> httpx.Response:
        """Sends a photo, or these bytes for one."""
        return self.client.post("/sandbox/photos", content=photo() if data is None else data)

    def log(self, chat: str = "branch", after: str = "0") -> list[dict[str, Any]]:
        """What the chat shows."""
        answer = self.client.get("/sandbox/messages", params={"chat": chat, "after": after})
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages


def photo() -> bytes:
    """A small picture as a file."""
    file = BytesIO()
    Image.new("RGB", (64, 48), "brown").save(file, "PNG")
    return file.getvalue()


@contextmanager
def sandbox(database: Database, clock: MovableClock, folder: Path) -> Iterator[Sandbox]:
    """The sandbox and its page over a real port; 快进 moves the clock and does nothing else."""
    intake = PostingIntake("记下了")
    platform = SandboxPlatform(database, services(intake, clock, database=database, folder=folder), clock)
    intake.platform = platform

    async def advance(moment: datetime) -> None:
        clock.move_to(moment)

    app = FastAPI()
    app.include_router(platform.router)
    app.include_router(sandbox_router(database, clock, advance))
    with ServerThread(app) as server, httpx.Client(base_url=server.url, timeout=10) as client:
        yield Sandbox(platform, intake, client)
