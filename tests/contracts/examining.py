"""Running the doctor in tests: settings for it, and what it found; no finding may show a secret or a trace."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bot.clock import Clock, system_clock
from bot.doctor import Finding, Level, examine, render
from bot.settings import FeishuSettings, Settings
from models.database import Database
from tests.fakes.feishu_cloud import APP_SECRET
from tests.fakes.official_account import APP_SECRET as ACCOUNT_SECRET
from tests.fakes.qyapi import CORP_SECRET, ROBOT_KEY
from tests.fakes.wecom_gateway import SECRET

GOOD_URL = "https://bot.example.org"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
SECRETS = (
    *(APP_SECRET, ACCOUNT_SECRET, CORP_SECRET, SECRET, ROBOT_KEY, AES_KEY),
    *("the encrypt key", "the token", "the password", "the hook", "the robot's secret"),
)


def settings_for(
    folder: Path,
    *apps: FeishuSettings,
    url: str = "",
    public_url: str = GOOD_URL,
    admins: tuple[str, ...] = ("feishu:ou_1",),
    **platforms: list[dict[str, Any]],
) -> Settings:
    """Settings with these Feishu apps and, by their names, bots of other platforms."""
    values = {
        "server": {"public_url": public_url},
        "database": {"url": url or f"sqlite:///{folder / 'none.db'}"},
        "bot": {"data_dir": folder / "data", "admins": admins},
        "platforms": {"feishu": apps, **platforms},
    }
    return Settings.model_validate(values)


async def findings_for(settings: Settings, clock: Clock = system_clock) -> list[Finding]:
    """What the doctor finds."""
    found = await examine(settings, lambda: Database(settings.database.url), clock)
    assert not [secret for secret in SECRETS if secret in render(found)]
    assert "Traceback" not in render(found)
    return found


def said(findings: Iterable[Finding], *levels: Level) -> list[str]:
    """What was found of these levels."""
    return [finding.what for finding in findings if finding.level in levels]


def troubles(findings: Iterable[Finding]) -> list[str]:
    """What was found wanting."""
    return said(findings, Level.WARN, Level.BAD)
