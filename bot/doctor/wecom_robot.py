"""The push-only robots of WeCom's groups (消息推送, page 99110)."""

from collections.abc import Sequence

import httpx

from bot.clock import Clock
from bot.doctor.findings import Finding
from bot.doctor.reaching import Cloud, is_address
from bot.doctor.robots import Kind, examine_robots
from bot.settings import WecomRobotSettings


def _key(address: str) -> str:
    return httpx.URL(address.strip()).params.get("key", "") if is_address(address) else ""


KIND = Kind(
    platform="wecom_robot",
    cloud=Cloud("企业微信", "webhook_url", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…"),
    where="电脑上的企业微信 → 那个群 → 右上角「…」→ 消息推送（以前叫「群机器人」）→ 添加，复制它的 Webhook 地址",
    whose="智能机器人",
    secret_of=_key,
)


async def examine_wecom_robots(robots: Sequence[WecomRobotSettings], clock: Clock) -> list[Finding]:
    """Everything about all of them."""
    return await examine_robots(KIND, robots, clock)
