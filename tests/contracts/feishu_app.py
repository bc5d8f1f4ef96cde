"""The product's Feishu platform behind a real port, as the contract tests use it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from fastapi import FastAPI

from bot.clock import Clock, system_clock
from bot.messages import Intake
from bot.platforms.feishu import FeishuPlatform
from bot.settings import FeishuSettings
from tests.fakes.feishu_callbacks import BOT_NAME, FeishuCallbacks
from tests.fakes.feishu_cloud import APP_ID, APP_SECRET
from tests.fakes.services import services
from tests.fakes.serving import ServerThread

KEY = "test key"
TOKEN = "vtok"
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens on the discard port."""


def feishu_settings(
    api_base: str = NOWHERE, *, encrypt_key: str = KEY, token: str = TOKEN, app_secret: str = APP_SECRET
) -> FeishuSettings:
    """The settings of the app that the fake cloud knows."""
    return FeishuSettings(
        app_id=APP_ID, app_secret=app_secret, encrypt_key=encrypt_key, verification_token=token, api_base=api_base
    )


def callbacks(encrypt_key: str = KEY, token: str = TOKEN) -> FeishuCallbacks:
    """The sending side for that app."""
    return FeishuCallbacks(encrypt_key, token, APP_ID)


@contextmanager
def serving(platform: FeishuPlatform, *, start: bool = False) -> Iterator[str]:
    """The address for callbacks, while the platform is served. ``start``: its background work runs too."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if start:
            await platform.start()
        yield
        await platform.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(platform.router)
    with ServerThread(app, lifespan="on") as server:
        yield f"{server.url}/webhooks/feishu/main"


def platform_for(intake: Intake, settings: FeishuSettings | None = None, clock: Clock = system_clock) -> FeishuPlatform:
    """The platform under test."""
    return FeishuPlatform(settings or feishu_settings(), services(intake, clock, bot_name=BOT_NAME))
