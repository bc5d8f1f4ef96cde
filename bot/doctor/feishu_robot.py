"""The custom robots of Feishu's groups (page ``ucTM5YjL3ETO24yNxkjN``)."""

from collections.abc import Sequence

import httpx

from bot.clock import Clock
from bot.doctor.findings import Finding, warn
from bot.doctor.names import bot_called
from bot.doctor.reaching import Cloud, is_address
from bot.doctor.robots import Kind, examine_robots
from bot.settings import FeishuRobotSettings

HOOK = "/open-apis/bot/v2/hook/"


def _token(address: str) -> str:
    path = httpx.URL(address.strip()).path if is_address(address) else ""
    return path.removeprefix(HOOK) if path.startswith(HOOK) else ""


KIND = Kind(
    platform="feishu_robot",
    cloud=Cloud("飞书", "webhook_url", f"https://open.feishu.cn{HOOK}…"),
    where="飞书里那个群 → 设置 → 群机器人 → 添加机器人 → 自定义机器人，复制它的 Webhook 地址",
    whose="飞书应用",
    secret_of=_token,
)


async def examine_feishu_robots(robots: Sequence[FeishuRobotSettings], clock: Clock) -> list[Finding]:
    """Everything about all of them."""
    findings = await examine_robots(KIND, robots, clock)
    return findings + [
        warn(
            f"{bot_called(KIND.platform, robot.name)} 没有填 secret，拿到地址的人都能冒充它",
            "那个机器人的设置 → 安全设置 → 签名校验，打开，把密钥抄过来；打开了却没有填，飞书会拒收（19021）",
        )
        for robot in robots
        if robot.webhook_url and not robot.secret
    ]
