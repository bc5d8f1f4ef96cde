"""The product's robot in callback mode behind a real port, with a real database, as the contract tests use it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI

from bot.clock import MovableClock, system_clock
from bot.content import Card, Text
from bot.delivery import Sender
from bot.handling import Batch
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage, Intake, Receipt, Unavailable
from bot.outbox import Outbox
from bot.platforms.base import Services
from bot.platforms.wecom_aibot.callback import CallbackEndpoint
from bot.platforms.wecom_aibot.callback_sender import CallbackSender
from bot.platforms.wecom_aibot.events import EventReader
from bot.platforms.wecom_robot import WecomRobot
from bot.posting import Address, Posting, Roads
from bot.router import Handled, Router
from bot.settings import WecomAibotSettings
from models.database import Database
from tests.fakes.services import services
from tests.fakes.serving import ServerThread
from tests.fakes.wecom_callbacks import WecomCallbacks
from tests.fakes.wecom_messages import BOT_NAME

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
PATH = "/webhooks/wecom_aibot/main"

Script = Callable[[Batch, IncomingMessage, int], str]
"""Does what a message wants, and returns the answer of its receipt."""


def callback_settings(
    cloud: WecomCallbacks | None = None, *, token: str = TOKEN, aes_key: str = KEY
) -> WecomAibotSettings:
    """The settings of the robot for which ``cloud`` speaks."""
    ws_url = cloud.url.replace("http://", "ws://") if cloud else "wss://openws.work.weixin.qq.com"
    return WecomAibotSettings(mode="callback", bot_id="aib1", ws_url=ws_url, token=token, encoding_aes_key=aes_key)


def endpoint(settings: WecomAibotSettings, lent: Services) -> CallbackEndpoint:
    """The endpoint under test."""
    return CallbackEndpoint(settings, lent, EventReader(settings.name, BOT_NAME, lent.clock))


@contextmanager
def serving(served: CallbackEndpoint) -> Iterator[str]:
    """The address for callbacks, while the endpoint is served."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await served.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(served.router)
    with ServerThread(app, lifespan="on") as server:
        yield f"{server.url}{PATH}"


class SlowIntake:
    """Hands on to another intake, later: ``delay`` seconds for each message. ``unavailable``: how often it fails."""

    def __init__(self, inner: Intake) -> None:
        self._inner = inner
        self.delay = 0.0
        self.unavailable = 0

    async def submit(self, message: IncomingMessage) -> Receipt:
        """As ``Intake`` says."""
        await asyncio.sleep(self.delay)
        if self.unavailable:
            self.unavailable -= 1
            raise Unavailable
        return await self._inner.submit(message)


class ScriptedRouter(Router):
    """Does what a test wants instead of what handlers do."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.handled: list[IncomingMessage] = []

    def handle(self, batch: Batch, message: IncomingMessage, message_id: int) -> Handled | None:
        """Called once for each message that is new."""
        self.handled.append(message)
        return Handled("test", self._script(batch, message, message_id))


class Product:
    """Callbacks, intake, outbox and sender of one robot. Inside ``running`` the ``cloud`` reaches it."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        script: Script,
        robots: Mapping[str, WecomRobot] | None = None,
    ) -> None:
        self.clock = MovableClock(timedelta(), system_clock)
        self.cloud = WecomCallbacks(TOKEN, KEY)
        settings = callback_settings(self.cloud)
        self._robots = robots or {}
        self.sender = CallbackSender(settings, self._robots)
        sender: Sender = self.sender
        self._roads = Roads(limits={("wecom_aibot", "main"): sender.limits})
        self.router = ScriptedRouter(script)
        self._committing = GroupCommitIntake(database, self.router, self.clock, self._roads)
        self.intake = SlowIntake(self._committing)
        lent = services(self.intake, self.clock, database=database, folder=folder)
        self.media = lent.media
        self._endpoint = endpoint(settings, lent)
        self._outbox = Outbox(database, [sender], self.clock)
        self._database = database

    @contextmanager
    def running(self) -> Iterator[WecomCallbacks]:
        """The cloud, while the product is served."""

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            self._committing.start(self._outbox.announce)
            self._outbox.start()
            yield
            await self._committing.close()
            await self._outbox.close()
            await self._endpoint.close()
            await self.sender.close()
            for robot in self._robots.values():
                await robot.close()

        app = FastAPI(lifespan=lifespan)
        app.include_router(self._endpoint.router)
        with self.cloud, ServerThread(app, lifespan="on") as server:
            self.cloud.target = f"{server.url}{PATH}"
            yield self.cloud

    def post(self, address: Address, *contents: Text | Card, ref: str = "") -> None:
        """Puts something into the outbox that no message caused."""
        with self._database.write.begin() as session:
            posting = Posting(session, self.clock(), self._roads)
            for content in contents:
                posting.post(address, content, ref=ref)
            posting.write()

    def later(self, seconds: float = 7.0) -> None:
        """Time passes in which no answer can carry a reply any more."""
        self.clock.move_to(self.clock() + timedelta(seconds=seconds))
