"""One file per event variant: the callback as Feishu sends it, and what becomes of it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.messages import IncomingMessage
from bot.platforms.feishu import FeishuPlatform
from tests.contracts.feishu_app import callbacks, platform_for, serving
from tests.fakes.feishu_callbacks import BOT_NAME, BOT_OPEN_ID, compact
from tests.fakes.intake import StubIntake

VARIANTS = sorted((Path(__file__).parent / "feishu_events").glob("*.json"))
PLACELESS = {"place": "", "latitude": None, "longitude": None}
NOTHING: dict[str, Any] = PLACELESS | {"pending": [], "members": [], "whole": False, "left": []}
"""What most variants do not mention."""


@pytest.fixture(scope="module")
def intake() -> StubIntake:
    return StubIntake()


@pytest.fixture(scope="module")
def platform(intake: StubIntake) -> FeishuPlatform:
    return platform_for(intake)


@pytest.fixture(scope="module")
def address(platform: FeishuPlatform) -> Iterator[str]:
    with serving(platform) as url:
        yield url


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_event(path: Path, address: str, platform: FeishuPlatform, intake: StubIntake) -> None:
    variant = json.loads(path.read_text(encoding="utf-8"))
    platform.identity.name = BOT_NAME
    platform.identity.open_id = BOT_OPEN_ID if variant["bot_known"] else ""
    intake.messages.clear()
    callback = callbacks().signed(compact(variant["callback"]))

    answer = httpx.post(address, content=callback.body, headers=callback.headers)

    assert (answer.status_code, answer.json()) == (200, {})
    expected = [NOTHING | variant["expect"]] if variant["expect"] is not None else []
    assert [plain(message) for message in intake.messages] == expected


def plain(message: IncomingMessage) -> Any:
    return json.loads(json.dumps(asdict(message) | {"sent_at": message.sent_at.isoformat()}))
