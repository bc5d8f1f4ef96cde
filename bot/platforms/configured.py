"""Every bot that is configured.

A platform is imported where one of its bots is configured: WeChat's libraries alone take 10 MB and a tenth of a second.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.platforms.base import Platform, Services
from bot.settings import FeishuRobotSettings, PlatformSettings, WecomRobotSettings

if TYPE_CHECKING:
    from bot.platforms.feishu_robot import FeishuRobot
    from bot.platforms.wecom_robot import WecomRobot


class Bots:
    """The bots of a configuration, in the order in which they are asked to reach somebody."""

    def __init__(self, configured: PlatformSettings, lent: Services) -> None:
        wecom_robots = _wecom_robots(configured.wecom_robot, lent)
        feishu_robots = _feishu_robots(configured.feishu_robot, lent)
        self.robots: Sequence[WecomRobot | FeishuRobot] = [*wecom_robots.values(), *feishu_robots.values()]
        """They only post."""
        self.platforms: Sequence[Platform] = [
            *_wecom(configured, lent, wecom_robots),
            *_official_accounts(configured, lent),
            *_feishu(configured, lent, feishu_robots),
        ]


def _wecom(configured: PlatformSettings, lent: Services, robots: "Mapping[str, WecomRobot]") -> list[Platform]:
    """An app that can push comes before the robots: it reaches people who were never met."""
    apps, aibots = [], []
    if configured.wecom_app:
        from bot.platforms.wecom_app import WecomAppPlatform

        apps = [WecomAppPlatform(app, lent) for app in configured.wecom_app]
    if configured.wecom_aibot:
        from bot.platforms.wecom_aibot import WecomAibotPlatform

        reaching = apps[0].sender if apps else None
        aibots = [WecomAibotPlatform(aibot, lent, robots, reaching) for aibot in configured.wecom_aibot]
    return [*apps, *aibots]


def _official_accounts(configured: PlatformSettings, lent: Services) -> list[Platform]:
    if not configured.official_account:
        return []
    from bot.platforms.official_account import OfficialAccountPlatform

    return [OfficialAccountPlatform(account, lent) for account in configured.official_account]


def _feishu(configured: PlatformSettings, lent: Services, robots: "Mapping[str, FeishuRobot]") -> list[Platform]:
    if not configured.feishu:
        return []
    from bot.platforms.feishu import FeishuPlatform

    return [FeishuPlatform(app, lent, robots) for app in configured.feishu]


def _wecom_robots(configured: Sequence[WecomRobotSettings], lent: Services) -> "dict[str, WecomRobot]":
    """By the group in which each posts."""
    if not configured:
        return {}
    from bot.platforms.wecom_robot import WecomRobot

    return {each.chat_id: WecomRobot(each, lent.media) for each in configured if each.chat_id}


def _feishu_robots(configured: Sequence[FeishuRobotSettings], lent: Services) -> "dict[str, FeishuRobot]":
    """By the group in which each posts."""
    if not configured:
        return {}
    from bot.platforms.feishu_robot import FeishuRobot

    return {each.chat_id: FeishuRobot(each, lent.clock) for each in configured if each.chat_id}
